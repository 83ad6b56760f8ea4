#!/usr/bin/env bats
# tests/e2e/faults.bats: what else can go wrong around a recording: daemons that are stopped, /dev/shm, HOME, clocks, memory, the recorder killed at every
# step. The program is not held up, nothing is left, what was recorded is readable, and it is said. Deaths of daemons and full disks: recording.bats.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
}

teardown() {
	leave_place
}

# Stops what $1 names of its own recording, then starts forty programs: a program that waits for a daemon waits a second or two, each time.
stopped() {
	cat >stopped.sh <<-'S'
		helper=$(pgrep -P $PPID -x fdwarden-helper)
		sessiond=$(pgrep -P $helper lttng-sessiond)
		consumerd=$(pgrep -P $sessiond lttng-consumer)
		case $1 in
		helper) kill -STOP $helper ;;
		sessiond) kill -STOP $sessiond ;;
		consumerd) kill -STOP $consumerd ;;
		both) kill -STOP $sessiond $consumerd ;;
		esac
		for i in $(seq 20); do /bin/true; (exec 5</dev/null; exec 5<&-); done
		exit 3
	S
	timeout 30 "$F" record "${@:2}" -o t -- bash stopped.sh "$1" 2>err
}

@test "a daemon that is stopped holds up no program, and goes on at the end: nothing is lost" {
	for who in sessiond consumerd both helper; do
		rm -rf t
		run -3 stopped $who
		cat err
		[ "$(report --fail-on=never -f json t | jq .coverage.events_lost)" = 0 ]
		run ! grep -q incomplete err
	done
}

@test "the same with buffers for each process" {
	for who in sessiond consumerd both; do
		rm -rf t
		run -3 stopped $who --isolate
		cat err
		report --fail-on=never t
	done
}

@test "/dev/shm read-only, or missing: said before the program starts" {
	unshare -m true 2>/dev/null || skip "needs a mount namespace"
	for shm in 'mount -t tmpfs -o ro none /dev/shm' 'mount -t tmpfs none /dev; : >/dev/null; : >/dev/zero; : >/dev/urandom'; do
		run -125 unshare -m bash -c "$shm; timeout 60 '$F' record -o t -- sh -c 'echo ran >ran'"
		[[ $output == *"/dev/shm is missing or cannot be written to"* ]]
		[ ! -e t ]
		[ ! -e ran ]
	done
}

@test "no file may grow: a sentence, 125, the program is not run; or what was recorded is there" {
	run -125 bash -c "ulimit -f 16; timeout 60 '$F' record -o t -- sh -c 'echo ran >ran'"
	[[ $output == *"cannot write to"*"File too large"* ]]
	[ ! -e ran ]
	[ ! -e t ]
	# Large enough to begin with. The program has the limit, and dies of it as natively.
	run -153 bash -c "ulimit -f 40000; timeout 60 '$F' record -q -o t -- dd if=/dev/zero of=big bs=1M count=42 status=none"
	report --fail-on=never t
}

@test "no HOME, for root and for a user" {
	run -0 env -u HOME timeout 60 "$F" record -q -o t -- true
	report t
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	run -0 env -u HOME setpriv --reuid=65534 --regid=65534 --clear-groups timeout 60 "$F" record -q -o "$W/u" -- true
	report u
}

@test "clocks that jump: a time namespace of the program's" {
	unshare --time --monotonic 100000 true 2>/dev/null || skip "no time namespaces here"
	run -0 timeout 60 "$F" record -q -o t -- sh -c 'ls / >/dev/null; unshare --time --monotonic 500000 --boottime 900000 sh -c "ls / >/dev/null; (exec 7</dev/null; exec 7<&-)"; ls /'
	report -f json t >json
	# Their order to the others' is not known, so nothing may be made of it.
	[ "$(jq '.findings | length' json)" = 0 ]
	[ "$(jq '.processes | length' json)" -ge 4 ]
}

@test "the analyzer without memory: a sentence and status 4, or all of the report" {
	timeout 60 "$F" record -q -o t -- bash -c 'for i in $(seq 60); do /bin/true; done'
	report -f json t >whole.json
	failed=0
	for limit in $(seq 36000 2500 120000); do
		status=0
		bash -c "ulimit -v $limit; timeout 60 '$F' report -f json t >got.json 2>err" || status=$?
		echo "$limit: $status $(cat err)"
		case $status in
		0) cmp whole.json got.json; break ;;
		4) grep -q "out of memory" err; failed=$((failed + 1)) ;;
		3 | 127) [ -s err ] ;; # the loader, or the first of it
		*) false ;;
		esac
	done
	[ "$status" = 0 ]
}

