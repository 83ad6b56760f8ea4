#!/bin/bash
# tests/e2e/rows.sh: one test for every row and alias of preload/calls.def: the calls that tests/e2e/src/rows makes, natively and in every
# mode, alone, with a second thread and in a fork child, and as nobody when we are root. Results, errno and what became of the descriptors
# must be the same. Prints TAP.		FDW_BUILD: the build directory. ROWS_KEEP=DIR: the lines are kept there.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${FDW_BUILD:-$here/../../build}" && pwd) || exit 2
rows=$build/tests/e2e/src/rows/rows
families="opening sockets pollers ports duplicates closing streams processes execs threads ids input output devices attributes at syscalls"
unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}

# Every family in a process and a folder of its own. Called by ourselves, inside the recording.
if [ "${1:-}" = --families ]; then
	out=$2 setting=$3
	: >"$out" && chmod 666 "$out" # also for those who give up being root on the way
	for family in $families; do
		dir=$(mktemp -d "$out-XXXXXX") && chmod 755 "$dir"
		timeout -k 5 90 "$rows" "$out" "$dir" "$setting" "$family" </dev/null >/dev/null 3>&- 4>&- ||
			printf '%s\t: its process ended with status %d\n' "$family" $? >>"$out"
		rm -rf "$dir"
	done
	exit 0
fi

# A mount namespace of our own: something can be mounted there, and /dev can have a log.
own_dev() {
	local d=$1/dev n
	mkdir "$d" && mount -t tmpfs -o mode=755 none "$d" || return 1
	for n in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 ptmx:5:2; do mknod -m 666 "$d/${n%%:*}" c $(cut -d: -f2- --output-delimiter=' ' <<<"$n") || return 1; done
	for n in pts shm; do mkdir "$d/$n" && mount --bind "/dev/$n" "$d/$n" || return 1; done
	ln -s /proc/self/fd "$d/fd"
	mount --move "$d" /dev
}
if [ -z "${ROWS_INSIDE:-}" ]; then
	export ROWS_INSIDE=1
	unshare -m true 2>/dev/null && exec unshare -m "$0" "$@"
fi
tmp=$(mktemp -d /tmp/fdw-rows-XXXXXX) || exit 2
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
[ -n "$(awk '$5 == "/" && / shared:/' /proc/self/mountinfo)" ] || { [ "$(id -u)" = 0 ] && own_dev "$tmp" 2>/dev/null && export ROWS_OWN_DEV=1; }

record() { timeout -k 10 120 "$build/fdwarden" record -q -o "$tmp/$1/trace" -- "${@:2}"; }
# Enforce logs what is wrong in the rows, a good deal, to a file: that proves it is there.
preload() { # WHO MODE COMMAND...
	env LD_PRELOAD="$build/libfdwarden.so" FDWARDEN_MODE="$2" FDWARDEN_TOMBSTONES=0 FDWARDEN_LOG="$([ "$2" = enforce ] && echo "$tmp/$1/enforce.log" || echo off)" "${@:3}"
}

# run WHO SETTING AS...: all modes; lines in $tmp/WHO/MODE
run() {
	local who=$1 setting=$2 mode
	shift 2
	mkdir "$tmp/$who"
	[ $# = 0 ] || chown 65534:65534 "$tmp/$who"
	for mode in native enforce observe audit; do
		if [ $mode = native ]; then "$@" "$0" --families "$tmp/$who/native" "$setting"
		else preload "$who" $mode "$@" "$0" --families "$tmp/$who/$mode" "$setting"
		fi 2>>"$tmp/$who/$mode.err"
	done
	# as somebody else: the whole recording is theirs
	if [ $# = 0 ]; then record "$who" "$0" --families "$tmp/$who/recorded" "$setting"
	else "$@" timeout -k 10 120 "$build/fdwarden" record -q -o "$tmp/$who/trace" -- "$0" --families "$tmp/$who/recorded" "$setting"
	fi 2>"$tmp/$who/recorded.err"
}
run alone alone
run threads threads
run child child
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
skipped=
if [ "$(id -u)" != 0 ]; then skipped="not root"
elif ! $nobody test -r "$build/libfdwarden-ust.so" || ! $nobody test -x "$0"; then skipped="$build cannot be reached by nobody"
else run nobody alone $nobody
fi
for who in "$tmp"/*/trace; do
	n=$(babeltrace2 "$who" 2>/dev/null | grep -c '"PROC_START"')
	printf '%s\t%s\n' "$(basename "$(dirname "$who")")" "$n"
done >"$tmp/recordings"
for who in alone threads; do printf '%s\t%s\n' "$who" "$(grep -c 'double-close' "$tmp/$who/enforce.log")"; done >"$tmp/logged"
[ -z "${ROWS_KEEP:-}" ] || { mkdir -p "$ROWS_KEEP" && cp -r "$tmp"/* "$ROWS_KEEP"; }
rm -rf "$tmp"/*/trace

awk -f "$here/../../preload/calls.awk" -v want=names "$here/../../preload/calls.def" >"$tmp/names"
cd "$tmp" && awk -v skipped="$skipped" -f "$here/rows.awk" names recordings logged */native */enforce */observe */audit */recorded
