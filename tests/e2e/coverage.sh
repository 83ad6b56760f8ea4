#!/bin/bash
# tests/e2e/coverage.sh: every function that libc exports and that takes or returns a descriptor is interposed (preload/calls.def)
# or is in tests/libc-exceptions.txt with its reason. Prints TAP. --list prints the candidates.
#
# Candidates come from libc's own headers: an int parameter whose name says descriptor, an array of two, a returned FILE or DIR, a
# name that makes, replaces or closes one or starts a process; and every other name libc exports for the same code.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${FDW_BUILD:-$here/../../build}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
libc=$(ldconfig -p | awk '/libc\.so\.6 .*x86-64/ { print $NF; exit }')

prototypes() {
	local header
	dpkg -L libc6-dev | sed -n 's|^/usr/include/\(x86_64-linux-gnu/\)\?\(.*\.h\)$|\2|p' |
		grep -vE '^(bits|gnu|rpc|finclude|asm|linux|net/ppp|scsi)/' | sort -u | while read -r header; do
		printf '#include <stddef.h>\n#include <stdio.h>\n#include <sys/types.h>\n#include <%s>\n' "$header" |
			gcc -E -P -O2 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -x c - 2>/dev/null
	done | tr '\n\t' '  ' | sed 's/[;{}]/;\n/g' | grep -v typedef | sed 's/__attribute__ *((.*//; s/__asm__.*//; s/__extension__//g; s/__restrict//g; s/extern //g; s/  */ /g' |
		sed -n 's/^ *\([A-Za-z_][A-Za-z_0-9 *]*[ *]\)\([A-Za-z_0-9]\+\) *\((.*)\).*$/\1\2\3/p' | sort -u
}

# The name is the word before the first parenthesis.
candidates() {
	awk '{
		name = $0; sub(/ *\(.*/, "", name); ret = name; sub(/^.*[ *]/, "", name); sub(/[A-Za-z_0-9]+$/, "", ret)
		args = $0; sub(/^[^(]*\(/, "", args)
		if (args ~ /int (__)?[a-z_0-9]*(fd|fildes|fdes|sock|desc|socket|mqdes)[a-z0-9_]*( *[,)]|$)/ || args ~ /int (__)?(from|to|in|out|mqdes)[a-z_]*fd/ ||
		    args ~ /mqd_t / || args ~ /int [a-z_]*(pipedes|fds|sv)\[2\]/ || args ~ /int \*(__)?a?(master|slave)/ || ret ~ /(FILE|DIR) \*$/ ||
		    ((args ~ /FILE \*/ || args ~ /DIR \*/) && name ~ /close|reopen/) ||
		    name ~ /^_*(open(at)?(64)?(_2)?$|open_by|creat|socket|accept|pipe|dup[23]?$|eventfd|timerfd_|signalfd|inotify_|fanotify_|memfd_|pidfd_|epoll_|mk(o)?stemp|fs(open|mount|pick)|open_tree|getpt|posix_openpt|(open|fork)pty|shm_open|sem_open|mq_|closefrom|close_range|close|popen|pclose|tmpfile|exec|fexec|[fF]ork$|vfork|clone$|posix_spawnp?$|system$|daemon|syscall$|dlm?open|dlclose|v?syslog(_chk)?$|openlog|closelog|sigaltstack|unshare|setns|p?poll$|p?select$)/)
			print name
	}' | sort -u
}

nm -D --defined-only "$libc" | grep -v GLIBC_PRIVATE | awk '$2 ~ /^[TWi]$/ { sub(/@.*/, "", $3); print $3, $1 }' | sort -u >"$tmp/exports"
prototypes | candidates >"$tmp/declared"
# Names exported by libc, and their other names.
join "$tmp/declared" "$tmp/exports" | awk '{ print $2 }' | sort -u >"$tmp/addresses"
awk 'NR == FNR { want[$1]; next } $2 in want { print $1 }' "$tmp/addresses" "$tmp/exports" | sort -u >"$tmp/wanted"
[ "${1:-}" = --list ] && { cat "$tmp/wanted"; exit; }
nm -D --defined-only "$build/libfdwarden.so" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >"$tmp/ours"
sed -n 's/^\([A-Za-z_0-9]\+\)[[:blank:]]\+[^[:blank:]].*/\1/p' "$here/../libc-exceptions.txt" | sort >"$tmp/excepted"

number=0 status=0
check() { # TEXT FILE: passes when FILE is empty
	number=$((number + 1))
	if [ -s "$2" ]; then status=1; echo "not ok $number - $1"; sed 's/^/#   /' "$2"; else echo "ok $number - $1"; fi
}
echo 1..4
printf '%s\n' open read write close fclose fopen opendir closedir sendfile splice tcgetattr dprintf epoll_ctl mmap pipe2 socketpair \
	openat fstatat posix_fadvise getdents64 __read_chk accept4 openpty posix_spawn_file_actions_adddup2 mq_close __open __close |
	sort | comm -23 - "$tmp/wanted" >"$tmp/parser"
check "libc's headers are understood: $(wc -l <"$tmp/wanted") functions take or return a descriptor" "$tmp/parser"
sort -u "$tmp/ours" "$tmp/excepted" | comm -23 "$tmp/wanted" - >"$tmp/uncovered"
check "each is interposed or excepted with a reason" "$tmp/uncovered"
comm -12 "$tmp/ours" "$tmp/excepted" >"$tmp/both"
check "nothing is both interposed and excepted" "$tmp/both"
comm -23 "$tmp/excepted" <(awk '{ print $1 }' "$tmp/exports" | sort -u) >"$tmp/stale"
check "every exception is a function libc exports" "$tmp/stale"
exit $status
