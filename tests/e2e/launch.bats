#!/usr/bin/env bats
# tests/e2e/launch.bats: run, record, audit and doctor as a user meets them: statuses, sentences, what the program sees, signals, what is left behind.
# What becomes of the recording: recording.bats. FDW_BUILD: the build directory. One condition a line: in `a && b` a failing `a` would be overlooked.
# Everything is under a time limit: a launcher that hangs is the worst launcher.

bats_require_minimum_version 1.5.0
load common

setup() { place_watched; }
teardown() { leave_place; }

# ---- statuses ---------------------------------------------------------------------------------------------------------------------

@test "the program's exit status is the command's" {
	for command in run "record -q -o t" "audit -q"; do
		for want in 0 7 255; do
			rm -rf t
			run fdw $command -- sh -c "exit $want"
			echo "$command $want: $status $output"
			[ "$status" = "$want" ]
		done
	done
}

@test "a signal death is the command's own, without a core of its own" {
	ulimit -c 0
	for sig in TERM SEGV KILL ABRT; do
		rm -rf t
		python3 - "$F" $sig <<-'EOF'
			import signal, subprocess, sys
			sig = getattr(signal, "SIG" + sys.argv[2])
			r = subprocess.run([sys.argv[1], "record", "-q", "-o", "t", "--", "sh", "-c", "kill -%s $$" % sys.argv[2]], timeout=60)
			sys.exit(r.returncode != -sig)
		EOF
		[ "$(starts t)" = 1 ]
	done
}

@test "127: not found; 126: not executable, a directory, no known format; nothing is left" {
	for command in run record audit; do
		run -127 fdw $command -- ./nonesuch
		[ "$status" = 127 ]
		[[ $output == *"cannot run ./nonesuch"* ]]
		run -127 fdw $command -- nonesuch-in-path
		[ "$status" = 127 ]
		[[ $output == *"not found in PATH"* ]]
		run fdw $command -- /
		[ "$status" = 126 ]
		[[ $output == *": is a directory"* ]]
		echo true >plain; chmod 755 plain
		run fdw $command -- ./plain
		[ "$status" = 126 ]
		[[ $output == *"Exec format error"* ]]
		printf '#!/no/such/interpreter\n' >script; chmod 755 script
		run -127 fdw $command -- ./script
		[ "$status" = 127 ]
		[[ $output == *"/no/such/interpreter"* ]]
		chmod 644 script
		run fdw $command -- ./script
		[ "$status" = 126 ]
		[[ $output == *"chmod +x"* ]]
		head -c 40 /bin/true >cut; chmod 755 cut
		run fdw $command -- ./cut
		[ "$status" = 126 ]
		[ "$(ls)" = "$(printf 'cut\nplain\nscript')" ]
		rm -f cut plain script
	done
	left_behind
}

@test "PATH is searched as execvp does: what may not be run is passed over, and is 126 when nothing else is found" {
	mkdir a b
	echo nothing >a/prog
	printf '#!/bin/sh\necho found\n' >b/prog; chmod 755 b/prog
	run env PATH="$PWD/a:$PWD/b:$PATH" "$F" run -- prog
	[ "$status" = 0 ]
	[ "$output" = found ]
	rm b/prog
	run env PATH="$PWD/a:$PWD/b:$PATH" "$F" run -- prog
	[ "$status" = 126 ]
	printf '#!/bin/sh\necho here\n' >prog; chmod 755 prog
	run env PATH=":/usr/bin:/bin" "$F" run -- prog
	[ "$status" = 0 ]
	[ "$output" = here ]
}

@test "wrong usage: 125 for run, record, audit; 2 otherwise; a sentence each" {
	for args in "run" "record" "audit" "run --bogus -- true" "record -m what -- true" "audit -f xml -- true" \
		"audit --baseline=/nonexistent -- true" "record -f json -- true" "record --suppressions=x -- true" "run --stack-depth=65 -- true" \
		"record --error-exitcode=1 -- true" "record --fail-on=error -- true" "audit --error-exitcode=x -- true" "record --buffer-size=0 -- true" "record --ring=x -- true" "record --ring --isolate -- true"; do
		run fdw $args
		echo "$args: $status $output"
		[ "$status" = 125 ]
		[ -n "$output" ]
	done
	for args in "" "frobnicate" "diff a" "config" "snapshot" "snapshot a b" "snapshot -o" "snapshot --bogus 1" "attach" "doctor a b" "doctor --bogus"; do
		run fdw $args
		echo "$args: $status $output"
		[ "$status" = 2 ]
		[ -n "$output" ]
	done
	[ -z "$(ls)" ]
}

