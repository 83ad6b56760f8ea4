# what: a Node.js HTTP server: connections kept and not, files, a child for each request, clients that go away
# time: 60
cat >server.js <<'END'
const http = require('http'), fs = require('fs'), child = require('child_process');
const server = http.createServer((q, a) => {
	if (q.url === '/file') return fs.createReadStream('big.txt').on('error', () => a.destroy()).pipe(a);
	if (q.url === '/child') return child.execFile('/bin/echo', ['from', 'a', 'child'], (e, out) => a.end(e ? String(e) : out));
	if (q.url === '/end') { a.end('bye\n'); server.close(); server.closeIdleConnections(); return; }
	if (q.method === 'POST') { let n = 0; q.on('data', d => n += d.length).on('end', () => a.end(n + '\n')); return; }
	a.end('hello\n');
});
server.listen(+process.argv[2], '127.0.0.1');
END
seq 20000 >big.txt
node server.js "$PORT" & pid=$!
trap 'kill $pid 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
url=http://127.0.0.1:$PORT
load() { ab -q "${@:2}" "$url/$1" 2>&1 | grep -E '^(Complete|Failed|Non-2xx|Document Length|Write errors)'; }
curl -s "$url/"; curl -s "$url/file" | sha256sum; curl -s "$url/child"
curl -s --data-binary @big.txt "$url/"
load / -n 2000 -c 16
load / -n 4000 -c 16 -k
load file -n 200 -c 8
load child -n 60 -c 8
# Clients that go away in the middle of the file.
for i in $(seq 20); do (exec 9<>"/dev/tcp/127.0.0.1/$PORT"; printf 'GET /file HTTP/1.1\r\nHost: x\r\n\r\n' >&9; head -c 10 <&9 >/dev/null); done
curl -s "$url/file" | sha256sum
curl -s "$url/end"
wait $pid; echo "end $?"
