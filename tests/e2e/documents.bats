#!/usr/bin/env bats
# tests/e2e/documents.bats: what other programs read, checked by others: JSON against the published schema, SARIF by Microsoft's validator; and
# suppressions written for what was found. FDW_BUILD: the build directory. Where npm's registry cannot be reached SARIF's check is skipped, and says so.

bats_require_minimum_version 1.5.0
load common

PROGRAMS="double_close stale_rearm leak_growing leak_exec concurrent_close cloexec_race handler_off_stack process_tree exec_passed sigstack_unmapped bad_close"

setup_file() {
	place_of_all
	for p in $PROGRAMS; do
		"$B/fdwarden" audit -q --keep-trace="$T/$p" --tree --show=possible -f json -o "$T/$p.json" -- "$B/tests/programs/$p" >/dev/null 2>&1
	done
	"$B/fdwarden" record -q -o "$T/killed" -- sh -c 'exec 7</dev/null; kill -9 $$' || [ $? = 137 ]
}

teardown_file() { leave_place_of_all; }

@test "json: every key and value is as the published schema says" {
	echo 'double-close:*:main' >"$T/suppressions"
	report -f json --suppressions="$T/suppressions" -o "$T/suppressed.json" "$T/double_close"
	report -f json --tree -o "$T/killed.json" "$T/killed"
	cp -r "$T/double_close" "$T/cut"
	find "$T/cut" -name 'fds_[0-9]*' -size +0 ! -name '*.idx' -exec truncate -s 150 {} +
	report -f json -o "$T/cut.json" "$T/cut" || [ $? = 1 ]
	jq -e '.coverage.damage | length > 0' "$T/cut.json"
	report -f json --baseline="$T/double_close.json" -o "$T/known.json" "$T/double_close" "$T/leak_exec" || [ $? = 1 ]
	[ "$(jq -s 'map(.findings | length) | add' "$T"/*.json)" -gt 12 ]
	python3 "$BATS_TEST_DIRNAME/schema.py" "$BATS_TEST_DIRNAME/../../analyzer/report.schema.json" "$T"/*.json
}

@test "json: what the schema does not allow is noticed" {
	jq '.findings[0].severity = "fatal"' "$T/double_close.json" >"$T/wrong"
	run -1 python3 "$BATS_TEST_DIRNAME/schema.py" "$BATS_TEST_DIRNAME/../../analyzer/report.schema.json" "$T/wrong"
	jq '.findings[0].surprise = 1' "$T/double_close.json" >"$T/wrong"
	run -1 python3 "$BATS_TEST_DIRNAME/schema.py" "$BATS_TEST_DIRNAME/../../analyzer/report.schema.json" "$T/wrong"
}

@test "sarif: a public validator has no complaint" {
	mkdir -p "$B/sarif"
	cd "$B/sarif"
	echo '{ "private": true, "dependencies": { "@microsoft/sarif-multitool": "5.7.0" } }' >package.json
	[ -d node_modules/@microsoft ] || npm install --silent --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 ||
		skip "the validator cannot be had from npm here"
	for p in $PROGRAMS; do
		report -f sarif --show=possible -o "$T/$p.sarif" "$T/$p" || [ $? = 1 ]
	done
	report -f sarif --baseline="$T/double_close.json" -o "$T/known.sarif" "$T/double_close" "$T/leak_exec" || [ $? = 1 ]
	run -0 node_modules/.bin/sarif-multitool validate "$T"/*.sarif
	# informationUri: there is no page to name.
	found=$(grep -E ': (error|warning) ' <<<"$output" | grep -v "does not provide 'informationUri'" || true)
	[ -z "$found" ] || { echo "$found"; false; }
}

@test "--gen-suppressions: what it writes silences all of it, by id or by function; in report and audit" {
	for p in $PROGRAMS; do
		report -q --gen-suppressions="$T/all" "$T/$p" >/dev/null || [ $? = 1 ]
		run -0 report -f json --suppressions="$T/all" "$T/$p"
		jq -e '.findings | length == 0' <<<"$output"
		sed -n 's/^# or:  //p' "$T/all" >"$T/wide"
		[ "$p" = exec_passed ] || [ -s "$T/wide" ] || [ "$(jq '.findings | length' "$T/$p.json")" = 0 ]
		run -0 report -f json --suppressions="$T/wide" "$T/$p"
		jq -e '.findings | length == 0' <<<"$output"
	done
	"$B/fdwarden" audit -q -o /dev/null --gen-suppressions="$T/audit" -- "$B/tests/programs/late_use" >/dev/null
	grep -q '^use-after-close-' "$T/audit"
	run -4 report --gen-suppressions=/nonexistent/file "$T/double_close"
	grep -q 'cannot write the suppressions to /nonexistent/file' <<<"$output"
}

@test "a program's own suppressions hold for it; what is not understood is said, and does not" {
	cd "$T"
	"$B/fdwarden" record -q -o "$T/own" -- "$B/tests/e2e/src/own_suppressions"
	run -0 report -f json "$T/own"
	jq -e '(.findings | length) == 0 and .suppressed[0].by == "double-close:closed:close_twice"' <<<"$output"
	touch "$T/wrong-suppressions"
	"$B/fdwarden" record -q -o "$T/own2" -- "$B/tests/e2e/src/own_suppressions"
	run -1 --separate-stderr report -f json "$T/own2"
	jq -e '.findings | length == 1' <<<"$output"
	grep -q "own suppressions do not hold: .*/own_suppressions:41: no such RULE" <<<"$stderr"
}
