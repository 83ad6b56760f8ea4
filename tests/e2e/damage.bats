#!/usr/bin/env bats
# tests/e2e/damage.bats: each kind of damage to a recording × the sentence, the status, and what is still claimed. Whatever is broken: what can be
# read is read, the rest is named with its stream and time, no leak is claimed where its close may be what is missing, and not a byte of the trace
# is written. Made of one real recording; what only happens while it is made (full disks, killed daemons) is in recording.bats. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all
	export PACKETS=$BATS_TEST_DIRNAME/packets.py
	# On one CPU all of it is in one stream.
	taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')" "$B/fdwarden" record -q -o "$T/sound" -- "$B/tests/e2e/src/phases" >/dev/null
	D=$(dirname "$(find "$T/sound" -name metadata)")
	S=$(find "$D" -maxdepth 1 -name 'fds_[0-9]*' -size +100k -printf '%f\n')
	export D=${D#"$T/sound/"} S
	export META=${S/fds_/fds_meta_}
}

teardown_file() { leave_place_of_all; }

setup() {
	C=$T/$BATS_TEST_NUMBER
	cp -a "$T/sound" "$C"
	cd "$C/$D"
}

packets() { python3 "$PACKETS" "$@"; }
contents() { (cd "$C" && find . -type f -exec sha256sum {} + | sort && find . -printf '%p %s %T@\n' | sort); }
claims() { jq -r '[.findings[] | select(.confidence != "possible") | .rule] | unique | join(" ")' "$T/json"; }
lost() { jq .coverage.events_lost "$T/json"; }

# reported STATUS [OPTION...]: twice the same, and nothing written.
reported() {
	local status=$1 before
	shift
	before=$(contents)
	run "-$status" timeout 100 "$B/fdwarden" report "$@" -f json -o "$T/json" "$C"
	[ "$(contents)" = "$before" ]
	[ "$status" = 3 ] || jq -r '.coverage.damage[]' "$T/json" >"$T/said"
}

# broken STATUS SENTENCE CLAIMS: by each reader.
broken() {
	local reader
	for reader in direct babeltrace; do
		reported "$1" --reader=$reader --show=possible
		cat "$T/said"
		grep -Eq -- "$2" "$T/said"
		[ "$(claims)" = "$3" ]
		[ "$(lost)" -gt 0 ]
	done
}

# refused SENTENCE: nothing can be made of it.
refused() {
	local reader
	for reader in auto babeltrace; do
		reported 3 --reader=$reader
		[[ $output =~ $1 ]]
		[ "${#lines[@]}" = 1 ]
	done
}

when='from [0-9-]{10} [0-9:]{8}\.[0-9]{6} UTC on'

@test "sound: four leaks, two double closes, nothing lost" {
	reported 1
	[ "$(claims)" = "double-close fd-leak" ]
	[ "$(lost)" = 0 ]
	[ ! -s "$T/said" ]
	[ "$(packets list "$S" | wc -l)" -ge 4 ]
	[ "$(jq -c '[.findings[].count]' "$T/json")" = "[2,4]" ]
}

@test "the end of a stream is gone, in the middle of a packet" {
	packets cut "$S" 1
	broken 0 "$S: ends within a packet: the events in its last [0-9]+ bytes are missing.*, $when" ""
	[ "$(jq .coverage.events "$T/json")" -gt 900 ]
}

@test "a few bytes of the end of a stream are gone" {
	truncate -s -1 "$S"
	reported 1 # only padding, if that
	packets cut "$S" 3
	broken 1 "$S: ends within a packet.*, $when" double-close
}

@test "bytes within a packet are something else" {
	packets corrupt "$S" 1
	broken 1 "$S: 1 of its [0-9]+ packets are damaged: events after the damage in them are missing.*, $when" double-close
}

@test "damage found later proves nothing right that was read before: who ended long since has leaked nothing for certain" {
	taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')" "$B/fdwarden" record -q -o "$C.two" -- sh -c '"$0"/tests/programs/leak_single; "$0"/tests/e2e/src/phases' "$B" >/dev/null
	C=$C.two
	reported 1
	jq -e '.findings[] | select(.rule == "fd-leak" and (.process.exe | endswith("leak_single"))) | .confidence == "certain"' "$T/json"
	cd "$(dirname "$(find "$C" -name metadata)")"
	S=$(find . -maxdepth 1 -name 'fds_[0-9]*' -size +100k -printf '%f\n')
	packets corrupt "$S" 2
	broken 1 "$S: 1 of its [0-9]+ packets are damaged" double-close
	jq -e '.findings[] | select(.rule == "fd-leak" and (.process.exe | endswith("leak_single"))) | .reason | test("; but the recording is damaged")' "$T/json"
	[[ $(COLUMNS=300 "$B/fdwarden" report "$C") == *"part of the recording makes no sense, so the rest is not trusted either"* ]]
}

@test "one bit in an event's number: it is no thousand million lost events, and no larger buffers help" {
	packets number "$S" "$(jq '.findings[0].process.pid' <("$B/fdwarden" report -f json .))"
	broken 1 "some numbers that events carry cannot be: the recording is damaged" double-close
	[ "$(lost)" -lt 10 ]
	run ! grep -q "larger buffers" <("$B/fdwarden" report .)
}

@test "bytes among the beginnings of processes are something else" {
	packets corrupt "$META" 0
	broken 1 "$META: 1 of its [0-9]+ packets are damaged.*, $when" double-close
}

