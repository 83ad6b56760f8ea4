#!/usr/bin/env bats
# tests/e2e/odd.bats: circumstances in which a library between a program and libc could be noticed: tests/e2e/src/odd.c says the same natively,
# in every mode and recorded. FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0

setup() {
	B=${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}
	P=$B/tests/e2e/src
	W=$(mktemp -d /tmp/fdw-odd-XXXXXX)
	chmod 777 "$W"
	cd "$W" || exit 1
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

teardown() {
	cd /
	rm -rf "$W"
}

preload() { timeout 60 env LD_PRELOAD="$B/libfdwarden.so" FDWARDEN_MODE="$1" "${@:2}"; }

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
	run preload enforce bash -c "exec \"$P/odd\" log_counted 2>&8"
	exec 7>&- 8>&-
	echo "$output"
	[[ "$output" == *"line"*" could not be written) "*"use-after-close"* ]]
}
