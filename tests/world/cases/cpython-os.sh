# what: CPython's test_os
# time: 60
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
cpython test_os
