#!/usr/bin/env bats
# tests/e2e/formats.bats: the report in the formats that other programs read, and what is known already: sarif, folded, diff, --baseline.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all
	"$B/fdwarden" record -q -o "$T/trace" -- "$B/tests/programs/double_close"
	"$B/fdwarden" record -q -o "$T/other" -- "$B/tests/programs/use_after_close_write"
}

teardown_file() { leave_place_of_all; }

@test "sarif: the version, a rule for each id with its CWE, a result with its history in order, a fingerprint" {
	run -1 report -f sarif "$T/trace"
	jq -e '.version == "2.1.0" and (.runs | length) == 1' <<<"$output"
	jq -e '[.runs[0].tool.driver.rules[].id] | index("double-close") != null and index("stale-rearm") != null and length == '"$(rules | wc -l)" <<<"$output"
	jq -e '.runs[0].tool.driver.rules[] | select(.id == "double-close") | .properties.tags | index("external/cwe/cwe-1341") != null' <<<"$output"
	jq -e '[.runs[0].tool.driver.rules[].help.text | select(length > 20)] | length == '"$(rules | wc -l)" <<<"$output"
	jq -e '.runs[0].results | length == 1' <<<"$output"
	jq -e '.runs[0] as $r | $r.results[0] | $r.tool.driver.rules[.ruleIndex].id == .ruleId and .ruleId == "double-close" and .level == "error"' <<<"$output"
	jq -e '[.runs[0].results[0].codeFlows[0].threadFlows[0].locations[].location.message.text | split(":")[0]] == ["opened", "closed", "closed"]' <<<"$output"
	jq -e '.runs[0].results[0].locations[0].physicalLocation | (.artifactLocation.uri | endswith("tests/programs/double_close.c")) and .region.startLine > 0' <<<"$output"
	id=$(report -f json "$T/trace" | jq -r '.findings[0].id')
	jq -e --arg id "$id" '.runs[0].results[0].partialFingerprints["fdwarden/v1"] == $id' <<<"$output"
}

@test "sarif: --source-root names sources relative to it; a blank in a path is encoded" {
	mkdir "$T/with blank"
	root=$(report -f json "$T/trace" | jq -r '[.findings[0].stacks[].frames[] | .file | select(. != null and startswith("/"))][0] // empty')
	run -1 report -f sarif --source-root="$T/with blank" "$T/trace"
	jq -e '.runs[0].originalUriBaseIds.SRCROOT.uri | startswith("file:///") and endswith("with%20blank/")' <<<"$output"
	[ -z "$root" ] || {
		run -1 report -f sarif --source-root="${root%%/tests/*}" "$T/trace"
		jq -e '.runs[0].results[0].locations[0].physicalLocation.artifactLocation | .uri == "tests/programs/double_close.c" and .uriBaseId == "SRCROOT"' <<<"$output"
	}
}

@test "sarif: what is suppressed is there, and says by what" {
	echo 'double-close:*:main' >"$T/suppressions"
	run -0 report -f sarif --suppressions="$T/suppressions" "$T/trace"
	jq -e '.runs[0].results[0].suppressions | length == 1 and .[0].kind == "external"' <<<"$output"
}

@test "folded: a line for each place that made descriptors, the program first; the numbers add up" {
	run -1 report -f folded "$T/trace"
	grep -q '/double_close;main;open_null 1$' <<<"$output"
	sum=$(awk '{ n += $NF } END { print n }' <<<"$output")
	[ "$sum" = "$(report -f json "$T/trace" | jq .coverage.descriptors)" ]
	[ "$output" = "$(report -f folded "$T/trace")" ]
}

@test "diff: what is new, gone, still there; only new findings fail" {
	report -f json -o "$T/a.json" "$T/trace" || [ $? = 1 ]
	report -f json -o "$T/b.json" "$T/other" || [ $? = 1 ]
	run -0 "$B/fdwarden" diff "$T/a.json" "$T/a.json"
	[ "${lines[0]}" = "0 new, 0 gone, 1 still there" ]
	run -1 "$B/fdwarden" diff "$T/a.json" "$T/b.json"
	[ "${lines[0]}" = "1 new, 1 gone, 0 still there" ]
	grep -q '^  error    use-after-close-' <<<"$output"
	run -0 "$B/fdwarden" diff --fail-on=never "$T/a.json" "$T/b.json"
	run -1 "$B/fdwarden" diff -f json "$T/a.json" "$T/b.json"
	jq -e '(.new | length) == 1 and (.gone | length) == 1 and (.same | length) == 0' <<<"$output"
}

