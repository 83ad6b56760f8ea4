#!/usr/bin/env bats
# tests/e2e/report.bats: how a report is made: ids that stay, an order that is always the same, a word on the way. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	place_of_all
}

teardown_file() { leave_place_of_all; }

teardown() { [ -z "${recorder:-}" ] || kill "$recorder"; }

setup() { mkdir -p "$T/$BATS_TEST_NUMBER" && cd "$T/$BATS_TEST_NUMBER"; }

recorded() { "$F" record -q -o "$1" -- "${@:2}" >/dev/null; }
ids() { "$F" report -f json "$@" | jq -r '[.findings[].id] | sort | join(" ")'; }

@test "ids are those of the run before, with and without random addresses, another pid, another directory" {
	recorded one "$B/tests/programs/double_close_fdopen"
	recorded two "$B/tests/programs/double_close_fdopen"
	recorded fixed setarch -R "$B/tests/programs/double_close_fdopen"
	mkdir elsewhere && cp "$B/tests/programs/double_close_fdopen" elsewhere
	recorded moved elsewhere/double_close_fdopen
	[ -n "$(ids one)" ]
	for t in two fixed moved; do [ "$(ids $t)" = "$(ids one)" ]; done
}

# Three mistakes, in a function of its own, one inlined, and in main.
source_file() {
	cat <<-'END'
		#include <fcntl.h>
		#include <unistd.h>
		@TOP@
		static inline __attribute__((always_inline)) void inlined(int fd)
		{
			close(fd);
			close(fd);
		}
		@MIDDLE@
		static __attribute__((noinline)) void called(void)
		{
			int fd = open("/dev/null", O_RDONLY);

			@INSIDE@
			close(fd);
			close(fd);
		}
		int main(void)
		{
			int fd = open("/dev/zero", O_RDONLY);

			inlined(fd);
			called();
			return open("/dev/null", O_RDONLY) < 0;
		}
	END
}

# built NAME CHANGE: recorded, too. A report takes names and lines from the program as it is then: each has its own.
built() {
	mkdir "$1.d"
	source_file | sed "$2" >"$1.d/p.c"
	(cd "$1.d" && gcc -g -O1 -o p p.c)
	recorded "$1" "$1.d/p"
}

@test "ids stay when lines are added above a function, and change when the function does" {
	built before '/@/d'
	built above 's/@TOP@/\n\/* a comment,\n * two lines *\/\n#include <stdio.h>/; s/@MIDDLE@/int more(void);\nint more(void) { return 1; }/; /@/d'
	built within 's/@INSIDE@/fd += 0;\n\n/; /@/d'
	[ "$(ids before | wc -w)" = 3 ]
	[ "$(ids above)" = "$(ids before)" ]
	[ "$(ids within)" != "$(ids before)" ]
	# What is not in `called` has kept its id: the inlined mistake, and main's leak.
	[ "$(comm -12 <(ids before | tr ' ' '\n') <(ids within | tr ' ' '\n') | wc -l)" = 2 ]
}

@test "the same report each time, whatever the order of traces and of what is in memory" {
	recorded a "$B/tests/programs/double_close"
	recorded b "$B/tests/programs/process_tree"
	recorded c "$B/tests/programs/leak_growing"
	for format in text json sarif folded html; do
		"$F" report -f $format --show=possible -o first a b c || [ $? = 1 ]
		for _ in 1 2 3; do
			"$F" report -f $format --show=possible -o again a b c || [ $? = 1 ]
			cmp first again
		done
	done
	"$F" report -f json --show=possible -o first a b c || [ $? = 1 ]
	"$F" report -f json --show=possible -o again c a b || [ $? = 1 ]
	cmp <(jq -S '.findings |= sort_by(.id) | del(.processes)' first) <(jq -S '.findings |= sort_by(.id) | del(.processes)' again)
}

