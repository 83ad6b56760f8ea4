# what: coreutils: split, cat, sort, cp, mv, install, du, sums, paste, csplit, tee, tail -f, shred over 1,200 files
# time: 120
exec 2>&1
mkdir a && seq 1200 | split -l1 -d -a4 - a/f; ls a | wc -l
cat a/f* | sha256sum
sha1sum a/f* >sums && sha1sum -c --quiet sums; echo "sums $?"
md5sum a/* | sha256sum; cksum a/* | sha256sum; b2sum a/f00* | wc -l
sort -m -n a/f* | cmp - <(seq 1200); echo "merged $?"
sort -n --batch-size=4 -S 64k --parallel=2 a/f* -o sorted; tail -1 sorted
cp -r a b; cp -a --reflink=auto a c; diff -rq a b; du -b --apparent-size a | wc -l
wc -l a/f* | tail -1; head -qn1 a/f* | sha256sum; tail -qn1 a/f* | sha256sum
(ulimit -n 1500; paste a/f* | wc -c); paste -s a/f000* | wc -l
install -m 600 a/f00* -t "$(mkdir inst && echo inst)"; stat -c %a inst/* | sort | uniq -c
csplit -q -n 3 -f part. sorted '/00$/' '{*}'; cat part.* | cmp - sorted && ls part.* | wc -l
mv b/f0* inst/; ls inst | wc -l; touch -r sums a/f0000; truncate -s 10 a/f0001; od -An -c a/f0001
tee a/t1 a/t2 a/t3 <sorted | nl | tail -1; tac sorted | head -1; comm -12 sorted a/t1 2>/dev/null | wc -l
shuf --random-source=sorted -n 3 sorted; split -n r/5 sorted rr. && cat rr.* | sort -n | cmp - sorted; echo "round $?"
dd if=sorted bs=7 count=3 status=none; fold -w 20 sorted | tail -1; expand sums | unexpand | cmp - sums; tr -d '\n' <sorted | wc -c
timeout 5 tail -F --pid=$$ -n 2 -s 0.1 growing >followed 2>/dev/null & tailer=$!
for i in 1 2 3; do echo $i >>growing; sleep 0.2; mv growing old.$i; done; sleep 0.3; kill $tailer; wait $tailer 2>/dev/null; sort -u followed
stdbuf -oL seq 3 | stdbuf -o0 cat; env -i A=b printenv A; nohup true </dev/null; mktemp -u -p . x.XXXXXX | wc -c
shred -u -n1 b/*; ls b | wc -l; cat nothing; echo "status $?"; seq 10 >/dev/full; echo "status $?"
cp -p a/f0002 - 2>/dev/null; sum a/f0002; readlink -f a/../a/f0002 | sed "s|$PWD||"; sync a/f0002; ln -sf f0002 a/link; cat a/link
rm -r c inst; echo "rm $?"
