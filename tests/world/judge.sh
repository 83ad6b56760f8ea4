# tests/world/judge.sh: runs one case natively and in the modes, and judges what it printed: one_case NAME FIRST-PORT. Sourced by run.
# Prints the case's lines of TAP without their numbers, which are given by who puts the cases together; a line for the table goes to $top/table.
# Context: a subshell for each case, others beside it. What is a case's own: $top/NAME.*, its port, its tag.
# May not: end a process that does not carry the tag of this case in its environment.

# The processes of a case ('*': of any), found by the tag in their environment.
processes_of() {
	local dir words all
	for dir in /proc/[0-9]*; do
		mapfile -d '' -t words 2>/dev/null <"$dir/environ" || continue
		printf -v all '\n%s' "${words[@]}"
		# Servers write their title over their environment: by where they are then.
		[[ $all$'\n' == *$'\n'FDW_WORLD_TAG=$tag.$1$'\n'* ]] || { [[ $all != *=* && -e $dir/exe ]] && [[ $(readlink "$dir/cwd") == $top/$1.work* ]]; } || continue
		echo "${dir#/proc/}"
	done
}

# Ends what a case left behind: what is there after SECONDS yet. Prints what it ended.
leftovers() {
	local pid what end=$((SECONDS + $2))
	while [ $SECONDS -lt $end ] && [ -n "$(processes_of "$1")" ]; do sleep 0.1; done
	for pid in $(processes_of "$1"); do
		what=$(2>/dev/null tr '\0' ' ' </proc/$pid/cmdline)
		kill -9 "$pid" 2>/dev/null && echo "$what"
	done
}

free_port() { # FIRST: one of the 200 from there on; each case has its own 200
	local port
	while :; do
		port=$(($1 + RANDOM % 200))
		! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	done
	echo $port
}

# Removes from a file what true-violations.txt knows to be true.
without_true_ones() {
	grep -avE -f <(grep -vE '^(#|$)' "$here/true-violations.txt") "$1" >"$1.filtered"
	mv "$1.filtered" "$1"
}

is_recorded() { [ "$1" = record ] || [ "$1" = audit ]; }

# run_once CASE MODE TURN: the results go to $top/CASE.MODE.TURN.{out,err,log}
run_once() {
	local name=$1 mode=$2 to=$top/$1.$2.$3 limit work=$top/$1.work preload=() how=() as=("${as_user[@]}") left
	[ -z "$(head_of "$name" root)" ] || as=()
	limit=$(head_of "$name" time)
	rm -rf "$work" && mkdir -p "$work/tmp" "$to.log" && chmod 1777 "$work" "$work/tmp" "$to.log"
	if is_recorded "$mode"; then
		how=("$top/fdwarden" record -m "${mode/record/observe}" -q -o "$to.log/trace")
		[ "$mode" = record ] || [ -z "$(head_of "$name" numbers)" ] || how+=(--tombstones=0)
		how+=(--)
	elif [ "$mode" != native ]; then
		preload=("LD_PRELOAD=$top/libfdwarden.so" "FDWARDEN_MODE=$mode" "FDWARDEN_LOG=$to.log/%p")
		# One of the modes says it on stderr: no program may take offence at the descriptor used for that.
		[ "$mode" = enforce ] && [ -z "$(head_of "$name" wrong-on-purpose)$(head_of "$name" log)" ] && preload[2]=FDWARDEN_LOG=stderr
	fi
	# As many times as long as there are cases on the same processors. Signals: what the shell starts in the background ignores two of them.
	(cd "$work" && exec timeout -k 10 $((${limit:-60} * jobs)) "${as[@]}" env -i --default-signal=INT,QUIT PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin \
		HOME="$work" TMPDIR="$work/tmp" LANG=C.UTF-8 LC_ALL=C.UTF-8 PORT="$port" FDW_WORLD="$top/world" FDW_WORLD_TAG="$tag.$name" SECONDS_EACH="${SECONDS_EACH:-10}" SUSPECTS="${names:-}" \
		"${preload[@]}" "${how[@]}" /bin/bash "$top/world/enter.sh" "$name") >"$to.out" 2>"$to.err" </dev/null
	echo "exit status $?" >>"$to.out"
	left=$(leftovers "$name" 5) # a recording waits for what the program started
	[ -z "$left" ] || echo "left behind: $left" >>"$to.out"
	# stderr of servers ends in their log files.
	{ cat "$to.err"; find "$work" -name '*.log' -type f -exec cat {} + 2>/dev/null; } | grep -aE 'fdwarden: |ld\.so: ' |
		grep -av 'never finished, because' >"$to.noise" # what is lost for it is judged by its number
	is_recorded "$mode" || find "$to.log" -type f -size +0 -exec cat {} + >>"$to.noise" 2>/dev/null
	without_true_ones "$to.noise"
	without_true_ones "$to.out"
	return 0
}

