# what: redis with 3 threads that read and write: pipelines from many clients, kept connections and new ones, clients that are killed
# time: 90
redis-server --port "$PORT" --bind 127.0.0.1 --dir "$PWD" --save '' --logfile redis.log --io-threads 3 --io-threads-do-reads yes >/dev/null & pid=$!
trap 'kill $pid 2>/dev/null' EXIT
cli() { redis-cli -p "$PORT" "$@"; }
wait_for 10 cli ping
bench() { redis-benchmark -h 127.0.0.1 -p "$PORT" -q "$@" </dev/null 2>&1 | tr '\r' '\n' | sed -n 's/^\([A-Z_ ()a-z0-9]*\): .*requests per second.*/\1/p' | sort -u; }
bench -n 8000 -c 32 -P 16 -t set,get,incr,lpush,lpop,sadd
bench -n 1500 -c 16 -k 0 -t set,get
cli get counter:__rand_int__; cli config get io-threads | tail -1
for i in $(seq 300); do echo "set key:$i value:$i"; done | cli --pipe | tail -1
# Killed while they wait, one by one and all at once.
for i in 1 2 3 4; do redis-cli -p "$PORT" blpop nothing 0 >/dev/null 2>&1 & done
wait_for 10 sh -c "redis-cli -p $PORT info clients | grep -q blocked_clients:4"
cli client kill type normal skipme yes >/dev/null
wait_for 10 sh -c "redis-cli -p $PORT info clients | grep -q blocked_clients:0"
cli dbsize >/dev/null; cli get key:77; cli strlen key:300
cli config set maxclients 20 >/dev/null
bench -n 300 -c 10 -t ping_mbulk
cli shutdown nosave; wait $pid; echo "end $?"
grep -E ' # ' redis.log | sed 's/^[^#]*//' | grep -viE 'warning|oO0O|bits=|version=|memory overcommit' | sort | uniq -c
