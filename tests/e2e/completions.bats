#!/usr/bin/env bats
# tests/e2e/completions.bats: what bash, zsh and fish complete is what --help lists, neither more nor less; values too. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0

setup() {
	T=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	F=$(cd "${FDW_BUILD:-$T/build}" && pwd)/fdwarden
	C=$T/analyzer/completions
	COMMANDS="run record report audit snapshot diff config doctor attach detach"
}

# What the command takes, and is not kept for a sentence of refusal only.
options_of() { "$F" "$1" --help | grep -oE '^ +(-., )?\s*--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u; }

# FUNCTION COMMAND: the long options that it offers
compare() {
	local command failed=0
	for command in $COMMANDS; do
		diff <(options_of "$command") <("$1" "$command" | sed 's/=.*//' | sort -u) || { echo "$1: $command"; failed=1; }
	done
	[ "$failed" = 0 ]
}

bash_offers() { bash -c '. "$1"; compopt() { :; }; COMP_WORDS=(fdwarden "$2" --); COMP_CWORD=2; _fdwarden; printf "%s\n" "${COMPREPLY[@]}"' - "$C/fdwarden.bash" "$1" | grep -v '^--$'; }
bash_at() { bash -c 'file=$1; shift; . "$file"; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fdwarden; printf "%s\n" "${COMPREPLY[@]}"' - "$C/fdwarden.bash" "$@"; }
zsh_offers() {
	zsh -f -c '_arguments() { print -l -- "$@" }; _describe() { : }; words=(fdwarden $2 --); CURRENT=3; . "$1"' - "$C/_fdwarden" "$1" |
		grep -oE '^(\([^)]*\))?-(-[a-z-]+|.,)' | sed 's/^([^)]*)//' | grep -- '^--.'
}
fish_offers() { fish --no-config -c 'source $argv[1]; complete -C "fdwarden $argv[2] --"' "$C/fdwarden.fish" "$1" | cut -f1; }

@test "bash offers the options of --help" { compare bash_offers; }

@test "bash offers commands, and values" {
	[ "$(bash_at fdwarden sn)" = snapshot ]
	[ "$(bash_at fdwarden run --mode = a)" = audit ]
	[ "$(bash_at fdwarden report -f sa)" = sarif ]
	[ "$(bash_at fdwarden report --fail-on = | tr '\n' ' ')" = "error warning note never " ]
	[ "$(cd "$T" && bash_at fdwarden report READ)" = README.md ]
	[ "$(cd "$T" && bash_at fdwarden run -- cat READ)" = README.md ]
	bash_at fdwarden run -- ca | grep -qx cat
}

@test "zsh offers the options of --help" {
	command -v zsh >/dev/null || skip "no zsh here"
	compare zsh_offers
}

@test "fish offers the options of --help" {
	command -v fish >/dev/null || skip "no fish here"
	export HOME=$BATS_TEST_TMPDIR
	compare fish_offers
	[ "$(fish --no-config -c 'source $argv[1]; complete -C "fdwarden report --reader=d"' "$C/fdwarden.fish" | cut -f1)" = "--reader=direct" ]
	fish --no-config -c 'source $argv[1]; complete -C "fdwarden s"' "$C/fdwarden.fish" | grep -q ^snapshot
}
