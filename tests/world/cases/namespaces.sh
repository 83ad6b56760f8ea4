# what: unshare and chroot: user, pid, mount, net, uts, ipc, cgroup and time namespaces, nested; software at work in them; a new root
# time: 120
# root: those who may not can make user namespaces only
exec 2>&1
unshare -m true 2>/dev/null || skip "no namespaces here"
mkdir -p in; many 20 'i' in/f
work='git init -q r 2>/dev/null; cp in/* r; cd r; git add .; git -c user.name=a -c user.email=b commit -qm x; git fsck; git ls-files -s | sha256sum; cd ..; rm -rf r; tar c in | tar x -O | sha256sum; python3 -c "import subprocess, threading, os
t = [threading.Thread(target=lambda: [os.close(os.dup(0)) for _ in range(200)]) for _ in range(3)]; [x.start() for x in t]; [x.join() for x in t]
print(sum(subprocess.run([\"sh\", \"-c\", \"exit 2\"]).returncode for _ in range(5)))"'
for kind in --mount --net --uts --ipc --cgroup '--pid --fork --mount-proc' '--mount --net --uts --ipc --pid --fork --mount-proc' '--time --boottime 100000' '--time --monotonic 5000 --fork'; do
	echo "$kind"
	unshare $kind sh -c "$work"; echo "status $?"
done
unshare --pid --fork --mount-proc sh -c 'echo $$; ps -e --no-headers >listed; wc -l <listed; sh -c "sleep 100 & exit 3"; echo "status $?"; ps -e --no-headers >listed; grep -c sleep listed'; echo "status $?"
unshare --pid --fork --kill-child sh -c 'sleep 100 & kill -9 $$'; echo "status $?"
# Inside a user namespace everybody is root, of nothing.
for who in 0 65534; do
	setpriv --reuid=$who --regid=$who --clear-groups unshare --user --map-root-user sh -c "id -u; $work"; echo "status $?"
	setpriv --reuid=$who --regid=$who --clear-groups unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'id -u; echo $$; mount -t tmpfs none /mnt; touch /mnt/x; ls /mnt; unshare --user --map-root-user id -u'; echo "status $?"
	setpriv --reuid=$who --regid=$who --clear-groups unshare --user --keep-caps sh -c 'id -u; grep CapEff /proc/self/status'; echo "status $?"
done
nsenter --help >/dev/null && unshare --uts --fork sh -c 'hostname inside; sleep 3 & echo $! >pid; wait' & wait_for 10 test -s pid
nsenter --uts --target "$(cat pid)" hostname; wait
# A root of its own: a system of links to the one outside, mounted read-only, without us.
unshare --mount sh -c 'mkdir root; for d in bin lib lib64 usr etc; do [ -e /$d ] || continue; mkdir -p root/$d; mount --bind -o ro /$d root/$d; done; mkdir -p root/proc root/dev root/tmp; mount --bind /dev root/dev; mount -t proc none root/proc
	chroot root sh -c "ls /; cd /tmp; seq 1000 | sort -r | tail -1; perl -e \"print 1 + 1, qq(\\n)\"; python3 -c \"import os; print(os.getcwd(), os.system(\\\"exit 3\\\") >> 8)\"; exit 4"; echo "status $?"
	chroot --userspec=65534:65534 root sh -c "id -u; cat /proc/self/uid_map | wc -l; exit 5"; echo "status $?"'
echo "status $?"
