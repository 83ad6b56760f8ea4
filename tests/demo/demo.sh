#!/bin/bash
# tests/demo/demo.sh BUILD: the main job on a real program: nginx with two workers under load is recorded, then reported; then a program
# with planted bugs is audited. Under a minute; needs no daemon and no privileges; everything stays in one temporary directory.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd) || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/fdwarden-demo.XXXXXX") || exit 2
chmod 755 "$dir"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

say() { printf '\n$ %s\n' "$*"; }
port=$((20000 + RANDOM % 12000))
mkdir -p "$dir/html" && echo hello >"$dir/html/index.html" && chmod -R 777 "$dir/html"
chmod 777 "$dir"
sed "s|@DIR@|$dir|g; s|@PORT@|$port|g" "$here/../bench/nginx.conf" >"$dir/nginx.conf"
cd "$dir" || exit 2

say "fdwarden record -o nginx.trace -- nginx -c $dir/nginx.conf -g 'daemon off;'"
"$build/fdwarden" record -o nginx.trace -- nginx -p "$dir" -c "$dir/nginx.conf" -g 'daemon off;' &
server=$!
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
say "wrk -t1 -c16 -d5 -H 'Connection: close' http://127.0.0.1:$port/"
wrk -t1 -c16 -d5 -H 'Connection: close' "http://127.0.0.1:$port/" || exit 1
kill -QUIT "$(cat "$dir/nginx.pid")"
wait "$server" || exit 1
server=
say "fdwarden report nginx.trace"
"$build/fdwarden" report nginx.trace
[ $? -le 1 ] || exit 1

say "fdwarden audit -- planted"
"$build/fdwarden" audit -- "$build/tests/demo/planted" || exit 1
say "fdwarden audit --format=json -o planted.json -- planted; jq -r '.findings[] | [.id, .severity, .message] | @tsv' planted.json"
"$build/fdwarden" audit -q --format=json -o planted.json -- "$build/tests/demo/planted" >/dev/null || exit 1
jq -r '.findings[] | [.id, .severity, .message] | @tsv' planted.json
