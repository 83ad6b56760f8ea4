#!/bin/bash
# tests/bench/table.sh [ROW...]: one table: what a piece of work costs under fdwarden and under its rivals, as ratios of the time natively, all in the same
# rounds, one after the other. ROUNDS: how many (default 3). SECONDS_LOAD: of a server (default 2). COLUMNS_WANTED: which. FDW_BUILD: the build directory.
# A cell: the median ratio, with the smallest and the largest; 2.0 means twice the time, or half the requests. Asserts nothing.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${FDW_BUILD:-$here/../../build}" && pwd) || exit 2
rounds=${ROUNDS:-3} seconds=${SECONDS_LOAD:-2}
tmp=$(mktemp -d /tmp/fdw-table-XXXXXX) || exit 2
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
export BENCH_STATIC=$build/tests/forklock/held BENCH_WALL=1

# The columns: what a command is run by.
by() {
	rm -rf "$tmp/trace" "$tmp"/trace.violation*
	case $1 in
	native) by=() ;;
	run) by=("$build/fdwarden" run -q -o "$tmp/log" --) ;;
	record) by=("$build/fdwarden" record -q -o "$tmp/trace" --) ;;
	audit) by=("$build/fdwarden" record -m audit -q -o "$tmp/trace" --) ;;
	ring) by=("$build/fdwarden" record --ring=8M -q -o "$tmp/trace" --) ;;
	valgrind) by=(valgrind -q --tool=none --trace-children=yes --track-fds=yes --log-file=/dev/null) ;;
	strace) by=(strace -f --seccomp-bpf -qq -o /dev/null -e trace=%desc) ;;
	ust-fd) by=(env LD_PRELOAD="$(ls /usr/lib/*/liblttng-ust-fd.so.1 2>/dev/null | head -1)") ;;
	*) echo "table: no column '$1'; there are: run record ring audit valgrind strace ust-fd" >&2; exit 2 ;;
	esac
}
columns=${COLUMNS_WANTED:-run record ring audit valgrind strace ust-fd}

# ---- the work: each prints a number; cost: less is better -------------------------------------------------------------------------------

micro() { by "$1"; "${by[@]}" "${@:4}" "$build/tests/bench/calls" "$2" "$3"; } # HOW WHAT TIMES [BEFORE...]
timed() { by "$1"; "${by[@]}" "${took[@]}" "${@:2}" 2>/dev/null | tail -1; } # HOW COMMAND...
build_port() { rm -rf "$tmp/o"; timed "$1" make -s -C "$here/../.." O="$tmp/o" -j2 "$tmp/o/libport.so"; }

# served HOW SERVER: requests a second of tests/bench/servers.sh's servers, a connection each where that is what it is about.
# shellcheck source=tests/bench/servers.sh
. "$here/servers.sh"
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
transactions() { "$pg/pgbench" -h 127.0.0.1 -p "$1" -U pg -n -S "${@:2}" -c 4 -T "$seconds" postgres 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
served() {
	local port=$((20000 + RANDOM % 12000)) dir=$tmp/server pid n
	by "$1"
	mkdir -p "$dir"; chmod 777 "$dir"
	case $2 in
	nginx | memcached | redis) setsid "${by[@]}" bash -c "$(declare -f "start_$2"); here=$here build=$build; start_$2 $port $dir" >/dev/null 2>&1 & ;;
	postgres*) setsid "${by[@]}" "$pg/postgres" -D "$tmp/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" -c fsync=off >/dev/null 2>&1 & ;;
	esac
	pid=$!
	for _ in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
	case $2 in
	nginx) n=$(http_load "$port" once) ;;
	postgres) sleep 0.5; n=$(transactions "$port" -C) ;;
	postgres-kept) sleep 0.5; n=$(transactions "$port") ;;
	*) n=$("load_$2" "$port" once) ;;
	esac
	# A group of their own: strace ends before those that it watches.
	kill -TERM -- -"$pid" 2>/dev/null
	for _ in $(seq 100); do kill -0 -- -"$pid" 2>/dev/null || break; sleep 0.1; done
	kill -KILL -- -"$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -rf "$dir"
	awk -v n="${n:-0}" 'BEGIN { if (n + 0 > 0) printf "%.6f\n", 1000000 / n }'
}
pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)