# each.sh COMMAND...: the recorder is killed after each of the times. A place of its own for its directories: others record on this machine, too.
each() {
	cat >each.sh <<-'S'
		F=$1 W=$2
		left() { pgrep -f -- "-o $W/t -- sh"; ls -d "$PLACE"/fdwarden-* "$PLACE"/lttng 2>/dev/null; }
		for ms in 0 5 10 20 30 50 70 90 110 130 150 170 200 230 260 300 350 400 500 600; do
			rm -rf "$W/t" ran ended
			"$F" record -q -o "$W/t" -- sh -c 'echo >ran; sleep 0.2; echo >ended' &
			sleep "$(awk "BEGIN { print $ms / 1000 }")"
			kill -9 $! 2>/dev/null
			wait $! 2>/dev/null
			for i in $(seq 200); do [ -n "$(left)" ] || break; sleep 0.1; done
			[ -z "$(left)" ] || { echo "after $ms ms is left: $(left)"; exit 1; }
			# Once begun, it came to its own end.
			[ ! -e ran ] || [ -e ended ] || sleep 0.5
			[ ! -e ran ] || [ -e ended ] || { echo "after $ms ms the program ended, too"; exit 1; }
			[ ! -e ran ] || "$F" report --fail-on=never "$W/t" >/dev/null 2>err || [ $? = 3 ] || { cat err; exit 1; }
		done
		exit 0
	S
	"$@" bash each.sh "$F" "$W" 3>&-
}

@test "the recorder is killed at each step of its start and its end: the program is not run, or goes on; nothing is left" {
	mkdir -m 777 place
	if [ "$(id -u)" = 0 ]; then
		run each setpriv --reuid=65534 --regid=65534 --clear-groups env PLACE="$W/place" XDG_RUNTIME_DIR="$W/place"
		echo "$output"
		[ "$status" = 0 ]
		unshare -m true 2>/dev/null || skip "root needs a mount namespace"
		run each unshare -m bash -c 'mount -t tmpfs none /run && export PLACE=/run && exec "$@"' -
	else
		run each env PLACE="$W/place" XDG_RUNTIME_DIR="$W/place"
	fi
	echo "$output"
	[ "$status" = 0 ]
}

@test "-o names what is open already: nothing of the program's is lost, and no link is replaced" {
	ln -s /proc/self/fd/1 out
	ln -s /dev/stderr err
	for i in 1 2; do
		timeout 60 "$F" audit -q -o "$W/out" -- bash -c "echo hello$i; exec 7<&-; /bin/true 7</dev/null"
		timeout 60 "$F" audit -q -o "$W/err" -- echo hello$i
	done >told 2>told.err
	cat told
	[ "$(grep -c '^hello' told)" = 4 ]
	[ -L out ]
	[ -L err ]
	timeout 60 "$F" record -q -o t -- "$B/tests/programs/double_close"
	report -o out t >told || [ $? = 1 ]
	grep -q "double-close" told
	# A file of no name any more.
	(exec 5>gone; rm gone; report -o /proc/self/fd/5 t || [ $? = 1 ]; cat /proc/self/fd/5 >found)
	grep -q "double-close" found
	[ ! -e gone ]
}

@test "more processes at once than LTTng's daemon has descriptors for: those it cannot serve are not recorded, and do not wait for it" {
	local most=$((64 + 16 * $(nproc)))
	for n in 1 2 3 4; do
		run -5 bash -c "ulimit -n $most; exec timeout 30 '$F' record -q -o t$n -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do /bin/true & done; wait; exit 5'"
	done
}