@test "options end at -- and at the program" {
	run fdw run -- sh -c 'echo "$@"' x --help -q
	[ "$output" = "--help -q" ]
	run fdw run sh -c 'echo "$@"' x --quiet -- y
	[ "$output" = "--quiet -- y" ]
}

@test "help and version" {
	for args in --help --version "run --help" "record --help" "audit --help" "doctor --help"; do
		run fdw $args
		[ "$status" = 0 ]
		[ -n "$output" ]
	done
}

# ---- what cannot be observed --------------------------------------------------------------------------------------------------------

@test "static and set-id programs: why, what instead, 125, not run; --allow-unobserved runs them" {
	for command in record audit; do
		run fdw $command -- "$P/static"
		[ "$status" = 125 ]
		[[ $output == *"statically linked"*"strace"* ]]
	done
	"$P/static" >/dev/null && native=0 || native=$?
	run fdw record --allow-unobserved -o t -- "$P/static"
	[ "$status" = "$native" ]
	[[ $output == *"NOT OBSERVED"* ]]
	[ "$(id -u)" = 0 ] || skip "needs root to make set-id programs"
	cp /bin/true setuid; chmod 4755 setuid
	run nobody "$F" record -o /tmp/never -- "$PWD/setuid"
	[ "$status" = 125 ]
	[[ $output == *"set-user-id"* ]]
	cp /bin/true setgid; chmod 2755 setgid
	run nobody "$F" record -o /tmp/never -- "$PWD/setgid"
	[ "$status" = 125 ]
	[[ $output == *"set-group-id"* ]]
	run fdw record -q -o t2 -- ./setuid # root gains nothing by it
	[ "$status" = 0 ]
	[ "$(starts t2)" = 1 ]
	run nobody setpriv --no-new-privs "$F" run -- "$PWD/setuid"
	[ "$status" = 0 ]
	[ ! -e /tmp/never ]
}

@test "other word sizes and C libraries are refused, whatever runs them" {
	cp /bin/true class; printf '\x01' | dd of=class bs=1 seek=4 conv=notrunc status=none
	run fdw record -- ./class
	[ "$status" = 125 ] || [ "$status" = 126 ]
	sed 's|/lib64/ld-linux-x86-64.so.2|/lib64/ld-musl-x86-64.so.\x31|' /bin/true >musl; chmod 755 musl
	run -127 fdw record -- ./musl
	[[ $output == *"/lib64/ld-musl"* ]]
	# A loader with a long path, as in stores of packages, is one of ours.
	deep=$PWD/$(printf 'd%.0s' {1..60})/$(printf 'e%.0s' {1..60}); mkdir -p "$deep"
	ln -s /lib64/ld-linux-x86-64.so.2 "$deep/"
	printf 'int main(void) { return 0; }' | gcc -x c -o far - -Wl,--dynamic-linker="$deep/ld-linux-x86-64.so.2"
	run fdw record -q -o far.trace -- sh -c ./far
	[ "$status" = 0 ]
	[ "$(starts far.trace)" = 2 ]
	printf '#!%s\n' "$P/static" >script; chmod 755 script
	run fdw audit -- ./script
	[ "$status" = 125 ]
	[[ $output == *"statically linked"* ]]
	printf '#!/usr/bin/env sh\necho through env\n' >script
	run fdw record -q -o t -- ./script
	[ "$status" = 0 ]
	[ "$output" = "through env" ]
	[ "$(starts t)" = 2 ]
}

# ---- what the program sees ------------------------------------------------------------------------------------------------------------

