# what: CPython's test_posix, test_fcntl, test_ioctl, test_pty, test_openpty, test_eintr, test_fork1, test_wait3, test_wait4, test_pipes, test_popen
# time: 240
# verdicts: yes
# wrong-on-purpose: the suites use and close descriptors they have closed, to see the error
cpython test_posix test_fcntl test_ioctl test_pty test_openpty test_eintr test_fork1 test_wait3 test_wait4 test_pipes test_popen
