#!/usr/bin/env bats
# tests/e2e/browser.bats: the HTML report in a real browser. FDW_BUILD: the build directory. Without npm's registry: skipped, and said so.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all
	"$B/fdwarden" record -q -o "$T/trace" -- sh -c "'$B/tests/programs/stale_rearm'; '$B/tests/programs/double_close'"
	"$B/fdwarden" report -f html -o "$T/report.html" "$T/trace" || [ $? = 1 ]
	mkdir -p "$B/browser"
	cd "$B/browser"
	echo '{ "private": true, "dependencies": { "playwright-core": "1.64.1" } }' >package.json
	[ -d node_modules/playwright-core ] || npm install --silent --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 || true
}

teardown_file() { leave_place_of_all; }

can_look() {
	[ -d "$B/browser/node_modules/playwright-core" ] || skip "playwright-core cannot be had from npm here"
	[ -x /usr/bin/chromium ] || skip "chromium is not installed"
	[ -s "$B/gen/charts.js" ] || skip "the command was built without npm"
}

@test "html: in a browser, with the keyboard, in the dark, on paper, on a small screen; nothing is fetched, nothing goes wrong" {
	can_look
	run -0 --separate-stderr node "$BATS_TEST_DIRNAME/browser.mjs" "$B/browser/node_modules" "$T/report.html" "$T/shot.png"
	for line in "title=sh, $T/trace: fdwarden report" charts=2 canvas=drawn folded=true unfolded=true zoomed=true dark=true paper=true printed=true fits=true complaints=0 requests=1; do
		grep -qxF "$line" <<<"$output" || { echo "$line is missing: $output $stderr"; false; }
	done
	[ "$(sed -n 's/^flames=//p' <<<"$output")" -gt 2 ]
	[ -s "$T/shot.png" ]
}

@test "html: whole without the script, as where npm was not at hand" {
	can_look
	sed '/^<script>$/,/^<\/script>$/d' "$T/report.html" >"$T/still.html"
	run -0 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$T/profile" --dump-dom "file://$T/still.html"
	grep -q '<svg id="over-time"' <<<"$output"
	grep -q 'since the beginning of the trace.* not those a program found open when it started' <<<"$output"
	grep -q '<table id="places">' <<<"$output"
}
