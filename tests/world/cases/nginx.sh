# what: nginx: 2 workers, requests without keepalive, reload, reopen, quit
# time: 60
# quick: yes
mkdir -p web logs t
for i in 1 10 100 1000; do seq $i >web/$i.txt; done
cat >nginx.conf <<END
worker_processes 2;
pid nginx.pid;
error_log logs/error.log info;
events { worker_connections 256; }
http {
	access_log logs/access.log combined;
	client_body_temp_path t/b; proxy_temp_path t/p; fastcgi_temp_path t/f; uwsgi_temp_path t/u; scgi_temp_path t/s;
	types { text/plain txt; }
	sendfile on;
	open_file_cache max=100;
	server {
		listen 127.0.0.1:$PORT;
		root web;
		location /again/ { proxy_pass http://127.0.0.1:$PORT/; }
		location /forbidden { return 403; }
		location /gz/ { alias web/; gzip on; gzip_min_length 10; }
	}
}
END
nginx -p "$PWD" -c nginx.conf -e logs/error.log; echo "start $?"
wait_for 10 test -s nginx.pid && pid=$(cat nginx.pid) || exit 1
trap 'kill -QUIT $pid 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
url=http://127.0.0.1:$PORT
for p in 1.txt 10.txt 1000.txt none.txt forbidden again/100.txt again/none.txt; do
	curl -s -o body -w '%{http_code} %{size_download} ' "$url/$p"; sha256sum <body | cut -c1-16
done
curl -s --compressed "$url/gz/1000.txt" | sha256sum
curl -s -r 10-20 "$url/1000.txt" | od -c
load() { ab -q -n "$1" -c 20 "$url/$2" 2>&1 | grep -E '^(Complete|Failed|Non-2xx|Document Length|Write errors)'; }
load 3000 100.txt
load 300 again/1000.txt
nginx -p "$PWD" -c nginx.conf -e logs/error.log -s reload; echo "reload $?"
load 2000 1000.txt
mv logs/access.log logs/access.old.log
nginx -p "$PWD" -c nginx.conf -e logs/error.log -s reopen; echo "reopen $?"
wait_for 5 test -f logs/access.log
load 500 none.txt
# wrk has an array for 10 + 3 * 100 numbers: audit keeps up to 128 back.
wrk -t1 -c100 -d1s "$url/10.txt" | grep -cE 'Non-2xx|Socket errors'
nginx -p "$PWD" -c nginx.conf -e logs/error.log -s quit; echo "quit $?"
wait_for 10 gone "$pid"
grep -vh ' /10.txt ' logs/access*.log | grep -v '"GET /10.txt HTTP/1.1" 200' | awk '{ print $7, $9 }' | sort | uniq -c
grep -E '\[(alert|crit|emerg)\]' logs/error.log | sed 's/^[^[]*//'
grep -c 'exited with code' logs/error.log
