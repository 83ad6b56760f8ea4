#!/usr/bin/env bats
# tests/e2e/attach.bats: services: what would be written, what keeps the library out, what is put back. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	B=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd)
	F=$B/fdwarden
	U=fdw-test-$$-$BATS_TEST_NUMBER
	D=/run/systemd/system
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

teardown() {
	[ "$(id -u)" = 0 ] || return 0
	rm -rf "$D/$U.service" "$D/$U.service.d"
	rmdir "$D" /run/systemd 2>/dev/null || true
}

# A unit of this text, where only root can put it.
unit() {
	[ "$(id -u)" = 0 ] || skip "only root can put a unit there"
	mkdir -p "$D"
	printf '%s\n' "[Unit]" "Description=test" "[Service]" "$@" "[Install]" "WantedBy=multi-user.target" >"$D/$U.service"
}

@test "--dry-run prints the drop-in, and writes nothing" {
	run -0 "$F" attach --unit "$U" --dry-run -m audit --log '/var/log/a"b%p'
	[ "${lines[0]}" = "# $D/$U.service.d/50-fdwarden.conf" ]
	grep -qxF "[Service]" <<<"$output"
	grep -qxF "Environment=\"LD_PRELOAD=$B/libfdwarden.so\"" <<<"$output"
	grep -qxF 'Environment="FDWARDEN_MODE=audit"' <<<"$output"
	grep -qxF 'Environment="FDWARDEN_LOG=/var/log/a\"b%%p"' <<<"$output"
	[ ! -e "$D/$U.service.d" ]
	run -0 "$F" detach --unit "$U" --dry-run
}

@test "attach writes it and names the next command; detach removes it" {
	unit "ExecStart=/bin/sleep 1"
	run -0 --separate-stderr "$F" attach --unit "$U"
	grep -q "systemctl restart $U.service" <<<"$stderr"
	grep -q LD_PRELOAD "$D/$U.service.d/50-fdwarden.conf"
	run -0 "$F" detach --unit "$U.service"
	[ ! -e "$D/$U.service.d" ]
	run -1 "$F" detach --unit "$U"
}

@test "somebody else's drop-ins stay" {
	unit "ExecStart=/bin/sleep 1"
	mkdir "$D/$U.service.d"
	echo "[Service]" >"$D/$U.service.d/10-other.conf"
	run -0 "$F" attach --unit "$U"
	run -0 "$F" detach --unit "$U"
	[ -e "$D/$U.service.d/10-other.conf" ]
}

@test "what keeps the library out is said, and nothing is written" {
	for setting in "ExecStart=$B/tests/e2e/src/static" "RootDirectory=/srv/x"; do
		unit "$setting"
		run -1 --separate-stderr "$F" attach --unit "$U"
		grep -q 'not attached' <<<"$stderr"
		[ ! -e "$D/$U.service.d" ]
	done
	[ "$(id -u)" = 0 ]
	run -1 "$F" attach --unit no-such-unit-at-all
}

@test "what changes something is said" {
	unit "ExecStart=-@/bin/sleep sleep 1" "SystemCallFilter=@system-service" "Environment=LD_PRELOAD=/x.so" "StandardError=null" "# RootDirectory=/srv"
	run -0 --separate-stderr "$F" attach --unit "$U" --dry-run
	grep -q SystemCallFilter <<<"$stderr"
	grep -q 'LD_PRELOAD is replaced' <<<"$stderr"
	grep -q 'StandardError=null' <<<"$stderr"
	run ! grep -q RootDirectory <<<"$stderr"
}

@test "a unit of the distribution's" {
	[ -e /lib/systemd/system/nginx.service ] || skip "nginx is not installed"
	run -0 "$F" attach --unit nginx --dry-run
	grep -q '^Environment="LD_PRELOAD=' <<<"$output"
}

@test "wrong usage: 2" {
	for args in "attach" "attach x" "attach --unit=../x" "attach --unit=" "attach --unit=x -m what" "detach" "detach --unit=x --log=y"; do
		run "$F" $args
		[ "$status" = 2 ]
	done
}
