#!/usr/bin/env bats
# tests/e2e/hazards.bats: what must never happen to a program because fdwarden is there. Each test runs natively, under LD_PRELOAD (enforce)
# and recorded: status, output and complaints must be the same, in bounded time.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 755
	H=$B/tests/e2e/src/hazards
	hazard=$H/hazards
	limit=30
	unrecorded=
}

teardown() {
	leave_place
}

# once HOW COMMAND...: status and output in HOW.out, complaints in HOW.err. What the program wrote to `file` belongs to its output.
once() {
	local how=$1 status
	shift
	rm -rf t file
	case $how in
	native) set -- timeout -k 5 $limit "$@" ;;
	preload) set -- timeout -k 5 $limit env LD_PRELOAD="$B/libfdwarden.so${also:+:$also}" "$@" ;;
	after) set -- timeout -k 5 $limit env LD_PRELOAD="${also:+$also:}$B/libfdwarden.so" "$@" ;;
	record) set -- timeout -k 5 $((limit * 2)) "$F" record -q -o t -- "$@" ;;
	esac
	# With no descriptors but the three. The death of a command is told by this shell, not in its output.
	bash -c 'for fd in /proc/self/fd/*; do [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"; done; exec "$@"' x "$@" \
		>$how.out 2>$how.err </dev/null && status=0 || status=$?
	[ ! -e file ] || cat file >>$how.out
	echo "status $status" >>$how.out
}

# same COMMAND...: all three ways
same() {
	local how
	for how in native preload record; do
		once $how "$@"
	done
	as_native preload
	as_native record
	[ -n "$unrecorded" ] || was_recorded
}

# What was not recorded is as natively for another reason. `unrecorded` is set where it need not be: limits.
was_recorded() {
	run ! grep -a 'cannot record this program' record.err
	[ -n "$(find t -name 'fds_*' -size +0)" ]
}

as_native() {
	[ "$(tail -1 native.out)" != "status 124" ]
	diff -a native.out "$1.out"
	grep -Ev '^fdwarden: .*(cannot record this program|never finished, because its process ended or was killed)' "$1.err" >err || true
	diff native.err err
}

root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
has() { command -v "$1" >/dev/null || skip "no $1 here"; }
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"

# ---- environments ------------------------------------------------------------------------------------------------------------------