differences() { diff <(sort "$1") <(sort "$2") | grep '^[<>]'; }

# The verdicts of a run, a line each, also that there is none where the first native run has one: what broke off is not right in what it did not do.
verdicts() { # NAME FILE...
	local f
	for f in "${@:2}"; do
		cat "$f"
		comm -23 <(cut -d' ' -f1 "$top/$1.native.1.out" | sort -u) <(cut -d' ' -f1 "$f" | sort -u) | sed 's/$/ has no verdict/'
	done | sort -u
}

# A verdict that differs is judged by the set: it is wrong when preloaded runs repeat it and no native run ever shows it.
# The runs that decide it are told the first words of what is in question, and may leave out the rest (not where the run itself is in question).
judge_verdicts() {
	local name=$1 mode=$2 turn names seen=$top/$1.native.seen suspects=$top/$1.$2.suspects
	cat "$top/$name.native."*.out | sort -u >"$seen"
	verdicts "$name" "$top/$name.$mode.1.out" | comm -13 "$seen" - >"$suspects"
	[ -s "$suspects" ] || { echo "# $name, $mode: $(differences "$top/$name.native.1.out" "$top/$name.$mode.1.out" | wc -l) verdicts are flaky natively"; return 0; }
	names=$(grep -qE '^(exit|left) ' "$suspects" || cut -d' ' -f1 "$suspects" | sort -u)
	for turn in 2 3 4; do
		run_once "$name" native "$turn.$mode"
		{ cat "$top/$name.native."*.out; verdicts "$name" "$top/$name.native."[234]".$mode.out"; } | sort -u >"$seen"
		comm -13 "$seen" "$suspects" >"$suspects.left"
		[ -s "$suspects.left" ] || { echo "# $name, $mode: $(wc -l <"$suspects") verdicts are flaky natively too"; return 0; }
		run_once "$name" "$mode" "$turn"
	done
	verdicts "$name" "$top/$name.$mode".[234].out | comm -12 - "$suspects.left" >"$suspects.again"
	[ -s "$suspects.again" ] && return 1
	sed "s/^/# $name, $mode: not repeated in three runs: /" "$suspects.left"
	return 0
}

result() { # ok|not-ok WORD TEXT [FILE...]: WORD goes into the table; what is in the files explains
	local ok=$1 text=$3 f
	printf '%s	%s	%s
' "$name" "$mode" "$2" >>"$top/table"
	shift 3
	echo "${ok/-/ } - $text"
	[ "$ok" = ok ] || for f; do [ -s "$f" ] && head -40 "$f" | cut -c1-300 | sed 's/^/#   /'; done
}

