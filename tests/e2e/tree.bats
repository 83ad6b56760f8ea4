#!/usr/bin/env bats
# tests/e2e/tree.bats: the process tree of recordings: every process and its end, nothing twice, what could not be observed and why; and the
# program is as it is natively. FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
	S=$P/starts
}

teardown() {
	leave_place
}

# Natively and recorded: the same status, stdout and stderr, byte for byte; the report is tree.json. "${as[@]}" runs both.
as=()
same() {
	local native=0 recorded=0
	rm -rf t
	timeout 60 "${as[@]}" "$@" >native.out 2>native.err </dev/null || native=$?
	timeout 100 "${as[@]}" "$F" record -q -o "$W/t" -- "$@" >got.out 2>got.err </dev/null || recorded=$?
	echo "$*: native $native, recorded $recorded"
	[ "$native" = "$recorded" ]
	diff native.out got.out
	diff native.err got.err
	report_of t
}

report_of() { timeout 60 "$F" report --tree --fail-on=never -f json "$1" >tree.json; }

# The number of processes; a line for each program that was not observed, without directories.
coverage() {
	jq -r '"\(.coverage.processes)", (.coverage.not_observed[] | (.exe | sub(".*/"; "")) + " x\(.count): " + .why)' tree.json
}

covers() {
	coverage >covered
	printf '%s\n' "$@" | diff - covered
	[ "$(jq .coverage.events_lost tree.json)" = 0 ]
}

