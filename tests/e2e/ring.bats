#!/usr/bin/env bats
# tests/e2e/ring.bats: the flight recorder: the last of it at the end, on demand, and when something wrong is seen; and nothing left behind. FDW_BUILD: the
# build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
	# Opens and closes until its input ends, then does what it is told: a second close, a loop over everything, or nothing.
	cat >busy.py <<'PY'
import os, sys, select
while True:
    for i in range(200):
        fd = os.open("/dev/null", os.O_RDONLY)
        os.close(fd)
    if select.select([0], [], [], 0)[0]:
        break
what = sys.stdin.readline().strip()
if what == "wrong":
    try: os.close(fd)
    except OSError: print("refused", flush=True)
if what == "loop":
    os.closerange(fd, fd + 64)
    for i in range(fd + 63, fd - 1, -1):
        try: os.close(i)
        except OSError: pass
if what:
    sys.stdin.readline()
PY
	R=
	RECORDER=("$F")
}

teardown() {
	exec 9>&-
	[ -z "$R" ] || kill "$R" 2>/dev/null || true
	leave_place
}

json() { report --fail-on=never -f json "$1" | jq "$2"; }

# Records busy.py, or PROGRAM, into t; what is written to descriptor 9 is its input. P: its pid. RECORDER: by whom.
start() {
	mkfifo in
	timeout 120 "${RECORDER[@]}" record "$@" -o t -- /usr/bin/python3 "${PROGRAM:-busy.py}" <in >out 2>err 3>&- &
	R=$!
	exec 9>in
	for i in $(seq 200); do
		P=$(sed -n 's/.*(pid \([0-9]*\)).*/\1/p' err)
		[ -z "$P" ] || break
		sleep 0.05
	done
	[ -n "$P" ]
	sleep 1
}

# within SECONDS CONDITION
within() {
	for i in $(seq $((10 * $1))); do
		! eval "$2" || return 0
		sleep 0.1
	done
	cat err
	return 1
}

# waits_for TEXT FILE
waits_for() { within 30 "grep -q '$1' '$2'"; }

finish() {
	exec 9>&-
	wait "$R"
	R=
}

@test "ring: the last of it, of the size asked for, whatever the program does" {
	start --ring=1M
	sleep 1
	finish
	[ "$(du -sk t | cut -f1)" -lt 4096 ]
	[ "$(json t .coverage.ring)" = true ]
	[ "$(json t .coverage.events)" -gt 1000 ]
	[ "$(json t .coverage.events_lost)" -gt 10000 ]
	[ "$(json t '.findings | length')" = 0 ]
	run -0 report t
	[[ $output == *"earlier ones written over"* ]]
	[[ $output != *"larger buffers"* ]]
	run -0 report --reader=babeltrace t
	[[ $output == *"earlier ones written over"* ]]
	[ ! -e t.violation ]
}

@test "ring: a short program's is all of it" {
	run -3 fdw record --ring -o t -- sh -c 'exec 4</dev/null; exec 4<&-; exit 3'
	[ "$(json t .coverage.events_lost)" = 0 ]
	[ "$(json t .coverage.descriptors)" -gt 0 ]
	run -0 report t
	[[ $output == *"none written over"* && $output != *"what came before"* ]]
}

@test "snapshot: by pid, by name, by recorder; the program and the recording go on" {
	start --ring=1M
	run -0 --separate-stderr fdw snapshot "$P"
	[ -z "$output" ]
	[[ $stderr == *"next:  fdwarden report fdwarden.python3"*".$P.snapshot-1"* ]]
	run -0 fdw snapshot "$P"
	run -0 fdw snapshot -o by-name -q python3
	[ -z "$output" ]
	run -0 fdw snapshot -o by-recorder "$(ps -o ppid= -p "$P" | tr -d ' ')"
	kill -0 "$P"
	for s in fdwarden.python3*.snapshot-1 fdwarden.python3*.snapshot-2 by-name by-recorder; do
		[ "$(json "$s" .coverage.ring)" = true ]
		[ "$(json "$s" .coverage.events)" -gt 1000 ]
		[ "$(json "$s" '.findings | length')" = 0 ]
		[ "$(json "$s" '.processes[0].pid')" = "$P" ]
		[ "$(json "$s" '.coverage.damage | length')" = 0 ]
	done
	# There is one of that name already.
	run -1 fdw snapshot -o by-name "$P"
	[[ $output == *"not empty"* ]]
	finish
	[ "$(json t .coverage.events)" -gt 1000 ]
	run -3 fdw snapshot "$P"
}

