#!/usr/bin/env bats
# tests/e2e/container.bats: the command and its program inside a container, under the seccomp profile and with the capabilities that podman and docker give by
# default, as root and as a user. FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
	. "$BATS_TEST_DIRNAME/../world/container.sh"
	[ "$(id -u)" = 0 ] || skip "needs root to make a container"
	command -v crun || skip "needs crun"
	[ -f "$profile" ] || skip "needs golang-github-containers-common"
	unshare --mount true || skip "no mount namespaces here"
	cp "$F" "$B/libfdwarden.so" "$B/libfdwarden-ust.so" "$B/tests/programs/double_close" .
	export -f in_container
	export profile
}

teardown() {
	leave_place
}

inside() { unshare --mount bash -c 'in_container "$@"' inside "$W" "$@" 2>err; }

@test "it is one: a filter, few capabilities, no other processes" {
	inside 0 sh -c 'echo $$; grep -E "^Seccomp:|^CapEff:" /proc/self/status' >out
	cat out err
	grep -qx 1 out
	grep -qx "Seccomp:	2" out
	run ! grep -q "CapEff:	000001ff" out
}

@test "run: protected; record and audit: recorded whole, in spite of the filter" {
	for uid in 0 1000; do
		inside $uid ./fdwarden run -- sh -c 'exit 4' || [ $? = 4 ]
		inside $uid ./fdwarden record -q -o t$uid -- sh -c 'true; ls -d /; ./double_close; exec id -u' >out
		cat out err
		[ "$(cat out)" = "/
done
$uid" ]
		"$F" report -f json -o r.json t$uid || [ $? = 1 ]
		jq -c .coverage r.json
		jq -e '.coverage | .events_lost == 0 and .not_observed == [] and .partial == [] and .processes == 3' r.json
		jq -e '[.findings[] | .rule] == ["double-close"]' r.json
		inside $uid ./fdwarden audit -q -f json -o a$uid.json -- ./double_close >out
		jq -e '[.findings[] | .rule] == ["double-close"]' a$uid.json
	done
}

@test "doctor says that programs can be recorded there" {
	inside 0 ./fdwarden doctor >out || [ $? = 1 ]
	cat out err
	grep -q "^ok .*trial recording" out
}
