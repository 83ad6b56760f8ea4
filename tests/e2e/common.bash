# tests/e2e/common.bash: what the bats files share: where things are, a place of one's own, the command under a time limit, what a recording leaves behind,
# the rules there are. Loaded by `load common`.

# place MODE: B the build directory, F the command, P the programs of src/; W, an empty directory of that mode, is the working directory: below /tmp and
# not below bats' own, which nobody else could reach.
place() {
	B=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd) || exit 1
	F=$B/fdwarden
	P=$B/tests/e2e/src
	W=$(mktemp -d "/tmp/fdw-$(basename "$BATS_TEST_FILENAME" .bats)-XXXXXX")
	chmod "$1" "$W"
	cd "$W" || exit 1
	export FDW_PLACE=$W # whose a process is
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

leave_place() {
	cd /
	rm -rf "$W"
}

# place_of_all [BELOW]: in setup_file: B, F, and T, a directory that all tests of the file share.
place_of_all() {
	B=$(cd "${FDW_BUILD:-$BATS_TEST_DIRNAME/../../build}" && pwd) || exit 1
	T=$(mktemp -d "${1:-/tmp}/fdw-$(basename "$BATS_TEST_FILENAME" .bats)-XXXXXX") || exit 1
	export B T F=$B/fdwarden
	unset LD_PRELOAD ${!FDWARDEN_*} ${!LTTNG_*}
}

leave_place_of_all() { rm -rf "$T"; }

# The rules there are, by the help, one a line.
rules() { "$B/fdwarden" report --help | tr '\n' ' ' | sed 's/.*Rules: //; s/\. .*//; s/, */\n/g' | tr -d ' ' | grep .; }

fdw() { timeout 60 "$F" "$@"; }
report() { timeout 60 "$F" report "$@"; }
nobody() { timeout 60 setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# How many programs' starts are in the trace?
starts() { babeltrace2 "$1" 2>/dev/null | grep -c '"PROC_START"'; }

# wait_for WORD FILE: ten seconds at most.
wait_for() { for _ in $(seq 100); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; return 1; }

# ---- what a recording leaves behind: `before`, by place_watched, is what there was already ------------------------------------------------

place_watched() {
	place 755
	before=$(traces_of_us)
}

# Directories and processes that only a recording makes.
traces_of_us() {
	ls -d /run/fdwarden-* /run/lttng /tmp/fdwarden-?????? /tmp/fdwarden-audit-* 2>/dev/null || true
	pgrep -f -- "lttng-sessiond --no-kernel --sig-parent --quiet" || true
	pgrep -f -- "lttng-consumerd --quiet -u" || true
}

# Of these, a line each, what may be of this test: others may be recording on this machine.
of_this_test() {
	local one process
	while read -r one; do
		if [[ $one == /* ]]; then
			for process in $(grep -lz "^FDWARDEN_RECORD=$one" /proc/[0-9]*/environ 2>/dev/null); do
				grep -qzxF "FDW_PLACE=$W" "$process" 2>/dev/null || continue 2
			done
			echo "$one"
		elif grep -qzxF "FDW_PLACE=$W" "/proc/$one/environ" 2>/dev/null; then echo "$one"
		fi
	done
}

# Nothing new is left, half a minute later.
left_behind() {
	local i
	comm -13 <(sort <<<"$before") <(traces_of_us | sort) >left
	for i in $(seq 300); do
		comm -12 left <(traces_of_us | of_this_test | sort) >still
		mv still left
		[ -s left ] || { rm -f left; return 0; }
		sleep 0.1
	done
	cat left
	return 1
}
