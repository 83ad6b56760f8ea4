# what: memcached: 4 threads, many connections at once: kept, new ones all the time, some that end in the middle
# time: 60
cat >load.py <<'END'
import socket, struct, sys, threading

port, wrong, done = int(sys.argv[1]), [], []

def connect():
    return socket.create_connection(("127.0.0.1", port))

def pair(s, key, value):
    s.sendall(b"set %s 0 0 %d\r\n%s\r\nget %s\r\n" % (key, len(value), value, key))
    want, got = b"STORED\r\nVALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value), b""
    while len(got) < len(want):
        more = s.recv(65536)
        if not more:
            break
        got += more
    if got != want:
        wrong.append((got, want))

def kept(n):
    with connect() as s:
        for i in range(400):
            pair(s, b"kept-%d" % n, b"%d-%d" % (n, i))
    done.append(n)

def fresh(n):
    for i in range(650):
        s = connect()
        pair(s, b"fresh-%d" % n, b"x" * (i * 11 % 3000 + 1))
        if i % 3 == 0:  # a reset instead of an end
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif i % 3 == 1:  # in the middle of a command
            s.sendall(b"set half 0 0 100\r\nabc")
        s.close()
    done.append(n)

threads = [threading.Thread(target=f, args=(n,)) for n in range(8) for f in (kept, fresh)]
for t in threads: t.start()
for t in threads: t.join()
print(len(done), wrong)
END
memcached -l 127.0.0.1 -p "$PORT" -U 0 -t 4 -v 2>memcached.log & pid=$!
trap 'kill $pid 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
/usr/bin/python3 load.py "$PORT"; echo "status $?"
# One by one.
ask() { exec 9<>"/dev/tcp/127.0.0.1/$PORT"; printf '%s\r\nquit\r\n' "$1" >&9; tr -d '\r' <&9; exec 9<&-; }
ask stats | grep -E '^STAT (threads|cmd_get|get_misses|listen_disabled_num|rejected_connections) '
ask "get kept-3"
ask "flush_all"
ask "get kept-3"
kill -TERM $pid; wait $pid; echo "end $?"
