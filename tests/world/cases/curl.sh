# what: curl: 1,500 downloads one by one and 20 at a time, each over its own connection, and kept ones; uploads, ranges, file:, errors
# time: 120
exec 2>&1
mkdir -p web out t; many 1500 'i % 50 + 1' web/f
cat >nginx.conf <<END
worker_processes 1; pid nginx.pid; error_log error.log crit; daemon on;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path t/b; proxy_temp_path t/p; fastcgi_temp_path t/f; uwsgi_temp_path t/u; scgi_temp_path t/s;
	server { listen 127.0.0.1:$PORT; root web; location /put { proxy_pass http://127.0.0.1:$PORT/f1; proxy_method GET; } location /moved { return 302 /f7; } }
}
END
nginx -p "$PWD" -c nginx.conf -e error.log; echo "start $?"
wait_for 10 test -s nginx.pid && pid=$(cat nginx.pid)
trap 'kill -QUIT $pid 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
url=http://127.0.0.1:$PORT
curl -sS -H 'Connection: close' "$url/f[1-1500]" -o 'out/f#1'; echo "status $?"; diff -r web out && echo same; rm -f out/*
curl -sS --no-progress-meter -Z --parallel-max 20 -H 'Connection: close' "$url/f[1-1500]" -o 'out/f#1'; echo "status $?"; diff -r web out && echo same; rm -f out/*
curl -sS --no-progress-meter -Z --parallel-max 20 "$url/f[1-500]" -o 'out/f#1'; echo "status $?"; ls out | wc -l
curl -sS "file://$PWD/web/f[1-300]" | sha256sum
curl -sS -w '%{http_code} %{num_connects} %{size_download}\n' -o /dev/null "$url/f1" -o /dev/null "$url/f2" -o /dev/null "$url/none"
curl -sS -L "$url/moved" | tail -1; curl -sS -r 2-5 "$url/f9"; curl -s -T web/f40 "$url/put/" | sha256sum; curl -sS -F "a=@web/f40" "$url/put/" | sha256sum
curl -sS -c jar -b jar -D head -o body "$url/f3"; head -1 head; wc -c <body
for i in $(seq 30); do curl -s -o /dev/null -w '%{exitcode}\n' "http://127.0.0.1:1/"; done | sort | uniq -c
curl -s --unix-socket nowhere "$url/"; echo "status $?"
curl -sS --max-time 0.3 -x "http://127.0.0.1:$PORT" http://nowhere.invalid/ -o /dev/null; echo "status $?"
for i in $(seq 30); do curl -sS -o "out/p$i" "$url/f$i" & done; wait; cat out/p* | sha256sum
/usr/bin/python3 -c '
import socket, sys, threading
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 0)); s.listen(8); print(s.getsockname()[1], flush=True)
for i in range(20):
    c, _ = s.accept(); c.recv(100); c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); c.close()' >broken & server=$!
wait_for 10 test -s broken
for i in $(seq 20); do curl -s "http://127.0.0.1:$(cat broken)/" -o half; echo $?; done | sort | uniq -c; wait $server
