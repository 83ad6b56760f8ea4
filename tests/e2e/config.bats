#!/usr/bin/env bats
# tests/e2e/config.bats: settings from files: their order, what is refused, what is left out. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	B=${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}
	F=$B/fdwarden
	W=$(mktemp -d /tmp/fdw-config-XXXXXX)
	cd "$W" || exit 1
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
	export HOME=$W/home XDG_CONFIG_HOME=
	mkdir -p home/.config/fdwarden
}

teardown() {
	cd /
	rm -rf "$W"
}

shown() { "$F" config --show | awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }'; }

@test "options before the environment, before the folder's file, before the user's, before the default" {
	[ "$(shown tombstones)" = "128 default" ]
	echo 'tombstones = 5 # few' >home/.config/fdwarden/config
	[ "$(shown tombstones)" = "5 $W/home/.config/fdwarden/config" ]
	printf '# ours\n\n tombstones=6\n' >.fdwarden.conf
	[ "$(shown tombstones)" = "6 ./.fdwarden.conf" ]
	[ "$(FDWARDEN_TOMBSTONES=7 shown tombstones)" = "7 environment, FDWARDEN_TOMBSTONES" ]
	run -0 "$F" run -- sh -c 'echo $FDWARDEN_TOMBSTONES'
	[ "$output" = 6 ]
	FDWARDEN_TOMBSTONES=7 run -0 "$F" run -- sh -c 'echo $FDWARDEN_TOMBSTONES'
	[ "$output" = 7 ]
	FDWARDEN_TOMBSTONES=7 run -0 "$F" run --tombstones=8 -- sh -c 'echo $FDWARDEN_TOMBSTONES'
	[ "$output" = 8 ]
}

@test "a report's format, level and suppressions" {
	"$F" record -q -o t -- "$B/tests/programs/double_close"
	run -1 "$F" report t
	printf 'fail-on = never\nformat = json\n' >.fdwarden.conf
	run -0 "$F" report t
	jq -e '.findings | length == 1' <<<"$output"
	run -1 "$F" report --fail-on=note -f text t
	[[ ${lines[0]} == "1 error"* ]]
	echo 'double-close:*:main' >quiet
	printf 'suppressions = quiet\n' >.fdwarden.conf
	run -0 "$F" report t
}

@test "a line that is not understood is refused with its number: 2, 125" {
	for line in 'tombstones = many' 'nothing = 1' 'no equals sign' 'fail-on = often' 'tombstones ='; do
		printf '# first\n%s\n' "$line" >.fdwarden.conf
		run -2 --separate-stderr "$F" config --show
		grep -q 'fdwarden.conf:2: ' <<<"$stderr"
		run -2 "$F" report t
		run -125 "$F" run -- true
		run -125 "$F" audit -- true
	done
}

@test "a file that others may write to, or that is somebody else's, is left out with a word" {
	echo 'tombstones = 6' >.fdwarden.conf
	chmod 666 .fdwarden.conf
	run -0 --separate-stderr "$F" config --show
	grep -q 'is left out' <<<"$stderr"
	grep -q '^tombstones  *128' <<<"$output"
	[ "$(id -u)" = 0 ] || skip "only root can give a file away"
	chmod 644 .fdwarden.conf
	chown 65534 .fdwarden.conf
	run -0 --separate-stderr "$F" config --show
	grep -q 'somebody else' <<<"$stderr"
}

# In a directory like /tmp anybody can plant it.
@test "a FIFO, a socket, a directory, a link to itself in place of the folder's file is left out at once" {
	for odd in 'mkfifo -m 644 .fdwarden.conf' "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\".fdwarden.conf\")'" 'mkdir .fdwarden.conf' \
		'ln -s .fdwarden.conf .fdwarden.conf'; do
		rm -rf .fdwarden.conf
		eval "$odd"
		for how in 'config --show' 'run -- true' 'record -q -o r -- true'; do
			rm -rf r
			run -0 --separate-stderr timeout 20 "$F" $how
			grep -q 'fdwarden.conf is left out' <<<"$stderr"
		done
	done
	rm -f .fdwarden.conf
	mkfifo -m 644 .fdwarden.conf
	[ "$(id -u)" = 0 ] || skip "only root can give a file away"
	chown 65534 .fdwarden.conf
	run -0 --separate-stderr timeout 20 "$F" run -- true
	grep -q 'is left out: it belongs to somebody else' <<<"$stderr"
	mkfifo home/.config/fdwarden/config
	run -0 --separate-stderr timeout 20 "$F" config --show
}

@test "wrong usage: 2" {
	run -2 "$F" config
	run -2 "$F" config --hide
	run -2 "$F" config --show more
}
