# bash completion of fdwarden. Options are those of `fdwarden COMMAND --help`; a test compares them.

_fdwarden_options() {
	local common="--mode= --stack-depth= --tombstones= --tombstone-ms= --allow-unobserved --color= --quiet --help --usage"
	local traced="--buffer-size= --isolate --no-wait"
	local judged="--format= --fail-on= --error-exitcode= --suppressions="
	local shown="--baseline= --gen-suppressions= --source-root= --show=possible --full-stacks --tree"
	case $1 in
	run) echo "$common $judged --output=" ;;
	record) echo "$common $traced --output= --ring --ring=" ;;
	audit) echo "$common $traced $judged $shown --output= --keep-trace=" ;;
	report) echo "$judged $shown --output= --reader= --stack-depth= --color= --no-pager --quiet --help --usage" ;;
	snapshot) echo "--output= --quiet --help --usage" ;;
	diff) echo "--fail-on= --format= --help --usage" ;;
	config) echo "--show --help --usage" ;;
	doctor) echo "--thorough --help --usage" ;;
	attach) echo "--unit= --mode= --log= --dry-run --help --usage" ;;
	detach) echo "--unit= --dry-run --help --usage" ;;
	esac
}

_fdwarden_values() {
	case $1 in
	-m | --mode) COMPREPLY=($(compgen -W "observe enforce audit" -- "$2")) ;;
	-f | --format) COMPREPLY=($(compgen -W "text json sarif html folded" -- "$2")) ;;
	--fail-on) COMPREPLY=($(compgen -W "error warning note never" -- "$2")) ;;
	--color) COMPREPLY=($(compgen -W "auto always never" -- "$2")) ;;
	--reader) COMPREPLY=($(compgen -W "auto direct babeltrace" -- "$2")) ;;
	--show) COMPREPLY=($(compgen -W "possible" -- "$2")) ;;
	--unit) COMPREPLY=($(compgen -W "$(systemctl list-unit-files --no-legend --type=service 2>/dev/null | cut -d' ' -f1)" -- "$2")) ;;
	-o | --output | --suppressions | --baseline | --gen-suppressions | --source-root | --keep-trace | --log)
		COMPREPLY=($(compgen -f -- "$2"))
		compopt -o filenames 2>/dev/null ;;
	*) return 1 ;;
	esac
}

_fdwarden() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} i
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "run record report audit snapshot diff config doctor attach detach --help --version" -- "$word"))
		return
	fi
	# Behind -- it is PROG's own line.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			elif ((i + 1 == COMP_CWORD)); then
				COMPREPLY=($(compgen -c -- "$word"))
			else
				COMPREPLY=($(compgen -f -- "$word"))
			fi
			return
		fi
	done
	# bash splits --name=value at the =.
	if [[ $word == "=" ]]; then
		_fdwarden_values "$before" "" && return
	elif [[ $before == "=" ]]; then
		_fdwarden_values "${COMP_WORDS[COMP_CWORD - 2]}" "$word" && return
	elif _fdwarden_values "$before" "$word"; then
		return
	fi
	case $word in
	-*)
		COMPREPLY=($(compgen -W "$(_fdwarden_options "$command") $(case $command in run | record | audit) echo -- ;; esac)" -- "$word"))
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null ;;
	*)
		case $command in
		report | diff) COMPREPLY=($(compgen -f -- "$word")); compopt -o filenames 2>/dev/null ;;
		run | record | audit | doctor) COMPREPLY=($(compgen -c -- "$word")) ;;
		snapshot) COMPREPLY=($(compgen -W "$(ps -eo pid=,comm= 2>/dev/null)" -- "$word")) ;;
		esac ;;
	esac
}

complete -F _fdwarden fdwarden
