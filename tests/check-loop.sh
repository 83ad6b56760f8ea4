#!/bin/bash
# tests/check-loop.sh TEST [N]: repeats one test until it fails, N times at most: for tests that race.
# TEST: a program of tests/programs, a world case, a bats file of tests/e2e (NAME, or NAME:FILTER), a unit test, forklock,
# forklock:SECTION, rearm, rearm:SECTION, rearm:claims:CASE, ports or ports:TEST.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
t=${1:-} n=${2:-50}
FDW_BUILD=$(cd "${FDW_BUILD:-build}" && pwd) || exit 2
export FDW_BUILD
if [ -z "$t" ]; then
	echo "usage: make check-loop T=TEST [N=50]   TEST: a program (tests/programs), world case, bats file (NAME or NAME:FILTER), unit test, forklock, forklock:SECTION, rearm, rearm:SECTION, ports or ports:TEST" >&2
	exit 2
elif grep -q "^$t[[:blank:]]" tests/programs/expect.tsv; then once=(tests/programs/run "$t")
elif [ -f "tests/world/cases/$t.sh" ]; then once=(tests/world/run --lib="$FDW_BUILD/libfdwarden.so" "$t")
elif [ -f "tests/e2e/${t%%:*}.bats" ]; then
	once=(bats --tap)
	[ "$t" = "${t%%:*}" ] || once+=(--filter "${t#*:}")
	once+=("tests/e2e/${t%%:*}.bats")
elif [ "${t%%:*}" = forklock ]; then
	once=(tests/forklock/run)
	[ "$t" = forklock ] || once+=("${t#*:}")
elif [ "${t%%:*}" = rearm ]; then
	once=(tests/rearm/run)
	[ "$t" = rearm ] || once+=("${t#*:}")
elif [ "${t%%:*}" = ports ]; then
	once=(tests/ports/run)
	[ "$t" = ports ] || once+=("${t#*:}")
elif [ -x "$FDW_BUILD/tests/unit/$t" ]; then once=("$FDW_BUILD/tests/unit/$t")
else
	echo "check-loop: no test '$t'; name a program of tests/programs, a world case, a bats file, a unit test, forklock:SECTION or ports:TEST" >&2
	exit 2
fi
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for i in $(seq "$n"); do
	if ! timeout -k 10 600 "${once[@]}" >"$log" 2>&1; then
		cat "$log"
		echo "$((i - 1)) passed, 1 failed"
		exit 1
	fi
done
echo "$n passed, 0 failed"
