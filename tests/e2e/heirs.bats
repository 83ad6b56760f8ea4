#!/usr/bin/env bats
# tests/e2e/heirs.bats: fork children go on in the buffers they inherited (preload/heir.h): they are alone, all they do is recorded, and they hear of the end.
load common

setup() {
	place 755
	cat >heir.py <<-'END'
		import os, sys, threading, time
		def sockets(): return sum(os.readlink('/proc/self/fd/%d' % n).startswith('socket:') for n in range(65536) if os.path.islink('/proc/self/fd/%d' % n))
		def work(n):
		    for i in range(n): os.close(os.open('/dev/null', os.O_RDONLY))
		def child(what):
		    pid = os.fork()
		    if pid: return os.waitpid(pid, 0)[1]
		    os._exit(what() or 0)
	END
}
teardown() { leave_place; }

# python PROGRAM: the definitions above, and more.
more() { { cat heir.py; cat; } >"$1"; }
recorded() { "$F" record -q -o "$1" "${@:3}" -- /usr/bin/python3 "$2"; }

@test "a fork child has no thread and no socket that it does not have natively" {
	more alone.py <<-'END'
		child(lambda: print(len(os.listdir('/proc/self/task')), sockets(), flush=True))
	END
	recorded t alone.py >out
	/usr/bin/python3 alone.py >natively
	diff natively out
}

@test "children, theirs, threads of theirs, and what they exec: nothing is lost and everybody says goodbye" {
	more all.py <<-'END'
		def threads():
		    all = [threading.Thread(target=work, args=(50,)) for i in range(8)]
		    for t in all: t.start()
		    for t in all: t.join()
		    child(lambda: os.execv('/bin/true', ['true']))
		    child(lambda: child(lambda: work(10)))
		pids = []
		for i in range(30):
		    pid = os.fork()
		    if not pid:
		        threads()
		        os._exit(0)
		    pids.append(pid)
		for pid in pids: assert os.waitpid(pid, 0)[1] == 0
	END
	recorded t all.py
	"$F" report --format=json -o report.json t
	jq -e '.coverage.events_lost == 0 and (.coverage.partial + .coverage.damage == [])' report.json
	# python, 30 children, each with two of its own, the second of which has one
	[ "$(jq .coverage.processes report.json)" = 121 ]
	# What each does is there: 30 children with 8 threads, and 30 grandchildren's child.
	"$F" report --format=folded t | awk '{ n += $NF } END { exit !(n >= 30 * 8 * 50 + 30 * 10) }'
}

@test "with buffers of each process's own LTTng serves the children, and nothing is lost either" {
	more few.py <<-'END'
		for i in range(3): child(lambda: work(20))
	END
	recorded t few.py --isolate
	"$F" report --format=json -o report.json t
	jq -e '.coverage.events_lost == 0 and .coverage.processes == 4' report.json
}

@test "a child that goes on after the end of its recording is told: it writes no more" {
	more late.py <<-'END'
		if os.fork(): os._exit(0)
		open('started', 'w').write(str(os.getpid()))
		while not os.path.exists('over'): time.sleep(0.01)
		work(100000)
		open('done', 'w').close()
	END
	recorded t late.py --no-wait
	[ -e started ]
	find t -type f -exec sha256sum {} + | sort >before
	touch over
	for _ in $(seq 300); do [ -e done ] && break; sleep 0.1; done
	[ -e done ]
	find t -type f -exec sha256sum {} + | sort | diff before -
	"$F" report t | grep -q 'no problems found'
}

@test "a daemon that is stopped holds no fork up" {
	more stopped.py <<-'END'
		begun = time.monotonic()
		for i in range(20): child(lambda: work(5))
		took = time.monotonic() - begun
		open('took', 'w').write('%f' % took)
		open('done', 'w').close()
		while not os.path.exists('over'): time.sleep(0.01)
	END
	{ echo 'import time, os'; echo 'while not os.path.exists("go"): time.sleep(0.01)'; } | cat - stopped.py >waits.py
	"$F" record -q -o t -- /usr/bin/python3 waits.py 3>&- &
	recorder=$!
	for _ in $(seq 100); do helper=$(pgrep -P $recorder -f fdwarden-helper || pgrep -P $recorder -x fdwarden-helper) && daemon=$(pgrep -P "$helper" lttng-sessiond) && break; sleep 0.1; done
	sleep 0.5
	kill -STOP "$daemon"
	touch go
	for _ in $(seq 300); do [ -e done ] && break; sleep 0.1; done
	kill -CONT "$daemon"
	touch over
	wait $recorder
	# Natively 20 forks of python take some 40 ms; each used to wait for 0.9 s.
	awk '{ exit !($1 < 10) }' took
	"$F" report --format=json -o report.json t
	jq -e '.coverage.events_lost == 0 and .coverage.processes == 21' report.json
}

@test "several pid namespaces at once: whoever has the same number in another is somebody else" {
	unshare --user --map-root-user --pid --fork true 2>/dev/null || skip "no user namespaces here"
	cat >spaces.sh <<-'END'
		space() { unshare --user --map-root-user --pid --fork sh -c 'for i in 1 2 3 4 5 6; do ls / >o$$; (ls / >/dev/null; sleep 0.05); done'; }
		space & space & space & wait
	END
	"$F" record -q -o t -- bash spaces.sh 3>&-
	"$F" report --format=json -o report.json t
	jq -e '.coverage | .events_lost == 0 and .not_observed == [] and .partial == []' report.json
	# Bash and a shell for each space; unshare; its shell, and six times ls, a shell, another ls, sleep. (Which shell execs the last of its commands is its affair.)
	jq -e '.coverage.processes | . >= 1 + 3 * (2 + 6 * 3) and . <= 1 + 3 * (3 + 6 * 4)' report.json
	"$F" report --tree t >tree
	[ "$(grep -c '1 sh -c' tree)" -eq 3 ]
}
