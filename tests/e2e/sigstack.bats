#!/usr/bin/env bats
# tests/e2e/sigstack.bats: signal stacks and handlers as a user meets them: the repair of handlers, what is said where a stack could not be locked on a
# kernel that needs it (the release is strace's invention), and what doctor finds. As root, what needs a limit runs as nobody.
# FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
	[ "$(ulimit -l)" = unlimited ] || [ "$(ulimit -l)" -ge 1024 ] || skip "hardly any memory may be locked here"
	# Copies: the checkout may lie where nobody can reach it.
	cp "$B/libfdwarden.so" "$B/libfdwarden-ust.so" "$B/fdwarden" "$B/tests/programs/"{sigstack_nested,handler_off_stack,sigstack_future,sigstack_jumps,sigstack_unmapped} .
	export HOME=$W
	nobody=()
	[ "$(id -u)" != 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

teardown() {
	leave_place
}

# on_kernel RELEASE KIB COMMAND...: as somebody who may lock that much, where uname says so
on_kernel() {
	local says
	says=$(perl -e 'print unpack("H*", pack("a65a65a65", "Linux", "host", $ARGV[0]))' "$1")
	(ulimit -l "$2" && shift 2 && exec "${nobody[@]}" strace -f -o /dev/null -e trace=uname -e "inject=uname:poke_exit=@arg1=$says" "$@")
}

@test "the repair adds SA_ONSTACK: by each way handlers run on the stack, and what is read back is unchanged" {
	"$B/tests/e2e/src/handlers" >native
	tail -1 native | grep -q '^0 of 8 '
	for mode in observe enforce audit; do
		env LD_PRELOAD="$W/libfdwarden.so" FDWARDEN_MODE=$mode "$B/tests/e2e/src/handlers" >out
		diff native out
		env LD_PRELOAD="$W/libfdwarden.so" FDWARDEN_MODE=$mode FDWARDEN_SIGNAL_REPAIR=onstack "$B/tests/e2e/src/handlers" >out
		diff <(sed '$d' native) <(sed '$d' out)
		tail -1 out | grep -q '^8 of 8 '
	done
	FDWARDEN_SIGNAL_REPAIR=onstack ./fdwarden record -q -o t -- "$B/tests/e2e/src/handlers" >out
	diff <(sed '$d' native) <(sed '$d' out)
	tail -1 out | grep -q '^8 of 8 '
}

@test "a stack that cannot be locked on a kernel with the bug: one line that tells what to raise; on others none" {
	on_kernel 5.3.0-1018-aws 0 env LD_PRELOAD="$W/libfdwarden.so" ./sigstack_nested >out 2>err
	[ "$(cat out)" = done ]
	[ "$(grep -c . err)" = 1 ]
	grep -q 'RLIMIT_MEMLOCK.*raise the limit, or the kernel.*5\.3\.0-1018-aws' err
	on_kernel 5.3.0-1018-aws "$(ulimit -l)" env LD_PRELOAD="$W/libfdwarden.so" ./sigstack_nested >out 2>err
	[ ! -s err ]
	on_kernel 5.4.2 0 env LD_PRELOAD="$W/libfdwarden.so" ./sigstack_nested >out 2>err
	[ "$(cat out)" = done ]
	[ ! -s err ]
	on_kernel 5.3.0 0 env LD_PRELOAD="$W/libfdwarden.so" FDWARDEN_MODE=observe ./sigstack_nested >out 2>err
	[ ! -s err ]
}

@test "mlockall(MCL_FUTURE) under a limit: what libc maps afterwards fits as it does natively" {
	(ulimit -l 260 && exec "${nobody[@]}" ./sigstack_future) >native
	[ "$(cat native)" = done ]
	(ulimit -l 260 && exec "${nobody[@]}" env LD_PRELOAD="$W/libfdwarden.so" ./sigstack_future) >out 2>err
	[ "$(cat out)" = done ]
	[ ! -s err ]
}

@test "jumps and cancellation in the middle of setting a stack leave the next ones locked; large ones and main's are not" {
	./sigstack_jumps >native
	[ "$(cat native)" = done ]
	for mode in enforce observe; do
		env LD_PRELOAD="$W/libfdwarden.so" FDWARDEN_MODE=$mode ./sigstack_jumps >out 2>err
		[ "$(cat out)" = done ]
		[ ! -s err ]
	done
}

@test "a stack's lost memory is told without a descriptor's number" {
	env LD_PRELOAD="$W/libfdwarden.so" FDWARDEN_LOG=stderr ./sigstack_unmapped >out 2>err
	[ "$(cat out)" = done ]
	grep -q ' sigstack-unmapped: munmap() at sigstack_unmapped' err
	grep -q ' sigstack-unmapped: munmap() at sigstack_unmapped.*another thread.s' err
	run ! grep -F '(-1)' err
}

# found LIMIT: what audit finds with it, a line each
found() {
	on_kernel 5.4.1 "$1" ./fdwarden audit -q --fail-on=never --format=json -o report -- ./handler_off_stack >out
	[ "$(cat out)" = done ]
	jq -r '.findings[] | select(.rule != "handler-off-stack") | "\(.rule)/\(.severity) \(.message)"' report | sort
}

@test "the same recorded: sigstack-unpinned once, with limit and errno; where the limit suffices only the kernel" {
	found 0 >few
	[ "$(grep -c . few)" = 2 ]
	grep -q '^kernel-signal-vector-bug/warning .*5\.4\.1' few
	grep -q '^sigstack-unpinned/note .*(EPERM; RLIMIT_MEMLOCK is 0 KiB)' few
	found 32 >few
	grep -q '^sigstack-unpinned/note .*(ENOMEM; RLIMIT_MEMLOCK is 32 KiB)' few
	found "$(ulimit -l)" >most
	[ "$(grep -c . most)" = 1 ]
	grep -q '^kernel-signal-vector-bug/warning' most
}

@test "doctor tests the registers and says how; without AVX it says why not" {
	on_kernel 5.3.14 "$(ulimit -l)" ./fdwarden doctor >out || [ $? = 1 ]
	grep -qE 'warning +kernel .*5\.2 to 5\.3\.14' out
	grep -qE 'registers +(intact after [0-9]{3,} signals on stacks that were not resident, in 5 s|not tested: )' out
	command -v qemu-x86_64-static || skip "no processor without AVX to be had"
	[ "$(uname -m)" = x86_64 ] || skip "another processor"
	timeout 60 qemu-x86_64-static -cpu Nehalem ./fdwarden doctor >out 2>/dev/null || [ $? = 1 ]
	grep -qE 'registers +not tested: this processor has no AVX registers' out
}

@test "8192 bytes suffice while AMX is not asked for: ripgrep and fd are silent; where it is, what it takes and a little more are too few" {
	local p n=0
	for p in rg fdfind; do
		command -v $p || continue
		n=$((n + 1))
		"$B/fdwarden" audit -q --show=possible -f json -o report -- $p . "$BATS_TEST_DIRNAME" >out
		[ -s out ]
		jq -e '[.findings[] | select(.rule == "sigstack-too-small")] == []' report
	done
	"$B/fdwarden" audit -q --fail-on=never -f json -o report -- "$B/tests/e2e/src/amx_stack" >out
	found=$(jq -r '.findings[] | select(.rule == "sigstack-too-small") | .confidence' report)
	case $(cat out) in
	permitted) [ "$found" = strong ] ;;
	none)
		[ -z "$found" ]
		[ "$n" != 0 ] || skip "no AMX here, nor ripgrep or fd"
		;;
	*) false ;;
	esac
}
