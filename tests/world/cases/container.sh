# what: a container by crun with the default seccomp profile: its runtime, and git, tar, Python's threads and processes, perl, a server in it
# time: 120
# root: it mounts
exec 2>&1
. "$FDW_WORLD/container.sh"
{ command -v crun && [ -f $profile ] && [ "$(id -u)" = 0 ]; } >/dev/null || skip "needs root, crun and golang-github-containers-common"
mkdir -p in; many 20 i in/f; chmod 777 .
cat >work.sh <<'EOF'
id -u; echo $$; hostname; grep -E '^(CapEff|Seccomp):' /proc/self/status
git init -q r 2>/dev/null; cp in/* r; cd r; git add .; git -c user.name=a -c user.email=b commit -qm x; git fsck; git ls-files -s | sha256sum; cd ..; rm -rf r
tar c in | gzip | tar xz -O | sha256sum
python3 - <<'EOP'
import multiprocessing, os, socket, subprocess, threading
def echo(s):
    for _ in range(50):
        c, _ = s.accept(); c.sendall(c.recv(10)); c.close()
try: s = socket.create_server(("127.0.0.1", 0))
except OSError: s = None # no loopback inside
if s:
    t = threading.Thread(target=echo, args=(s,)); t.start()
    for i in range(50):
        try:
            with socket.create_connection(s.getsockname()) as c: c.sendall(b"hello"); assert c.recv(10) == b"hello"
        except OSError as e: print(e); os._exit(1)
    t.join()
t = [threading.Thread(target=lambda: [os.close(os.dup(0)) for _ in range(200)]) for _ in range(3)]; [x.start() for x in t]; [x.join() for x in t]
print(sum(subprocess.run(["sh", "-c", "exit 2"]).returncode for _ in range(10)))
try: os.unshare(0x10000000)
except (OSError, AttributeError) as e: print(type(e).__name__)
EOP
perl -e 'for (1..10) { pipe my $r, my $w; my $p = fork; if (!$p) { print $w $_; exit $_ } close $w; print <$r>, " "; waitpid $p, 0; print $? >> 8, "\n" }'
unshare -m true 2>/dev/null; echo "mount namespace $?"; strace -V >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null; echo "strace $?"
(sleep 100 & kill $!; wait $!; echo "killed $?"); sh -c 'kill -9 $$'; echo "status $?"
exit 6
EOF
export -f in_container; export profile
inside() { unshare --mount bash -c 'in_container "$@"' inside "$PWD" "$@"; }
inside 0 true || exit # nothing is compared where nothing runs
for uid in 0 1000; do inside $uid bash work.sh; echo "status $?"; done
inside 0 none 2>/dev/null; echo "none $?"
