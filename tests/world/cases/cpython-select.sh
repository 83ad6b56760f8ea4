# what: CPython's test_select
# time: 60
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
cpython test_select
