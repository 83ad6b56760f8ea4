#!/usr/bin/env bats
# tests/e2e/odd.bats: circumstances in which a library between a program and libc could be noticed: tests/e2e/src/odd.c says the same natively,
# in every mode and recorded. FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
}

teardown() {
	leave_place
}

preload() { timeout 60 env LD_PRELOAD="$B/libfdwarden.so" FDWARDEN_MODE="$1" FDWARDEN_TOMBSTONES=${T:-0} "${@:2}"; }

# same COMMAND...: native, all modes, recorded: status and output
same() {
	local mode
	timeout 60 "$@" >native 2>native.err </dev/null || echo "status $?" >>native
	for mode in enforce observe audit; do
		preload $mode "$@" >got 2>got.err </dev/null || echo "status $?" >>got
		diff native got || { echo "$mode: $*"; cat got.err; return 1; }
	done
	[ -z "${RECORD-1}" ] || { timeout 60 "$B/fdwarden" record -q -o "t$RANDOM" -- "$@" >got 2>got.err </dev/null || echo "status $?" >>got; }
	diff native got || { echo "recorded: $*"; cat got.err; return 1; }
}

# ---- the log ------------------------------------------------------------------------------------------------------------------------

@test "a line of ours does not land in a file of the program's that has number 2" {
	same "$P/odd" log_reused
	grep -q "number 2, 0 bytes" native
}

@test "stderr without a reader: no signal kills the program" {
	mkfifo gone
	for mode in enforce observe audit; do
		# the reader goes before the program starts
		exec 7<>gone 8>gone
		exec 7>&-
		run preload $mode bash -c "exec \"$P/odd\" log_no_reader 2>&8"
		exec 8>&-
		echo "$status $output"
		[ "$status" = 0 ]
		[ "$output" = alive ]
	done
}

@test "a full pipe as stderr: the program goes on" {
	mkfifo full
	exec 7<>full 8>full
	for mode in enforce observe audit; do
		run preload $mode bash -c "exec \"$P/odd\" log_full 2>&8"
		echo "$status $output"
		[ "$status" = 0 ]
		[ "$output" = "went on" ]
	done
	exec 7>&- 8>&-
}

@test "a file that may not grow as stderr: no signal, and those that were pending stay" {
	for mode in enforce observe audit; do
		run preload $mode bash -c "exec 2>errors; \"$P/odd\" log_limit | cat"
		echo "$status $output"
		[[ "$output" == *"alive, pending 1" ]]
	done
}

@test "lines that were lost are counted by the next one" {
	mkfifo full
	exec 7<>full 8>full
	run -0 preload enforce bash -c "exec \"$P/odd\" log_counted 2>&8"
	exec 7>&- 8>&-
	echo "$output"
	[[ "$output" == *"line"*" could not be written) "*"use-after-close"* ]]
}

# ---- calls --------------------------------------------------------------------------------------------------------------------------

@test "syscall() is no cancellation point" { same "$P/odd" syscall_cancel; }

@test "checks and translations that libc makes, and syscall() does not" { same "$P/odd" libc_checks; }

@test "threads with a descriptor table of their own" {
	same "$P/odd" two_tables
	grep -qx "0 0" native
}

@test "numbers far above what is open at the start" {
	same "$P/odd" high_numbers
	grep -qx "0 0" native
}

@test "below us somebody makes close with syscall()" {
	cat >below.c <<-'E'
	#define _GNU_SOURCE
	#include <unistd.h>
	#include <sys/syscall.h>
	int close(int fd) { return (int)syscall(SYS_close, fd); }
	E
	cat >above.c <<-'E'
	#include <stdio.h>
	#include <unistd.h>
	int main(void) { int fd = dup(0); printf("%d\n", close(fd)); return 0; }
	E
	cc -shared -fPIC -o libbelow.so below.c
	cc -o above above.c -Wl,--no-as-needed ./libbelow.so -Wl,-rpath,"$W"
	same ./above
	grep -qx 0 native
}

@test "calls from a library that is relocated before us" {
	cat >early.c <<-'E'
	#include <fcntl.h>
	#include <unistd.h>
	#include <sys/socket.h>
	static int good(void) { return 1; }
	static int bad(void) { return 2; }
	static int (*choose(void))(void)
	{
		char c;
		int p[2], fd = open("/proc/self/auxv", O_RDONLY), copy = dup(fd), ok = read(fd, &c, 1) == 1 && copy > fd;
		ok = ok && read(1000, &c, 1) == -1 && openat(1000, "x", 0) == -1 && close(1000) == -1;
		ok = ok && pipe(p) == 0 && dup2(fd, p[0]) == p[0] && fcntl(p[1], F_GETFD) == 0 && bind(1000, 0, 0) == -1;
		return close(fd) == 0 && close(copy) == 0 && close(p[0]) == 0 && close(p[1]) == 0 && ok ? good : bad;
	}
	int pick(void) __attribute__((ifunc("choose")));
	int picked(void) { return pick(); }
	E
	echo 'int picked(void); int puts(const char *); int main(void) { return puts(picked() == 1 ? "good" : "bad") < 0; }' >late.c
	cc -shared -fPIC -O1 -fno-plt -o libearly.so early.c
	cc -o late late.c -Wl,--no-as-needed ./libearly.so -Wl,-rpath,"$W"
	same ./late
	grep -qx good native
}

