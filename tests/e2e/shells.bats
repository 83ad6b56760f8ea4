#!/usr/bin/env bats
# tests/e2e/shells.bats: shells put descriptors on numbers that their users write, and ask first what is there. In audit they get the numbers that they
# natively get, and nothing is found that is not there natively. Those that are installed.
load common

setup() { place 755; }
teardown() { leave_place; }

shells() { for s in bash dash zsh ksh93 mksh; do command -v $s; done; }
script='x=$(echo a | cat); exec 3>out; echo hi >&3; exec 3>&-; y=$(echo b); exec 4<out 5>&1; read l <&4; echo $l >&5; exec 4<&- 5>&-
i=0; while [ $i -lt 12 ]; do x=$(echo $i | cat); i=$((i+1)); done
for n in 6 7 8 9; do if { eval "true >&$n"; } 2>/dev/null; then echo $n open; else echo $n closed; fi; done
exec 7>out; echo there >&7; exec 8>&7 7>&-; echo and there >&8; { echo 9 too; } 9>&8 >&9; cat out'

# What is found, one line each: rule and message.
found() { "$F" audit -q -m "$1" --fail-on=never --format=json -o found.json -- "$2" -c "$script" >said && jq -r '.findings[] | .rule + " " + .message' found.json | sort; }

@test "what shells print is what they print natively, and audit finds nothing that is not found without it" {
	[ "$(shells | wc -l)" -ge 2 ]
	for s in $(shells); do
		"$s" -c "$script" >natively
		found observe "$s" >observed
		diff natively said
		found audit "$s" >audited
		diff natively said
		diff observed audited
	done
}

@test "asking what is on a number is no use of it: no line in the log" {
	for s in $(shells); do
		"$F" run -- "$s" -c 'x=$(echo a); exec 4>out' 2>err
		[ ! -s err ]
	done
}
