# what: redis: benchmark, pipelines, BGSAVE, BGREWRITEAOF, restart from disk, SHUTDOWN
# time: 60
start() {
	redis-server --port "$PORT" --bind 127.0.0.1 --dir "$PWD" --appendonly yes --save '' --logfile redis.log --daemonize yes \
		--pidfile "$PWD/redis.pid" --enable-debug-command yes --io-threads 2 >/dev/null
	echo "start $?"
	wait_for 10 cli ping
}
cli() { redis-cli -p "$PORT" "$@"; }
start
pid=$(cat redis.pid)
trap 'kill "$(cat redis.pid 2>/dev/null)" 2>/dev/null' EXIT
for i in $(seq 200); do echo "set key:$i value:$i"; done | cli --pipe | tail -1
redis-benchmark -h 127.0.0.1 -p "$PORT" -n 2000 -c 20 -q -t get,incr,lpush,sadd,mset,ping </dev/null | tr '\r' '\n' |
	sed -n 's/^\([A-Z_ ()a-z0-9]*\): .*requests per second.*/\1/p' | sort -u
cli debug digest
cli eval 'return redis.call("incrby", KEYS[1], 41)' 1 lua
cli bgsave; wait_for 20 sh -c "redis-cli -p $PORT info persistence | grep -q 'rdb_bgsave_in_progress:0'"
cli info persistence | grep -E '^rdb_last_bgsave_status|^aof_last' | grep -E 'status' | tr -d '\r'
cli bgrewriteaof; wait_for 20 sh -c "redis-cli -p $PORT info persistence | grep -q 'aof_rewrite_in_progress:0'"
cli info persistence | grep -E '^aof_last_bgrewrite_status' | tr -d '\r'
timeout 3 redis-cli -p "$PORT" subscribe chan >subscriber.txt & sub=$!
wait_for 5 sh -c "redis-cli -p $PORT pubsub numsub chan | grep -qx 1"
cli publish chan hello
wait $sub; echo "subscriber $?"; cat subscriber.txt
cli debug digest
cli shutdown nosave; echo "shutdown $?"
wait_for 10 gone "$pid"
start
pid=$(cat redis.pid)
cli debug digest
cli nosuchcommand
cli shutdown save; echo "shutdown $?"
wait_for 10 gone "$pid"
ls -1 | grep -E 'rdb|append'
grep -E ' # ' redis.log | sed 's/^[^#]*//' | grep -viE 'warning|oO0O|bits=|version=|memory overcommit' | sort | uniq -c