@test "env -i: the child's environment is what it was given, and it is recorded" {
	same sh -c 'env -i /bin/echo one; exec env -i A=b /bin/sh -c "echo two; /bin/cat /dev/null"'
	[ "$(starts t)" = 6 ]
	once record env -i A=b env
	grep -v '^LD_PRELOAD=\|^FDWARDEN_\|^LTTNG_' record.out >left
	[ "$(cat left)" = "A=b
status 0" ]
}

@test "the program's environment is its own, but for LD_PRELOAD, FDWARDEN_ and LTTNG_" {
	for how in native preload record; do
		once $how env
		grep -v '^LD_PRELOAD=\|^FDWARDEN_\|^LTTNG_' $how.out >$how.left
		diff native.left $how.left
	done
}

@test "dropped privileges: setpriv, with kept capabilities, su-like" {
	root
	same $nobody id
	same setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all id
	same setpriv --reuid=65534 --init-groups --regid=65534 --inh-caps=+net_raw --ambient-caps=+net_raw grep Cap /proc/self/status
	same setpriv --securebits=+keep_caps,+no_setuid_fixup --reuid=65534 --clear-groups sh -c 'id; grep Cap /proc/self/status'
	same setpriv --no-new-privs sh -c 'id -u; cat /proc/self/attr/current 2>/dev/null | wc -l'
}

@test "chroot: static and dynamic programs where libfdwarden.so is not" {
	root
	mkdir -p jail/bin
	cp "$B/tests/e2e/src/static" jail/bin/
	cp /bin/echo "$hazard" jail/bin/
	for f in $(ldd /bin/echo "$hazard" | grep -o '/[^ :]*\.so[^ :]*' | sort -u); do
		mkdir -p "jail$(dirname "$f")"
		cp "$f" "jail$f"
	done
	mkdir jail/empty jail/dev
	mknod -m 666 jail/dev/null c 1 3 || skip "no devices can be made here"
	same chroot jail /bin/echo hello
	same chroot jail /bin/static
	same chroot jail /bin/hazards at-forks
	same chroot jail/empty /bin/echo hello
}

@test "namespaces: unshare -m, -n, -p, -u" {
	root
	unshare -m true || skip "no namespaces here"
	same unshare -m sh -c 'mount -t tmpfs none /mnt && touch /mnt/x && ls /mnt'
	same unshare -n sh -c 'cat /proc/net/dev | wc -l'
	same unshare -pf --mount-proc sh -c 'echo $$; ps | wc -l'
	same unshare -u sh -c 'hostname inside; hostname'
}

@test "a mount namespace without /tmp, /run and /dev/shm as they were" {
	root
	unshare -m true || skip "no namespaces here"
	same unshare -m sh -c 'cd /; for d in /run /dev/shm; do mount -t tmpfs none $d; done; ls -A /run; exec sh -c "echo in"'
}

@test "inherited seccomp filters: one that permits all, one that kills" {
	same "$hazard" filtered all sh -c 'echo a; ls -d /'
	same "$hazard" filtered all "$hazard" at-forks
	same "$hazard" filtered some cat /etc/hostname
	same "$hazard" filtered some "$hazard" without-some file
}

# ---- limits ------------------------------------------------------------------------------------------------------------------------

@test "RLIMIT_NOFILE of 8, 16, 64: the same numbers, the same end" {
	for n in 8 16 64; do
		once native prlimit --nofile=$n:$n "$hazard" numbers
		once preload prlimit --nofile=$n:$n "$hazard" numbers
		as_native preload
	done
	unrecorded=1 # LTTng needs more
	for n in 8 16 64; do
		same prlimit --nofile=$n:$n sh -c 'echo a | cat; ls -d /'
	done
}

# The answer is strace's invention: nobody may raise the limit that far in most places.
@test "RLIMIT_NOFILE of 2^30, as containers have it" {
	limit=90
	same strace -f --seccomp-bpf -o /dev/null -e trace=prlimit64 -e inject=prlimit64:poke_exit=@arg4=00000040000000000000004000000000 \
		sh -c 'ulimit -n; ulimit -Hn; for i in 1 2 3; do echo a | cat; done'
	grep -q '^1073741824$' native.out
	same strace -f --seccomp-bpf -o /dev/null -e trace=prlimit64 -e inject=prlimit64:poke_exit=@arg4=00000040000000000000004000000000 \
		"$hazard" at-forks
}

@test "RLIMIT_NOFILE while recording: the program's numbers are the lowest" {
	for n in 8 16 64 128 1024; do
		once native prlimit --nofile=$n:$n "$hazard" listing
		once record prlimit --nofile=$n:$n "$hazard" listing 32
		as_native record
	done
	once native prlimit --nofile=16:1024 "$hazard" numbers
	once record prlimit --nofile=16:1024 "$hazard" numbers
	as_native record
}

# LTTng has no numbers in such children, and its daemon does not survive what they then send: the recording of all would be over.
@test "RLIMIT_NOFILE lowered by the program: its children run as natively, and what the others record is whole" {
	cat >lower.sh <<-'EOF'
		for n in 10 12 16; do
			bash -c "ulimit -n $n; for i in 1 2 3 4; do (echo a) | cat; cat </dev/null; done" &
		done
		for i in 1 2 3 4 5 6 7 8; do ls -d / </dev/null >/dev/null; done
		wait
		ulimit -Sn 12
		(echo b) | cat
	EOF
	once native bash lower.sh
	once record bash lower.sh
	as_native record
	timeout 60 "$F" report --fail-on=never --format=json t >report.json
	jq -e '.coverage.events_lost == 0' report.json
	jq -e '.coverage.not_observed | any(.why | startswith("its limit of open files"))' report.json
	[ "$(timeout 60 "$F" report --fail-on=never --tree t | grep -c 'ls -d /')" = 8 ]
}

@test "address space: ulimit -v, as tight as the program needs, with room for ours" {
	for kb in 60000 100000; do
		once native prlimit --as=$((kb * 1024)) "$hazard" at-forks
		once preload prlimit --as=$((kb * 1024)) "$hazard" at-forks
		as_native preload
	done
	for kb in 300000 1000000; do
		same prlimit --as=$((kb * 1024)) "$hazard" at-forks
		same bash -c "ulimit -v $kb; echo in; ls -d /"
	done
}

@test "locked memory: mlockall of an unprivileged program succeeds as it did" {
	[ "$(id -u)" = 0 ] || nobody=
	# Only as many addresses as the hard limit of open files makes useful are ours: 20000 is a good deal
	for kb in 64 8192 65536; do
		once native prlimit --nofile=20000:20000 --memlock=$((kb * 1024)) $nobody "$hazard" locks-all
		once preload prlimit --nofile=20000:20000 --memlock=$((kb * 1024)) $nobody "$hazard" locks-all
		as_native preload
	done
	same prlimit --memlock=1073741824 $nobody "$hazard" locks-all
}

@test "file sizes: RLIMIT_FSIZE, with SIGXFSZ and without" {
	same prlimit --fsize=8192 "$hazard" writes-much file
	same prlimit --fsize=0 sh -c 'echo a; ls -d /'
	same prlimit --fsize=8192 sh -c 'head -c 100000 /dev/zero >file'
}

# ---- descriptors -------------------------------------------------------------------------------------------------------------------

@test "a program that closes 0, 1, 2 first" {
	same "$hazard" closes-first file
}

@test "standard descriptors closed by the parent" {
	same sh -c '"$@" <&-' x "$hazard" without-some file
	same sh -c '"$@" <&- >&-' x "$hazard" without-some file
	same sh -c '"$@" <&- >&- 2>&-' x "$hazard" without-some file
	same sh -c '"$@" 2>&-' x "$hazard" without-some file
}

@test "/proc/self/fd: nothing that was not there; while recording only high numbers more" {
	once native "$hazard" listing
	[ "$(head -1 native.out)" = "0 1 2 open" ]
	once preload "$hazard" listing
	as_native preload
	once record "$hazard" listing 100
	as_native record
	same "$hazard" listing 100
}

# ---- other interposers, other libraries --------------------------------------------------------------------------------------------------------

@test "a second interposer, before ours and after" {
	for program in "$hazard at-forks" "$H/own_close" "cat /etc/hostname" "$H/early"; do
		for also in $H/libsecond.so $H/libfirst.so $H/libraw.so $H/libuse.so; do
			# What comes before our constructor goes straight to the kernel: not seen by others below us
			[ $also = $H/libfirst.so ] || [ "$program" = $H/early ] || export SECOND_SAYS=1
			once native env LD_PRELOAD="$also" $program
			once preload $program
			as_native preload
			once after $program
			as_native after
			unset SECOND_SAYS
			# LTTng's calls pass through the other interposer as well, so it is not asked for its counts
			once native env LD_PRELOAD="$also" $program
			once record env LD_PRELOAD="$also" $program
			as_native record
		done
	done
}

@test "others that look for libc's functions when a thread calls them first, before ours and after" {
	cat >first.sh <<-END
		LD_PRELOAD=$H/libbefore.so:\$LD_PRELOAD exec cat /etc/hostname
	END
	same sh first.sh
	same env LD_PRELOAD=$H/libbefore.so cat /etc/hostname
	# Also where they are in fdwarden itself.
	once native cat /etc/hostname
	LD_PRELOAD=$H/libbefore.so once record cat /etc/hostname
	as_native record
	was_recorded
}

@test "a program whose pthread_create waits until its thread has begun" {
	same "$H/own_create"
}

@test "a sanitizer's library that somebody preloads stays the first one" {
	local asan
	asan=$(gcc -print-file-name=libasan.so)
	[ -e "$asan" ] || skip "no libasan here"
	export ASAN_OPTIONS=detect_leaks=0
	same env LD_PRELOAD="$(readlink -f "$asan")" cat /etc/hostname
	once native cat /etc/hostname
	LD_PRELOAD=$(readlink -f "$asan") once record cat /etc/hostname
	as_native record
	was_recorded
}

@test "gcc's thread sanitizer: protected; not recorded, which is said, or run as natively" {
	echo 'int main(void) { return 5; }' >tsan.c
	gcc -fsanitize=thread tsan.c -o tsan || skip "no libtsan here"
	run -5 "$F" run -- ./tsan
	for command in "record -o t" audit; do
		run -125 "$F" $command -- ./tsan
		[[ $output == *"gcc's thread sanitizer"*"fdwarden run protects it"* ]]
	done
	[ ! -e t ]
	run -5 "$F" record --allow-unobserved -o t -- ./tsan
	[[ $output == *"will not be observed"* ]]
	# What is recorded starts it: it runs as natively, and is in the coverage.
	rm -rf t
	run -5 "$F" record -q -o t -- sh -c './tsan; exit $?'
	report -f json t | jq -e '[.coverage.not_observed[] | select(.why | test("sanitizer"))] | length == 1'
}

@test "clang's thread sanitizer: the tracer's buffers, written by one thread after another, are no race of the program's" {
	cat >apart.c <<-'END'
		#include <fcntl.h>
		#include <pthread.h>
		#include <stddef.h>
		#include <unistd.h>
		static void *work(void *arg)
		{
			for (int i = 0; i < 2000; i++) {
				close(open("/dev/null", O_RDONLY | O_CLOEXEC));
				usleep(200);
			}
			return NULL;
		}
		int main(void)
		{
			pthread_t t[2];
			for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, work, NULL);
			for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
			return 7;
		}
	END
	clang -fsanitize=thread -g -pthread apart.c -o apart || skip "no clang with its runtimes here"
	run -7 ./apart
	[ -z "$output" ]
	# Small ones, so that they go round and round; that some of the events may be lost is said.
	run -7 timeout 100 "$F" record --buffer-size=64K -o t -- ./apart
	echo "$output"
	[[ $output != *ThreadSanitizer* ]]
}

