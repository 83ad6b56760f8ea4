# what: python3 -m http.server: threads for requests, SIGINT
# time: 40
seq 2000 >big.txt; mkdir d; echo hi >d/index.html; : >empty
/usr/bin/python3 -u -m http.server "$PORT" --bind 127.0.0.1 >server.txt 2>requests.txt &
pid=$!
trap 'kill $pid 2>/dev/null' EXIT
wait_for 20 listening "$PORT"
url=http://127.0.0.1:$PORT
for p in big.txt d/ d empty none ''; do
	curl -s -o body -w "%{http_code} " "$url/$p"; grep -av 'txt\|body' body | sha256sum | cut -c1-16
done
ab -q -n 400 -c 10 "$url/big.txt" 2>&1 | grep -E '^(Complete|Failed|Non-2xx|Document Length)'
seq 20 | xargs -P5 -I{} curl -s -o /dev/null -w '%{http_code}\n' "$url/d/?{}" | sort | uniq -c
kill -INT $pid 2>/dev/null; kill -TERM $pid; wait $pid; echo "status $?"
grep -c '"GET /big.txt HTTP/1.0" 200' requests.txt
grep -E 'Error|Exception' requests.txt
sed 's/port [0-9]*/port N/; s/:[0-9]*\//:N\//' server.txt
