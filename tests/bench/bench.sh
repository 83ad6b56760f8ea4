#!/bin/bash
# tests/bench/bench.sh [SECTION...]: overheads, always side by side with native in the same run: a noisy machine disturbs both alike.
# Sections: calls threads forklock scale audit memory record nginx ports pools servers. FDW_BUILD: the build directory. ROUNDS: how often each pair is run (default 5).
# Prints the median ratio of the rounds, with the smallest and the largest. Asserts nothing.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${FDW_BUILD:-$here/../../build}" && pwd) || exit 2
rounds=${ROUNDS:-5}
BESIDE=()
sections=${*:-calls threads forklock scale audit memory record nginx ports pools servers}
tmp=$(mktemp -d) || exit 2
chmod 755 "$tmp"
export BENCH_STATIC=$build/tests/forklock/held # ends at once when it is told nothing
trap 'rm -rf "$tmp"' EXIT

natively() { "$@"; }
enforced() { LD_PRELOAD=$build/libfdwarden.so FDWARDEN_MODE=enforce FDWARDEN_LOG=off "$@"; }
audited() { rm -rf "$tmp/trace"; "$build/fdwarden" record -m audit -q -o "$tmp/trace" -- "$@"; }
recorded() { rm -rf "$tmp/trace"; "$build/fdwarden" record -q -o "$tmp/trace" -- "$@"; }

# shellcheck source=tests/bench/common.sh
. "$here/common.sh"

# compare NAME GOAL HOW COMMAND...: COMMAND prints one number; the ratio HOW / native, round by round. BESIDE: what runs natively, if it is not the same.
compare() {
	local name=$1 goal=$2 how=$3 i a b
	shift 3
	local beside=("${BESIDE[@]:-$@}")
	: >"$tmp/ratios"; : >"$tmp/natives"
	for ((i = 0; i < rounds; i++)); do
		a=$(natively "${beside[@]}") && b=$($how "$@") || { printf '%-34s failed\n' "$name"; return; }
		echo "$a" >>"$tmp/natives"
		awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f\n", b / a }' >>"$tmp/ratios"
	done
	# shellcheck disable=SC2046
	printf '%-34s %10s   %5s (%s-%s)   %s\n' "$name" $(middle "$tmp/natives" | cut -d' ' -f1) $(middle "$tmp/ratios") "$goal"
}

calls() {
	local c n
	printf '\n%-34s %10s   %s\n' "one call, one thread" "native ns" "ratio (smallest-largest)   goal"
	for c in 'close(dup)' 'close(open)' 'close(socket)' write read fstat lseek poll epoll_ctl fcntl 'fclose(fopen)' fork; do
		n=100000; [ "$c" = fork ] && n=300
		compare "$c, enforce" "$([ "$c" = 'close(dup)' ] && echo '<= 1.05')" enforced "$build/tests/bench/calls" "$c" $n
	done
	BESIDE=("$build/tests/bench/calls" 'sigaltstack mlock' 20000)
	compare "sigaltstack / and mlock, enforce" '<= 1.00' enforced "$build/tests/bench/calls" sigaltstack 20000
	BESIDE=()
	for c in 'close(dup)' 'close(open)' write fork; do
		n=20000; [ "$c" = fork ] && n=100
		compare "$c, recorded" "$([ "$c" = 'close(dup)' ] && echo '<= 2.5')" recorded "$build/tests/bench/calls" "$c" $n
	done
}

threads() {
	printf '\n%-34s %10s   %s\n' "one call, two threads" "native ns" "ratio (smallest-largest)"
	for c in 'close(dup)' 'close(open)' write epoll_ctl; do
		compare "$c, enforce" "" enforced "$build/tests/bench/calls" "$c" 100000 threads
	done
}

# Threads on descriptors of their own, and all on the same: a line of ours that they all write would show where the kernel has none, on their own.
scale() {
	local c n where
	printf '\n%-34s %10s   %s\n' "CPU time a call, n threads" "native ns" "ratio (smallest-largest), enforce"
	for c in read 'close(dup)' epoll_ctl; do
		for where in own same; do
			for n in 1 2 4 8 16; do
				compare "$c, $where, $n" "" enforced "$build/tests/bench/scale" "$c" $where $n 40000
			done
		done
	done
}