@test "a program with a close of its own" {
	same "$H/own_close"
	once native "$H/own_close" counted
	once preload "$H/own_close" counted
	as_native preload
}

@test "libraries: plain, RTLD_DEEPBIND, in a namespace of their own" {
	same "$hazard" loads "$H/libuse.so" plain
	same "$hazard" loads "$H/libuse.so" deep
	same "$hazard" loads "$H/libuse.so" new
}

@test "static constructors and destructors, thread-local ones, exceptions" {
	[ -x "$H/statics" ] || skip "no C++ compiler here"
	same "$H/statics"
}

@test "calls from DT_PREINIT_ARRAY and from the resolver of an indirect function" {
	same "$H/early"
	same env LD_BIND_NOW=1 "$H/early"
}

# ---- signals, threads, processes -------------------------------------------------------------------------------------------------------------------

@test "exit in a handler" {
	same "$hazard" exits-in-handler
}

@test "siglongjmp out of handlers, thousands of times" {
	same "$hazard" jumps-out
}

@test "handlers that open and close, in the middle of everything" {
	same "$hazard" handles-often
}

# audited COMMAND...: as `once record`, in mode audit
audited() { "$F" audit -q -o report -- "$@" >audit.out 2>audit.err; }

@test "handlers on signal stacks find at most 512 bytes less there, also while recording" {
	depth=$B/tests/programs/sigstack_depth
	"$depth" >native.out
	for mode in observe enforce; do env LD_PRELOAD="$B/libfdwarden.so" FDWARDEN_MODE=$mode FDWARDEN_LOG="$W/log" "$depth" >$mode.out; done
	"$F" record -q -o t -- "$depth" >record.out
	audited "$depth"
	for how in observe enforce record audit; do
		paste -d ' ' native.out $how.out | awk -v how=$how '/^done/ { ended = 1; next }
			{ n++; for (i = 2; i <= NF && $i !~ /^[0-9]+$/; i++); if (i > NF || $i - $1 > 512) { print how ": " $i - $1 " more: " $0; bad = 1 } }
			END { exit bad || !ended || n < 40 }'
	done
}