# What true-findings.txt knows is taken out of $2.findings, "rule exe: message" a line; what is left fails.
judge_recording() {
	local name=$1 to=$2 status
	"$top/fdwarden" report --format=json "$to.log/trace" >"$to.json" 2>"$to.coverage"
	status=$?
	[ $status -le 1 ] || { echo "report: status $status" >>"$to.coverage"; return 1; }
	jq -r '.coverage | "processes \(.processes), descriptors \(.descriptors), events \(.events), lost \(.events_lost), not observed: " +
		([.not_observed[] | "\(.exe): \(.why)"] | join("; "))' "$to.json" >"$to.coverage"
	jq -r '.findings[] | select(.severity != "note") | "\(.rule) \(.process.exe | sub(".*/"; "")): \(.message)"' "$to.json" | sort >"$to.findings"
	sed "s/^/# $name, $mode: /" "$to.coverage"
	sed 's/[0-9][0-9]*/N/g' "$to.findings" | sort | uniq -c | sort -rn | head -8 | cut -c1-160 | sed "s/^/# $name, $mode: /"
	sed -n "s/^\($name\|\*\) //p" "$here/true-findings.txt" >"$to.known"
	[ -n "$(head_of "$name" wrong-on-purpose)" ] || grep -avE -f "$to.known" "$to.findings" >"$to.left"
	mv "$to.left" "$to.findings" 2>/dev/null || : >"$to.findings"
	[ -n "$(head_of "$name" kills)" ] || [ "$(jq .coverage.events_lost "$to.json")" = 0 ] && [ ! -s "$to.findings" ]
}

# For the table, with the number of different findings, or violations, at warning or above, if any.
identical() {
	local n
	if is_recorded "$mode"; then n=$(jq '[.findings[] | select(.severity != "note")] | length' "$mine.json")
	else n=$(sed 's/[0-9][0-9]*/N/g' "$mine.noise" | sort -u | wc -l); fi
	[ "$n" = 0 ] && echo identical || echo "identical, $n"
}

judge() {
	local name=$1 mode=$2 native=$top/$1.native.1 mine=$top/$1.$2.1 text
	text="$name, $mode: $(head_of "$name" what)"
	if ! cmp -s "$native.out" "$mine.out"; then
		if [ "$(head_of "$name" verdicts)" != yes ] || ! judge_verdicts "$name" "$mode"; then
			differences "$native.out" "$mine.out" >"$mine.diff"
			tail -20 "$mine.err" >"$mine.tail"
			result not-ok DIFFERENT "$text: the results differ (< native, > preloaded)" "$mine.diff" "$mine.tail" "$mine.noise"
			return
		fi
	fi
	if grep -q 'ld\.so: ' "$mine.noise"; then
		result not-ok NOISE "$text: the dynamic linker complains" "$mine.noise"
	elif is_recorded "$mode"; then
		judge_recording "$name" "$mine" && result ok "$(identical)" "$text" ||
			result not-ok FINDINGS "$text: lost events, or findings that nobody has looked at" "$mine.coverage" "$mine.findings"
	elif [ -s "$mine.noise" ] && [ -z "$(head_of "$name" wrong-on-purpose)" ]; then
		sort "$mine.noise" | uniq -c | sort -rn >"$mine.count"
		result not-ok VIOLATIONS "$text: violations in a right program" "$mine.count"
	else
		result ok "$(identical)" "$text"
	fi
}

one_case() {
	local name=$1 port mode start=$SECONDS
	port=$(free_port "$2")
	run_once "$name" native 1
	for mode in $modes; do
		if grep -qx 'exit status 77' "$top/$name.native.1.out"; then
			result ok skipped "$name, $mode # SKIP $(grep '^skip: ' "$top/$name.native.1.out" | cut -d' ' -f2-)"
		elif ! grep -qx 'exit status 0' "$top/$name.native.1.out"; then
			result not-ok "NATIVE FAILS" "$name, $mode: the native run fails already" "$top/$name.native.1.out" "$top/$name.native.1.err"
		else
			run_once "$name" "$mode" 1
			judge "$name" "$mode"
		fi
	done
	rm -rf "$top/$name.work"
	echo "# $name took $((SECONDS - start)) s"
}