@test "diff: what is no report is refused with a sentence: 3; wrong usage: 2" {
	echo '{' >"$T/broken"
	echo '{ "findings": 3 }' >"$T/foreign"
	echo '{ "schema_version": 99, "findings": [] }' >"$T/newer"
	for f in /nonexistent "$T/broken" "$T/foreign" "$T/newer" "$T"; do
		run -3 --separate-stderr "$B/fdwarden" diff "$f" "$f"
		[ "$(wc -l <<<"$stderr")" = 1 ]
		grep -q '^fdwarden: ' <<<"$stderr"
	done
	printf '{ "schema_version": 1, "findings": [{ "id": "\\u001b[2J", "message": "\\u001b]0;x", "severity": "note" }] }' >"$T/hostile"
	echo '{ "schema_version": 1, "findings": [] }' >"$T/none"
	run -0 "$B/fdwarden" diff "$T/none" "$T/hostile"
	[[ $output == *'\x1b[2J'*'\x1b]0;x' ]]
	run -2 "$B/fdwarden" diff
	run -2 "$B/fdwarden" diff "$T/broken"
	run -2 "$B/fdwarden" diff a b c
	run -2 "$B/fdwarden" diff -f sarif a b
}

@test "--baseline: what it has does not fail again, in report and audit; one that cannot be read: 2, 125" {
	report -f json -o "$T/a.json" "$T/trace" || [ $? = 1 ]
	run -0 report --baseline="$T/a.json" "$T/trace"
	[[ ${lines[0]} == "1 error (double-close); 0 new, 1 known (baseline)"* ]]
	grep -q "seen once   known$" <<<"$output"
	run -1 report --baseline="$T/a.json" "$T/other"
	[[ ${lines[0]} == *"; 1 new, 0 known (baseline)"* ]]
	[ "$(report -f json --baseline="$T/a.json" "$T/trace" "$T/other" | jq -c '[.findings[].known] | sort')" = "[false,true]" ]
	[ "$(report -f sarif --baseline="$T/a.json" "$T/trace" "$T/other" | jq -c '[.runs[0].results[].baselineState] | sort')" = '["new","unchanged"]' ]
	[ "$(report -f html --baseline="$T/a.json" "$T/trace" "$T/other" | grep -c ', known</span>')" = 1 ]
	run -2 report --baseline=/nonexistent "$T/trace"
	run -125 "$B/fdwarden" audit --baseline=/nonexistent -- true
	"$B/fdwarden" audit -q -f json -o "$T/c.json" -- "$B/tests/programs/double_close"
	run -0 "$B/fdwarden" audit -q --error-exitcode=7 --baseline="$T/c.json" -- "$B/tests/programs/double_close"
	run -7 "$B/fdwarden" audit -q --error-exitcode=7 --baseline="$T/a.json" -- "$B/tests/programs/use_after_close_write"
}

@test "audit writes sarif and folded, too" {
	"$B/fdwarden" audit -q -f sarif -o "$T/audit.sarif" -- "$B/tests/programs/late_use"
	jq -e '.runs[0].results[0].ruleId == "use-after-close"' "$T/audit.sarif"
	"$B/fdwarden" audit -q -f folded -o "$T/audit.folded" -- "$B/tests/programs/late_use"
	grep -q ';main' "$T/audit.folded"
}

@test "html: one file that needs nothing else, every finding with its id and frames; what comes from a trace is escaped" {
	run -1 report -f html "$T/trace"
	[ "${lines[0]}" = "<!DOCTYPE html>" ]
	id=$(report -f json "$T/trace" | jq -r '.findings[0].id')
	grep -q "<details id=\"$id\" open>" <<<"$output"
	grep -q '<li>main <span' <<<"$output"
	grep -q '^<p>Likely fix: Let one place own' <<<"$output"
	grep -qxF "<title>double_close, $T/trace: fdwarden report</title>" <<<"$output"
	still=$(sed '/^<script>$/,/^<\/script>$/d' <<<"$output")
	run ! grep -qE '(src|href)=|https?://' <<<"$still"
	run -1 report -f html "$T/trace"
	[ "$(grep -c '</script>' <<<"$output")" = "$(grep -c '<script' <<<"$output")" ]
	grep -q "Content-Security-Policy\" content=\"default-src 'none'" <<<"$output"
	cp "$B/tests/programs/double_close" "$T/<b>&"
	"$B/fdwarden" record -q -o "$T/odd" -- "$T/<b>&"
	run -1 report -f html "$T/odd"
	grep -q '&lt;b&gt;&amp;' <<<"$output"
	run ! grep -q '<b>&' <<<"$output"
}
