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
	[ -z "${CHECK_GROUPS:-}" ] || [[ " $CHECK_GROUPS " == *" ${name%%/*} "* ]] || [[ " $CHECK_GROUPS " == *" $name "* ]] || return 0
	echo "@begin $name"
	timeout -k 10 "$limit" "$@" 2>&1
	status=$?
	printf '\n'
	[ $((SECONDS - began)) -lt 10 ] || echo "# took $((SECONDS - began)) s: $name"
	echo "@end $status"
}

all() {
	local f
	# By their sources: what was built once, and is no test any more, may lie there still.
	for f in tests/unit/*.c; do
		group "unit/$(basename "$f" .c)" 120 "$FDW_BUILD/${f%.c}"
	done
	for f in tests/fuzz/*.c; do
		[ "$f" = tests/fuzz/main.c ] || group "fuzz/$(basename "$f" .c)" 60 tests/fuzz/once "$FDW_BUILD/${f%.c}" "tests/fuzz/corpus/$(basename "$f" .c)"
	done
	for f in tests/e2e/*.bats; do
		group "e2e/$(basename "$f" .bats)" 300 bats --tap "$f"
	done
	for f in tests/e2e/*.sh; do
		group "e2e/$(basename "$f" .sh)" 300 "$f"
	done
	group forklock 600 tests/forklock/run
	group rearm 200 tests/rearm/run
	group ports 400 tests/ports/run
	group programs 400 tests/programs/run
	group mutants 300 tests/mutants/run --quick
	group world 300 tests/world/run --quick --lib="$FDW_BUILD/libfdwarden.so"
}

all | grep --line-buffered -v '^$' | awk -f tests/tap.awk
