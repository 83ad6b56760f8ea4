#!/bin/bash
# tests/check-loop.sh TEST [N]: repeats one test until it fails, N times at most: for tests that race.
# TEST: a program of tests/programs, a world case, a bats file of tests/e2e (NAME, or NAME:FILTER), one of its scripts, a unit test; forklock, rearm
# or ports, with :SECTION, :claims:CASE, :TEST for a part of it.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
t=${1:-} n=${2:-50}
FDW_BUILD=$(cd "${FDW_BUILD:-build}" && pwd) || exit 2
export FDW_BUILD
if [ -z "$t" ]; then
	echo "usage: make check-loop T=TEST [N=50]   TEST: a program (tests/programs), world case, bats file (NAME or NAME:FILTER), unit test, forklock[:SECTION], rearm[:SECTION], ports[:TEST]" >&2
	exit 2
elif grep -q "^$t[[:blank:]]" tests/programs/expect.tsv; then once=(tests/programs/run "$t")
elif [ -f "tests/world/cases/$t.sh" ]; then once=(tests/world/run --lib="$FDW_BUILD/libfdwarden.so" "$t")
elif [ -f "tests/e2e/${t%%:*}.bats" ]; then
	once=(bats --tap)
	[ "$t" = "${t%%:*}" ] || once+=(--filter "${t#*:}")
	once+=("tests/e2e/${t%%:*}.bats")
elif [[ ${t%%:*} =~ ^(forklock|rearm|ports)$ ]]; then
	once=("tests/${t%%:*}/run")
	[ "$t" = "${t%%:*}" ] || once+=("${t#*:}")
elif [ -x "tests/e2e/$t.sh" ]; then once=("tests/e2e/$t.sh")
elif [ -x "$FDW_BUILD/tests/unit/$t" ]; then once=("$FDW_BUILD/tests/unit/$t")
else
	echo "check-loop: no test '$t'; name a program of tests/programs, a world case, a bats file, a unit test, forklock:SECTION, rearm:SECTION or ports:TEST" >&2
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
