# what: stress-ng: descriptors, forks, execs, pipes, sockets, epoll, signals, each verified
# time: 300
# wrong-on-purpose: several stressors close and use random and closed numbers
# alone: it loads the machine
# kills: dup, pidfd, kill and others end what they started by SIGKILL, wherever it is
ulimit -c 0
# Each with a number of operations, not a time: the result must not depend on the speed of the machine. The third column is a
# time limit, in seconds, for those that do not count their operations.
while read -r stressor ops time; do
	timeout -k 5 100 stress-ng --temp-path "$PWD/tmp" --"$stressor" 1 --"$stressor"-ops "$ops" -t "${time:-20}" --verify --metrics-brief \
		--log-brief >out.txt 2>&1
	status=$?
	# A line of failure is kept without its pids and numbers.
	echo "$stressor: status $status, $(grep -cE 'successful run completed' out.txt) successful"
	grep -aE 'fail|skipp|unsuccess|terminated on' out.txt | grep -avE 'failed: 0|skipped: 0' |
		sed -E 's/\[[0-9]+\]//; s/[0-9]+/N/g' | sort -u
done <<END
dup 300
close 3000
open 400
pipe 20000
pipeherd 5000 3
ring-pipe 5000
eventfd 20000
epoll 1500
poll 3000
sock 40
sockfd 200
sockpair 2000
sockmany 4
fork 300
vfork 300
vforkmany 300 3
exec 60 3
spawn 60
clone 100
daemon 60
zombie 60
wait 300
switch 3000
sigfd 2000
sigfpe 100
signal 5000
signest 200
sigpipe 300
sigq 3000
sigsuspend 1000
sigpending 2000
sigchld 300
sigsegv 300
kill 5000
stack 1
pthread 200
mq 2000
memfd 3
timerfd 200
timer 500
inotify 12
fcntl 1000
file-ioctl 300
flock 2000
lockf 500
fifo 3000
sendfile 300
splice 500
tee 300
udp 500
dir 300
fstat 200
getdent 300
pidfd 300
END
rm -rf tmp/*
