# what: rsync: trees of 800 files copied, changed, deleted, compared; a daemon; partial, compressed, with checksums
# time: 120
exec 2>&1
mkdir -p src/d1/d2; many 400 'i * 2' src/f src/d1/g; ln -s f1 src/link; ln src/f2 src/d1/d2/hard; chmod 640 src/f3; find src -exec touch -h -d @1000000000 {} +
same() { diff -r --no-dereference src "$1" && echo same; }
rsync -aH --stats src/ one/ | grep -E '^Number of (regular|created|deleted)'; echo "status $?"; same one
for i in $(seq 1 7 400); do echo changed >>src/f$i; done; find src -name "f*" -size -2 -newermt @1050000000 -exec touch -d @1100000000 {} +; rm src/d1/g1?; echo new >src/new
rsync -aH --delete -i src/ one/ | awk '{ print $1 }' | sort | uniq -c; same one
rsync -aHcn --delete -i src/ one/ | wc -l
rsync -az --no-whole-file --block-size=700 --partial src/ two/; echo "status $?"; same two
rsync -a --inplace --append-verify src/f400 two/f400; rsync -a --files-from=<(cd src && ls | head -50) src/ three/; ls three | wc -l
rsync -a --link-dest="$PWD/one" src/ four/; find four -links +1 -type f | wc -l
rsync -a --backup --backup-dir="$PWD/old" --suffix=.b src/ one/; rsync -r --list-only src/ | wc -l
rsync -a --write-batch=batch src/ five/; rsync -a --read-batch=batch six/; same six; rsync nothing/ x/; echo "status $?"
printf 'port = %s\naddress = 127.0.0.1\nuse chroot = no\npid file = %s/pid\nlog file = %s/rsyncd.log\n[m]\npath = %s/src\n[w]\npath = %s/in\nread only = no\nmunge symlinks = no\n' "$PORT" "$PWD" "$PWD" "$PWD" "$PWD" >rsyncd.conf
mkdir in; rsync --daemon --no-detach --config=rsyncd.conf & pid=$!
trap 'kill $pid 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
rsync -a "rsync://127.0.0.1:$PORT/m/" seven/; echo "status $?"; same seven
rsync -az src/ "rsync://127.0.0.1:$PORT/w/"; echo "status $?"; same in
for i in $(seq 40); do rsync "rsync://127.0.0.1:$PORT/" | wc -l; done | uniq -c
mkdir eight # not by all six at once
for i in $(seq 6); do rsync -a "rsync://127.0.0.1:$PORT/m/f$i" eight/ & copies+=($!); done; wait "${copies[@]}"; ls eight | wc -l
rsync "rsync://127.0.0.1:$PORT/none/" 2>&1 | head -1; kill $pid; wait $pid; echo "end $?"
