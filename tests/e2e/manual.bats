#!/usr/bin/env bats
# tests/e2e/manual.bats: the manual pages: every option of every command and every rule is in them, and they are clean; install and uninstall.
# FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	T=$BATS_TEST_DIRNAME/../..
	B=$(cd "${FDW_BUILD:-$T/build}" && pwd)
}

@test "every option of every command is in fdwarden(1)" {
	missing=
	for command in run record report audit snapshot diff config doctor attach detach; do
		for option in $("$B/fdwarden" $command --help | grep -oE '^ .*--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u); do
			case $option in --help | --usage) continue ;; esac
			grep -qE "(Fl|,) -${option#--}( |\$)" "$T/analyzer/fdwarden.1" || missing+="$command $option
"
		done
	done
	echo "$missing"
	[ -z "$missing" ]
}

@test "every rule is in fdwarden(7)" {
	for rule in $("$B/fdwarden" report --help | tr '\n' ' ' | sed 's/.*Rules: //; s/\. .*//; s/,/ /g'); do
		echo "$rule"
		grep -q "^.It Sy $rule " "$T/analyzer/fdwarden.7"
	done
	[ "$(grep -c '^.It Sy ' "$T/analyzer/fdwarden.7")" -ge 15 ]
}

@test "mandoc finds nothing" {
	command -v mandoc >/dev/null || skip "no mandoc here"
	for page in analyzer/fdwarden.1 analyzer/fdwarden.7; do
		mandoc -Tlint "$T/$page" | grep -v 'outdated mandoc.db\|referenced manual not found\|verbatim "--"' >"$BATS_TEST_TMPDIR/lint" || true
		cat "$BATS_TEST_TMPDIR/lint"
		[ ! -s "$BATS_TEST_TMPDIR/lint" ]
	done
}

@test "install honours DESTDIR and PREFIX; uninstall leaves nothing behind" {
	d=$(mktemp -d /tmp/fdw-install-XXXXXX)
	make -s -C "$T" O="$B" DESTDIR="$d" PREFIX=/opt/x install
	[ -x "$d/opt/x/bin/fdwarden" ]
	[ -f "$d/opt/x/share/man/man1/fdwarden.1" ]
	"$d/opt/x/bin/fdwarden" run -- true
	make -s -C "$T" O="$B" DESTDIR="$d" PREFIX=/opt/x uninstall
	left=$(find "$d" ! -type d)
	rm -rf "$d"
	echo "$left"
	[ -z "$left" ]
}
