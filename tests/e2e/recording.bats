#!/usr/bin/env bats
# tests/e2e/recording.bats: where a recording goes, who may make one, disks that are full, and what goes wrong with LTTng while it is made: daemons that are
# missing, hang, or are killed. The program is not disturbed, what is lost is said, nothing is left. Rarer faults are in faults.bats.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() { place_watched; }
teardown() { leave_place; }

# ---- the trace ----------------------------------------------------------------------------------------------------------------------------

@test "the output directory: made with its parents, refused when it is not empty or no directory, and then left alone" {
	run fdw record -q -o a/b/c -- true
	[ "$status" = 0 ]
	[ "$(starts a/b/c)" = 1 ]
	run fdw record -o a -- true
	[ "$status" = 125 ]
	[[ $output == *"not empty"* ]]
	echo precious >file
	run fdw record -o file -- true
	[ "$status" = 125 ]
	[ "$(cat file)" = precious ]
	mkdir empty
	run fdw record -q -o empty -- true
	[ "$status" = 0 ]
	[ "$(starts empty)" = 1 ]
	left_behind
}

@test "a place that cannot be written is said before the program starts" {
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	mkdir -m 755 mine
	run nobody "$F" record -o "$PWD/mine/trace" -- touch /tmp/fdw-ran-anyway
	[ "$status" = 125 ]
	[[ $output == *"cannot make the directory"* ]]
	run nobody "$F" audit -o "$PWD/mine/report" -- touch /tmp/fdw-ran-anyway
	[ "$status" = 125 ]
	[[ $output == *"cannot write the report"* ]]
	[ ! -e /tmp/fdw-ran-anyway ]
}

@test "a full disk is said before the program starts" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir small
	run timeout 60 unshare -m sh -c 'mount -t tmpfs -o size=200k none small && "$1" record -o small/t -- echo ran; r=$?; ls small; exit $r' x "$F"
	[ "$status" = 125 ]
	[[ $output == *"no space left"* ]]
	[[ $output != *ran* ]]
	left_behind
}

@test "a disk that fills up while recording does not disturb the program" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir small
	run timeout 120 unshare -m sh -c 'mount -t tmpfs -o size=2m none small && "$1" record -o small/t -- \
		sh -c "head -c 3000000 /dev/zero >small/filler; ls / >/dev/null; exit 4"' x "$F"
	echo "$output"
	[ "$status" = 4 ]
	[[ $output == *"no space is left"* ]]
	left_behind
}

@test "a full disk: what is there is said to be there, and to be reported" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir small
	cat >full.sh <<-END
		mount -t tmpfs -o size=300k none small || exit 77
		"$F" record -o small/t -- sh -c 'i=0; while [ \$i -lt 30000 ]; do exec 4</dev/null 4<&-; i=\$((i + 1)); done' 2>err
		"$F" report small/t >text
		"$F" report -f json small/t >json
	END
	run timeout 100 unshare -m bash full.sh
	[ "$status" != 77 ] || skip "no mounts here"
	cat err text
	grep -q "no space is left" err
	run ! grep -q "NOT OBSERVED" err
	tail -1 err | grep -q "next:  fdwarden report"
	head -3 text | grep -q "in what could be read"
	grep -q "said no goodbye" text
	grep -q "damage:" text
	python3 -m json.tool json >/dev/null
}

@test "two recordings at the same time" {
	"$F" record -q -o one -- sh -c 'sleep 0.5; exit 1' 3>&- &
	first=$!
	"$F" record -q -o two -- sh -c 'sleep 0.3; exit 2' 3>&- &
	second=$!
	wait $first && a=0 || a=$?
	wait $second && b=0 || b=$?
	[ "$a $b" = "1 2" ]
	[ "$(starts one) $(starts two)" = "2 2" ]
	left_behind
}

@test "an ordinary user records" {
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	install -d -m 755 -o 65534 mine
	run nobody "$F" record -q -o "$PWD/mine/t" -- ls /
	[ "$status" = 0 ]
	[ "$(starts mine/t)" = 1 ]
	[ "$(stat -c %u mine/t/ust)" = 65534 ]
	run nobody env -i "$F" record -q -o "$PWD/mine/t2" -- /bin/true
	[ "$status" = 0 ]
	[ "$(starts mine/t2)" = 1 ]
	left_behind
}

@test "a program started after privileges were dropped is recorded" {
	[ "$(id -u)" = 0 ] || skip "needs root to drop it"
	run fdw record -q -o t -- setpriv --reuid=65534 sh -c 'true; id -u; true'
	[ "$status" = 0 ]
	[ "$output" = 65534 ]
	echo "starts: $(starts t)"
	[ "$(starts t)" = 3 ] # setpriv, sh, id
	left_behind
}

@test "a program that keeps its capabilities over a change of user, which LTTng's threads do not, goes on" {
	[ "$(id -u)" = 0 ] || skip "needs root to drop it"
	run fdw record -q -o t -- setpriv --reuid=65534 --regid=65534 --clear-groups id -u
	[ "$status" = 0 ]
	[ "$output" = 65534 ]
	[ "$(starts t)" = 2 ]
}

