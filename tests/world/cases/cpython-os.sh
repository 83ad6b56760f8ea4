# what: CPython's test_os
# time: 60
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
# numbers: test_fd_leak wants the lowest one back
cpython test_os