@test "stdin, stdout, arguments, directory, descriptors, signals and limits are the program's own" {
	exec 7</dev/null 8>/dev/null
	"$P/surroundings" one "two words" "" <<<input >native
	fdw run -- "$P/surroundings" one "two words" "" <<<input >run
	fdw record -q -o t -- "$P/surroundings" one "two words" "" <<<input >record
	fdw audit -q -- "$P/surroundings" one "two words" "" <<<input >audit
	for how in run record audit; do
		diff native $how
	done
	run -0 fdw record -q -o t2 -- cat <<<"through"
	[ "$output" = through ]
}

@test "blocked and ignored signals, closed standard descriptors and limits arrive as they were given" {
	wrap='import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGCHLD])
for s in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTSTP): signal.signal(s, signal.SIG_IGN)
os.close(0); os.close(2)
os.execv(sys.argv[1], sys.argv[1:])'
	python3 -c "$wrap" "$P/surroundings" >native
	python3 -c "$wrap" "$F" run -- "$P/surroundings" >run
	python3 -c "$wrap" "$F" record -o t -- "$P/surroundings" >record
	sed -i 's/\[.*surroundings\]/[x]/' native run record
	diff native run
	diff native record
}

@test "quiet: not a word; otherwise the last line is the next command, and it can be pasted" {
	run fdw record -q -o t -- true
	[ "$status" = 0 ]
	[ -z "$output" ]
	run fdw record -o "it's a trace" -- true
	[ "$status" = 0 ]
	[ "${lines[-1]}" = "fdwarden: next:  fdwarden report 'it'\\''s a trace'" ]
	run -0 fdw record -- true
	[[ ${lines[-1]} =~ ^fdwarden:\ next:\ \ fdwarden\ report\ (fdwarden\.true\.[0-9]+)$ ]]
	[ -d "${BASH_REMATCH[1]}" ]
	[ "$(starts "${BASH_REMATCH[1]}")" = 1 ]
}

# ---- signals ----------------------------------------------------------------------------------------------------------------------------

@test "signals sent to the command reach the program, once" {
	"$F" record -q -o t -- "$P/tells_signals" >out 3>&- &
	pid=$!
	wait_for ready out
	for sig in USR1 USR2 HUP RTMIN+3; do
		kill -$sig $pid
		wait_for "^${sig%+3}" out
	done
	kill -TERM $pid
	wait $pid && status=0 || status=$?
	[ "$status" = 3 ]
	sed -i 's/RTMIN+3.*/RTMIN+3/' out
	diff out <(printf '%s\n' ready USR1 USR2 HUP RTMIN+3 TERM)
	left_behind
}

@test "signals that are faults, sent to the command: the program ends by them" {
	ulimit -c 0
	for sig in ILL TRAP BUS FPE SEGV PIPE SYS; do
		"$F" record -q -o t.$sig -- sh -c 'echo ready; exec sleep 20' >out 3>&- &
		pid=$!
		wait_for ready out
		kill -$sig $pid
		wait $pid && status=0 || status=$?
		echo "$sig: $status"
		[ "$status" = $((128 + $(kill -l $sig))) ]
	done
	left_behind
}