@test "processes that outlive the program are recorded until they end, or Ctrl-C; --no-wait does not wait" {
	run fdw record -o t -- sh -c '(sleep 1; ls / >/dev/null) & exit 5'
	[ "$status" = 5 ]
	[[ $output == *"run on"* ]]
	[ "$(starts t)" = 3 ]
	SECONDS=0
	run fdw record --no-wait -o t2 -- sh -c 'sleep 50 >/dev/null 2>&1 3>&- & echo $! >sleeper; exit 6'
	kill "$(cat sleeper)"
	[ "$status" = 6 ]
	[ $SECONDS -lt 40 ]
	SECONDS=0
	"$F" record -o t3 -- sh -c 'sleep 50 >/dev/null 2>&1 & echo $! >sleeper; exit 6' 2>err 3>&- &
	pid=$!
	wait_for "runs\? on" err
	kill -TERM $pid
	wait $pid && status=0 || status=$?
	kill "$(cat sleeper)" || true
	[ "$status" = 6 ]
	[ $SECONDS -lt 40 ]
	left_behind
}

@test "while processes outlive the program, signals that were ignored or blocked at the start do not end the recording" {
	mkfifo go
	for how in "signal(s, SIG_IGN)" "pthread_sigmask(SIG_BLOCK, [s])"; do
		rm -rf t err
		timeout 60 python3 -c "import os, sys
from signal import *
for s in SIGINT, SIGTERM, SIGHUP, SIGQUIT: $how
os.execv(sys.argv[1], sys.argv[1:])" "$F" record -o t -- sh -c 'echo $PPID >command; (read x <go; exec ls /) >/dev/null 2>&1 & exit 6' 2>err 3>&- &
		pid=$!
		wait_for "runs\? on" err
		kill -INT "$(cat command)"; kill -TERM "$(cat command)"; kill -HUP "$(cat command)"; kill -QUIT "$(cat command)"
		sleep 1 # it looks four times a second
		used=$(cut -d' ' -f14,15 "/proc/$(cat command)/stat")
		echo >go
		wait $pid && status=0 || status=$?
		echo "$how: $status, $used: $(cat err)"
		[ "$status" = 6 ]
		[ $((${used/ /+})) -lt 50 ] # hundredths of a second: it waits, and does not spin
		[ "$(starts t)" = 2 ]
		run ! grep -q "recording ended" err
	done
	left_behind
}

@test "too few descriptors: one sentence with the number that is needed" {
	for n in 20 64; do
		run bash -c "ulimit -n $n; timeout 60 '$F' record -o out -- echo ran"
		echo "$output"
		[ "$status" = 125 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == *"limit of open files is $n"*"ulimit -n"* ]]
		[ ! -e out ]
	done
	left_behind
}

@test "as many descriptors as there may be for LTTng's daemons, also of a root that may not raise limits, as in containers" {
	local without=() most
	most=$(ulimit -Hn)
	[ "$most" -gt 1024 ] || skip "few files may be open here: $most"
	[ "$most" -le 65536 ] || most=65536
	[ "$(id -u)" != 0 ] || without=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource)
	cat >limits.sh <<-'END'
		daemon=$(pgrep -x lttng-sessiond -P "$(pgrep -P $PPID -x fdwarden-helper)")
		for pid in $daemon $(pgrep -x lttng-consumerd -P "$daemon"); do awk '/^Max open files/ { print $4 }' /proc/$pid/limits; done
	END
	for how in "" --isolate; do
		"${without[@]}" timeout 60 "$F" record $how -q -o t$how -- bash limits.sh >limits
		cat limits
		[ "$(wc -l <limits)" = 2 ]
		while read -r limit; do [ "$limit" -ge $((most - 1)) ]; done <limits
	done
	left_behind
}

# ---- what goes wrong with LTTng --------------------------------------------------------------------------------------------------------

@test "no session daemon on this machine: a sentence, 125, the program is not run" {
	mkdir bin
	ln -s /bin/echo bin/echo
	for command in record audit; do
		run env PATH="$PWD/bin" "$F" $command -o out -- echo ran
		[ "$status" = 125 ]
		[[ $output == *"lttng-tools"* ]]
		[[ $output != *ran* ]]
		[ ! -e out ]
	done
	run env PATH="$PWD/bin" "$F" run -- echo ran
	[ "$status" = 0 ]
	[ "$output" = ran ]
	left_behind
}

@test "a session daemon that ends at once or hangs: bounded, a sentence, 125" {
	printf '#!/bin/sh\necho no luck today >&2\nexit 1\n' >dead; chmod 755 dead
	run env LTTNG_SESSIOND_PATH="$PWD/dead" "$F" record -o out -- echo ran
	[ "$status" = 125 ]
	[[ $output == *"no luck today"* ]]
	[[ $output != *ran* ]]
	printf '#!/bin/sh\nexec sleep 100\n' >hung; chmod 755 hung
	SECONDS=0
	LTTNG_SESSIOND_PATH="$PWD/hung" run fdw record -o out -- echo ran
	[ "$status" = 125 ]
	[ $SECONDS -lt 20 ]
	[[ $output != *ran* ]]
	[ ! -e out ]
	left_behind
}

