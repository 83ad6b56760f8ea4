#!/bin/bash
# tests/e2e/aarch64.sh [PROGRAM...]: the interposer is compiled for aarch64 without a warning, and the small programs end under it as they do
# without it, which is as tests/programs/expect.tsv says, in an emulator. Prints TAP. Without arguments a few that take every road through the assembly; "all" takes all.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
cc=aarch64-linux-gnu-gcc
emulate="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
programs=(double_close use_after_close_read vfork_exec fork_cleanup_exec closefrom_up threads_many cancel_threads fork_in_handler)
[ $# -eq 0 ] || programs=("$@")
[ "${1:-}" != all ] || mapfile -t programs < <(awk '!/^(#|$)/ { print $1 }' tests/programs/expect.tsv)
unset MAKEFLAGS MAKELEVEL
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

number=0 status=0
result() { # ok|not-ok TEXT FILE
	number=$((number + 1))
	if [ "$1" = ok ]; then echo "ok $number - $2"; else status=1; echo "not ok $number - $2"; sed 's/^/#   /' "$3"; fi
}
ends() { # LIBRARY PROGRAM
	timeout -k 5 60 $emulate ${1:+-E LD_PRELOAD=$1} "$tmp/$2" 2>>"$tmp/err" </dev/null 7</dev/null 8</dev/null
	echo "status $?"
}

if make --no-print-directory -j"$(nproc)" CC=$cc O="$tmp/build" CFLAGS='-O2 -g -Werror' "$tmp/build/libfdwarden.so" >"$tmp/made" 2>&1; then
	result ok "compiled for aarch64"
else
	result not-ok "compiled for aarch64" "$tmp/made"
	echo "1..$number"
	exit 1
fi
if make --no-print-directory -j"$(nproc)" CC=$cc O="$tmp/build" CFLAGS='-O2 -g -Werror' "$tmp/build/libport.so" "$tmp/build/tests/ports/ports" >"$tmp/made" 2>&1; then
	result ok "event ports and their tests compiled for aarch64"
else
	result not-ok "event ports and their tests compiled for aarch64" "$tmp/made"
fi
for program in "${programs[@]}"; do
	: >"$tmp/err"
	if ! $cc -std=gnu11 -O1 -w -Itests/programs -o "$tmp/$program" "tests/programs/$program.c" -lpthread -ldl 2>"$tmp/err"; then
		result not-ok "$program, compiled" "$tmp/err"
		continue
	fi
	ends "" "$program" >"$tmp/native"
	ends "$tmp/build/libfdwarden.so" "$program" >"$tmp/preloaded"
	awk -v p="$program" '$1 == p { print $3; print "status " $2 }' tests/programs/expect.tsv | tr _ ' ' >"$tmp/wanted"
	if ! cmp -s "$tmp/wanted" "$tmp/native"; then diff "$tmp/wanted" "$tmp/native" >>"$tmp/err"; result not-ok "$program, emulated: not even without it" "$tmp/err"
	elif cmp -s "$tmp/native" "$tmp/preloaded"; then result ok "$program, emulated"
	else diff "$tmp/native" "$tmp/preloaded" >>"$tmp/err"; result not-ok "$program, emulated" "$tmp/err"; fi
done
echo "1..$number"
exit $status
