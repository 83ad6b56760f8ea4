#!/usr/bin/env bats
# tests/e2e/tests.bats: the tests themselves: what could pass without having looked, and what the programs say of themselves.

bats_require_minimum_version 1.5.0

@test "bats files: no condition is overlooked: bats passes by a failing \`! a\`, and the \`a\` of \`a && b\`" {
	local overlooked='^[[:blank:]]*(! |\[ .* \] && |\[\[ .* \]\] && |(grep|jq|cmp|diff) .* && )' bad
	for bad in '	! grep -q word file' '	[ "$status" = 0 ] && [ -e file ]'; do grep -qE "$overlooked" <<<"$bad"; done
	# With || behind it the whole is what counts.
	grep -nE "$overlooked" "$BATS_TEST_DIRNAME"/*.bats | grep -vE ' \|\| | && (break|continue|return)' >"$BATS_TEST_TMPDIR/lines" || [ $? = 1 ]
	cat "$BATS_TEST_TMPDIR/lines"
	[ ! -s "$BATS_TEST_TMPDIR/lines" ]
}

@test "programs: the first line of each says what the table says: the rules, or silence; there are forty of both sorts" {
	table=$BATS_TEST_DIRNAME/../programs/expect.tsv
	while read -r name _ _ findings history; do
		[ -e "$BATS_TEST_DIRNAME/../programs/$name.c" ] || name=${name%_*} # one source, built in several ways
		want=$(tr '|, ' '\n\n\n' <<<"$findings $history" | sed 's|/.*||' | grep -vx -e - -e '' | awk '!seen[$0]++' | paste -sd, | sed 's/,/, /g')
		head -1 "$BATS_TEST_DIRNAME/../programs/$name.c" | grep -qF "/* $name [${want:-silence}]: " || { echo "$name: ${want:-silence}"; return 1; }
	done < <(grep -vE '^(#|$)' "$table")
	[ "$(sed -n '/wrong programs/,/right programs/p' "$table" | grep -cvE '^(#|$)')" -ge 40 ]
	[ "$(sed -n '/right programs/,$p' "$table" | grep -cvE '^(#|$)')" -ge 40 ]
}
