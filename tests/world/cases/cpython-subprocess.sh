# what: CPython's test_subprocess
# time: 180
# quick: no
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
cpython test_subprocess
