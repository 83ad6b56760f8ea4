#!/usr/bin/env bats
# tests/e2e/rows_page.bats: the manual page that preload/calls.awk makes of the table of interposed calls.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	page=${FDW_BUILD:-$root/build}/gen/fdwarden-calls.7
}

@test "fdwarden-calls(7) has every name of the table, and every exception" {
	cd "$root"
	awk -f preload/calls.awk -v want=names preload/calls.def | awk '{ print $2 }' >"$BATS_TEST_TMPDIR/names"
	sed -n 's/^\([A-Za-z_0-9]\+\)[[:blank:]].*/\1/p' tests/libc-exceptions.txt >>"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -gt 300 ]
	tr -cs 'A-Za-z_0-9' '\n' <"$page" | sort -u >"$BATS_TEST_TMPDIR/words"
	sort -u "$BATS_TEST_TMPDIR/names" | comm -23 - "$BATS_TEST_TMPDIR/words" >"$BATS_TEST_TMPDIR/missing"
	cat "$BATS_TEST_TMPDIR/missing"
	[ ! -s "$BATS_TEST_TMPDIR/missing" ]
}

@test "fdwarden-calls(7) is clean mdoc" {
	command -v mandoc >/dev/null || skip "no mandoc here"
	mandoc -Tlint "$page" | grep -v 'outdated mandoc.db\|referenced manual not found' >"$BATS_TEST_TMPDIR/lint" || true
	cat "$BATS_TEST_TMPDIR/lint"
	[ ! -s "$BATS_TEST_TMPDIR/lint" ]
}

@test "the page is installed, and uninstalled" {
	cd "$root"
	make -s install O="${FDW_BUILD:-build}" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/usr
	cmp "$page" "$BATS_TEST_TMPDIR/d/usr/share/man/man7/fdwarden-calls.7"
	make -s uninstall O="${FDW_BUILD:-build}" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/usr
	[ -z "$(find "$BATS_TEST_TMPDIR/d" -type f)" ]
}
