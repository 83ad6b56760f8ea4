# tests/e2e/common.bash: what the bats files share: where things are, a place of one's own, the rules there are. Loaded by `load common`.

# place MODE: B the build directory, F the command, P the programs of src/; W, an empty directory of that mode, is the working directory: below /tmp and
# not below bats' own, which nobody else could reach.
place() {
	B=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd) || exit 1
	F=$B/fdwarden
	P=$B/tests/e2e/src
	W=$(mktemp -d "/tmp/fdw-$(basename "$BATS_TEST_FILENAME" .bats)-XXXXXX")
	chmod "$1" "$W"
	cd "$W" || exit 1
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

leave_place() {
	cd /
	rm -rf "$W"
}

# The rules there are, by the help, one a line.
rules() { "$B/fdwarden" report --help | tr '\n' ' ' | sed 's/.*Rules: //; s/\. .*//; s/, */\n/g' | tr -d ' ' | grep .; }
