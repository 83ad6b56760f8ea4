#!/usr/bin/env bats
# tests/e2e/judged.bats: what reports say of small programs in modes that the table of programs (tests/programs/expect.tsv) has no column for.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all
}

teardown_file() { leave_place_of_all; }

# judged MODE PROGRAM: its report, as JSON
judged() {
	rm -rf "$T/trace"
	"$B/fdwarden" record -m "$1" -q -o "$T/trace" -- "$B/tests/programs/$2" >/dev/null
	"$B/fdwarden" report -f json --fail-on=never --show=possible "$T/trace"
}

@test "close against open: what the number went to while two threads closed it is named" {
	for turn in 1 2 3 4 5; do # a busy machine may let the opener come too late
		judged enforce close_against_open >"$T/json"
		jq -e '.findings | length == 1 and .[0].rule == "double-close" and .[0].confidence == "certain"' "$T/json"
		! jq -e '.findings[0].kind == "close-against-open"' "$T/json" || break
	done
	jq -e '.findings[0] | .kind == "close-against-open" and ([.stacks[].role] | index("reused") != null)' "$T/json"
	jq -e '.findings[0].stacks[] | select(.role == "reused") | .call | startswith("open(\"/dev/zero\") = ")' "$T/json"
}

@test "ways that are not seen: nothing is made up of half a history, and the coverage says that it is half" {
	for mode in observe audit; do
		judged "$mode" inline_calls >"$T/json"
		jq -e '.findings == [] and .coverage.unseen_creations >= 40' "$T/json"
	done
}
