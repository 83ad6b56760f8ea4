# preload/calls.awk: reads calls.def as text. -v want=header: call numbers; -v want=ld: aliases for the linker;
# -v want=names: one "role name file-or-alias" a line, for the tests; -v want=page: the manual page fdwarden-calls(7), in mdoc.
# The page's list of what is not interposed comes from -v exceptions=FILE, tests/libc-exceptions.txt.
BEGIN {
	n = 0
	if (want == "header") {
		print "/* generated from preload/calls.def: call numbers as they stand in a trace of this build */"
		print "#ifndef FDW_CALLS_H\n#define FDW_CALLS_H"
		printf "#define FDW_CALLS(X) X(none, 0)"
	}
}
/^(USE|USEQ|USE2|USE_E|ASKS|MAKE|MAKE_P|HAND|HANDV|LIB)\(/ {
	role = $0; sub(/\(.*/, "", role)
	rest = $0; sub(/^[A-Z_2]+\(/, "", rest)
	split(rest, part, /, */)
	name = part[2]
	n++
	if (want == "header") printf " \\\n\tX(%s, %d)", name, n
	if (want == "names") print role, name
	if (want == "page") remember(role, name)
}
/^ALIAS\(/ {
	rest = $0; sub(/^ALIAS\(/, "", rest); sub(/\).*/, "", rest)
	split(rest, part, /, */)
	if (want == "ld") printf "%s = %s;\n", part[1], part[2]
	if (want == "names") print "ALIAS", part[1], part[2]
	if (want == "page") also[part[2]] = also[part[2]] (also[part[2]] ? ", " : "") part[1]
}
# A comment of one line is the heading of what follows.
/^\/\* .* \*\/$/ { heading = $0; gsub(/^\/\* | \*\/$/, "", heading) }
END {
	if (want == "page") page()
	if (want == "header") {
		print "\nenum fdw_call {\n#define FDW_CALL_ENUM(name, number) FDW_CALL_##name = number,"
		print "\tFDW_CALLS(FDW_CALL_ENUM)\n#undef FDW_CALL_ENUM\n};\n#endif"
	}
}

# ---- the page -----------------------------------------------------------------------------------------------------------------------

function remember(role, name) {
	if (role == "MAKE_P") role = "MAKE"
	if (role == "HANDV") role = "HAND"
	if (role == "USEQ") role = "USE"
	if (!(role SUBSEP heading in members)) headings[role] = headings[role] (headings[role] ? "\t" : "") heading
	members[role, heading] = members[role, heading] " " name
}
# Words in lines of 78; lines given stay lines.
function fold(text,   l, n, i, w, m, k, line, out) {
	n = split(text, l, "\n")
	for (i = 1; i <= n; i++) {
		m = split(l[i], w, " "); line = w[1]
		for (k = 2; k <= m; k++)
			if (length(line " " w[k]) > 78) { out = out line "\n"; line = w[k] }
			else line = line " " w[k]
		out = out line (i < n ? "\n" : "")
	}
	return out
}
function capital(s) { return toupper(substr(s, 1, 1)) substr(s, 2) }
# "open (open64, __open), openat": the names of one role under one heading.
function names_of(list,   a, n, i, s) {
	n = split(list, a, " ")
	for (i = 1; i <= n; i++)
		s = s (i > 1 ? ", " : "") a[i] (a[i] in also ? " (" also[a[i]] ")" : "")
	return s
}
function role_section(title, role, meaning,   a, n, i) {
	print ".Ss " title
	print fold(meaning)
	print ".Bl -tag -width Ds"
	n = split(headings[role], a, "\t")
	for (i = 1; i <= n; i++) print ".It " capital(a[i]) "\n" fold(names_of(members[role, a[i]]))
	print ".El"
}
# Comments of the exceptions' file are the headings, its lines the items. A paragraph of comments before the first name says what the file is.
function not_interposed(file,   line, name, open, head) {
	while ((getline line < file) > 0) {
		if (line ~ /^$/) { head = ""; continue }
		if (line ~ /^#/) { head = head substr(line, 2); continue }
		if (head != "") {
			if (open) print ".El"
			gsub(/\. /, ".\n", head)
			print ".Pp\n" fold(substr(head, 2)) "\n.Bl -tag -width Ds -compact"
			open = 1; head = ""
		}
		name = line; sub(/[ \t].*/, "", name); sub(/^[^ \t]+[ \t]+/, "", line)
		print ".It " name "\n" fold(line)
	}
	if (open) print ".El"
}
function page() {
	if (exceptions == "") exceptions = "tests/libc-exceptions.txt"
	print ".\\\" generated from preload/calls.def and " exceptions
	print ".Dd November 24, 2026\n.Dt FDWARDEN-CALLS 7\n.Os\n.Sh NAME\n.Nm fdwarden-calls\n.Nd the calls that fdwarden interposes, and those that it does not"
	print ".Sh DESCRIPTION\n.Nm fdwarden\nstands between a program and its C library, by the library\n.Pa libfdwarden.so\nin\n.Ev LD_PRELOAD ."
	print fold("This page lists the " n " functions it interposes, each with the other names of the same function in parentheses, by what they do with a descriptor.\n" \
		"A call is made as the program asked for it; its result and\n.Va errno\nare those of the C library unless a rule of the mode in force says otherwise.\n" \
		"The same calls made inside the C library, by static programs, or by system calls in the program's own code do not come by here.")
	print ".Sh INTERPOSED CALLS"
	role_section("Calls that make a descriptor", "MAKE", "The result is a new descriptor: it gets a generation, and what it is is remembered.")
	role_section("Calls that use a descriptor", "USE", "When such a call fails with\n.Er EBADF ,\nit is known whether the number had been closed before: a use after close.\nThe first successful use of an inherited number is noted.")
	role_section("Calls that use two", "USE2", "As above, for either of their descriptors.")
	role_section("Calls that return the error", "USE_E", "As the calls that use a descriptor; the error number is their result, and\n.Va errno\nis left alone.")
	role_section("Calls that only ask", "ASKS", "Whether, or what, a number is.\nTheir failure means nothing; the first one on an inherited number is noted.")
	role_section("Calls with a protocol of their own", "HAND", "They close, duplicate, pass on, register or take over descriptors, make or replace processes, or change what other calls mean.\nA forked process that waits for events is taken for a worker, and watched like any other from then on.")
	role_section("Calls of other libraries", "LIB", "Where a library that the program was started with has them; no other program can tell.\nRegistering is as with a poller of the kernel's, each time one-shot.\nSee\n.Xr port_create 3 .")
	print ".Sh CALLS THAT ARE NOT INTERPOSED\nThese functions of the C library take or return a descriptor all the same."
	not_interposed(exceptions)
	print ".Sh SEE ALSO\n.Xr close 2 ,\n.Xr syscalls 2 ,\n.Xr ld.so 8"
}