@test "snapshot: what cannot be written out is said" {
	start
	run -3 fdw snapshot -o s "$P"
	[[ $output == *"no ring"* ]]
	finish
	rm in
	run -3 fdw snapshot 1
	run -3 fdw snapshot no-such-program
	[[ $output == *"record --ring"* ]]
	[ ! -e s ]
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	rm -rf t
	start --ring=1M
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups "$F" snapshot -o s "$P"
	[[ $output == *"not allowed"* ]]
	# A place where nothing can be written: said, and the recording goes on.
	run -1 fdw snapshot -o /proc/fdw "$P"
	run -0 fdw snapshot -o s "$P"
	finish
}

@test "snapshot: a user's recording, for the user and for root" {
	[ "$(id -u)" = 0 ] || skip "needs root to be somebody else"
	RECORDER=(env HOME="$W" setpriv --reuid=65534 --regid=65534 --clear-groups "$F")
	start --ring=1M
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups "$F" snapshot -o "$W/user" "$P"
	run -0 fdw snapshot -o root "$P"
	[ "$(json user .coverage.ring)" = true ]
	[ "$(json root .coverage.ring)" = true ]
	finish
}

@test "violation: a trace that ends with its cause" {
	start --ring=1M
	echo wrong >&9
	waits_for "something wrong was seen" err
	grep -q "next:  fdwarden report $W/t.violation" err
	kill -0 "$P"
	run -1 report t.violation
	[[ $output == *"1 error (double-close)"* ]]
	# Nothing of the program's comes after it but what it did in the time that a message takes.
	babeltrace2 t.violation/ring/*/ust/uid/*/64-bit | tail -20 | grep -q '"CLOSE".*err = 9, flags = 0x8'
	grep -qx refused out
	echo >&9
	finish
	[ "$(ls -d t.violation* | wc -l)" = 1 ]
}

@test "violation: in a fork child, whom LTTng does not know, after one that was none" {
	cat >worker.py <<-'PY'
	import os, select, sys
	if os.fork():
	    sys.exit(os.wait()[1])
	select.select([0], [], [])
	e = select.epoll()
	fd = os.open("/dev/zero", os.O_RDONLY)
	pair = os.pipe()
	e.register(pair[0])
	os.close(pair[0])
	if sys.stdin.readline():
	    try: e.modify(pair[0], select.EPOLLIN)
	    except OSError: print("answered", flush=True)
	if sys.stdin.readline():
	    os.close(fd)
	    try: os.close(fd)
	    except OSError: print("refused", flush=True)
	sys.stdin.readline()
	PY
	PROGRAM=worker.py
	start --ring=1M
	echo note >&9
	waits_for answered out
	# A snapshot is made, is none, and goes; five seconds later one is made again.
	within 30 '[ -e t.violation ]'
	within 30 '[ ! -e t.violation ]'
	run ! grep "something wrong" err
	sleep 6
	echo wrong >&9
	waits_for "something wrong was seen" err
	run -1 report t.violation
	[[ $output == *"1 error (double-close)"* ]]
	echo >&9
	finish
	[ "$(ls -d t.violation* | wc -l)" = 1 ]
}

@test "violation: a quiet recorder writes it, and says nothing" {
	mkfifo in
	timeout 120 "$F" record -q --ring=1M -o t -- /usr/bin/python3 busy.py <in >out 2>err 3>&- &
	R=$!
	exec 9>in
	echo wrong >&9
	within 30 '[ -e t.violation/fdwarden-ring ]'
	echo >&9
	finish
	[ ! -s err ]
	run -1 report t.violation
	[[ $output == *"1 error (double-close)"* ]]
}

