# what: stress-ng: every stressor of descriptors, pollers, pipes, sockets, processes and signals for SECONDS_EACH (10); the others for a fifth of that
# time: 1500
# verdicts: yes
# wrong-on-purpose: several stressors close and use random and closed numbers
# alone: it loads the machine with hundreds of processes
# kills: many stressors end what they started by SIGKILL, wherever it is
ulimit -c 0
# resources takes all there is, of the disk too.
ulimit -f 2097152
# Two beside each other: most of them wait for their own children.
long="bad-altstack clone close daemon dir dnotify dup epoll eventfd exec exit-group fanotify fcntl fifo file-ioctl flock fork getdent inotify io-uring kill locka lockf lockofd memfd
	netlink-proc netlink-task open pidfd ping-sock pipe poll procfs pthread pty rawudp ring-pipe seal seccomp sendfile session sigabrt sigchld sigfd sigfpe sigio signal signest sigpending
	sigpipe sigq sigrt sigsegv sigsuspend sigtrap sock sockabuse sockdiag sockfd sockpair spawn splice stack switch tee timerfd udp udp-flood vfork vm-splice wait"
# Memory, CPU, keys, files that stay open, calls with wrong arguments: no descriptor is made and closed much there.
short="access aio aiol alarm bad-ioctl chdir chmod chown context copy-file dentry dirdeep dirmany enosys env fallocate fault fiemap filename fstat fsize full futex get getrandom handle hdd
	inode-flags io iomix itimer kcmp key landlock lease link longjmp mcontend mknod mlock mlockmany mmap mmapaddr mmapfixed mmapfork mprotect mq mremap msg msync
	munmap nanosleep null personality pkey prctl ptrace readahead remap rename resched revio rlimit secretmem seek sem sem-sysv set shm shm-sysv sleep stackmmap symlink sync-file
	syscall sysbadaddr sysinfo sysinval timer tmpfs touch tun unshare urandom userfaultfd usersyscall utime vm-addr vm-rw vm-segv xattr yield zero"
# Those that are hundreds, or take what others need: alone.
long_alone="forkheavy pipeherd resources sockmany vforkmany zombie"
short_alone="dev-shm loadavg mmapmany msyncmany"

one() { # SECONDS STRESSOR: into verdicts/STRESSOR
	mkdir -p "tmp/$2"
	timeout -k 5 $(($1 * 4 + 60)) stress-ng --temp-path "$PWD/tmp/$2" --"$2" 1 -t "$1" --verify --oomable --log-brief >"out.$2" 2>&1
	{
		echo "$2: status $?, $(grep -cE 'successful run completed' "out.$2") successful"
		# A line of failure is kept without its pids and numbers.
		grep -aE 'fail|skipp|unsuccess|terminated on' "out.$2" | grep -avE 'failed: 0|skipped: 0' | sed -E "s/\[[0-9]+\]//; s/[0-9]+/N/g; s/^/$2: /" | sort -u
	} >"verdicts/$2"
	rm -rf "tmp/$2"
}
export -f one
# In a second look only those that were different before.
some() { if [ -n "${SUSPECTS:-}" ]; then grep -xF "$(tr -d : <<<"$SUSPECTS")"; else cat; fi; }
each() { xargs -n1 <<<"$3" | some | xargs -r -P "$1" -I{} bash -c "one $2 {}"; }
mkdir verdicts
fifth=$(((SECONDS_EACH + 4) / 5))
each 2 "$SECONDS_EACH" "$long"
each 2 $fifth "$short"
each 1 "$SECONDS_EACH" "$long_alone"
each 1 $fifth "$short_alone"
cat verdicts/*
