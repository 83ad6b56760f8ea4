# what: haproxy: 2 threads, in front of itself: connections kept and not, health checks, a server that goes away, reload, soft stop
# time: 60
write_config() { # GREETING
	cat >haproxy.cfg <<-END
		global
			nbthread 2
			stats socket $PWD/admin level admin expose-fd listeners
		defaults
			mode http
			timeout connect 2s
			timeout client 10s
			timeout server 10s
		frontend front
			bind 127.0.0.1:$PORT
			http-request return status 200 content-type text/plain string $1 if { path /direct }
			default_backend back
		backend back
			option httpchk GET /health
			server one $PWD/one.sock check inter 100
			server two $PWD/two.sock check inter 100
		frontend behind
			bind $PWD/one.sock
			bind $PWD/two.sock
			http-request return status 200 content-type text/plain string behind
	END
}
admin() { python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("admin"); s.sendall(sys.argv[1].encode() + b"\n")
print(b"".join(iter(lambda: s.recv(4096), b"")).decode().strip())' "$1"; }
load() { ab -q "${@:2}" "http://127.0.0.1:$PORT/$1" 2>&1 | grep -E '^(Complete|Failed|Non-2xx|Document Length|Write errors)'; }
write_config hello
haproxy -D -q -f haproxy.cfg -p haproxy.pid; echo "start $?"
wait_for 10 test -s haproxy.pid
trap 'kill $(cat haproxy.pid) 2>/dev/null' EXIT
wait_for 10 sh -c "curl -s http://127.0.0.1:$PORT/ | grep -q behind"
curl -s "http://127.0.0.1:$PORT/direct"; echo
load direct -n 2000 -c 16
load direct -n 2000 -c 16 -k
load back -n 2000 -c 16
load back -n 4000 -c 16 -k
admin "set server back/one state maint"
load back -n 500 -c 8
admin "set server back/one state ready"
write_config again
old=$(cat haproxy.pid)
haproxy -D -q -f haproxy.cfg -p haproxy.pid -x "$PWD/admin" -sf "$old"; echo "reload $?"
wait_for 10 gone "$old"
wait_for 10 sh -c "curl -s http://127.0.0.1:$PORT/ | grep -q behind"
curl -s "http://127.0.0.1:$PORT/direct"; echo
load back -n 1000 -c 16
pid=$(cat haproxy.pid)
kill -USR1 "$pid"
wait_for 10 gone "$pid" && echo stopped
