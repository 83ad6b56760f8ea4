#!/usr/bin/env bats
# tests/e2e/attach.bats: services: what would be written, what keeps the library out, what is put back. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	B=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd)
	F=$B/fdwarden
	U=fdw.test-$$-$BATS_TEST_NUMBER
	D=/run/systemd/system
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

teardown() {
	[ "$(id -u)" = 0 ] || return 0
	rm -rf ${T:+"$T"} "$D/$U".* "$D/$U"-* "$D/${U%-*}-.service.d"
	rmdir "$D" /run/systemd 2>/dev/null || true
}

# A unit of this text, where only root can put it.
unit() {
	[ "$(id -u)" = 0 ] || skip "only root can put a unit there"
	mkdir -p "$D"
	printf '%s\n' "[Unit]" "Description=test" "[Service]" "$@" "[Install]" "WantedBy=multi-user.target" >"$D/$U.service"
}

# Its settings let the library in: a drop-in is printed, and nothing else said.
goes() {
	unit "$@"
	run -0 --separate-stderr timeout 20 "$F" attach --unit "$U" --dry-run
	[ -z "$stderr" ] || { echo "$*: $stderr"; return 1; }
	grep -q LD_PRELOAD <<<"$output"
}

# WORDS SETTING...: they keep it out; the sentence has these words.
kept_out() {
	local words=$1
	shift
	unit "$@"
	run -1 --separate-stderr timeout 20 "$F" attach --unit "$U" --dry-run
	grep -qF -- "$words" <<<"$stderr" || { echo "$*: $stderr"; return 1; }
	[ "$(tail -n 1 <<<"$stderr")" = "fdwarden: not attached: the service would not be protected" ]
	[ -z "$output" ]
}

# The command and its library in $L, which is $T/here, below /tmp.
lies_below_tmp() {
	[ "$(id -u)" = 0 ] || skip "only root can put a unit there"
	T=$(mktemp -d /tmp/fdw-attach.XXXXXX)
	chmod 755 "$T"
	L=$T/here
	mkdir "$L"
	cp "$B/fdwarden" "$B/libfdwarden.so" "$L"
	F=$L/fdwarden
}

