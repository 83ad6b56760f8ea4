# tests/world/lib.sh: what cases share. Runs inside the case, so also preloaded.

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "waited too long for: $*"; return 1; }
		sleep 0.1
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }
listening() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# many N EXPRESSION PATH...: files PATH1 to PATHn, the ith with the numbers from 1 to EXPRESSION (of awk, in i). Few processes: each costs when recorded.
many() { awk 'BEGIN { for (k = 3; k < ARGC; k++) for (i = 1; i <= '"$1"'; i++) { f = ARGV[k] i; n = '"$2"'; for (j = 1; j <= n; j++) print j >f; close(f) } }' "$@"; }

# skip WHY: this machine cannot run the case. Natively: what cannot run only when preloaded is a difference.
skip() { echo "skip: $*"; exit 77; }

# preloads FIRST|LAST LIBRARY COMMAND...: with another library preloaded, before ours or after it.
preloads() {
	local list
	case $1 in
	first) list=$2${LD_PRELOAD:+:$LD_PRELOAD} ;;
	last) list=${LD_PRELOAD:+$LD_PRELOAD:}$2 ;;
	esac
	LD_PRELOAD=$list "${@:3}"
}

# cpython SUITE...: verdict for verdict what CPython's own tests say. In a second look, of the suites that were different before.
cpython() {
	/usr/bin/python3 -m test -v $(suspected "$@") >suite.txt 2>&1
	echo "status $?"
	awk -f "$FDW_WORLD/verdicts.awk" suite.txt | sort
	# Kept for the reader of a failure.
	grep -aE '^(FAIL|ERROR|Traceback|[A-Za-z.]*Error)|fdwarden' suite.txt | head -20 >&2
	return 0
}
suspected() {
	local suite some=
	for suite; do [[ ${SUSPECTS:-} != *test.$suite.* ]] || some+=" $suite"; done
	echo ${some:-$*}
}

# cpython_beside SUITE...: the suites beside each other: most of what they do is wait.
cpython_beside() {
	local suite
	set -- $(suspected "$@")
	for suite; do
		mkdir "$suite" && (cd "$suite" && cpython "$suite" >verdicts) &
	done
	wait
	for suite; do cat "$suite/verdicts"; done
}
