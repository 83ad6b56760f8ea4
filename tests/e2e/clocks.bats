#!/usr/bin/env bats
# tests/e2e/clocks.bats: clocks that are not the kernel's, and namespaces of time: no wait is endless, and what processes did stands in one order.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 755
	H=$B/tests/e2e/src/hazards
}

teardown() {
	leave_place
}

# How a mode runs a command with the other interposer first, last, or not there (""). Programs that race tell about it in a log that nobody reads.
by() { # MODE WHERE COMMAND...
	local mode=$1 list
	case $2 in
	first) list=$H/libclock.so:$B/libfdwarden.so alone=$H/libclock.so ;;
	last) list=$B/libfdwarden.so:$H/libclock.so alone=$H/libclock.so ;;
	esac
	shift 2
	case $mode in
	native) LD_PRELOAD=$alone timeout -k 5 60 "$@" ;;
	enforce | observe) LD_PRELOAD=$list FDWARDEN_MODE=$mode FDWARDEN_LOG=off timeout -k 5 60 "$@" ;;
	record) rm -rf t; timeout -k 5 100 "$F" record -q -o t -- env LD_PRELOAD="$list" "$@" ;;
	audit) rm -rf t; timeout -k 5 100 "$F" record -q -m audit --tombstones=0 -o t -- env LD_PRELOAD="$list" "$@" ;;
	esac
}

all_ways() {
	local where mode
	for where in first last; do
		for mode in native enforce observe record audit; do
			by $mode $where "$@" >$mode.out 2>$mode.err && echo "status 0" >>$mode.out || echo "status $?" >>$mode.out
			diff native.out $mode.out
			diff native.err $mode.err
		done
	done
}

# Nanoseconds from the first event of a recording to the last.
span() {
	babeltrace2 --clock-cycles "$1" 2>/dev/null | sed -n 's/^\[0*\([0-9]*\)\].*/\1/p' | sort -n | sed -n '1p;$p' | xargs | awk '{ printf "%.0f\n", $2 - $1 }'
}

@test "a clock that stands: threads, children, handlers, closes that meet" {
	export CLOCK_STANDS=1
	all_ways "$H/hazards" at-forks
	all_ways "$H/hazards" forks-in-threads
	all_ways "$B/tests/programs/concurrent_close"
	all_ways "$B/tests/programs/cloexec_apart"
	all_ways "$B/tests/programs/numbers_back"
}

@test "a clock that runs backwards, at another speed" {
	all_ways "$H/hazards" handles-often
	all_ways "$B/tests/programs/accept_workers"
	all_ways sh -c 'for i in 1 2 3; do (exit $i); echo $?; done; echo a | cat; exec ls -d /'
}

@test "what a program with another clock did is recorded with the recorder's" {
	export CLOCK_STANDS=1
	for where in first last; do
		[ $where = first ] && list=$H/libclock.so:$B/libfdwarden.so || list=$B/libfdwarden.so:$H/libclock.so
		"$F" record -q -o t.$where -- sh -c "true; LD_PRELOAD=$list '$B/tests/programs/double_close' & LD_PRELOAD=$list '$B/tests/programs/popen_pclose'; wait; true" >/dev/null
		[ "$(span t.$where)" -lt 100000000000 ]
		"$F" report -f json -o r.json t.$where || [ $? = 1 ]
		jq -e '.coverage.events_lost == 0 and [.findings[] | .rule] == ["double-close"]' r.json
	done
}

in_time() { unshare --time --monotonic 100000 --boottime 5000 --fork "$@"; }

@test "processes in time namespaces: one order for all" {
	in_time true || skip "no time namespaces here"
	"$F" record -q -o t -- sh -c "true; unshare --time --monotonic 100000 --fork sh -c 'true; cat /dev/null'; unshare --time --monotonic 70000 '$B/tests/programs/double_close'; true" >/dev/null
	[ "$(span t)" -lt 100000000000 ]
	"$F" report -f json -o r.json t || [ $? = 1 ]
	jq -e '.coverage.events_lost == 0 and .coverage.processes == 5 and [.findings[] | .rule] == ["double-close"]' r.json
}

@test "the command itself in a time namespace, and its program in another" {
	in_time true || skip "no time namespaces here"
	in_time "$F" record -q -o t -- sh -c "true; unshare --time --monotonic 70000 --fork '$B/tests/programs/double_close'; true" >/dev/null
	[ "$(span t)" -lt 100000000000 ]
	"$F" report -f json -o r.json t || [ $? = 1 ]
	jq -e '.coverage.events_lost == 0 and [.findings[] | .rule] == ["double-close"]' r.json
}
