# what: tar, gzip, find, xargs, cpio-like pipelines
# time: 60
# quick: no
exec 2>&1
mkdir -p a/b/c
for i in $(seq 60); do seq $i >a/f$i; ln -s ../f$i a/b/l$i; ln a/f$i a/b/c/h$i; done
many 1200 "i % 40" a/b/m
chmod 640 a/f7
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf a.tgz a; echo "status $?"
tar -tzf a.tgz | wc -l
mkdir x && tar -xzf a.tgz -C x --checkpoint=50 --checkpoint-action=exec='echo at $TAR_CHECKPOINT'; echo "status $?"
diff -r a x/a && echo same
tar -cf - a | (cd x && tar -xf - a/f1 a/f2 && ls a | wc -l)
tar --compare -zf a.tgz | grep -vE "(Uid|Gid|Mod time) differs"; echo "status $?"
find a -type f -print0 | sort -z | xargs -0 -P4 -n5 sha256sum | sort -k2 | sha256sum
find a -name 'f*' -exec wc -c {} + | tail -1
split -n 4 --filter='gzip -c >$FILE.gz' a.tgz part. && zcat part.*.gz | cmp - a.tgz && echo joined
sort -R a/f60 --random-source=a.tgz | sort -n --parallel=2 | cmp - a/f60 && echo sorted
tar -xf nothing.tar; echo "status $?"
