# what: CPython's test_fileio, test_file_eintr, test_io, test_tempfile, test_mailbox, test_shutil, test_socketserver, test_concurrent_futures
# time: 300
# verdicts: yes
# wrong-on-purpose: the suites use and close descriptors they have closed, to see the error
cpython_beside test_fileio test_file_eintr test_io test_tempfile test_mailbox test_shutil test_socketserver test_concurrent_futures