# What the fork lock costs: creation and mark, and the start of children. posix_spawn of a static program, so that no loader is measured.
forklock() {
	local c
	printf '\n%-34s %10s   %s\n' "the fork lock, enforce" "native ns" "ratio (smallest-largest)   goal"
	for c in 'dup mark close' 'socket mark close'; do
		compare "$c, one thread" "$([ "$c" = 'dup mark close' ] && echo '<= 1.05')" enforced "$build/tests/bench/calls" "$c" 100000
		compare "$c, two threads" "$([ "$c" = 'dup mark close' ] && echo '<= 1.10')" enforced "$build/tests/bench/calls" "$c" 100000 threads
	done
	for c in fork vfork posix_spawn 'posix_spawn fails'; do
		compare "$c" "$([ "$c" = 'posix_spawn fails' ] || echo '<= 1.03')" enforced "$build/tests/bench/calls" "$c" 1000
		compare "$c, two threads" "$([ "$c" = 'posix_spawn fails' ] || echo '<= 1.03')" enforced "$build/tests/bench/calls" "$c" 1000 threads
	done
}

# What audit costs, recorded with stacks as `fdwarden audit` does: loops of nothing but creation and close, and programs that do a lot of both.
audit() {
	local c
	printf '\n%-34s %10s   %s\n' "audit, recorded" "native ns" "ratio (smallest-largest)   goal"
	for c in 'close(dup)' 'close(open)' 'close(socket)' 'fclose(fopen)'; do
		compare "$c" "$([ "$c" = 'close(dup)' ] || echo '<= 2')" audited "$build/tests/bench/calls" "$c" 40000
	done
	printf '\n%-34s %10s   %s\n' "audit, recorded, programs" "native ms" "ratio (smallest-largest)   goal"
	compare "grep -r, each header" '<= 2' audited "${took[@]}" sh -c '! grep -rq "no such line anywhere" /usr/include'
	compare "tar of the headers" '<= 2' audited "${took[@]}" tar cf "$tmp/x.tar" -C /usr include
	compare "find, each directory" '<= 2' audited "${took[@]}" find /usr -xdev -name nothing
	compare "sh, 30,000 redirections" '<= 2' audited "${took[@]}" sh -c 'i=0; while [ $i -lt 30000 ]; do : </dev/null; i=$((i + 1)); done'
	compare "perl, 200,000 files" '' audited "${took[@]}" perl -e 'for (1 .. 200000) { open(my $f, "<", "/dev/null"); close $f }'
}

# resident HOW: kB of a sleeping process, and how many of them are its own.
resident() {
	local pid
	"$@" sleep 1 & pid=$!
	sleep 0.3
	awk '/^Rss/ { rss = $2 } /^Private/ { own += $2 } END { printf "%d (%d private)", rss, own }' "/proc/$(pgrep -nx sleep -P $pid || echo $pid)/smaps_rollup"
	wait $pid
}
memory() {
	printf '\nresident memory of an idle process, kB: native %s, enforce %s   goal: <= +300\n' "$(resident natively)" "$(resident enforced)"
}

now() { date +%s%N; }
true_takes() { local a; a=$(now); for i in 1 2 3; do "$@" true >/dev/null 2>&1; done; echo $((($(now) - a) / 3000000)); }
record() {
	printf '\nstart and end of a recording: true %s ms, run -- true %s ms, record -- true %s ms   goal: <= +250\n' "$(true_takes natively)" \
		"$(true_takes "$build/fdwarden" run --)" "$(true_takes recorded)"
}

