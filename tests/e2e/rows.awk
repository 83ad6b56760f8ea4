# tests/e2e/rows.awk: compares what tests/e2e/src/rows wrote. Input: `names`, those of preload/calls.def (calls.awk -v want=names);
# `recordings`, the processes in each trace; `logged`, the double closes in each log; then the lines of each run, in files WHO/MODE, the
# native ones first. Prints TAP: one test a row or alias, after some that the runs are what they should be. skipped: why there is no run of
# nobody's.
BEGIN {
	FS = "\t"
	# They have no way to fail, or none that a test can bring about.
	split("setfsuid setfsgid _exit _Exit closefrom closelog openlog vsyslog syslog __syslog_chk __vsyslog_chk pthread_cancel thrd_create endmntent dlclose __libc_start_main __register_atfork munlockall", list, " ")
	for (i in list) no_failure[list[i]]
	# Came with glibc 2.33 to 2.36. An older one lacks them: natively they are absent, and ours make the system call.
	split("_Fork close_range closefrom epoll_pwait2 execveat fsconfig fsmount fsopen fspick fstat fstat64 fstatat fstatat64 mknodat mount_setattr " \
	      "move_mount open_tree pidfd_getfd pidfd_open pidfd_send_signal process_madvise process_mrelease", list, " ")
	for (i in list) young[list[i]]
	families = 17
}
FILENAME == "names" {
	split($0, w, " ")
	names[++count] = w[2]; role[w[2]] = w[1]
	if (w[1] == "ALIAS") of[w[2]] = w[3]
	next
}
FILENAME == "recordings" { recorded[$1] = $2; next }
FILENAME == "logged" { logged[$1] = $2; next }
FNR == 1 { split(FILENAME, w, "/"); who = w[1]; mode = w[2]; runs[++run_count] = who "/" mode }
$1 == "the end" { ends[who "/" mode]++; next }
# What ends badly belongs to the family.
!($1 in role) && /: (its process )?ended with status/ { trouble[who "/" mode] = trouble[who "/" mode] "#   " $0 "\n"; next }
{
	n = ++lines[who, mode, $1]
	text[who, mode, $1, n] = $2 " -> " $3 (NF > 3 ? " " $4 " " $5 : "")
	if (mode != "native" || NF < 4 || $3 == "absent") next
	if (failed()) fails[$1]++; else works[$1]++
}
function failed() {
	return $4 != "-" || $3 ~ /^(-1|null|failed)$/ ||
		(role[$1] == "USE_E" || role[of[$1]] == "USE_E" || $1 ~ /^(posix_spawnp?|glob(64)?|pthread_create|pthread_setname_np|dlclose|system|wordexp|pclose)$/) && $3 != 0
}
function result(ok, said, why) {
	printf "%sok %d - %s\n%s", ok ? "" : "not ", ++tests, said, ok ? "" : why
	if (!ok) bad = 1
}
# The lines of one call in one run against the native ones; what differs, as diagnostics.
function differences(name, who, mode,   from, n, m, i, a, b, s, shown) {
	from = name
	if (lines[who, "native", name] == 1 && text[who, "native", name, 1] ~ /-> absent/ && name in of) from = of[name] # only we export it
	n = lines[who, "native", from]; m = lines[who, mode, name]
	for (i = 1; i <= n || i <= m; i++) {
		a = i <= n ? text[who, "native", from, i] : "(nothing)"
		b = i <= m ? text[who, mode, name, i] : "(nothing)"
		if (a != b && shown++ < 5) s = s "#   " who ", " mode ": natively " a "; here " b "\n"
	}
	return s
}
END {
	for (r = 1; r <= run_count; r++) {
		ok = ends[runs[r]] == families && !(runs[r] in trouble)
		result(ok, runs[r] ": all families came to their end", ok ? "" : "#   " ends[runs[r]] + 0 " of " families "\n" trouble[runs[r]])
		split(runs[r], w, "/"); whos[w[1]]; if (w[2] != "native") modes[w[2]]
	}
	if (skipped) result(1, "nobody # SKIP " skipped)
	for (who in recorded)
		result(recorded[who] > families, who ": the recording has every family's process", "#   " recorded[who] " processes in the trace\n")
	for (who in logged)
		result(logged[who] > 2, who ": enforce logged what is wrong", "#   " logged[who] " double closes in the log\n")
	for (k = 1; k <= count; k++) {
		name = names[k]; cases = lines["alone", "native", name]; why = ""
		if (name in young && text["alone", "native", name, 1] ~ /-> absent/) { lacks = lacks " " name; continue }
		for (who in whos) for (mode in modes) why = why differences(name, who, mode)
		if (!cases) why = "#   no case: write one in tests/e2e/src/rows\n"
		else if (!(name in fails) && !(name in no_failure) && !(name in of && !(name in works))) why = why "#   no case fails\n"
		if (!(name in works) && !(name in of)) never = never " " name
		result(why == "", name ": native = enforce = observe = audit = recorded", why)
	}
	if (lacks) print "# this libc lacks:" lacks
	if (never) print "# made both ways, but nothing succeeds on this machine:" never
	print "1.." tests
	exit bad
}