@test "several traces: beside each other or one after the other, the same report; what belongs together is read together; one that is none spoils none" {
	for p in double_close process_tree leak_growing own; do
		case $p in own) recorded own "$B/tests/e2e/src/own_suppressions" ;; *) recorded $p "$B/tests/programs/$p" ;; esac
	done
	cpu=$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')
	for format in text json sarif; do
		"$F" report -f $format -o many double_close process_tree leak_growing own || [ $? = 1 ]
		taskset -c "$cpu" "$F" report -f $format -o one double_close process_tree leak_growing own || [ $? = 1 ]
		cmp many one
		"$F" report --reader=babeltrace -f $format -o library double_close process_tree leak_growing own || [ $? = 1 ]
		cmp many library
	done
	"$F" report -f json -o json double_close process_tree leak_growing own || [ $? = 1 ]
	for p in double_close process_tree leak_growing own; do "$F" report -f json -o $p.json $p || [ $? = 1 ]; done
	[ "$(jq .coverage.events json)" = "$(jq -s 'map(.coverage.events) | add' ./*.json)" ]
	[ "$(jq -c '[.processes[].pid] | sort' json)" = "$(jq -sc 'map(.processes[].pid) | sort' ./*.json)" ]
	[ "$(jq -c '[.findings[].id] | sort' json)" = "$(jq -sc 'map(.findings[].id) | unique' ./*.json)" ]
	[ "$(jq -c '.suppressed | length' json)" = "$(jq -c '.suppressed | length' own.json)" ]
	[ "$(jq -c '[.processes[].first_ns] | . == sort' json)" = true ]
	# The same packets by another name are not other packets.
	cp -r double_close again
	"$F" report -f json -o json double_close process_tree again || [ $? = 1 ]
	[ "$(jq .coverage.events json)" = "$(jq -s '.[0].coverage.events + .[1].coverage.events' double_close.json process_tree.json)" ]
	"$F" report -f json -o json nowhere double_close /dev/null process_tree || [ $? = 1 ]
	[ "$(jq -c '[.coverage.damage[] | split(":")[0]]' json)" = '["nowhere","/dev/null"]' ]
	[ "$(jq -c '[.findings[].id]' json)" = "$(jq -c '[.findings[].id]' double_close.json)" ]
}

# Its metadata takes longer than a second to read: strace makes it.
slowly() { strace -f -qq -o strace -P "$(find "$PWD/t" -name metadata)" -e trace=openat -e inject=openat:delay_enter=1300000:when=1 "$@"; }

@test "report: how far it has come, on a terminal only, after a second, and gone when it is done" {
	recorded t bash -c 'for i in {1..1500}; do exec 8</dev/null 8<&-; done'
	export -f slowly
	export F TERM=xterm SHELL=/bin/bash
	script -qec 'slowly "$F" report -f json -o json "$PWD/t"' typed >/dev/null || [ $? = 1 ]
	cat -v typed
	tr '\r' '\n' <typed | grep -aEq '^fdwarden: +[0-9]+ % read, [0-9,]+ records'
	LC_ALL=C grep -aq $'\r\033\[K' typed
	script -qec 'slowly "$F" report --reader=babeltrace -f json -o json "$PWD/t"' typed >/dev/null || [ $? = 1 ]
	script -qec '"$F" report -q -f json -o json "$PWD/t"' typed >/dev/null || [ $? = 1 ]
	run ! grep -aq "read," typed
	slowly "$F" report -f json -o json "$PWD/t" 2>err || [ $? = 1 ]
	[ ! -s err ]
	export TERM=dumb
	script -qec 'slowly "$F" report -f json -o json "$PWD/t"' typed >/dev/null || [ $? = 1 ]
	run ! grep -aq "read," typed
}

@test "what a child of vfork does has its stacks, though they are defined in its parent's name; moments are in order" {
	recorded t "$B/tests/programs/leak_exec_vfork"
	"$F" report -f json t >json || [ $? = 1 ]
	jq -e '.findings[0].stacks | map(.role) == ["opened", "forked", "execed"]' json
	jq -e '.findings[0].stacks | map(.time_ns) | . == sort' json
	[ "$(jq -r '.findings[0].stacks[2].frames | map(.function) | join(" ")' json)" = "exec_self run_first main" ]
}

