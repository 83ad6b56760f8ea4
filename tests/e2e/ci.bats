#!/usr/bin/env bats
# tests/e2e/ci.bats: the recipe of docs/ci.md on a suite that nobody here wrote: CPython's test_os and test_subprocess, parts of which make calls on closed
# numbers on purpose. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	F=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd)/fdwarden
	cd "$BATS_TEST_TMPDIR" || exit 1
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
	suite=(/usr/bin/python3 -m test test_os -m TestInvalidFD)
}

audit() { timeout 120 "$F" audit -q --error-exitcode=1 --format=sarif -o fd.sarif "$@"; }

@test "a baseline lets pass what is known, and nothing else; the suite's own failure comes first" {
	run -0 "${suite[@]}"
	timeout 120 "$F" audit -q --fail-on=never --format=json -o known.json -- "${suite[@]}"
	[ "$(jq '[.findings[] | select(.severity == "error")] | length' known.json)" -gt 3 ]
	run -1 audit -- "${suite[@]}"
	[ "$(jq '.runs[0].results | length' fd.sarif)" -gt 3 ]
	run -0 audit --baseline=known.json -- "${suite[@]}"
	# One known finding less: a new one.
	jq 'del(.findings[] | select(.severity == "error") | select(.id | test("[0-7]")))' known.json >fewer.json
	run -1 audit --baseline=fewer.json -- "${suite[@]}"
	run -0 audit --baseline=known.json -- /usr/bin/python3 -m test test_subprocess -m test_communicate
	run -2 audit --baseline=known.json -- /usr/bin/python3 -m test test_subprocess -m no_such_test_anywhere --fail-env-changed --bogus
}