@test "Ctrl-C and Ctrl-Z of a terminal: once to the program, the job stops and goes on, the trace is kept" {
	cat >terminal.py <<-'EOF'
		# In the terminal: a small shell with job control, which starts the command as its foreground job and tells how it stops and ends.
		import os, pty, select, signal, sys, time
		def shell():
		    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		    job = os.fork()
		    if job == 0:
		        os.setpgid(0, 0)
		        os.tcsetpgrp(0, os.getpid())
		        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
		        os.execv(sys.argv[1], sys.argv[1:])
		    while True:
		        r, status = os.waitpid(job, os.WUNTRACED)
		        if not os.WIFSTOPPED(status): break
		        print("stopped", os.WSTOPSIG(status), flush=True)
		        time.sleep(0.2)
		        os.tcsetpgrp(0, job)
		        os.killpg(job, signal.SIGCONT)
		        print("continued", flush=True)
		    print("ended", os.waitstatus_to_exitcode(status), flush=True)
		pid, fd = pty.fork()
		if pid == 0:
		    shell()
		    os._exit(0)
		seen = b""
		def until(word):
		    global seen
		    end = time.time() + 20
		    while word not in seen and time.time() < end:
		        if select.select([fd], [], [], 0.1)[0]:
		            try: seen += os.read(fd, 4096)
		            except OSError: break
		    assert word in seen, (word, seen)
		until(b"ready")
		os.write(fd, b"\x03")
		until(b"INT\r\n")
		os.write(fd, b"\x1a")
		until(b"stopped %d" % signal.SIGTSTP)
		until(b"continued")
		time.sleep(0.2)
		os.write(fd, b"\x1c")
		until(b"QUIT\r\n")
		os.system("pkill -TERM -P %d" % pid)
		until(b"ended 3")
		assert seen.count(b"INT\r\n") == 1 and seen.count(b"TERM\r\n") == 1, seen
	EOF
	timeout 60 python3 terminal.py "$F" record -q -o t -- "$P/tells_signals"
	[ "$(starts t)" = 1 ]
	left_behind
}

# given HOW COMMAND...: with what would end it ignored, blocked (and SIGUSR2 as well, which then is pending), or as usual; sent: the signals to itself.
given() {
	timeout 60 python3 -c 'import os, signal, sys
ends = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
signal.pthread_sigmask(signal.SIG_SETMASK, ends + [signal.SIGUSR2] if "blocked" in sys.argv[1] else [])
for s in ends: signal.signal(s, signal.SIG_IGN if "ignored" in sys.argv[1] else signal.SIG_DFL)
for s in (ends if "sent" in sys.argv[1] else []) + ([signal.SIGUSR2] if "blocked" in sys.argv[1] else []): os.kill(os.getpid(), s)
os.execvp(sys.argv[2], sys.argv[2:])' "$@"
}

# sends_at_start SIGNALS THEN: a session daemon whose start sends them to the command.
sends_at_start() {
	printf '#!/bin/sh\ncommand=$(ps -o ppid= -p $PPID)\nfor s in %s; do kill -$s $command; done\nexec %s\n' "$1" "$2" >sends
	chmod 755 sends
	export LTTNG_SESSIOND_PATH=$PWD/sends
}

# libpthread's own two signals (32 and 33), which whoever started us may have ignored, are no matter.
masks() { while read -r name mask; do printf '%s %x\n' "$name" $((0x$mask & ~0x180000000)); done; }

@test "signals that are ignored or blocked come while the recording starts: the program runs, and finds them as natively" {
	sends_at_start "INT TERM HUP QUIT" "$(command -v lttng-sessiond) \"\$@\""
	look=(grep -E "ShdPnd|SigPnd|SigBlk|SigIgn" /proc/self/status)
	for how in ignored blocked "ignored and blocked"; do
		given "sent, $how" "${look[@]}" | masks >native
		cat native
		rm -rf t
		given "$how" "$F" record -q -o t -- "${look[@]}" | masks >record
		diff native record
		given "$how" "$F" audit -q -- "${look[@]}" | masks >audit
		diff native audit
	done
	[ "$(starts t)" = 1 ]
	left_behind
}

@test "signals that are pending when the command starts are pending in the program" {
	cat >pending.py <<-'END'
		import os, signal, sys
		for sig in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGUSR1):
		    if sys.argv[1] == "ignored": signal.signal(sig, signal.SIG_IGN)
		    else: signal.signal(sig, signal.SIG_DFL)
		    signal.pthread_sigmask(signal.SIG_BLOCK, [sig])
		    os.kill(os.getpid(), sig)
		os.execv(sys.argv[2], sys.argv[2:])
	END
	look=("$(command -v grep)" -E "ShdPnd|SigBlk|SigIgn" /proc/self/status)
	for how in ignored default; do
		python3 pending.py $how "${look[@]}" | masks >native
		cat native
		for command in "run --error-exitcode=9" "record -q -o t.$how" "audit -q"; do
			python3 pending.py $how "$F" $command -- "${look[@]}" | masks >seen
			diff native seen
		done
	done
	left_behind
}