@test "handlers on signal stacks of hardly more than the smallest size: all calls work" {
	depth=$B/tests/programs/sigstack_depth
	"$depth" least >native.out
	for mode in observe enforce audit; do
		env LD_PRELOAD="$B/libfdwarden.so" FDWARDEN_MODE=$mode FDWARDEN_LOG=off "$depth" least >$mode.out
		diff native.out $mode.out
	done
	once record "$depth" least
	grep -q '^status 0' record.out
	[ ! -s record.err ]
	audited "$depth" least
	diff native.out audit.out
}

others() { same "$H/others" "$@"; }

@test "threads cancelled in accept, recvmsg, recvmmsg, waitpid" { others cancels-sleepers; }

@test "vfork children that take their time, and threads that go on" { others long-vfork; }

@test "streams without their locks" { others unlocked; }

@test "a library that needs thread-local memory of the start" { others static-tls "$H/libtls.so"; }

@test "ten thousand threads at the same time" {
	limit=60
	[ "$(cat /proc/sys/kernel/threads-max)" -gt 30000 ] || skip "so many threads are not to be had here"
	others ten-thousand
}

@test "exec in a thread, while others open and close" { others exec-in-thread 20; }

@test "all rights dropped while threads run" {
	root
	others drops
}

@test "the strict filter: read, write and exit are all that is left" {
	others strict prctl
	grep -q '^status 5' native.out
	others strict seccomp
}