# "  ls>cat exit 0": a line a process in the order of the tree: programs, how it ended. "!" is not observed.
tree() {
	jq -r 'def base: (. // "?") | sub(".*/"; "");
		(reduce .tree[] as $n ({}; .[$n.id | tostring] = (if $n.parent then .[$n.parent | tostring] + "  " else "" end))) as $indent |
		.tree[] | $indent[.id | tostring] +
		([(.programs[] | (if .forked then empty else .exe | base end), (if .exec_not_observed then "!" + (.exec | base) else empty end)),
		  (if .not_observed then "!" + ((.exe // .start.shell) | base) else empty end)] | join(">")) +
		" " + (if .ending.how == "exit" then "exit \(.ending.status)" else .ending.signal // "?" end)' tree.json
}

# The tree is what is on standard input.
is_tree() {
	cat >want
	tree >got
	diff want got
}

# ---- how many, and how each ended ---------------------------------------------------------------------------------------------------

@test "110 processes as fast as they can: 110 children and 110 ends in the trace and in the tree, each right, nothing else" {
	run timeout 100 "$F" record -q -o t -- "$B/tests/programs/process_tree" tell
	[ "$status" = 0 ]
	sort <<<"$output" >told # parent, child, how, wait status
	[ "$(wc -l <told)" = 110 ]
	[ "$(cut -d' ' -f2 told | sort -u | wc -l)" = 110 ]
	babeltrace2 t | awk '
		function value(s,  n) {
			if (s !~ /^0x/) return s + 0
			for (s = tolower(substr(s, 3)); s != ""; s = substr(s, 2)) n = n * 16 + index("0123456789abcdef", substr(s, 1, 1)) - 1
			return n
		}
		function field(name,  s) { s = $0; if (!sub(".*[ {]" name " = ", "", s)) return ""; sub(/[ ,].*/, "", s); return value(s) }
		/"FORK" :/ { print "fork", field("pid"), field("ret") }
		/"FORK_CHILD" :/ { print "child", field("arg"), field("pid") }
		/"PROC_START" :/ { print "start", field("fd2"), field("pid") }
		/"EXIT" :/ { print "exit", field("pid"), field("ret") }
		/"REAPED" :/ { print "reaped", field("pid"), field("ret"), field("arg") }' >events
	# From the trace: one event of each sort for each child, with the right numbers.
	diff <(grep ^fork events | cut -d' ' -f2- | sort) <(cut -d' ' -f1,2 told | sort)
	diff <(grep ^reaped events | cut -d' ' -f2- | sort) <(cut -d' ' -f1,2,4 told | sort)
	diff <(grep ^child events | cut -d' ' -f2- | sort) <(grep -v spawn told | cut -d' ' -f1,2 | sort)
	diff <(grep ^exit events | cut -d' ' -f2- | grep -v "^$(grep -m1 ^start events | cut -d' ' -f3) " | sort) \
		<(awk '$4 % 256 == 0 { print $2, $4 / 256 }' told | sort)
	# From the report.
	timeout 60 "$F" report --tree -f json t >tree.json
	covers 111
	jq -r '.tree | (map({ (.id | tostring): .pid }) | add) as $pid | .[] | select(.parent) |
		"\($pid[.parent | tostring]) \(.pid) \(.start.call) \(.ending.reaped)"' tree.json | sort | diff - told
	[ "$(jq '.tree | length' tree.json)" = 111 ]
	[ "$(jq '.tree | map(select(.ending.how == "exit" and .ending.said != .ending.status)) | length' tree.json)" = 0 ]
	[ "$(jq '.tree | map(select(.ending.how == "signal" and .ending.said != null)) | length' tree.json)" = 0 ]
}

@test "ends nobody asked for: each call that waits, without a place for the status" {
	same "$P/waits"
	covers 6
	[ "$(jq '[.tree[] | select(.ending.how == "signal" and .ending.signal == "SIGKILL")] | length' tree.json)" = 5 ]
}

# ---- environments -------------------------------------------------------------------------------------------------------------------

@test "env -i and environments of the program's own: followed, and the program sees its own" {
	same env -i sh -c 'env | grep -v -e ^LD_PRELOAD -e ^FDWARDEN_ -e ^LTTNG_; exit 3'
	covers 3
	for how in execle execve spawn spawnp vfork; do
		same "$S" $how /bin/sh -c
		covers 2
		is_tree <<-END
			starts exit 0
			  dash exit 2
		END
	done
	same "$S" spawn /bin/sh -c 'echo "$ONLY"; kill -9 $$'
	grep -q this native.out
	grep -q "signal 9" native.out
	covers 2
	is_tree <<-END
		starts exit 0
		  dash SIGKILL
	END
}

@test "system and popen in several threads: each child is the command that it ran, with its status, and all were observed" {
	same "$B/tests/programs/popen_threads"
	covers 61
	jq -r '.tree[] | select(.parent) | "\(.start.how) \(.start.shell) \(.command | sub(" -- "; " ")) \(.ending.status)"' tree.json | sort | uniq -c | sed 's/^ *//' >got
	diff - got <<-END
		15 popen exit 3 sh -c exit 3 3
		15 popen exit 4 sh -c exit 4 4
		15 system exit 5 sh -c exit 5 5
		15 system exit 6 sh -c exit 6 6
	END
}

@test "system and popen: the command is the child, its status the shell's" {
	for how in system popen; do
		same "$S" $how 'exit 3' x
		covers 2
		is_tree <<-END
			starts exit 0
			  dash exit 3
		END
		[ "$(jq -r ".tree[1].start | .how + \" \" + .shell" tree.json)" = "$how exit 3" ]
	done
}

# ---- scripts --------------------------------------------------------------------------------------------------------------------------

@test "scripts, a script as a script's interpreter, and what has no magic at all" {
	printf '#!/bin/sh\necho "in $1"; exit 4\n' >inner
	printf '#!%s/inner\n' "$W" >outer
	printf 'exit 6\n' >plain
	chmod 755 inner outer plain
	same "$S" execve ./inner x
	covers 2
	same "$S" spawn ./outer
	covers 2
	is_tree <<-END
		starts exit 0
		  dash exit 4
	END
	same "$S" execve ./plain
	grep -q "format error" native.err
	covers 2
	same env ./plain
	covers 1
	printf '#!%s\n' "$P/static" >static-script
	chmod 755 static-script
	same "$S" execve ./static-script
	covers 2 "static-script x1: it is statically linked (no program interpreter)"
}

# ---- what cannot be observed ------------------------------------------------------------------------------------------------------------

@test "a static program: a leaf with the reason, its status known, and what it leaves alone" {
	for how in execve spawn vfork; do
		same "$S" $how "$P/static"
		covers "$([ $how = spawn ] && echo 1 || echo 2)" "static x1: it is statically linked (no program interpreter)"
		is_tree <<-END
			starts exit 0
			  !static exit 7
		END
	done
	same env "$P/static"
	covers 1 "static x1: it is statically linked (no program interpreter)"
	is_tree <<-END
		env>!static ?
	END
}

@test "another word size: not observed, or not run, as natively" {
	# A program of 32 bits by hand: exit(9).
	python3 - <<-'EOF'
		import struct
		code = bytes.fromhex("b801000000bb09000000cd80")
		header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
		segment = struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 84 + len(code), 84 + len(code), 5, 4096)
		open("small", "wb").write(header + segment + code)
	EOF
	chmod 755 small
	for how in execve spawn; do
		same "$S" $how ./small
		if grep -q "exit 9" native.out; then
			covers "$([ $how = spawn ] && echo 1 || echo 2)" "small x1: it was built for another machine or word size"
		else
			covers "$([ $how = spawn ] && echo 1 || echo 2)"
		fi
	done
	cp /bin/true broken
	printf '\xff' | dd of=broken bs=1 seek=18 conv=notrunc status=none
	for how in execve spawn vfork; do
		same "$S" $how ./broken
		covers "$([ $how = spawn ] && echo 1 || echo 2)"
	done
}

@test "set-user-id programs: not observed when they gain by it, observed when not" {
	[ "$(id -u)" = 0 ] || skip "needs root to make one"
	cp /usr/bin/id id
	chmod 4755 id
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	same "$S" execve "$W/id" -u
	grep -qx 0 native.out
	covers 2 "id x1: it runs with other privileges than its caller (set-user-id, set-group-id or file capabilities)"
	is_tree <<-END
		starts exit 0
		  !id exit 0
	END
	as=()
	same "$S" execve "$W/id" -u
	covers 2
}

@test "another user, then exec, as sudo's child does" {
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	same "$S" user=65534 /usr/bin/id -u
	grep -qx 65534 native.out
	covers 2
	is_tree <<-END
		starts exit 0
		  id exit 0
	END
}

@test "chroot without our files: not a word from ld.so, the reason in the report" {
	[ "$(id -u)" = 0 ] || skip "needs root to chroot"
	mkdir -p jail/bin jail/lib64 jail/lib/x86_64-linux-gnu
	cp "$P/static" jail/bin/static
	same "$S" chroot=jail /bin/static x
	covers 2 "static x1: libfdwarden.so cannot be reached from there (chroot, container or mount namespace)"
	cp "$P/first_open" jail/bin/
	ldd "$P/first_open" | grep -o '/lib[^ ]*' | while read -r f; do cp -L --parents "$f" jail/; done
	mkdir -p jail/dev
	: >jail/dev/null
	same "$S" chroot=jail /bin/first_open x
	grep -q "exit 7" native.out
	covers 2 "first_open x1: libfdwarden.so cannot be reached from there (chroot, container or mount namespace)"
	is_tree <<-END
		starts exit 0
		  !first_open exit 7
	END
}

@test "a pid namespace, where the child has another pid than its parent knows" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	unshare -pf true || skip "no pid namespaces here"
	same unshare -pf sh -c 'true; (exit 3)'
	covers 3
	is_tree <<-END
		unshare exit 3
		  dash exit 3
		     exit 3
	END
}

# ---- programs nobody wrote for this --------------------------------------------------------------------------------------------------------

@test "a shell's pipelines, subshells, substitutions" {
	cat >script <<-'END'
		ls / | grep -v x | (sort; cat /dev/null) | wc -l >/dev/null
		(exit 4); sh -c 'kill -TERM $$'; x=$(echo a | cat)
		exec env -i A=1 /bin/sh -c "exit 5"
	END
	same sh script
	covers 11
	tree | sed 's/^ *//' | sort >got
	sort >want <<-'END'
		cat exit 0
		cat exit 0
		dash SIGTERM
		dash>env>dash exit 5
		exit 0
		exit 0
		exit 4
		grep exit 0
		ls exit 0
		sort exit 0
		wc exit 0
	END
	diff want got
}

@test "git commit with hooks, and make -j4" {
	git init -q g
	git -C g config user.email a@b
	git -C g config user.name n
	git -C g config gc.auto 0
	git -C g config maintenance.auto false
	printf '#!/bin/sh\ngrep -q x f\n' >g/.git/hooks/pre-commit
	printf '#!/bin/sh\ntest -s "$1"\n' >g/.git/hooks/commit-msg
	chmod 755 g/.git/hooks/pre-commit g/.git/hooks/commit-msg
	echo x >g/f
	git -C g add f
	timeout 60 "$F" record -q -o t -- git -C g commit -q -m x
	report_of t
	covers 4
	is_tree <<-END
		git exit 0
		  dash exit 0
		    grep exit 0
		  dash exit 0
	END
	printf 'all: a b c d\n%%: %%.in\n\t@cp $< $@; true\nfails:\n\t@exit 3\n' >Makefile
	touch a.in b.in c.in d.in
	timeout 60 "$F" record -q -o t2 -- make -s -j4
	report_of t2
	covers 9
	[ "$(tree | sort | uniq -c | awk '{ $1 = $1 } 1')" = "$(printf '%s\n' "4 cp exit 0" "4 dash exit 0" "1 make exit 0")" ]
}

# ---- inheritance ------------------------------------------------------------------------------------------------------------------------------

# FD of the last program: "asked use".
gift() { jq -r --argjson fd "$1" '.tree[-1].programs[-1].inherited[] | select(.fd == $fd) | .asked + " " + .use' tree.json; }

@test "inherited on purpose, used, and never used" {
	cat >opens.py <<-'END'
		import fcntl, os, sys
		for number, name in ((40, "leaked"), (41, "used"), (50, "placed")):
		    fd = os.open(name, os.O_RDWR | os.O_CREAT)
		    assert fcntl.fcntl(fd, fcntl.F_DUPFD, number) == number
		    os.close(fd)
		os.dup2(50, 42)
		os.close(50)
		pid = os.fork()
		if pid == 0:
		    os.execve("/usr/bin/env", ["env", sys.executable, "uses.py"], {})
		os._exit(os.waitpid(pid, 0)[1] >> 8)
	END
	echo 'import os; os.write(41, b"x"); os._exit(0)' >uses.py
	python=$(python3 -c 'import sys; print(sys.executable)')
	timeout 60 "$F" record -q -o t -- "$python" opens.py
	report_of t
	covers 2
	[ "$(gift 40)" = "not never" ]
	[ "$(gift 41)" = "not used" ]
	[ "$(gift 42)" = "placed never" ]
	[ "$(gift 1 | cut -d' ' -f1)" = standard ]
	[ "$(jq -r '.tree[-1].programs | map(select(.forked | not))[0].inherited[] | select(.fd == 41).use' tree.json)" = passed-on ]
	run -0 fdw_text --tree t
	[[ $output == *"[40] leaked "*"not asked for"*"never used"* ]]
}

fdw_text() { timeout 60 "$F" report --fail-on=never --color=never "$@"; }

# ---- the option --------------------------------------------------------------------------------------------------------------------------------

@test "report --tree as text: every process a line; audit, several traces, damaged ones, none" {
	timeout 60 "$F" record -q -o one -- sh -c 'true; (kill -9 $$) ; true' || [ $? = 137 ]
	timeout 60 "$F" record -q -o two -- sh -c 'sh -c "exit 3"; true'
	run fdw_text --tree one two
	[ "$status" = 0 ]
	[[ $output == *"exit 3"* ]]
	[ "$(grep -c 'not recorded' <<<"$output")" = 2 ]
	run -0 fdw_text one two
	[[ $output != *"PROCESS"* ]]
	run -0 env LC_ALL=C.UTF-8 "$F" report --fail-on=never --tree two
	[[ $output == *"└─"* ]]
	run -0 env LC_ALL=C "$F" report --fail-on=never --tree two
	[[ $output == *'`-'* ]]
	run timeout 60 "$F" audit --tree -q -- sh -c 'exit 3'
	[ "$status" = 3 ]
	[[ $output == *"exit 3"* ]]
	for f in two/ust/uid/*/64-bit/fds*; do [ -s "$f" ] && truncate -s -4096 "$f"; done
	run fdw_text --tree two
	[ "$status" = 0 ] || [ "$status" = 3 ]
	mkdir empty
	run -3 fdw_text --tree empty
	run -2 fdw_text --tree -f sarif one
	run -2 fdw_text --tree=x one
	fdw_text --help | grep -q -- --tree
}

@test "audit: what a library's constructor closed, and is kept back, was not inherited" {
	"$F" audit -q --tree -f json -o json -- id -u
	[ "$(jq '[.. | strings | select(test("memfd:fdwarden"))] | length' json)" = 0 ]
}

@test "a stack is there whenever an event names it: forks, children of vfork, execs, threads, a kill" {
	cat >work.py <<-'END'
		import os, signal, subprocess, threading
		def some():
		    for i in range(5):
		        subprocess.run(["sh", "-c", "(ls /nonexistent; :) 2>/dev/null | cat; exec true"], stdin=subprocess.DEVNULL)
		        os.close(os.dup(0))
		threads = [threading.Thread(target=some) for i in range(4)]
		for t in threads: t.start()
		for t in threads: t.join()
		pid = os.fork()
		if pid == 0:
		    os.close(os.open("/dev/null", os.O_RDONLY))
		    os.kill(os.getpid(), signal.SIGKILL)
		os.waitpid(pid, 0)
	END
	"$F" record -q -o t -- /usr/bin/python3 work.py
	babeltrace2 t 2>/dev/null | python3 "$BATS_TEST_DIRNAME/stacks.py" >said
	head -5 said
	[ "$(head -1 said)" -gt 200 ]
	[ "$(wc -l <said)" = 1 ]
}