@test "a signal while the recording starts: the command ends by it, the program is not run, nothing is left" {
	mkdir tmp
	ulimit -S -c "$(ulimit -H -c)"
	for sig in INT TERM HUP QUIT; do
		for how in "record -o t" audit; do
			for daemon in "sleep 100" "$(command -v lttng-sessiond) \"\$@\""; do
				sends_at_start $sig "$daemon"
				TMPDIR=$PWD/tmp run given "as usual" "$F" $how -- touch ran
				echo "$how: $sig: $daemon: $status $output"
				[ "$status" = $((128 + $(kill -l $sig))) ]
				[[ $output == *"cannot record: interrupted"* ]]
				[ "$(ls . tmp)" = "$(printf '.:\nsends\ntmp\n\ntmp:')" ]
			done
		done
	done
	left_behind
}

# both_stopped COMMAND PROGRAM: ten seconds at most.
both_stopped() {
	for _ in $(seq 100); do
		[ "$(cut -d' ' -f3 /proc/"$1"/stat /proc/"$2"/stat 2>/dev/null | tr -d '\n')" = TT ] && return
		sleep 0.1
	done
	return 1
}

# Natively nobody between them and the program has to be continued.
@test "a program that stops and is continued, or killed, by its process id: nobody waits for ever" {
	local how command program
	for how in "run --error-exitcode=9" "record -q -o t" "audit -q"; do
		rm -rf pid t go
		timeout 60 "$F" $how -- bash -c 'echo $$ >pid; kill -STOP $$; until [ -e go ]; do sleep 0.1; done; exit 3' >out 2>err 3>&- &
		wait_for . pid
		program=$(cat pid)
		command=$(ps -o ppid= -p "$program" | tr -d ' ')
		both_stopped "$command" "$program" # by itself
		kill -CONT "$program"
		for _ in $(seq 100); do [ "$(cut -d' ' -f3 "/proc/$command/stat")" = T ] || break; sleep 0.1; done
		kill -STOP "$program"
		both_stopped "$command" "$program"
		kill -CONT "$command" # the program is continued with it
		for _ in $(seq 100); do [ "$(cut -d' ' -f3 "/proc/$program/stat")" = T ] || break; sleep 0.1; done
		kill -TSTP "$program"
		touch go
		sleep 0.3
		kill -CONT "$program"
		wait $! && status=0 || status=$?
		echo "$how: $status"
		[ "$status" = 3 ]
	done
	rm -rf pid t
	timeout 60 "$F" record -q -o t -- bash -c 'echo $$ >pid; kill -STOP $$' 3>&- &
	wait_for . pid
	program=$(cat pid)
	both_stopped "$(ps -o ppid= -p "$program" | tr -d ' ')" "$program"
	kill -KILL "$program"
	wait $! && status=0 || status=$?
	[ "$status" = 137 ]
	left_behind
}

@test "a process group that is stopped and continued" {
	set -m # a group of its own
	timeout --foreground 60 "$F" record -q -o t -- bash -c 'echo $$ >pid; until [ -e go ]; do sleep 0.1; done; exit 3' 3>&- &
	set +m
	wait_for . pid
	for signal in STOP TSTP STOP; do
		kill -$signal -- -$!
		both_stopped "$(ps -o ppid= -p "$(cat pid)" | tr -d ' ')" "$(cat pid)"
		kill -CONT -- -$!
	done
	touch go
	wait $! && status=0 || status=$?
	[ "$status" = 3 ]
	left_behind
}