# ---- what a process has -------------------------------------------------------------------------------------------------------------

@test "a record lock on the file that is run stays" {
	same "$P/odd" record_lock
	grep -qx "1 1" native
}

@test "an unprivileged program locks its memory" {
	[ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
	RECORD= same "$P/odd" lock_memory
	grep -qx 0 native
}

@test "a program with little address space" {
	RECORD= same bash -c 'ulimit -v 40000; cat /dev/null; echo $?'
}

@test "all thread-specific keys are the program's" { RECORD= same "$P/odd" all_keys; }

@test "a large environment from a small stack" {
	same "$P/odd" small_stack
	grep -q "^0 0 0 0 0 0" native
}

@test "the largest environment that exec takes" { same "$P/odd" largest_environment; }

# What is linked with a runtime that has to come first, and what is not, start each other: natively a leak ends the former with an error, and only those.
@test "a sanitizer's runtime is put in front for the program that needs it, not for those it starts" {
	local how line
	for kind in address leak; do
		cc -g -fsanitize=$kind -o "with_$kind" "$BATS_TEST_DIRNAME/src/starts_by_all.c" 2>/dev/null || skip "no $kind sanitizer here"
	done
	cp "$P/starts_by_all" without
	timeout 60 ./with_address ./without ./with_leak >native 2>native.err
	[ "$(grep -c '^[a-z_]*: 0$' native)" = 9 ] # pclose, too; an exit status of 23 is LeakSanitizer's
	[ "$(grep -c '^[a-z_]*: 23$' native)" = 9 ]
	for how in "run" "run -m observe" "record -q -o t" "audit -q -o report"; do
		timeout 60 "$F" $how -- ./with_address ./without ./with_leak >got 2>got.err
		diff native got || { echo "$how"; cat got.err; return 1; }
	done
	FDWARDEN_DISABLE=1 timeout 60 "$F" run -- ./with_address ./without ./with_leak >got 2>got.err
	diff native got
	for line in "./with_leak ./without" "./with_address ./with_address" "./without ./with_address"; do
		timeout 60 $line >native 2>native.err
		timeout 60 "$F" run -- $line >got 2>got.err
		diff native got || { echo "$line"; cat got.err; return 1; }
	done
}

@test "a sanitizer's runtime that the user preloads himself stays for all" {
	cc -fsanitize=address -o with "$BATS_TEST_DIRNAME/src/starts_by_all.c" 2>/dev/null || skip "no address sanitizer here"
	export LD_PRELOAD=libasan.so.8
	timeout 60 ./with "$P/starts_by_all" >native 2>native.err || skip "no libasan.so.8"
	grep -qx "system: 1" native
	timeout 60 "$F" run -- ./with "$P/starts_by_all" >got 2>got.err
	diff native got
}

@test "children with a sanitizer's runtime run, unobserved" {
	echo 'int main(void) { return 0; }' >plain.c
	for kind in address thread; do
		cc -fsanitize=$kind -o sanitized plain.c 2>/dev/null || skip "no $kind sanitizer here"
		same sh -c './sanitized; echo $?; ./sanitized; echo $?'
		grep -qx 0 native
		run ! grep -qvx 0 native
	done
}

@test "a library's constructor leaves a number closed that the tracer's own libraries then get: nothing is said of them" {
	cat >opens.c <<-'E'
	#include <stdio.h>
	__attribute__((constructor)) static void begins(void) { FILE *f = fopen("/etc/passwd", "r"); fclose(f); }
	E
	echo 'int main(void) { return 3; }' >main.c
	cc -shared -fPIC -o libopens.so opens.c
	cc -o opening main.c -Wl,--no-as-needed ./libopens.so
	for mode in observe enforce audit; do
		FDWARDEN_LOG=stderr run -3 "$F" record -q -m $mode -o t.$mode -- ./opening
		[ -z "$output" ]
		FDWARDEN_ON_VIOLATION=abort run -3 "$F" record -q -m $mode -o a.$mode -- ./opening
	done
}