# ---- the table ---------------------------------------------------------------------------------------------------------------------------

# row NAME UNIT COMMAND... with the word HOW where the column goes
row() {
	local name=$1 unit=$2 how i a b
	shift 2
	[ -z "$wanted" ] || [[ " $wanted " == *" ${name// /-} "* ]] || return 0
	if [ "$1" = served ] && ! command -v "$(program_of "$3")" >/dev/null; then printf '%-16s not installed\n' "$name"; return; fi
	: >"$tmp/natives"
	for how in $columns; do : >"$tmp/ratios.$how"; done
	for ((i = 0; i < rounds; i++)); do
		a=$("${@/HOW/native}") && [ -n "$a" ] || { printf '%-16s failed\n' "$name"; return; }
		echo "$a" >>"$tmp/natives"
		for how in $columns; do
			b=$("${@/HOW/$how}" 2>/dev/null) && [ -n "$b" ] || continue
			awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f\n", b / a }' >>"$tmp/ratios.$how"
		done
	done
	printf '%-16s %9s %-3s' "$name" "$(middle "$tmp/natives" | awk '{ printf "%.0f", $1 }')" "$unit"
	for how in $columns; do printf ' %18s' "$(middle "$tmp/ratios.$how" | awk 'NF { printf "%.2f (%.2f-%.2f)", $1, $2, $3; n = 1 } END { if (!n) printf "-" }')"; done
	printf '\n'
}

wanted=$*
if [ -z "${TABLE_ROWS_ONLY:-}" ]; then
	printf '%-16s %9s    ' "" native
	for how in $columns; do printf ' %18s' "$how"; done
	printf '\n'
fi
row "close(dup)" ns micro HOW 'close(dup)' 20000
row "open read close" ns micro HOW 'open read close' 10000
row "accept close" ns micro HOW 'accept close' 2000
row "one-shot round" ns micro HOW 'one-shot round' 20000
row "fork exec" ns micro HOW 'fork exec' 60
row "vfork exec" ns micro HOW 'vfork exec' 60
row "posix_spawn" ns micro HOW posix_spawn 60
# On one CPU: a thread that is woken on another costs twice as much, and which it is is a matter of luck.
row "thread" ns micro HOW thread 400 taskset -c "$(taskset -pc $$ | sed 's/.*: \([0-9]*\).*/\1/')"
row "make -j2" ms build_port HOW
row "nginx" us served HOW nginx
row "redis" us served HOW redis
row "memcached" us served HOW memcached
# PostgreSQL is not run by root.
if [ -n "$pg" ] && [ "$(id -u)" = 0 ] && { [ -z "$wanted" ] || [[ $wanted == *pgbench* ]]; }; then
	TABLE_ROWS_ONLY=1 HOME=$tmp setpriv --reuid=65534 --regid=65534 --clear-groups "$0" ${wanted:-pgbench--C pgbench}
elif [ -n "$pg" ] && [[ $wanted == *pgbench* || -z $wanted ]]; then
	"$pg/initdb" -N -U pg -A trust "$tmp/data" >/dev/null 2>&1
	mkdir -p "$tmp/s" && port=$((20000 + RANDOM % 12000))
	"$pg/postgres" -D "$tmp/data" -p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories="$tmp/s" -c fsync=off >/dev/null 2>&1 &
	for _ in $(seq 100); do "$pg/pgbench" -h 127.0.0.1 -p $port -U pg -i -q -s 1 postgres >/dev/null 2>&1 && break; sleep 0.1; done
	kill -TERM $!; wait $!
	row "pgbench -C" us served HOW postgres # a connection, and so a process, for every transaction
	row pgbench us served HOW postgres-kept
else
	row pgbench us served HOW postgres # says that it is not there
fi