# left_out WHY COMMAND...: the report on three traces, of which the second fails, is that on the other two, and says so.
left_out() {
	local why=$1
	shift
	"$F" report -f json -o two.json "$PWD/double_close" "$PWD/process_tree" || [ $? = 1 ]
	run -1 "$@"
	echo "$output"
	diff <(jq -S 'del(.coverage.damage)' two.json) <(jq -S 'del(.coverage.damage)' some.json)
	jq -r '.coverage.damage[]' some.json | grep -Eqx "$PWD/leak_growing: its report failed \($why\): it is left out"
}

@test "one of several traces that ends the report: the others are reported, and it is named; alone: a sentence and status 4" {
	for p in double_close process_tree leak_growing; do recorded $p "$B/tests/programs/$p"; done
	stream=$(find "$PWD/leak_growing" -name 'fds_[0-9]*' -size +0 ! -name '*.idx' | head -1)
	dies() { strace -f -qq -o strace -P "$stream" -e trace=openat -e inject=openat:signal="$1" "$F" report -f json -o some.json "${@:2}"; }
	set -- "$PWD/double_close" "$PWD/leak_growing" "$PWD/process_tree"
	left_out "it was ended by SIGSEGV" dies SEGV "$@"
	left_out "it was ended by SIGKILL" dies KILL "$@"
	run -4 dies SEGV "$2"
	[[ $output == "fdwarden: the report could not be made: it was ended by SIGSEGV;"* ]]
	run -4 dies SEGV "$2" "$2"
	# Whoever ends it means all of it.
	run -143 dies TERM "$@"
	[[ $output != *fdwarden:* ]]
	[ -z "$(find . -name '*.json.*')" ]
}

@test "on a terminal: through \$PAGER, as wide as the terminal and in its colours; not with --no-pager, -o, other formats, nor where there is none" {
	recorded t "$B/tests/programs/double_close"
	export F SHELL=/bin/bash TERM=xterm
	on_terminal() { script -qec "$*" typed >/dev/null; }
	export PAGER='sed s/^/paged:/; echo "$COLUMNS" >columns'
	on_terminal '"$F" report t; echo $? >status'
	grep -aq '^paged:.*1 error' typed
	LC_ALL=C grep -aq $'\033\[1;31m' typed
	[ "$(cat columns)" -ge 40 ]
	[ "$(cat status)" = 1 ]
	for not in '"$F" report --no-pager t' '"$F" report -f json t' '"$F" report -o out t' '"$F" report t | cat' 'TERM=dumb "$F" report t' '"$F" report t </dev/null' 'PAGER= "$F" report t' 'PAGER=cat "$F" report t' 'env -u PAGER PATH=/nonexistent "$F" report t'; do
		echo "$not"
		on_terminal "$not" || [ $? = 1 ]
		run ! grep -aq 'paged:' typed
	done
	# One that is not installed here: said, and the report is not lost.
	for none in most '  most -s' /nowhere/most; do
		PAGER=$none on_terminal '"$F" report t; echo $? >status'
		grep -aq 'fdwarden: the pager cannot be run: PAGER is' typed
		grep -aq '1 error' typed
		[ "$(cat status)" = 1 ]
	done
	# A pager that reads nothing, or ends early.
	PAGER=true on_terminal '"$F" report t; echo $? >status'
	[ "$(cat status)" = 1 ]
	PAGER='head -1' on_terminal '"$F" report t; echo $? >status'
	[ "$(cat status)" = 1 ]
}

@test "colours: on a terminal, unless NO_COLOR, TERM=dumb or --color=never; elsewhere by --color=always and CLICOLOR_FORCE; the words are the same" {
	recorded t "$B/tests/programs/double_close"
	export F SHELL=/bin/bash TERM=xterm PAGER= COLUMNS=100
	coloured() { LC_ALL=C grep -aq $'\033\[' "$1"; }
	on_terminal() { script -qec "$*" typed >/dev/null || [ $? = 1 ]; }
	on_terminal '"$F" report t'
	coloured typed
	for not in 'NO_COLOR=1 "$F" report t' 'TERM=dumb "$F" report t' '"$F" report --color=never t' 'NO_COLOR=1 CLICOLOR_FORCE=1 "$F" report t' '"$F" report t | cat'; do
		echo "$not"
		on_terminal "$not"
		run ! coloured typed
	done
	"$F" report t >plain || [ $? = 1 ]
	run ! coloured plain
	"$F" report --color=always t >always || [ $? = 1 ]
	coloured always
	CLICOLOR_FORCE=1 NO_COLOR= "$F" report t >forced || [ $? = 1 ]
	cmp always forced
	cmp plain <(sed $'s/\033\[[0-9;]*m//g' always)
}