@test "violation: where there is no place for another, the earlier ones stay" {
	for n in "" $(seq -f -%.0f 2 98); do mkdir "t.violation$n"; done
	touch t.violation-98/kept
	run fdw record -q --ring -o t -- true
	[ "$status" = 0 ]
	[ -e t.violation-98/kept ]
}

@test "violation: a loop over everything is none" {
	start --ring=1M
	echo loop >&9
	sleep 3
	echo >&9
	finish
	run ! grep -q "something wrong" err
	[ "$(ls -d t.violation* 2>/dev/null | wc -l)" = 0 ]
	run -0 report t
}

@test "violation: in the program's last moment: the trace has it, and nothing else is left" {
	start --ring=1M
	exec 9>&-
	wait "$R" || true
	rm -rf t in
	start --ring=1M
	echo wrong >&9
	finish
	run -1 report t
	[[ $output == *"double-close"* ]]
	[ ! -e t.violation ] || [ -e t.violation/ust ]
}

@test "ring: a recorder that is killed: the program goes on, the trace is there, nothing is left" {
	local dir
	start --ring=1M
	dir=$(tr '\0' '\n' <"/proc/$P/environ" | sed -n 's/^FDWARDEN_RECORD=\([^.]*\).*/\1/p')
	[ -S "${dir%/}/control" ]
	kill -9 "$(ps -o ppid= -p "$P" | tr -d ' ')"
	wait "$R" || true
	R=
	for i in $(seq 150); do
		[ -e "$dir" ] || break
		sleep 0.1
	done
	[ ! -e "$dir" ]
	kill -0 "$P"
	[ "$(json t .coverage.events)" -gt 1000 ]
	[ "$(json t .coverage.ring)" = true ]
	exec 9>&-
}

@test "ring: the consumer daemon is killed: the loss is said, and not that the program could not be recorded" {
	local helper
	start --ring=1M
	helper=$(for p in $(pgrep -P "$(ps -o ppid= -p "$P" | tr -d ' ')"); do [ "$(cat /proc/"$p"/comm)" != fdwarden-helper ] || echo "$p"; done)
	kill -9 "$(pgrep -P "$(pgrep -P "$helper" | head -1)" lttng-consumer)"
	echo >&9
	wait "$R"
	R=
	cat err
	grep -q "maybe incomplete" err
	grep -q "LTTng could not write its ring" err
	run ! grep -q "cannot load" err
}

@test "nginx under load in a ring: as natively, no finding, nothing left" {
	cat >nginx.conf <<-CONF
		daemon off; worker_processes 2; pid $W/pid; error_log $W/error.log;
		events { worker_connections 256; }
		http { access_log off; client_body_temp_path $W/b; proxy_temp_path $W/p; fastcgi_temp_path $W/f; uwsgi_temp_path $W/u; scgi_temp_path $W/s;
		server { listen 127.0.0.1:18347; location / { return 200 "ok\n"; } } }
	CONF
	timeout 100 "$F" record --ring=2M -q -o t -- nginx -c "$W/nginx.conf" -p "$W" 3>&- &
	R=$!
	for i in $(seq 100); do
		! curl -s http://127.0.0.1:18347/ >/dev/null || break
		sleep 0.1
	done
	ab -q -n 20000 -c 16 http://127.0.0.1:18347/ >ab.txt 2>&1
	grep -q "Failed requests: *0" ab.txt
	run -0 fdw snapshot -q -o s "$(cat pid)"
	ab -q -n 2000 -c 16 http://127.0.0.1:18347/ >ab.txt 2>&1
	kill -QUIT "$(cat pid)"
	wait "$R"
	R=
	for s in s t; do
		[ "$(json "$s" .coverage.events)" -gt 1000 ]
		report "$s"
	done
	[ ! -e t.violation ]
}
