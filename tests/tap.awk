# tests/tap.awk: several TAP streams become one. Input: the output of the groups, each between "@begin NAME" and "@end STATUS".
# Renumbers, drops the groups' plans after comparing them with what came, and ends with the plan, what was skipped, what failed, and
# `N passed, N failed`: what was skipped is neither. A group that promised more than it ran, or failed without saying which test, becomes a failed test.
function out(ok, text) {
	total++
	if (!ok) lost[++failed] = group ": " text
	else if (text ~ /# *(skip|SKIP)/) skips[++skipped] = group ": " text
	else passed++
	print (ok ? "ok " : "not ok ") total " - " group ": " text
	fflush()
}
BEGIN { print "TAP version 13" }
/^@begin / { group = $2; plan = -1; seen = 0; bad = 0; next }
/^@end / {
	if (plan >= 0 && plan != seen) out(0, "planned " plan " tests, ran " seen)
	else if ($2 == 124 || $2 == 137) out(0, "ended with status " $2 " (time limit)")
	else if ($2 != 0 && !bad) out(0, "ended with status " $2)
	else if (plan < 0 && seen == 0) out(0, "said nothing")
	next
}
# cmocka prints a plan for each of its groups.
/^1\.\.[0-9]+/ { plan = (plan < 0 ? 0 : plan) + substr($1, 4); next }
/^(not )?ok [0-9]/ {
	ok = $1 == "ok"; text = $0; sub(/^(not )?ok [0-9]+( -)? */, "", text)
	seen++; bad += !ok
	out(ok, text); next
}
/^TAP version/ || /^[0-9]+ passed, [0-9]+ failed$/ { next }
{ print ($0 ~ /^#/ ? $0 : "# " $0); fflush() }
END {
	print "1.." total + 0
	for (i = 1; i <= skipped; i++) print "# skipped: " skips[i]
	for (i = 1; i <= failed; i++) print "# failed: " lost[i]
	print passed + 0 " passed, " failed + 0 " failed"
	exit failed > 0 || total == 0
}
