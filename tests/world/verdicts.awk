# Verdict per test from the output of `python3 -m test -v`: "test.id verdict", sorted by the caller.
match($0, /\(test\.[A-Za-z0-9_.]+\)/) { id = substr($0, RSTART + 1, RLENGTH - 2) }
id != "" && match($0, /(^|\.\.\. |[^A-Za-z])(ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$/) {
	v = substr($0, RSTART, RLENGTH); sub(/^[^A-Za-z]+/, "", v); sub(/ .*/, "", v)
	print id, v; id = ""
}
