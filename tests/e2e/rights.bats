#!/usr/bin/env bats
# tests/e2e/rights.bats: programs that give up rights while they are recorded: no thread of the tracer's has more afterwards, the program gets what it gets
# natively, and it is recorded on; or the recording ends there, and says so. FDW_BUILD: the build directory.
# One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
	[ "$(id -u)" = 0 ] || skip "needs root to give it up"
}

teardown() {
	leave_place
}

recorded() { # OPTIONS -- WORD
	rm -rf t
	timeout -k 5 60 "$F" record -q -o t "$@" >out 2>err
}

# natively WORD: what it prints; exit status
natively() { timeout -k 5 60 "$P/rights" "$1" >native.out 2>native.err; }

as_natively() { # WORD OPTIONS...
	local word=$1
	shift
	natively "$word"
	recorded "$@" -- "$P/rights" "$word"
	diff native.out out
	[ ! -s err ]
	"$F" report -f json -o r.json t || [ $? -le 1 ]
	jq -e '.coverage.events_lost == 0' r.json
}

# It was recorded to its end: two double closes, of the parent and of the child.
to_the_end() {
	jq -c '[.findings[] | [.rule, .count]], .coverage' r.json
	jq -e '[.findings[] | select(.rule == "double-close") | .count] | add == 2' r.json
	jq -e '.coverage.partial == []' r.json
}

# What it exec'd is recorded anew.
says_hello() { babeltrace2 t | grep '"PROC_START"' >hello; [ "$(wc -l <hello)" = 2 ]; jq -e '.coverage.not_observed == []' r.json; }

# The report says that it does not know the rest, and why.
ends_because() {
	jq -c .coverage.partial r.json
	jq -e --arg why "it was recorded until $1" '.coverage.partial | any(.why | startswith($why))' r.json
}

@test "capset, by libc's and by syscall()" {
	for word in capset capset-raw; do as_natively $word; to_the_end; says_hello; done
}

@test "setresuid: with all threads, for one alone, with capabilities kept, after a change that LTTng's threads did not make" {
	for word in setresuid setresuid-raw setresuid-kept capset-setresuid; do as_natively $word; to_the_end; says_hello; done
}

@test "prctl: no new privileges; capabilities one by one" {
	for word in prctl prctl-many; do as_natively $word; to_the_end; says_hello; done
}

@test "unshare of users, by libc's and by syscall()" {
	unshare --user true || skip "no user namespaces here"
	for word in unshare unshare-raw; do as_natively $word; to_the_end; done
}

@test "a filter for one thread: the recording ends there with a word" {
	as_natively seccomp
	ends_because "a seccomp filter was installed"
}

@test "where LTTng has to speak to the process later, buffers for each process, the recording ends with a word" {
	for word in capset setresuid-kept prctl setfsuid; do
		as_natively $word --isolate
		ends_because "$([ $word = setresuid-kept ] && echo "it changed its ids" || echo "it gave up rights")"
	done
}

@test "a flight recorder: to the end" {
	for word in capset setresuid-kept prctl setfsuid unshare; do as_natively $word --ring; to_the_end; done
}

@test "audit: the same" {
	for word in capset setresuid-kept prctl unshare; do
		natively $word
		"$F" audit -q -f json -o r.json -- "$P/rights" $word >out 2>err || true
		diff native.out out
		jq -e '[.findings[] | select(.rule == "double-close") | .count] | add == 2' r.json
	done
}

@test "a threaded program: its other threads keep what they have, the tracer's are not there" {
	command -v python3 || skip "no python3 here"
	cat >p.py <<-'END'
		import ctypes, os, threading
		libc = ctypes.CDLL(None, use_errno=True)
		go, over = threading.Event(), threading.Event()
		listed = threading.Event()
		def other(): go.wait(); [os.close(os.dup(0)) for _ in range(100)]; over.set(); listed.wait()
		t = threading.Thread(target=other); t.start()
		print(libc.prctl(38, 1, 0, 0, 0)); go.set(); over.wait()
		for tid in os.listdir("/proc/self/task"):
		    print([l.strip() for l in open(f"/proc/self/task/{tid}/status") if l.startswith("NoNewPrivs")])
		listed.set(); t.join()
		print(sum(os.close(os.dup(0)) is None for _ in range(100)))
	END
	python3 p.py >native.out
	recorded -- python3 p.py
	diff native.out out
	"$F" report -f json -o r.json t || [ $? -le 1 ]
	jq -e '.coverage.events_lost == 0 and .coverage.descriptors > 200' r.json
}