@test "the header of a packet is something else: the packets after it are read all the same" {
	packets header "$S" 1
	reported 1
	grep -Eq "$S: [0-9]+ bytes of it are no packet and were passed over.*, $when" "$T/said"
	[ "$(claims)" = double-close ]
	[ "$(jq .coverage.events "$T/json")" -gt 2000 ]
}

@test "a packet is gone: the index knows, the numbers of packets know, the threads' own numbers know" {
	packets drop "$S" 1
	broken 1 "$S: only [0-9]+ of the [0-9]+ packets that were written are in it" double-close
	rm -r index
	reported 1
	[ "$(claims)" = double-close ]
	[ "$(lost)" -gt 700 ]
}

@test "a buffer was wedged: events vanish, and the tracer counted 0 discarded" {
	for which in 0 2 3; do
		cp "$T/sound/$D/$S" .
		rm -rf index
		packets drop "$S" $which renumber
		[ "$(packets list "$S" | awk '{ n += $5 } END { print n }')" = 0 ]
		for reader in direct babeltrace; do
			reported 1 --reader=$reader --show=possible
			[ ! -s "$T/said" ]
			[ "$(lost)" -gt 700 ]
			[ "$(claims)" = double-close ]
			jq -e '[.findings[] | select(.rule == "fd-leak") | .reason == "events were lost, and its close may be among them"] | all' "$T/json"
		done
	done
}

@test "a stream is gone, or emptied" {
	rm "$S"
	broken 0 "$S: the file is gone: its events are missing" ""
	[[ $(COLUMNS=300 "$B/fdwarden" report "$C") == *"events are missing: what follows is true"* ]]
	: >"$S"
	broken 0 "$S: only 0 of the [0-9]+ packets that were written are in it" ""
}

@test "something that is no file is in the place of a stream" {
	for odd in mkfifo mkdir 'ln -s loop'; do
		for file in "$S" "$META"; do
			cp -a "$T/sound/$D/." .
			ln -sf loop loop
			rm "$file"
			$odd "$file"
			claims=
			[ "$file" = "$S" ] || claims=double-close
			broken "$([ -z "$claims" ]; echo $?)" "$file: .*: its events are missing from the report" "$claims"
			rm -r "$file" loop
		done
	done
}

@test "something that is no file is in the place of an index: passed over at once, and named" {
	for odd in mkfifo mkdir; do
		rm -rf "index/$S.idx"
		$odd "index/$S.idx"
		for reader in direct babeltrace; do
			reported 1 --reader=$reader
			grep -q "index/$S.idx: is no file, passed over" "$T/said"
			[ "$(claims)" = "double-close fd-leak" ]
		done
	done
}

@test "the end of the program is gone: nothing that was open then is a leak" {
	last=$(packets list "$META" | wc -l)
	packets drop "$META" $((last - 1)) renumber
	rm -r index
	reported 1
	[ "$(claims)" = double-close ]
	jq -e '.coverage.partial[0].why | test("said no goodbye")' "$T/json"
}

@test "no index: nothing is missing" {
	rm -r index
	for reader in direct babeltrace; do
		reported 1 --reader=$reader
		[ ! -s "$T/said" ]
		[ "$(claims)" = "double-close fd-leak" ]
	done
}

@test "metadata: cut before ours, cut after it, empty, gone, something else" {
	cp metadata "$T/whole"
	truncate -s "$(grep -abo '"fdwarden:' metadata | head -1 | cut -d: -f1)" metadata
	refused "$D: its metadata ends before it describes any event of fdwarden's"
	cp "$T/whole" metadata
	truncate -s -1 metadata # the last packet of it is not all there; all descriptions are
	reported 1
	grep -q "its metadata ends early" "$T/said"
	: >metadata
	refused "$D: its metadata is empty: the recording ended before anything was written"
	rm metadata
	refused "holds no trace .no file 'metadata'"
	head -c 30000 /dev/zero >metadata
	refused "$D: its metadata is not that of a CTF trace"
}

@test "a stream of another trace lies among ours" {
	"$B/fdwarden" record -q -o "$C.other" -- true
	other=$(find "$C.other" -name 'fds_meta_*' -size +0 ! -name '*.idx' | head -1)
	cp "$other" fds_9
	for reader in direct babeltrace; do
		reported 1 --reader=$reader
		grep -q "fds_9: is not a stream of this trace, left out" "$T/said"
	done
}

@test "a program that was killed: what it left open is no leak" {
	"$B/fdwarden" record -q -o "$C.killed" -- sh -c 'exec 7</dev/null; kill -9 $$' || [ $? = 137 ]
	C=$C.killed
	reported 0 --show=possible
	[ "$(claims)" = "" ]
	jq -e '.coverage.partial[0].why | test("said no goodbye")' "$T/json"
}

@test "metadata in which one word is another, so that libbabeltrace2 would take all memory there is: named, and other traces are reported" {
	python3 - metadata <<-'END'
		import sys
		all = bytearray(open(sys.argv[1], 'rb').read())
		# In packets, each with a header: the word is changed in place, as long as it was.
		i = all.index(b'uint32_t cpu_id;')
		all[i:i + 16] = b'string   cpu_id;'
		open(sys.argv[1], 'wb').write(all)
	END
	run -3 timeout 60 "$B/fdwarden" report "$C"
	[[ $output == *"libbabeltrace2"*"the trace is damaged"* ]] || [[ $output == *"cannot be read as a CTF trace"* ]]
	run timeout 60 "$B/fdwarden" report "$C" "$T/sound"
	[ "$status" = 1 ]
	[[ $output == *double-close* ]]
}
