# what: CPython's test_asyncio: event loops, streams, subprocesses, sendfile
# time: 300
# verdicts: yes
cpython test_asyncio
