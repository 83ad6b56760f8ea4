# what: CPython's test_subprocess, the tests of descriptors passed to children
# time: 60
# quick: yes
# verdicts: yes
# wrong-on-purpose: the suite uses and closes descriptors it has closed, to see the error
/usr/bin/python3 -m test -v test_subprocess -m '*fds*' -m '*close*' -m '*pipe*' -m '*preexec*' >suite.txt 2>&1
echo "status $?"
awk -f "$FDW_WORLD/verdicts.awk" suite.txt | sort