@test "--dry-run prints the drop-in, and writes nothing" {
	unit "ExecStart=/bin/sleep 1"
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

@test "what takes LD_PRELOAD out of the environment again" {
	echo "# LD_PRELOAD=/x.so" >"$BATS_TEST_TMPDIR/none"
	printf '%s\n' 'A="of two' 'LD_PRELOAD=lines"' ' LD_PRELOAD = "/x/jemalloc.so"' >"$BATS_TEST_TMPDIR/other"
	echo "LD_PRELOAD=/x/jemalloc.so:$B/libfdwarden.so" >"$BATS_TEST_TMPDIR/ours"
	head -n 2 "$BATS_TEST_TMPDIR/other" >"$BATS_TEST_TMPDIR/quoted"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	kept_out "UnsetEnvironment=LD_PRELOAD" "UnsetEnvironment=LANG LD_PRELOAD" "ExecStart=/bin/sleep 1"
	kept_out "EnvironmentFile=$BATS_TEST_TMPDIR/other" "EnvironmentFile=-$BATS_TEST_TMPDIR/oth*"
	goes "UnsetEnvironment=LD_PRELOAD" "UnsetEnvironment=" "UnsetEnvironment=LD_PRELOAD=/x.so MY_LD_PRELOAD"
	for file in none ours quoted fifo not-there; do
		goes "EnvironmentFile=-$BATS_TEST_TMPDIR/$file"
	done
	goes "EnvironmentFile=$BATS_TEST_TMPDIR/other" "EnvironmentFile=$BATS_TEST_TMPDIR/ours"
	goes "EnvironmentFile=$BATS_TEST_TMPDIR/other" "EnvironmentFile=" "Environment=MY_LD_PRELOAD=/x.so"
}

@test "what hides the library's place" {
	lies_below_tmp
	kept_out "PrivateTmp hides" "PrivateTmp=On"
	kept_out "DynamicUser=yes implies PrivateTmp" "DynamicUser=yes" "PrivateTmp=no"
	for setting in "InaccessiblePaths=-/nothing -$L" "TemporaryFileSystem=/srv $T:ro" "NoExecPaths=/" "BindReadOnlyPaths=/srv:$L"; do
		kept_out "${setting%%=*}=" "$setting"
	done
	goes "PrivateTmp=yes" "PrivateTmp=no"
	goes "InaccessiblePaths=$L" "InaccessiblePaths=" "InaccessiblePaths=$T/her"
	goes "TemporaryFileSystem=/tmp" "BindReadOnlyPaths=$L"
	goes "NoExecPaths=/" "ExecPaths=/usr $L/libfdwarden.so"
	goes "ExecStart=+/bin/sleep 1" "PrivateTmp=yes"
	mkdir -p "$T/root$L"
	kept_out "RootDirectory=$T/root" "RootDirectory=$T/root"
	cp "$L/libfdwarden.so" "$T/root$L"
	goes "RootDirectory=$T/root"
}

@test "a user who cannot reach the library" {
	lies_below_tmp
	chmod 700 "$L"
	kept_out "User=nobody cannot reach $L/libfdwarden.so" "User=nobody"
	goes "User=root"
	goes "User=nobody" "User="
	goes "User=nobody" "ExecStart=!/bin/sleep 1"
	kept_out "User=nobody" "User=nobody" "ExecStart=!!/bin/sleep 1"
	goes "User=nobody" "AmbientCapabilities=CAP_DAC_READ_SEARCH"
	chgrp daemon "$L"
	chmod 710 "$L"
	kept_out "User=nobody" "User=nobody"
	goes "User=nobody" "SupplementaryGroups=daemon"
	chmod 755 "$L"
	goes "User=65534"
	chmod 600 "$L/libfdwarden.so"
	kept_out "cannot read" "User=nobody"
}

@test "lines as systemd reads them: quoted, continued, the last one counts, an empty one resets" {
	S=$B/tests/e2e/src/static
	kept_out "$S: it is statically linked" "ExecStart=-\"$S\" 1"
	kept_out "$S: it is statically linked" "ExecStart=\\" "# not the end" "  $S \\" "1"
	kept_out "RootDirectory=/srv/x" "  RootDirectory  =  /srv/x  "
	goes "ExecStart=$S" "ExecStart=" "ExecStart=sleep 1"
	goes "RootDirectory=/srv/x" "RootDirectory="
	goes "ExecStart=/bin/sh -c 'a \\" "RootDirectory=/srv/x'"
	goes "ExecStart=/bin/sleep \\\\" "[Other]" "RootDirectory=/srv/x"
	unit "ExecStart=/no/such/program"
	run -0 --separate-stderr "$F" attach --unit "$U" --dry-run
	[ "$stderr" = "fdwarden: /no/such/program: No such file or directory" ]
}

@test "drop-ins in systemd's order" {
	unit "ExecStart=/bin/sleep 1" "RootDirectory=/srv/x"
	drop_in() {
		mkdir -p "$D/$1"
		printf '%s\n' "[Service]" "$3" >"$D/$1/$2.conf"
	}
	judged() { run "-$1" --separate-stderr "$F" attach --unit "$U" --dry-run; }
	drop_in "${U%-*}-.service.d" 20-a "RootDirectory=/srv/general"
	drop_in "$U.service.d" 10-a "RootDirectory="
	judged 1
	grep -q "RootDirectory=/srv/general" <<<"$stderr"
	drop_in "$U.service.d" 20-a "# instead of the general one"
	judged 0
	rm -r "$D/${U%-*}-.service.d"
	# Ours is 50-fdwarden.conf.
	drop_in "$U.service.d" 40-b "Environment="
	judged 0
	run -0 "$F" attach --unit "$U"
	judged 0
	[ -z "$stderr" ]
	drop_in "$U.service.d" 60-b "Environment=A=b LD_PRELOAD=/x.so"
	judged 1
	grep -q "60-b.conf replaces ours" <<<"$stderr"
	drop_in "$U.service.d" 60-b "Environment="
	judged 1
	grep -q "60-b.conf takes ours away" <<<"$stderr"
	# Of an instance, by another name, and of all whose names begin so.
	printf '%s\n' "[Service]" "ExecStart=/bin/sleep 1" >"$D/$U-t@.service"
	ln -s "$U-t@.service" "$D/$U-o@.service"
	drop_in "$U-t@.service.d" a "RootDirectory=/srv/%i"
	for name in t o; do
		run -1 --separate-stderr "$F" attach --unit "$U-$name@x" --dry-run
		grep -q "RootDirectory=/srv/" <<<"$stderr"
	done
	drop_in "$U-t@x.service.d" b "RootDirectory="
	run -0 "$F" attach --unit "$U-o@x" --dry-run
	drop_in "$U-o@.service.d" c "RootDirectory=/srv/alias"
	run -1 --separate-stderr "$F" attach --unit "$U-t@x" --dry-run
	grep -q "RootDirectory=/srv/alias" <<<"$stderr"
	rm "$D/$U-o@.service.d/c.conf"
	drop_in "$U-.service.d" c "RootDirectory=/srv/prefix"
	run -1 --separate-stderr "$F" attach --unit "$U-t@x" --dry-run
	grep -q "RootDirectory=/srv/prefix" <<<"$stderr"
}

@test "a unit that is not there, is masked, or is no file: 1, by --dry-run too" {
	[ "$(id -u)" = 0 ] || skip "only root can put a unit there"
	mkdir -p "$D"
	for dry in "" --dry-run; do
		for kind in there masked file; do
			case $kind in
			there) rm -f "$D/$U.service" ;;
			masked) ln -sf /dev/null "$D/$U.service" ;;
			file) rm "$D/$U.service" && mkfifo "$D/$U.service" ;;
			esac
			run -1 --separate-stderr timeout 20 "$F" attach --unit "$U" $dry
			[ -z "$output" ]
			grep -q "no unit $U\|$U.service is masked\|no regular file" <<<"$stderr"
			grep -q "$kind\|no unit" <<<"$stderr"
		done
	done
	[ ! -e "$D/$U.service.d" ]
}

@test "a unit of the distribution's" {
	[ -e /lib/systemd/system/nginx.service ] || skip "nginx is not installed"
	run -0 "$F" attach --unit nginx --dry-run
	grep -q '^Environment="LD_PRELOAD=' <<<"$output"
}

@test "wrong usage: 2" {
	for args in "attach" "attach x" "attach --unit=../x" "attach --unit=" "attach --unit=x -m what" "attach --unit=x.socket" "detach" "detach --unit=x --log=y"; do
		run "$F" $args
		[ "$status" = 2 ]
	done
}