# Lines that are longer than $1 columns and have no word to blame, such as a file's name.
too_long() {
	python3 -c 'import re, sys
for line in sys.stdin:
    line = re.sub("\033\\[[0-9;]*m", "", line.rstrip("\n"))
    if len(line) > int(sys.argv[1]) and max(map(len, line.split())) + 13 < int(sys.argv[1]): print(line)' "$1"
}

@test "narrow terminals: the verdict, what was seen, headings and the tree are wrapped, too; no word is cut, and nothing is left out" {
	recorded t sh -c '"$0/double_close"; "$0/exec_passed"; "$0/leak_growing"; "$0/process_tree"' "$B/tests/programs"
	report() { "$F" report --tree --show=possible "$@" t || [ $? = 1 ]; }
	COLUMNS=200 report >wide
	for columns in 40 50 60 80; do
		COLUMNS=$columns report >narrow
		[ -z "$(too_long $columns <narrow)" ] || { too_long $columns <narrow; false; }
		COLUMNS=$columns report --color=always | too_long $columns >coloured
		[ ! -s coloured ]
		diff <(grep -Eo '[0-9]+ (errors?|warnings?|notes?)|id [a-z-]+|seen (once|[0-9,]+ times)|by [0-9]+|exit [0-9]+|\[[0-9, -]+\]|asked for|never used|fork|exec' wide | sort) \
			<(tr '\n' ' ' <narrow | sed 's/[│├└─ ]\+/ /g' | grep -Eo '[0-9]+ (errors?|warnings?|notes?)|id [a-z-]+|seen (once|[0-9,]+ times)|by [0-9]+|exit [0-9]+|\[[0-9, -]+\]|asked for|never used|fork|exec' | sort)
	done
}

@test "a recording that runs on: said in one sentence; nobody is called unobserved, killed or lost for what is not there yet" {
	mkfifo go
	"$F" record -q -o t -- bash -c 'exec 7</dev/null; sleep 100 & sleep 100 & read -r line <go; kill %1 %2; wait' 8>&- >/dev/null 2>&1 &
	recorder=$!
	local tries=0
	report() { "$F" report "$@" t; }
	# At first there may be nothing on disk.
	until report --tree -f json >json 2>err && jq -e '.coverage.processes == 3' json; do
		run ! grep "able to load" err
		[ $((tries++)) -lt 100 ]
		sleep 0.1
	done
	[ "$(jq -c .coverage.still_recorded json)" = '["t"]' ]
	jq -e '.coverage | .events_lost == 0 and (.not_observed + .partial + .damage | length == 0)' json
	jq -e '[.tree[] | select(.not_observed or ([.programs[].exec_not_observed] | any))] | length == 0' json
	python3 "$BATS_TEST_DIRNAME/schema.py" "$BATS_TEST_DIRNAME/../../analyzer/report.schema.json" json
	COLUMNS=200 report --reader=babeltrace >text
	[ "$(head -1 text)" = "no problems found so far" ]
	[ "$(grep -c '^  ' text)" = 1 ]
	grep -q '^  still recorded: t: ' text
	report -f html | grep -q '<li>still recorded: t: '
	report -f sarif | jq -e '.runs[0].invocations[0].toolExecutionNotifications | length == 1 and (.[0].message.text | startswith("still recorded: t: "))'
	cp -r t copy
	[ "$("$F" report -f json copy | jq -c .coverage.still_recorded)" = '[]' ]
	echo >go
	wait "$recorder"
	recorder=
	report -f json >json
	jq -e '.coverage | .still_recorded == [] and (.not_observed + .damage | length == 0)' json
	report >text
	run ! grep -E 'so far|still recorded' text
}
