# what: CPython's test_signal
# time: 200
# quick: no
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
cpython test_signal
