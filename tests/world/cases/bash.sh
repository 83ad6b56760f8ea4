# what: bash: redirections, pipelines, coprocesses, process substitution, traps
# time: 30
# quick: yes
# log: file (its stderr is judged line by line)
# numbers: coprocesses and /dev/fd are named by them
exec 2>&1
bash -c 'for i in 1 2 3; do echo $i; done | sort -r | tr "\n" " "; echo "status ${PIPESTATUS[*]}"'
bash -c 'exec 3>three 4<&0 5>&3; echo to five >&5; exec 5>&- 4<&-; echo to three >&3; exec 3>&-; cat three; echo lost >&3; echo "status $?"'
bash -c 'exec {a}>named {b}<named; echo "$((a >= 10)) $((b > a))"; echo x >&$a; read -r l <&$b; echo "$l"; exec {a}>&- {b}<&-; echo y >&$a' | sed 's/line [0-9]*: [0-9]*:/line N:/'
bash -c 'coproc up { while read -r l; do echo "${l^^}"; done; }; echo hello >&${up[1]}; read -r l <&${up[0]}; echo "$l"; eval "exec ${up[1]}>&-"; wait $up_PID; echo "status $?"'
bash -c 'diff <(seq 1 5) <(seq 2 6); echo "status $?"; tee >(wc -l >count) < <(seq 100) >/dev/null; sleep 0.3; cat count'
bash -c 'trap "echo usr1" USR1; kill -USR1 $$; trap "echo bye" EXIT; (exit 7); echo "status $?"'
bash -c 'sleep 0.2 & wait $!; echo "status $?"; (sleep 5 & kill $!; wait $!; echo "status $?") 2>/dev/null'
bash -c 'cat <<END; cat <<<"$(seq 3)"; read -r -t 0.1 x < <(sleep 0.3); echo "status $(($? > 128))"; sleep 0.4
here $((6 * 7))
END'
bash -c 'ulimit -n 20; for i in $(seq 40); do exec {f}</dev/null || { echo full; break; }; done' | sed 's/line [0-9]*/line N/'
bash -c 'mkfifo p; (echo through >p &) ; cat p; exec 6<>p; echo loop >&6; read -r l <&6; echo "$l"; exec 6>&-'
bash -c '/nonexistent; echo "status $?"; ./three; echo "status $?"; exec ./three'
echo "status $?"
bash -c 'ls /proc/self/fd | grep -c "^.\$"; exec 9</dev/null; ls /proc/self/fd | grep -c "^.\$"' # while recording there are high ones
bash -c 'f() { local n=$1; [ "$n" -gt 0 ] && (f $((n - 1))) || echo deep; }; f 20'
bash -c 'echo "$(echo "$(echo "$(echo nested)")")"; for f in $(seq 50); do : $(true); done; set -o pipefail; true | false | true; echo "status $?"'
dash -c 'exec 7>seven; echo x >&7; (echo y >&7; exec 7>&-; echo z >&7) ; cat seven; echo "status $?"'
