# what: CPython's test_select, test_selectors, test_epoll, test_poll
# time: 120
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suites use and close descriptors they have closed, to see the error
# Beside each other: most of what they do is wait for a shell that sleeps.
suites="test_select test_selectors test_epoll test_poll"
for suite in $suites; do
	mkdir "$suite" && (cd "$suite" && cpython "$suite" >verdicts) &
done
wait
for suite in $suites; do cat "$suite/verdicts"; done