@test "too few open files to start a process: a sentence that names the limit" {
	for n in 5 10 12; do
		for how in "run --error-exitcode=9" "record -o t" audit; do
			run -125 bash -c "for i in {3..30}; do eval \"exec \$i>&-\"; done; ulimit -n $n; exec '$F' $how -- true"
			echo "$n $how: $output"
			[[ $output == *" limit of open files is $n"*": raise it with ulimit -n"* ]]
			[ ${#lines[@]} = 1 ]
		done
	done
}

@test "Ctrl-C on a program that dies of it: 130, and the trace is whole" {
	python3 - "$F" <<-'EOF'
		import os, pty, signal, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], [sys.argv[1], "record", "-o", "t", "--", "sleep", "60"])
		seen = b""
		while b"recording" not in seen: seen += os.read(fd, 4096)
		time.sleep(0.5)
		os.write(fd, b"\x03")
		try:
		    while True:
		        more = os.read(fd, 4096)
		        if not more: break
		        seen += more
		except OSError: pass
		r, status = os.waitpid(pid, 0)
		assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, (status, seen)
		assert b"ended by SIGINT" in seen and b"next:  fdwarden report t" in seen, seen
	EOF
	[ "$(starts t)" = 1 ]
	left_behind
}

# ---- run --------------------------------------------------------------------------------------------------------------------------------------

@test "run: a violation is logged; --error-exitcode counts it, --fail-on chooses, -o and -q say where" {
	wrong=$B/tests/programs/double_close
	"$wrong" && native=0 || native=$?
	run fdw run -- "$wrong"
	[ "$status" = "$native" ]
	[[ $output == *double-close* ]]
	run fdw run --error-exitcode=99 -- "$wrong"
	[ "$status" = 99 ]
	[[ $output == *double-close* ]]
	run fdw run --error-exitcode=99 --fail-on=never -- "$wrong"
	[ "$status" = "$native" ]
	run fdw run --error-exitcode=99 -- true
	[ "$status" = 0 ]
	[ -z "$output" ]
	run fdw run -q --error-exitcode=99 -- "$wrong"
	[ "$status" = 99 ]
	[[ $output != *double-close* ]]
	run fdw run -o log -- "$wrong"
	[ "$status" = "$native" ]
	grep -q double-close log
	left_behind
}

@test "doctor: this machine is usable; a static program is not, and it says why" {
	mkdir empty
	# Beside each other: each tests the registers for some seconds.
	fdw doctor true >true.out 2>&1 3>&- & one=$!
	fdw doctor "$P/static" >static.out 2>&1 3>&- & two=$!
	PATH=$PWD/empty "$F" doctor >empty.out 2>&1 3>&- & three=$!
	wait $one
	wait $two && status=0 || status=$?
	[ "$status" = 1 ]
	wait $three && status=0 || status=$?
	[ "$status" = 1 ]
	cat ./*.out
	grep -q "trial recording.*works" true.out
	grep -q "problem.*statically linked" static.out
	grep -q "problem  session daemon" empty.out
	left_behind
}

@test "who reads the messages goes away: nothing is left, the program's status is the command's" {
	(fdw audit -- sh -c 'sleep 0.5; exit 7' || echo $? >status) 2>&1 | head -1
	[ "$(cat status)" = 7 ]
	(fdw audit -- "$B/tests/programs/double_close" >/dev/null && echo fine >status) 2>&1 | head -3
	[ "$(cat status)" = fine ]
	# The program has SIGPIPE (bit 12) as it would have it without us; libpthread's own signals are no matter.
	native=$(sh -c 'grep SigIgn /proc/self/status' | cut -f2)
	seen=$(fdw audit -q -- sh -c 'grep SigIgn /proc/self/status' 2>err | cut -f2)
	[ $((0x$native & 0x1000)) = $((0x$seen & 0x1000)) ]
	left_behind
}

@test "suppressions: run leaves out what they name, and a bad file is refused before the program runs" {
	echo 'double-close:*:double_cl*' >yes
	echo 'double-close:*:other' >no
	echo bad >bad
	"$F" run --suppressions=yes --error-exitcode=9 -- "$B/tests/programs/double_close" 2>err
	[ ! -s err ]
	run "$F" run --suppressions=no --error-exitcode=9 -- "$B/tests/programs/double_close"
	[ "$status" = 9 ]
	[[ $output == *double-close* ]]
	for how in run audit; do
		run "$F" $how --suppressions=bad -- touch ran
		[ "$status" = 125 ]
		[[ $output == *"bad:1: "* ]]
		[ ! -e ran ]
		run "$F" $how --suppressions=none -- touch ran
		[ "$status" = 125 ]
		[ ! -e ran ]
	done
}
