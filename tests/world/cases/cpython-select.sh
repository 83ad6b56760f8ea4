# what: CPython's test_select, test_selectors, test_epoll, test_poll
# time: 120
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suites use and close descriptors they have closed, to see the error
cpython_beside test_select test_selectors test_epoll test_poll
