#!/usr/bin/env bats
# tests/e2e/confine.bats: what the analyzer can still do once it reads a trace, asked from within it; and that reports are the same with less of it, or
# none, in the kernel. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all /var/tmp # not below /tmp: that is where temporary copies go
	unset DEBUGINFOD_URLS TMPDIR
	"$B/fdwarden" record -q -o "$T/trace" -- "$B/tests/programs/double_close" >/dev/null
	mkdir "$T/out" "$T/other"
	export CONFINED_TRACE=$(find "$T/trace" -name metadata) CONFINED_OTHER=$T/other CONFINED_OUT=$T/out
	python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)' && export LANDLOCK=1 || export LANDLOCK=
}

teardown_file() { leave_place_of_all; }

within() { LD_PRELOAD=$B/tests/e2e/src/hazards/libconfined.so "$@"; }

@test "report: may read, and write where the report goes; not the trace, nor elsewhere; no network, nothing is run" {
	within "$B/fdwarden" report -q -o "$T/out/report" "$T/trace" 2>"$T/did" || [ $? = 1 ]
	cat "$T/did"
	grep -qx "read trace: done" "$T/did"
	grep -qx "write report: done" "$T/did"
	grep -qx "network: EPERM" "$T/did"
	grep -qx "debug: EPERM" "$T/did"
	grep -Eqx "run: E(PERM|ACCES)" "$T/did"
	grep -q "double-close" "$T/out/report"
	[ -n "$LANDLOCK" ] || skip "no Landlock in this kernel: files stay writable"
	grep -qx "write trace: EACCES" "$T/did"
	grep -qx "truncate trace: EACCES" "$T/did"
	grep -qx "remove trace: EACCES" "$T/did"
	grep -qx "write elsewhere: EACCES" "$T/did"
}

@test "debuginfod asked for: the network is left, the rest is not" {
	DEBUGINFOD_URLS=http://127.0.0.1:9 within "$B/fdwarden" report -q -o "$T/out/report" "$T/trace" 2>"$T/did" || [ $? = 1 ]
	cat "$T/did"
	grep -qx "network: done" "$T/did"
	grep -qx "debug: EPERM" "$T/did"
	grep -Eqx "run: E(PERM|ACCES)" "$T/did"
}

@test "audit: the program may do everything, the report after it no more than it needs" {
	cd "$T/out"
	mkdir "$T/tmp"
	TMPDIR=$T/tmp "$B/fdwarden" audit -q -o "$T/out/audit" -- sh -c "echo x >'$T/other/mine'; exec '$B/tests/programs/double_close'" >/dev/null
	[ -e "$T/other/mine" ]
	grep -q "double-close" "$T/out/audit"
	[ -z "$(ls -A "$T/tmp")" ]
}

@test "a kernel without Landlock, without seccomp, without either: the same report" {
	"$B/fdwarden" report -f json -o "$T/out/all" "$T/trace" || [ $? = 1 ]
	for missing in landlock_create_ruleset:error=ENOSYS landlock_restrict_self:error=EPERM prctl:error=EINVAL; do
		strace -f -o "$T/strace" -e trace="${missing%%:*}" -e inject="$missing" "$B/fdwarden" report -f json -o "$T/out/some" "$T/trace" || [ $? = 1 ]
		grep -q INJECTED "$T/strace"
		cmp "$T/out/all" "$T/out/some"
	done
}

@test "-o and --gen-suppressions through links, into pipes, to what is open already, into the directory at hand" {
	cd "$T/out"
	mkdir far && ln -s far/report link
	"$B/fdwarden" report -o link "$T/trace" || [ $? = 1 ]
	[ -L link ]
	grep -q double-close far/report
	ln -s made ahead
	"$B/fdwarden" report -o ahead "$T/trace" || [ $? = 1 ]
	[ -L ahead ]
	grep -q double-close made
	run -2 "$B/fdwarden" report -o '' "$T/trace"
	"$B/fdwarden" report -o here --gen-suppressions=far/s "$T/trace" || [ $? = 1 ]
	grep -q double-close here
	[ -s far/s ]
	"$B/fdwarden" report -o /dev/stderr "$T/trace" 2>&1 >/dev/null | grep -q double-close
	"$B/fdwarden" report -o /dev/fd/9 "$T/trace" 9>far/nine || [ $? = 1 ]
	grep -q double-close far/nine
	"$B/fdwarden" report -o >(cat >far/pipe) "$T/trace" || [ $? = 1 ]
	for _ in $(seq 50); do grep -q double-close far/pipe && break; sleep 0.1; done
	grep -q double-close far/pipe
	"$B/fdwarden" report -o /dev/null "$T/trace" || [ $? = 1 ]
}

@test "a damaged trace is still copied and repaired, also where TMPDIR says" {
	cp -r "$T/trace" "$T/cut"
	find "$T/cut" -name 'fds_[0-9]*' -size +0 ! -name '*.idx' -exec truncate -s 150 {} +
	mkdir "$T/room"
	TMPDIR=$T/room "$B/fdwarden" report --reader=babeltrace -f json -o "$T/out/cut" "$T/cut" || [ $? = 1 ]
	jq .coverage.damage "$T/out/cut"
	jq -e '.coverage.damage | length > 0 and all(test("no room") | not)' "$T/out/cut"
	[ -z "$(ls -A "$T/room")" ]
}
