# what: jemalloc, tcmalloc and mimalloc preloaded too, before us and after: Python's threads, processes and pools, sort, git, sqlite3, perl
# time: 120
# quick: no
exec 2>&1
libs=$(ls /usr/lib/*/libjemalloc.so.2 /usr/lib/*/libtcmalloc_minimal.so.4 /usr/lib/*/libmimalloc.so.2.0 2>/dev/null)
[ "$(wc -w <<<"$libs")" = 3 ] || skip "needs libjemalloc2, libtcmalloc-minimal4 and libmimalloc2.0"
cat >work.py <<'EOF'
import multiprocessing, os, socket, subprocess, tempfile, threading
def job(n):
    for i in range(100):
        with tempfile.TemporaryFile() as f: f.write(b"x" * 1000 * (i % 7)); os.close(os.dup(f.fileno()))
        a, b = socket.socketpair(); a.sendall(b"%d" % i); assert b.recv(10) == b"%d" % i; a.close(); b.close()
        bytearray(1000 * (n + i))
def square(x): return x * x
if __name__ == "__main__":
    threads = [threading.Thread(target=job, args=(n,)) for n in range(6)]
    [t.start() for t in threads]
    print([subprocess.run(["sh", "-c", "cat; exit %d" % i], input=b"in").returncode for i in range(10)])
    [t.join() for t in threads]
    with multiprocessing.Pool(3) as p: print(sum(p.map(square, range(500))))
    print([os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit %d" % i], os.environ), 0)[1]) for i in range(5)])
EOF
seq 200000 | awk '{ print ($1 * 7919) % 200003 }' >numbers
run() {
	"$@" python3 work.py; echo "python $?"
	"$@" sort -n --parallel=4 -S 4M numbers | md5sum
	rm -rf r; "$@" git init -q r; (cd r; cp ../numbers .; "$@" git add .; "$@" git -c user.name=a -c user.email=b commit -qm x; "$@" git gc -q; "$@" git fsck; "$@" git ls-files -s)
	"$@" sqlite3 :memory: 'create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x from c; select sum(a), count(*) from t'
	"$@" perl -e 'for (1..20) { my $p = fork; exit $_ if !$p; waitpid $p, 0; print $? >> 8, " " } print "\n"'
}
for lib in $libs; do
	for where in first last; do
		echo "$(basename "$lib") $where"
		run preloads $where "$lib"
	done
done
