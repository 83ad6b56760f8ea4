# tests/bench/servers.sh: part of bench.sh: servers under load, natively and in enforce in turn. Each row: the server is started, loaded and ended.
# Prints requests a second and the ratio, and the ratio of the CPU time that the server took for a request, which says more on a machine that has
# other things to do. A line from the interposer, or a server that does not answer, makes the row "failed".
# SECONDS_SERVERS: how long one load lasts (default 3). SERVERS: which, by default all that are installed.

# How a server is started: stays in the foreground; $1 is the port, $2 a folder of its own.
start_nginx() {
	mkdir -p "$2/html" && echo hello >"$2/html/index.html"
	sed "s|@DIR@|$2|g; s|@PORT@|$1|g; s|keepalive_timeout 0|keepalive_requests 1000000|" "$here/nginx.conf" >"$2/nginx.conf"
	exec nginx -p "$2" -c "$2/nginx.conf" -e "$2/error.log" -g 'daemon off;'
}
start_haproxy() {
	cat >"$2/haproxy.cfg" <<-END
		global
			nbthread 2
		defaults
			mode http
			timeout connect 5s
			timeout client 30s
			timeout server 30s
		frontend f
			bind 127.0.0.1:$1
			http-request return status 200 content-type text/plain string hello unless { path /back }
			default_backend b
		backend b
			server s 127.0.0.1:$(($1 + 1))
		frontend behind
			bind 127.0.0.1:$(($1 + 1))
			http-request return status 200 content-type text/plain string behind
	END
	exec haproxy -db -q -f "$2/haproxy.cfg"
}
start_memcached() { exec memcached -l 127.0.0.1 -p "$1" -U 0 -t 4 -u nobody; }
start_redis() {
	exec redis-server --port "$1" --bind 127.0.0.1 --save '' --dir "$2" --io-threads 3 --io-threads-do-reads yes --logfile "$2/log"
}
start_node() {
	exec node -e "require('http').createServer((q, a) => { a.setHeader('Content-Type', 'text/plain'); a.end('hello\n') }).listen($1, '127.0.0.1')"
}
start_asyncio() { exec /usr/bin/python3 "$here/asyncio_server.py" "$1"; }

# How it is loaded: $1 the port, $2 keep or once. Prints requests a second.
http_load() {
	local close=()
	[ "$2" = keep ] || close=(-H 'Connection: close')
	wrk -t1 -c16 -d"$seconds" "${close[@]}" "http://127.0.0.1:$1/${3:-}" | awk '/Non-2xx|Socket errors/ { bad = $0 } /Requests\/sec/ { n = $2 } END { if (bad || n < 1) exit 1; print n }'
}
load_nginx() { http_load "$@"; }
load_haproxy() { http_load "$@" back; }
load_node() { http_load "$@"; }
load_asyncio() { http_load "$@"; }
load_memcached() { "$build/tests/bench/cache_load" memcached "$1" 32 "$seconds" ${2/keep/}; }
load_redis() { "$build/tests/bench/cache_load" redis "$1" 32 "$seconds" ${2/keep/}; }

# Clock ticks of a process and its children.
cpu_of() { cat "/proc/$1/stat" $(pgrep -P "$1" | sed 's|.*|/proc/&/stat|') 2>/dev/null | sed 's/.*) //' | awk '{ n += $12 + $13 } END { print n }'; }

# one_load HOW SERVER KIND: requests a second, and the server's CPU time for one; 1: it did not go well.
one_load() {
	local port=$((20000 + RANDOM % 12000)) dir=$tmp/server pid loaded cpu status=1
	rm -rf "$dir" && mkdir -p "$dir" && chmod 777 "$dir"
	# shellcheck disable=SC2030
	(
		[ "$1" = natively ] || export LD_PRELOAD=$build/libfdwarden.so FDWARDEN_MODE=enforce FDWARDEN_LOG=$tmp/said.%p
		"start_$2" "$port" "$dir"
	) >/dev/null 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
	cpu=$(cpu_of $pid)
	loaded=$("load_$2" "$port" "$3") && [ -n "$loaded" ] && status=0
	cpu=$(($(cpu_of $pid) - cpu))
	kill -TERM $pid 2>/dev/null
	wait $pid 2>/dev/null
	echo "$loaded $(awk -v cpu="$cpu" -v n="${loaded:-1}" -v s="$seconds" 'BEGIN { printf "%.9f", cpu / (n * s) }')"
	return $status
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", (a > 0 ? b / a : 0) }'; }

row() { # SERVER KIND
	local i a b
	: >"$tmp/ratios"; : >"$tmp/natives"; : >"$tmp/cpu"; rm -f "$tmp"/said.*
	for ((i = 0; i < rounds; i++)); do
		# Which comes first changes: what grows or tires from run to run disturbs both alike.
		if ((i % 2)); then b=$(one_load enforced "$1" "$2") && a=$(one_load natively "$1" "$2")
		else a=$(one_load natively "$1" "$2") && b=$(one_load enforced "$1" "$2"); fi || { printf '%-34s failed: %s\n' "$1, $2" "no answer, or a wrong one"; return; }
		echo "${a% *}" >>"$tmp/natives"
		ratio "${a% *}" "${b% *}" >>"$tmp/ratios"
		ratio "${a#* }" "${b#* }" >>"$tmp/cpu"
	done
	if cat "$tmp"/said.* 2>/dev/null | grep -q .; then printf '%-34s failed: %s\n' "$1, $2" "$(cat "$tmp"/said.* | head -1)"; return; fi
	# shellcheck disable=SC2046
	printf '%-34s %10.0f   %5s (%s-%s)   %-8s  %5s (%s-%s)\n' "$1, $2" "$(middle "$tmp/natives" | cut -d' ' -f1)" $(middle "$tmp/ratios") '>= 0.98' $(middle "$tmp/cpu")
}

program_of() { case $1 in memcached | haproxy | nginx | node) echo "$1" ;; redis) echo redis-server ;; asyncio) echo python3 ;; postgres*) echo "${pg:-/nowhere}/pgbench" ;; esac; }
servers() {
	local server kind seconds=${SECONDS_SERVERS:-3}
	printf '\n%-34s %10s   %s\n' "servers, connections kept or not" "native r/s" "ratio (smallest-largest)   goal      CPU a request, ratio"
	for server in ${SERVERS:-nginx haproxy memcached redis node asyncio}; do
		command -v "$(program_of "$server")" >/dev/null || { printf '%-34s not installed\n' "$server"; continue; }
		for kind in keep once; do row "$server" $kind; done
	done
}
