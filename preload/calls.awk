# preload/calls.awk: reads calls.def as text. -v want=header: call numbers; -v want=ld: aliases for the linker;
# -v want=names: one "role name file-or-alias" a line, for the manual and the tests.
BEGIN {
	n = 0
	if (want == "header") {
		print "/* generated from preload/calls.def: call numbers as they stand in a trace of this build */"
		print "#ifndef FDW_CALLS_H\n#define FDW_CALLS_H"
		printf "#define FDW_CALLS(X) X(none, 0)"
	}
}
/^(USE|USE2|USE_E|WAIT|MAKE|MAKE_P|HAND|HANDV)\(/ {
	role = $0; sub(/\(.*/, "", role)
	rest = $0; sub(/^[A-Z_2]+\(/, "", rest)
	split(rest, part, /, */)
	name = part[2]
	n++
	if (want == "header") printf " \\\n\tX(%s, %d)", name, n
	if (want == "names") print role, name
}
/^ALIAS\(/ {
	rest = $0; sub(/^ALIAS\(/, "", rest); sub(/\).*/, "", rest)
	split(rest, part, /, */)
	if (want == "ld") printf "%s = %s;\n", part[1], part[2]
	if (want == "names") print "ALIAS", part[1], part[2]
}
END {
	if (want == "header") {
		print "\nenum fdw_call {\n#define FDW_CALL_ENUM(name, number) FDW_CALL_##name = number,"
		print "\tFDW_CALLS(FDW_CALL_ENUM)\n#undef FDW_CALL_ENUM\n};\n#endif"
	}
}
