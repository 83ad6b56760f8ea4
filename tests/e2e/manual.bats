#!/usr/bin/env bats
# tests/e2e/manual.bats: the manual pages: every option of every command and every rule is in them, and they are clean; install and uninstall.
# FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0
load common

setup() {
	T=$BATS_TEST_DIRNAME/../..
	B=$(cd "${FDW_BUILD:-$T/build}" && pwd)
}

# What COMMAND takes, in the words of its --help.
options_of() { "$B/fdwarden" "$1" --help | grep -oE '^ .*--[a-z-]+' | grep -oE '\-\-[a-z-]+' | grep -vx -e --help -e --usage | sort -u; }

@test "each command has a page, with the options that --help lists, and no other" {
	failed=0
	for command in run record report audit snapshot diff config doctor attach; do
		page=$T/docs/man/fdwarden-$command.1
		sed '/^.Sh OPTIONS/,/^.Sh EXIT/!d' "$page" | grep '^\.It' | grep -oE '(Fl|,) -[a-z-]+' | sed 's/.* /-/' | sort -u >"$BATS_TEST_TMPDIR/told"
		diff <(options_of "$command") "$BATS_TEST_TMPDIR/told" || { echo "$command"; failed=1; }
		grep -q "Xr fdwarden-$command 1" "$T/docs/man/fdwarden.1"
	done
	[ "$failed" = 0 ]
	diff <(options_of detach) <(printf '%s\n' --dry-run --unit)
}

@test "every variable is in libfdwarden(7), and every setting in fdwarden-config(1)" {
	FDWARDEN_OPTIONS=help LD_PRELOAD=$B/libfdwarden.so /bin/true 2>&1 | grep -oE 'FDWARDEN_[A-Z_]+' | sort -u >"$BATS_TEST_TMPDIR/known"
	[ -s "$BATS_TEST_TMPDIR/known" ]
	diff "$BATS_TEST_TMPDIR/known" <(sed '/^.Sh ENVIRONMENT/,/^.Sh A PROG/!d' "$T/docs/man/libfdwarden.7" | grep '^\.It' | grep -oE 'FDWARDEN_[A-Z_]+' | sort -u)
	cd "$BATS_TEST_TMPDIR"
	diff <(HOME=/nonexistent "$B/fdwarden" config --show | awk '/^[a-z]/ { print $1 }' | sort) \
		<(awk '/^\.Bl -column/ { in_list = 1 } /^\.El/ { in_list = 0 } in_list && /^\.It/ { print $2 }' "$T/docs/man/fdwarden-config.1" | sort)
}

@test "every operation of the schema is in fdwarden-trace(5), every key of the JSON in fdwarden-report(5)" {
	for name in $(sed -n 's/^\tX(\([A-Z_0-9]*\), [0-9]*).*/\1/p' "$T/trace/schema.h" | grep -vx NONE); do
		echo "$name"
		grep -qw "$name" "$T/docs/man/fdwarden-trace.5"
	done
	for key in $(jq -r '(.properties, .["$defs"].coverage.properties, .["$defs"].finding.properties, .["$defs"].stack.properties, .["$defs"].frame.properties) | keys[]' \
		"$T/analyzer/report.schema.json"); do
		echo "$key"
		grep -qw "$key" "$T/docs/man/fdwarden-report.5"
	done
}

@test "every rule is in fdwarden(7)" {
	for rule in $(rules); do
		echo "$rule"
		grep -q "^.It Sy $rule " "$T/docs/man/fdwarden.7"
	done
	[ "$(grep -c '^.It Sy ' "$T/docs/man/fdwarden.7")" -ge 15 ]
}

@test "every rule is in the JSON Schema, and every format in the pages that list formats" {
	diff <(rules | sort) <(jq -r '.["$defs"].finding.properties.rule.enum[]' "$T/analyzer/report.schema.json" | sort)
	for format in text json sarif html folded; do
		for page in fdwarden.1 fdwarden-run.1 fdwarden-audit.1 fdwarden-report.1 fdwarden-config.1 fdwarden-report.5; do
			echo "$format $page"
			grep -qw "$format" "$T/docs/man/$page"
		done
		"$B/fdwarden" report --help | tr '\n' ' ' | grep -q "$format"
	done
}

@test "mandoc finds nothing" {
	command -v mandoc >/dev/null || skip "no mandoc here"
	for page in "$T"/docs/man/* "$T/port/port_create.3" "$B/gen/fdwarden-calls.7"; do
		mandoc -Tlint "$page" 2>&1 | grep -v 'outdated mandoc.db\|referenced manual not found\|verbatim "--"' >"$BATS_TEST_TMPDIR/lint" || true
		cat "$BATS_TEST_TMPDIR/lint"
		[ ! -s "$BATS_TEST_TMPDIR/lint" ]
	done
}

@test "install honours DESTDIR and PREFIX; uninstall leaves nothing behind" {
	d=$(mktemp -d /tmp/fdw-install-XXXXXX)
	make -s -C "$T" O="$B" DESTDIR="$d" PREFIX=/opt/x install
	lib=$d/opt/x/lib/$(gcc -print-multiarch)
	[ -f "$d/opt/x/share/man/man1/fdwarden-detach.1" ]
	"$d/opt/x/bin/fdwarden" run -- true
	"$d/opt/x/bin/fdwarden" record -q -o "$d/t" -- true
	"$d/opt/x/bin/fdwarden" report "$d/t"
	rm -r "$d/t"
	LD_PRELOAD=$lib/fdwarden/libfdwarden.so FDWARDEN_OPTIONS=help /bin/true 2>&1 | grep -q FDWARDEN_MODE
	printf '#include <port.h>\nint main(void) { return port_create() < 0; }\n' >"$d/p.c"
	gcc -o "$d/p" "$d/p.c" $(PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$d pkg-config --cflags --libs libport)
	LD_LIBRARY_PATH=$lib "$d/p"
	rm "$d/p" "$d/p.c"
	make -s -C "$T" O="$B" DESTDIR="$d" PREFIX=/opt/x uninstall
	left=$(find "$d" ! -type d)
	rm -rf "$d"
	echo "$left"
	[ -z "$left" ]
}
