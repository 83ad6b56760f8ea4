# what: gdb: breakpoints in programs and libraries, steps over fork and threads, a crash, attached to a server and detached, killed
# time: 120
# numbers: it prints one
command -v gdb >/dev/null || skip "needs gdb"
cat >work.c <<'EOF'
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int rounds, go_on;
int step(int fd) { rounds++; return close(fd); }
void *work(void *arg) { for (int i = 0; i < 50; i++) step(open("/dev/null", O_RDONLY)); return arg; }
int child(void) { pid_t pid = fork(); int status; if (pid == 0) _exit(7); waitpid(pid, &status, 0); return WEXITSTATUS(status); }
int main(int argc, char **argv)
{
	pthread_t t;
	if (argc > 1 && *argv[1] == 'w') {
		puts("waits"); fflush(stdout);
		while (!__atomic_load_n(&go_on, __ATOMIC_RELAXED)) { close(open("/dev/null", O_RDONLY)); usleep(10000); }
		puts("goes on");
	}
	if (argc > 1 && *argv[1] == 'c') abort();
	pthread_create(&t, NULL, work, NULL);
	pthread_join(t, NULL);
	printf("rounds %d, child %d\n", rounds, child());
	return 5;
}
EOF
gcc -g -O0 -o work work.c -lpthread || exit
b() { timeout -k 5 30 gdb -nx -q -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no' "$@" 2>/dev/null; }
# What it says, without numbers of threads and processes, of which there are more while recording; sorted, for the program has its own way to stdout.
g() {
	b "$@" | sed -E 's/^Thread [0-9]+ "[a-z]+" (hit )?//; s/^Program received/received/' | grep -aE '^(\$|rounds|Breakpoint [0-9]+, (step|child|work|main)|waits|goes on|\[Inferior [0-9] .* exited|received|Value returned|#[0-9]+ .* (step|work|main|child) \()' |
		sed -E 's/process [0-9]+/process N/; s/0x[0-9a-f]+ in //; s/argv=0x[0-9a-f]+/argv/' | sort
}
g -ex 'break work.c:step' -ex run -ex 'print fd >= 0' -ex 'finish' -ex 'ignore 1 20' -ex continue -ex 'print rounds' -ex bt -ex delete -ex continue -ex continue ./work
g -ex 'break work.c:child' -ex run -ex next -ex next -ex 'print status' -ex continue ./work
g -ex 'set follow-fork-mode child' -ex 'break work.c:child' -ex run -ex continue ./work
g -ex 'break main' -ex run -ex 'print rounds' -ex kill ./work
g -ex run -ex bt --args ./work crash
g -ex 'handle SIGUSR1 nostop noprint pass' -ex 'catch syscall openat' -ex run -ex 'print $_siginfo.si_signo' -ex delete -ex continue -ex continue ./work
# Attached while it works, asked, detached; attached again and told to go on.
./work waits >out.txt & pid=$!
wait_for 10 grep -q waits out.txt
for i in 1 2 3; do g -p $pid -ex 'print go_on' -ex 'print rounds' -ex detach; done
g -p $pid -ex 'print go_on = 1' -ex detach
wait $pid; echo "status $?"; cat out.txt
# Attached, and the debugger is killed; attached, and the program is.
./work waits >out.txt & pid=$!
wait_for 10 grep -q waits out.txt
b -p $pid -ex 'shell kill -9 $PPID' >/dev/null; echo "debugger $?"
g -p $pid -ex 'print go_on = 1' -ex detach; wait $pid; echo "status $?"
./work waits >out.txt & pid=$!
wait_for 10 grep -q waits out.txt
g -p $pid -ex 'print rounds' -ex kill; wait $pid 2>/dev/null; echo "status $?"
# Programs without symbols.
b -ex run -ex 'info inferiors' --args sh -c 'echo in; exit 4' | grep -aE '^in$|Inferior' | sed -E 's/process [0-9]+/process N/'
b -ex 'break getpid' -ex run -ex delete -ex continue --args python3 -c 'import os; os.getpid(); print("py", os.system("exit 3") >> 8)' | grep -aE '^py|Inferior' | sed -E 's/process [0-9]+/process N/'
