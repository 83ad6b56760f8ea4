# what: tmux: a server of its own, 60 windows, 200 clients, panes that are piped, captured, resized, linked, respawned; control mode; kill
# time: 120
exec 2>&1
t() { tmux -L world -f /dev/null "$@"; }
export TMUX_TMPDIR=$PWD TERM=screen SHELL=/bin/sh ENV=/dev/null PS1='$ '
t new-session -d -s main -x 80 -y 24; echo "start $?"
trap 't kill-server 2>/dev/null' EXIT
for i in $(seq 60); do t new-window -d -n w$i "echo window $i; exec sleep 600"; done
t list-windows -F '#{window_name}' | grep -c '^w'
for i in $(seq 200); do t display-message -p "#{session_name}" ; done | sort | uniq -c
shows() { t capture-pane -p -t "$1" | grep -q "$2"; }
wait_for 10 shows main:w60 'window 60'; t capture-pane -p -t main:w60 | head -1
t send-keys -t main:0 'echo $((6 * 7)) >typed' Enter; wait_for 10 test -s typed; cat typed
for i in $(seq 30); do t pipe-pane -t main:w$i "cat >piped.$i"; t respawn-window -k -t main:w$i "seq $i; exec sleep 600"; done
wait_for 10 sh -c 'grep -qs 30 piped.30'; for i in $(seq 30); do t pipe-pane -t main:w$i; done
for i in $(seq 40); do t split-window -d -t main:w41 -l 1 'exit 0' 2>/dev/null; t run-shell "echo run $i >>ran"; t if-shell true "set-buffer b$i" ''; done; sort -u ran | wc -l; t list-buffers | wc -l
t save-buffer saved; cat saved; echo; t load-buffer ran; t show-buffer | wc -l
for i in $(seq 20); do t new-session -d -s s$i 'exec sleep 600'; t link-window -s main:w50 -t s$i:9; t resize-window -t s$i -x $((60 + i)); done; t list-sessions -F '#{session_name}' | wc -l
printf 'list-sessions -F x\nnew-window -d true\ndetach\n' | t -C attach -t main 2>&1 | grep -c '^x$'
for i in $(seq 20); do t kill-session -t s$i; done; t list-sessions | wc -l
for i in $(seq 60); do t kill-window -t main:w$i; done; t wait-for -S none; t list-windows | wc -l | grep -c .
script -qc "tmux -L world attach -t main \\; send-keys 'exit' Enter" /dev/null </dev/null >attached 2>&1; t kill-server 2>/dev/null; wait_for 10 sh -c '! tmux -L world has-session 2>/dev/null'; echo gone