@test "threads cancelled inside fopen and fclose" {
	same "$hazard" cancels
}

@test "pthread_atfork handlers that open and close" {
	same "$hazard" at-forks
}

@test "fork in threads, many children" {
	same "$hazard" forks-in-threads
}

@test "a thousand threads" {
	same "$hazard" many-threads
}

@test "a recorded child killed while it emits; the others are recorded on" {
	same "$hazard" kills
	[ "$(starts t)" = 2 ] # hazards, echo
	babeltrace2 t 2>/dev/null | grep -c '"FORK_CHILD"' >children
	[ "$(cat children)" = 10 ]
}

# ---- other programs ----------------------------------------------------------------------------------------------------------------------------------

@test "programs of another word size" {
	echo 'int main(void) { return 7; }' >p.c
	gcc -m32 -o p p.c 2>/dev/null || skip "nothing to make or run 32-bit programs with"
	same sh -c './p; echo $?'
}

@test "programs of another C library" {
	has musl-gcc
	printf '#include <stdio.h>\nint main(void) { puts("musl"); return 7; }\n' >p.c
	musl-gcc -o p p.c
	same sh -c './p; echo $?'
}

@test "script, timeout, nohup, setsid, xargs -P, find -exec" {
	same timeout 10 sh -c 'exit 6'
	same timeout -s KILL 0.2 sleep 10
	same nohup sh -c 'echo a'
	same setsid -w sh -c 'exit 3'
	same sh -c 'seq 40 | xargs -P 8 -n 1 sh -c "exit 0"; echo $?'
	mkdir d
	touch d/a d/b d/c
	same find d -type f -exec sh -c 'test -f "$1"' x {} \; -exec echo found \;
	has script
	same script -qec 'tty >/dev/null && echo terminal' /dev/null
}

