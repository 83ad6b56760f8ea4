# what: stress-ng: every stressor of descriptors, files, pollers, pipes, sockets, processes and signals, each for SECONDS_EACH (10)
# time: 3600
# wrong-on-purpose: several stressors close and use random and closed numbers
# alone: it loads the machine with hundreds of processes
# kills: many stressors end what they started by SIGKILL, wherever it is
ulimit -c 0
for stressor in access aio aiol alarm bad-altstack bad-ioctl chdir chmod chown clone close context copy-file daemon dentry dev-shm dir dirdeep dirmany dnotify \
	dup enosys env epoll eventfd exec exit-group fallocate fault fcntl fiemap fifo file-ioctl filename flock fork forkheavy fstat fsize full futex get getdent getrandom \
	handle hdd inode-flags inotify io iomix itimer kcmp key kill landlock lease link locka lockf lockofd loadavg longjmp mcontend memfd mknod mlock mlockmany mmap mmapaddr mmapfixed \
	mmapfork mmapmany mprotect mq mremap msg msync msyncmany munmap nanosleep netlink-proc netlink-task null open personality pidfd ping-sock pipe pipeherd pkey poll \
	prctl procfs pthread ptrace pty rawudp readahead remap rename resched resources revio ring-pipe rlimit seal seccomp secretmem seek sem sem-sysv sendfile session set \
	shm shm-sysv sigabrt sigchld sigfd sigfpe sigio signal sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap sleep sock sockabuse sockdiag sockfd sockmany \
	sockpair spawn splice stack stackmmap switch symlink sync-file syscall sysbadaddr sysinfo sysinval tee timer timerfd tmpfs touch tun udp udp-flood unshare urandom \
	userfaultfd usersyscall utime vfork vforkmany vm-addr vm-rw vm-segv vm-splice wait xattr yield zero zombie; do
	timeout -k 5 $((SECONDS_EACH * 4 + 60)) stress-ng --temp-path "$PWD/tmp" --"$stressor" 1 -t "$SECONDS_EACH" --verify --oomable --log-brief >out.txt 2>&1
	echo "$stressor: status $?, $(grep -cE 'successful run completed' out.txt) successful"
	# A line of failure is kept without its pids and numbers.
	grep -aE 'fail|skipp|unsuccess|terminated on' out.txt | grep -avE 'failed: 0|skipped: 0' | sed -E 's/\[[0-9]+\]//; s/[0-9]+/N/g' | sort -u
done
rm -rf tmp/*
