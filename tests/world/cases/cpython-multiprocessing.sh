# what: CPython's test_multiprocessing_fork, _forkserver, _spawn, _main_handling
# time: 600
# verdicts: yes
# kills: Pool.terminate ends its workers by SIGTERM, and the tests some by SIGKILL, wherever they are
# wrong-on-purpose: the suites close descriptors they have closed, to see the error
cpython_beside test_multiprocessing_fork test_multiprocessing_forkserver test_multiprocessing_spawn test_multiprocessing_main_handling