@test "python: multiprocessing by fork, spawn and forkserver" {
	has python3
	cat >p.py <<-'EOF2'
		import multiprocessing as m, os, sys
		def f(x): return x * x, os.close(os.dup(0))
		if __name__ == "__main__":
		    m.set_start_method(sys.argv[1])
		    with m.Pool(4) as p: print(sum(r[0] for r in p.map(f, range(200))))
		    a, b = m.Pipe(); p = m.Process(target=b.send, args=("hello",)); p.start(); print(a.recv()); p.join(); print(p.exitcode)
	EOF2
	for how in fork spawn forkserver; do same python3 p.py $how; done
}

@test "python: asyncio, threads and subprocesses at once" {
	has python3
	cat >p.py <<-'EOF2'
		import asyncio
		async def one(n):
		    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
		    out, _ = await p.communicate(b"%d" % n)
		    r, w = await asyncio.open_connection("127.0.0.1", port)
		    w.write(out); await w.drain(); back = await r.read(10); w.close(); await w.wait_closed()
		    return int(back)
		async def echo(r, w): w.write(await r.read(10)); await w.drain(); w.close()
		async def main():
		    global port
		    s = await asyncio.start_server(echo, "127.0.0.1", 0); port = s.sockets[0].getsockname()[1]
		    print(sum(await asyncio.gather(*[one(n) for n in range(30)]))); s.close()
		asyncio.run(main())
	EOF2
	same python3 p.py
}

@test "perl: forks, pipes, sockets" {
	has perl
	same perl -e 'use Socket; for (1..20) { pipe(my $r, my $w); my $p = fork; if (!$p) { close $r; print $w "x$_"; exit $_ } close $w; print <$r>; waitpid $p, 0; print " ", $? >> 8, "\n" }
		socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0); syswrite $a, "hi"; sysread $b, my $l, 2; print "$l\n"; print `echo back`'
}

@test "node: files, servers, children; libuv closes through syscall()" {
	has node
	cat >p.js <<-'EOF2'
		const net = require('net'), fs = require('fs'), { execFileSync, spawn } = require('child_process');
		for (let i = 0; i < 200; i++) fs.closeSync(fs.openSync('/dev/null', 'r'));
		console.log(execFileSync('echo', ['child']).toString().trim());
		const s = net.createServer(c => c.pipe(c)).listen(0, '127.0.0.1', () => {
			let left = 20;
			for (let i = 0; i < 20; i++) net.connect(s.address().port, '127.0.0.1', function () { this.end('x'); })
				.on('data', () => {}).on('close', () => { if (!--left) { console.log('served'); s.close(); } });
		});
		spawn('sh', ['-c', 'exit 4']).on('exit', c => console.log('exit', c));
		s.on('close', () => console.log('closed'));
	EOF2
	once native node p.js
	sort native.out >n
	for how in preload record; do
		once $how node p.js
		sort $how.out | diff n -
		diff native.err $how.err
	done
}

@test "java: files, threads, processes" {
	has java
	has javac
	cat >P.java <<-'EOF2'
		import java.io.*; import java.nio.file.*; import java.util.concurrent.*;
		public class P { public static void main(String[] a) throws Exception {
			ExecutorService e = Executors.newFixedThreadPool(4);
			for (int i = 0; i < 200; i++) e.submit(() -> { try (InputStream s = new FileInputStream("/dev/null")) { return s.read(); } });
			e.shutdown(); e.awaitTermination(20, TimeUnit.SECONDS);
			Process p = new ProcessBuilder("sh", "-c", "echo child; exit 3").start();
			System.out.println(new String(p.getInputStream().readAllBytes()).trim() + " " + p.waitFor());
		} }
	EOF2
	javac P.java
	same java -Xshare:auto P
}