# served HOW: requests a second of nginx with two workers, keepalive off.
served() {
	local port=$((20000 + RANDOM % 12000)) dir=$tmp/nginx.$RANDOM pid
	mkdir -p "$dir/html" && echo hello >"$dir/html/index.html" && chmod -R 777 "$dir"
	sed "s|@DIR@|$dir|g; s|@PORT@|$port|g" "$here/nginx.conf" >"$dir/nginx.conf"
	"$@" nginx -p "$dir" -c "$dir/nginx.conf" -g 'daemon off;' >/dev/null 2>"$dir/err" &
	pid=$!
	for i in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
	wrk -t1 -c16 -d"${SECONDS_NGINX:-4}" -H 'Connection: close' "http://127.0.0.1:$port/" | awk '/Requests\/sec/ { print $2 }'
	kill -QUIT "$(cat "$dir/nginx.pid")"; wait "$pid"
	rm -rf "$dir"
}
nginx_pair() {
	local how=$1 goal=$2 i a b
	: >"$tmp/ratios"; : >"$tmp/natives"
	for ((i = 0; i < rounds; i++)); do
		a=$(served natively); b=$(served "$how")
		echo "$a" >>"$tmp/natives"
		awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f\n", b / a }' >>"$tmp/ratios"
	done
	# shellcheck disable=SC2046
	printf '%-34s %10s   %5s (%s-%s)   %s\n' "nginx, $how" $(middle "$tmp/natives" | cut -d' ' -f1) $(middle "$tmp/ratios") "$goal"
}
nginx_section() {
	printf '\n%-34s %10s   %s\n' "nginx, 2 workers, no keepalive" "native r/s" "ratio (smallest-largest)   goal"
	nginx_pair enforced '>= 0.99'
	nginx_pair recorded '>= 0.93'
	nginx_pair audited '>= 0.87'
}

# Event ports beside raw epoll: the program does both, in turns.
port_row() { # NAME KIND GOAL
	local i
	: >"$tmp/ratios"; : >"$tmp/natives"
	for ((i = 0; i < rounds; i++)); do
		"$build/tests/bench/ports" "$2" 200000 >"$tmp/row" || { printf '%-34s failed\n' "$1"; return; }
		cut -d' ' -f1 "$tmp/row" >>"$tmp/natives"; cut -d' ' -f3 "$tmp/row" >>"$tmp/ratios"
	done
	# shellcheck disable=SC2046
	printf '%-34s %10s   %5s (%s-%s)   %s\n' "$1" $(middle "$tmp/natives" | cut -d' ' -f1) $(middle "$tmp/ratios") "$3"
}
ports() {
	printf '\n%-34s %10s   %s\n' "event ports" "epoll ns" "ratio (smallest-largest)   goal"
	port_row "associate, get, associate" round '<= 1.5'
	port_row "getn of 64 / wait and 64 MODs" batch '<= 1.3'
	port_row "getn of 64 and 64 associations" rearm ''
	port_row "send and get / eventfd" send ''
}

# One-shot pools with a reaper (tests/rearm): re-arms a second, which are more in enforce where none is wasted on a stranger.
rearms() { "$build/tests/rearm/pool" --seconds=1 "$@" | sed -n 's/.*rearms=\([0-9]*\).*/\1/p'; }
pools() {
	local queue workers
	printf '\n%-34s %10s   %s\n' "one-shot pools, re-arms, enforce" "native a s" "ratio (smallest-largest)   goal"
	for queue in 0 1; do
		for workers in 1 2 8; do
			compare "$([ $queue = 0 ] && echo "$workers workers wait" || echo "one waiter, $workers workers")" '>= 0.85' enforced \
				rearms --workers=$workers --queue=$queue --data=pointer
		done
	done
}

# shellcheck source=tests/bench/servers.sh
. "$here/servers.sh"
for section in $sections; do
	case $section in
	calls) calls ;;
	threads) threads ;;
	forklock) forklock ;;
	scale) scale ;;
	audit) audit ;;
	memory) memory ;;
	record) record ;;
	nginx) nginx_section ;;
	ports) ports ;;
	pools) pools ;;
	servers) servers ;;
	*) echo "bench: no section '$section'; there are: calls threads forklock scale audit memory record nginx ports pools servers" >&2; exit 2 ;;
	esac
done
