#!/bin/bash
# tests/check.sh: everything `make check` runs, as one TAP stream; the last line is `N passed, N failed`, and the exit status says it too.
# Groups: unit/*, fuzz/*, e2e/*.bats, e2e/*.sh, forklock, rearm, ports, programs, mutants, world. CHECK_GROUPS="programs world" chooses. FDW_BUILD: the build directory.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
FDW_BUILD=$(cd "${FDW_BUILD:-build}" && pwd) || exit 2
export FDW_BUILD CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C.UTF-8
# The tests say what they want; settings of the caller must not.
unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
export TERM=${TERM:-dumb}

# group NAME SECONDS COMMAND...
group() {
	local name=$1 limit=$2 began=$SECONDS status
	shift 2
	echo "@begin $name"
	timeout -k 10 "$limit" "$@" 2>&1
	status=$?
	printf '\n'
	[ $((SECONDS - began)) -lt 10 ] || echo "# took $((SECONDS - began)) s: $name"
	echo "@end $status"
}

wanted() { [ -z "${CHECK_GROUPS:-}" ] || [[ " $CHECK_GROUPS " == *" ${1%%/*} "* ]] || [[ " $CHECK_GROUPS " == *" $1 "* ]]; }

# Most of what these do is wait: as many beside each other as there are processors. What each says comes out whole when it has ended.
jobs=$(nproc)
[ "$jobs" -le 4 ] || jobs=4
top=$(mktemp -d) || exit 2
trap 'rm -rf "$top"' EXIT
declare -A running=() # by pid: where it writes
one_ended() {
	local pid
	wait -n -p pid "${!running[@]}"
	cat "${running[$pid]}"
	unset "running[$pid]"
}
beside() {
	wanted "$1" || return 0
	[ ${#running[@]} -lt "$jobs" ] || one_ended
	group "$@" >"$top/${1//\//-}" &
	running[$!]=$top/${1//\//-}
}
alone() {
	wanted "$1" || return 0
	while [ ${#running[@]} -gt 0 ]; do one_ended; done
	group "$@"
}

all() {
	local f
	# By their sources: what was built once, and is no test any more, may lie there still.
	for f in tests/unit/*.c; do
		beside "unit/$(basename "$f" .c)" 120 "$FDW_BUILD/${f%.c}"
	done
	for f in tests/fuzz/*.c; do
		[ "$f" = tests/fuzz/main.c ] || beside "fuzz/$(basename "$f" .c)" 60 tests/fuzz/once "$FDW_BUILD/${f%.c}" "tests/fuzz/corpus/$(basename "$f" .c)"
	done
	for f in tests/e2e/*.bats; do
		beside "e2e/$(basename "$f" .bats)" 300 bats --tap "$f"
	done
	for f in tests/e2e/*.sh; do
		beside "e2e/$(basename "$f" .sh)" 300 "$f"
	done
	alone forklock 600 tests/forklock/run
	alone rearm 200 tests/rearm/run
	alone ports 400 tests/ports/run
	alone programs 400 tests/programs/run
	alone mutants 300 tests/mutants/run --quick
	alone world 300 tests/world/run --quick --lib="$FDW_BUILD/libfdwarden.so"
	while [ ${#running[@]} -gt 0 ]; do one_ended; done
}

all | grep --line-buffered -v '^$' | awk -f tests/tap.awk