@test "processes that are killed in the middle of an event: it is said when others lost theirs for it, and only then is none lost" {
	local n said=0
	cat >kills.py <<-'E'
		import os, signal, time
		for i in range(60):
		    pid = os.fork()
		    while pid == 0:
		        os.close(os.open("/dev/null", os.O_RDONLY))
		    time.sleep(0.005)
		    os.kill(pid, signal.SIGKILL if i % 2 else signal.SIGTERM)
		    os.waitpid(pid, 0)
		end = time.time() + 1
		while time.time() < end:
		    os.close(os.open("/dev/null", os.O_RDONLY))
		    time.sleep(0.0005)
	E
	for n in 1 2 3 4 5 6; do
		timeout 60 "$F" record -o t$n -- /usr/bin/python3 kills.py 2>err
		cat err
		lost=$(report --fail-on=never -f json t$n | jq .coverage.events_lost)
		echo "lost: $lost"
		if grep -q "none lost" err; then
			[ "$lost" = 0 ]
		elif grep -q "never finished, because its process ended or was killed" err; then
			run -0 report --fail-on=never t$n
			[[ $output == *"never finished, because its process ended or was killed"* ]]
			said=1
		fi
	done
	[ $said = 1 ]
}

# NAME.c, recorded into t: it ends as natively, by saying "right".
records_right() {
	cc -O1 -o "$1" "$1.c"
	timeout 60 "$F" record -o t -- "./$1" >out 2>err
	cat err
	grep -qx right out
}

@test "one that is killed in the middle of an event is told with --isolate, too: its own last events are missing" {
	local n
	cat >alone.py <<-'E'
		import os, signal
		for i in range(20):
		    r, w = os.pipe()
		    pid = os.fork()
		    n = 0
		    while pid == 0:
		        os.close(os.open("/dev/null", os.O_RDONLY))
		        n += 1
		        if n == 1000:
		            os.write(w, b"x")
		    os.read(r, 1)
		    os.kill(pid, signal.SIGKILL)
		    os.waitpid(pid, 0)
		    os.close(r)
		    os.close(w)
	E
	for n in 1 2 3 4 5; do
		timeout 60 "$F" record --isolate -o i$n -- /usr/bin/python3 alone.py 2>err
		cat err
		grep -q "never finished, because its process ended or was killed" err || continue
		run ! grep -q "none lost" err
		run -0 report --fail-on=never i$n
		[[ $output == *"never finished, because its process ended or was killed"* ]]
		return
	done
	false
}

@test "a handler that forks in the middle of an event: the child has not begun it, and nothing is missing" {
	cat >forks.c <<-'E'
	#include <fcntl.h>
	#include <signal.h>
	#include <stdio.h>
	#include <sys/time.h>
	#include <sys/wait.h>
	#include <unistd.h>

	static const struct itimerval soon = { { 0, 0 }, { 0, 500 } };
	static volatile int children;

	static void forks(int s)
	{
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		children++;
		setitimer(ITIMER_REAL, &soon, NULL);
	}
	int main(void)
	{
		signal(SIGALRM, forks);
		setitimer(ITIMER_REAL, &soon, NULL);
		while (children < 300)
			close(open("/dev/null", O_RDONLY));
		puts("right");
		return 0;
	}
	E
	records_right forks
	run ! grep -q "never finished" err
	run -0 report --fail-on=never t
	[[ $output != *"never finished"* ]]
}

@test "a handler that jumps out of calls: events that are never finished are said, by the recorder and by the report" {
	cat >jumps.c <<-'E'
	#include <setjmp.h>
	#include <signal.h>
	#include <stdio.h>
	#include <sys/time.h>
	#include <unistd.h>
	static sigjmp_buf out;
	static volatile sig_atomic_t may, jumps;
	static volatile int fd;
	static void jump(int sig) { if (may) { may = 0; siglongjmp(out, 1); } }
	int main(void)
	{
		signal(SIGALRM, jump);
		setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 1000 }, { 0, 1000 } }, NULL);
		if (sigsetjmp(out, 1))
			jumps++;
		while (jumps < 500) {
			may = 1, fd = dup(0), close(fd), may = 0;
			for (int i = 3; i < 20; i++)
				close(i);
		}
		puts("right");
		return 0;
	}
	E
	records_right jumps
	grep -Eq "^fdwarden: [0-9]+ events were never finished, because .* a signal handler jumped out" err
	run ! grep -q "none lost" err
	run -0 report --fail-on=never t
	[[ $output == *"were never finished"* ]]
	[ "$(report --fail-on=never -f json t | jq '.coverage.damage | length')" -ge 1 ]
	timeout 60 "$F" record -o fine -- true 2>err
	grep -q "none lost" err
	[ ! -e fine/fdwarden-unfinished ]
}
