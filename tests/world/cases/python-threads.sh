# what: a Python program whose threads make descriptors and start children in every way subprocess, os and multiprocessing know
# time: 60
# quick: yes
cat >many.py <<'END'
import os, socket, subprocess, sys, tempfile, threading, multiprocessing

stop = threading.Event()
trouble = []

def churn(kind):
    while not stop.is_set():
        try:
            if kind == 0:
                a, b = os.pipe(); os.write(b, b"x"); assert os.read(a, 1) == b"x"; os.close(a); os.close(b)
            elif kind == 1:
                with socket.socketpair()[0] as s: s.fileno()
            elif kind == 2:
                with tempfile.TemporaryFile() as f:
                    f.write(b"abc"); f.seek(0); assert f.read() == b"abc"
            else:
                fd = os.dup(1); assert not os.get_inheritable(fd); os.close(fd)
        except Exception as e:
            trouble.append(repr(e))

def start(i):
    for n in range(6):
        want = "%d-%d" % (i, n)
        r = subprocess.run(["/bin/echo", want], capture_output=True, text=True, close_fds=bool(n % 2))
        if r.stdout.strip() != want or r.returncode: trouble.append(r)
        a, b = os.pipe()
        p = subprocess.Popen([sys.executable, "-S", "-c", "import os; os.write(%d, b'%s')" % (b, want)], pass_fds=[b])
        os.close(b)
        got = os.read(a, 99).decode(); os.close(a)
        if p.wait() or got != want: trouble.append((got, want))
        r, w = os.pipe()
        os.set_inheritable(w, True)
        code = os.system("bash -c 'printf %s >&%d'" % (want, w)) ; os.close(w)
        got = os.read(r, 99).decode(); os.close(r)
        if code or got != want: trouble.append(("system", code, got))
        if os.popen("echo " + want).read().strip() != want: trouble.append("popen")
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit %d" % (n + 1)], os.environ)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != n + 1: trouble.append("posix_spawn")

if __name__ == "__main__":
    churners = [threading.Thread(target=churn, args=(k,)) for k in range(4)]
    starters = [threading.Thread(target=start, args=(k,)) for k in range(3)]
    for t in churners + starters: t.start()
    for t in starters: t.join()
    stop.set()
    for t in churners: t.join()
    with multiprocessing.get_context("fork").Pool(3) as pool: print(sum(pool.map(abs, range(-100, 0))))
    with multiprocessing.get_context("spawn").Pool(2) as pool: print(sum(pool.map(abs, range(-50, 0))))
    print(trouble)
END
python3 many.py; echo "status $?"