# begins PROGRAM...: recorded in the background, up to where it says "ready" and reads a line of ./go. (3 is bats' own, which waits for all who have it.)
begins() {
	mkfifo go
	"$F" record -o t -- "$@" >out 2>err 3>&- &
	pid=$!
	wait_for ready out
}
go_on() { echo >go; }
# Its start is in the trace: buffers are written out now and then.
until_written() {
	for _ in $(seq 100); do [ -z "$(find t -name 'fds_meta_*' -size +0 ! -name '*.idx')" ] || return 0; sleep 0.1; done
	return 1
}
# `status`, and the words of the recorder.
ends() {
	wait $pid && status=0 || status=$?
	cat err
}

# The daemon is the helper's child, the helper the command's.
daemon_of() { pgrep -P "$(pgrep -P "$1" | while read -r p; do [ "$(cat /proc/"$p"/comm)" = fdwarden-helper ] && echo "$p"; done)" | head -1; }

@test "the session daemon is killed half way: the program goes on, the loss is said, what was there is readable" {
	begins sh -c 'ls / >/dev/null; echo ready; read x <go; ls / >/dev/null; exit 5'
	until_written
	kill -9 "$(daemon_of $pid)"
	SECONDS=0
	go_on
	ends
	[ "$status" = 5 ]
	[ $SECONDS -lt 30 ]
	grep -Eq "session daemon was gone|Fatal error of the session daemon" err
	[ "$(starts t)" -ge 1 ]
	left_behind
}

@test "the session daemon hangs at the end: bounded, said" {
	begins sh -c 'echo ready; read x <go; exit 5'
	# One that is stopped by a signal is let go on at the end; not so by a debugger.
	timeout 25 gdb -q -batch -nx -p "$(daemon_of $pid)" -ex "shell touch held; sleep 25" >/dev/null 2>&1 3>&- &
	for i in $(seq 100); do [ ! -e held ] || break; sleep 0.1; done
	[ -e held ]
	SECONDS=0
	go_on
	ends
	[ "$status" = 5 ]
	[ $SECONDS -lt 30 ]
	grep -q "did not answer" err
	left_behind
}

@test "the consumer daemon is killed half way: the loss is said, and no leak is claimed" {
	begins sh -c 'exec 4</dev/null 5</dev/null 6</dev/null 7</dev/null; echo ready; read x <go; exec 4<&- 5<&- 6<&- 7<&-'
	until_written
	kill -9 "$(pgrep -P "$(daemon_of $pid)" lttng-consumer)"
	go_on
	ends
	[ "$status" = 0 ]
	grep -q "consumer daemon.*was gone before the end" err
	grep -q "maybe incomplete" err
	run fdw report t
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"incomplete: "*"said no goodbye"* ]]
	[[ $output != *" fd-leak"* ]]
	left_behind
}

@test "the process between the command and LTTng is killed: the same" {
	begins sh -c 'echo ready; read x <go; exit 5'
	pkill -KILL -P $pid fdwarden-helper
	go_on
	ends
	[ "$status" = 5 ]
	grep -q "ended unexpectedly" err
	left_behind
}

@test "Ctrl-C while LTTng hangs at the start: at once, the program is not run" {
	printf '#!/bin/sh\nexec sleep 100\n' >hung; chmod 755 hung
	LTTNG_SESSIOND_PATH="$PWD/hung" "$F" record -o out -- touch ran 2>err 3>&- &
	pid=$!
	sleep 1
	SECONDS=0
	kill -TERM $pid
	wait $pid && status=0 || status=$?
	[ "$status" = 143 ] # the signal's own
	[ $SECONDS -lt 5 ]
	grep -q interrupted err
	[ ! -e ran ]
	left_behind
}

@test "events lost because the buffers were too small are counted and said" {
	fdw record --buffer-size=64K -o t -- "$B/tests/bench/calls" 'close(dup)' 200000 2>err
	cat err
	grep -q "LOST" err
	grep -q "larger --buffer-size" err
	fdw record -o t2 -- python3 -c 'import os
for i in range(20000): os.close(os.dup(1))' 2>err
	grep -q "none lost" err
}

@test "the command is killed: the program goes on, the trace is written, nothing is left" {
	"$F" record -o t -- sh -c 'sleep 1; echo done >marker' 2>err 3>&- &
	pid=$!
	wait_for recording err
	sleep 0.3
	kill -9 $pid
	wait $pid || true
	for _ in $(seq 50); do [ -e marker ] && break; sleep 0.1; done
	[ -e marker ]
	left_behind
	[ "$(starts t)" -ge 1 ]
}
