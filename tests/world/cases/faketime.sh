# what: faketime: clocks that are set, that stand, that run ten times as fast and backwards; servers, threads, sleepers and children under them
# time: 120
exec 2>&1
lib=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null) || skip "needs faketime"
cat >work.py <<'EOF'
import datetime, os, socket, subprocess, sys, threading, time
def echo(s):
    for _ in range(100):
        c, _ = s.accept(); c.sendall(c.recv(10)); c.close()
s = socket.create_server(("127.0.0.1", 0)); t = threading.Thread(target=echo, args=(s,)); t.start()
for i in range(100):
    with socket.create_connection(s.getsockname()) as c: c.sendall(b"hello"); assert c.recv(10) == b"hello"
t.join(); s.close()
def close_open():
    for _ in range(300): os.close(os.open("/dev/null", os.O_RDONLY))
threads = [threading.Thread(target=close_open) for _ in range(4)]; [t.start() for t in threads]
print(sum(subprocess.run(["sh", "-c", "exit 1"], pass_fds=(1,)).returncode for _ in range(20))); [t.join() for t in threads]
for _ in range(10):
    if os.fork() == 0: os._exit(0)
    os.wait()
print(datetime.datetime.utcnow().year if len(sys.argv) > 1 else "done")
EOF
for where in first last; do
	for clock in '2001-02-03 04:05:06' '@2001-02-03 04:05:06' '@2001-02-03 04:05:06 x10' '@2001-02-03 04:05:06 x0.1' '+15d' '-2y'; do
		echo "$where, $clock"
		FAKETIME=$clock TZ=UTC preloads $where "$lib" python3 work.py $([ "${clock#*2001}" = "$clock" ] || echo year)
		FAKETIME=$clock TZ=UTC preloads $where "$lib" bash -c 'for i in 1 2 3; do (exit $i); echo $?; done | xargs; exec 7</dev/null 7<&-; cat /dev/null; find . -maxdepth 1 -name work.py'
	done
done
faketime '2001-02-03 04:05:06' date -u +%Y; echo "status $?"
faketime -f '@2001-02-03 04:05:06 i2.0' perl -e 'print +(gmtime(time))[5] + 1900, "\n"; exit 3'; echo "status $?"
