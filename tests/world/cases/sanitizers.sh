# what: programs built with gcc's and clang's sanitizers for addresses, threads and undefined behaviour: threads, descriptors, children, signals
# time: 200
exec 2>&1
for cc in gcc clang; do command -v $cc >/dev/null || skip "needs gcc and clang"; done
cat >work.c <<'EOF'
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;
static volatile sig_atomic_t handled;
static void handler(int sig) { int fd = open("/dev/null", O_RDONLY); close(fd); handled++; }
static void *work(void *arg)
{
	for (int i = 0; i < 200; i++) {
		int p[2], s[2], e = epoll_create1(EPOLL_CLOEXEC);
		struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
		char buf[64];
		FILE *f = fopen("/dev/null", "r+e");
		void *m = malloc(100 + i);
		if (pipe2(p, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) || epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) || write(p[1], "hello", 5) != 5 ||
		    epoll_wait(e, &ev, 1, -1) != 1 || read(p[0], buf, sizeof buf) != 5 || epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) || fprintf(f, "x") < 0)
			abort();
		fclose(f); close(dup(s[0])); close(p[0]); close(p[1]); close(s[0]); close(s[1]); close(e); free(m);
		pthread_mutex_lock(&lock); total++; pthread_mutex_unlock(&lock);
	}
	return NULL;
}
static volatile int shared;
static void *count(void *arg) { shared++; return NULL; }
static int bad(const char *what)
{
	int *p = malloc(4), big = 0x7fffffff - (*what == 'n');
	if (!strcmp(what, "address")) { free(p); return p[0] + (p[0] == 12345); }
	if (!strcmp(what, "leak")) { p = malloc(77); p = NULL; return 0; }
	free(p);
	if (!strcmp(what, "undefined")) { printf("%d\n", big + (int)strlen(what)); return 0; }
	/* On a busy machine TSan may overlook one. */
	for (int i = 0; i < 50 && !strcmp(what, "thread"); i++) { pthread_t t; pthread_create(&t, NULL, count, NULL); shared++; pthread_join(t, NULL); }
	return 0;
}
int main(int argc, char **argv)
{
	pthread_t t[4];
	int status = 0, sum = 0;
	pid_t pid;
	if (argc > 1)
		return bad(argv[1]);
	signal(SIGUSR1, handler);
	for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, work, NULL);
	for (int i = 0; i < 10; i++) {
		char *args[] = { "sh", "-c", "exit 3", NULL };
		raise(SIGUSR1);
		if (posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ) || waitpid(pid, &status, 0) != pid) abort();
		sum += WEXITSTATUS(status);
	}
	for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
	for (int i = 0; i < 5; i++) {
		if ((pid = fork()) == 0) { work(NULL); _exit(4); }
		waitpid(pid, &status, 0);
		sum += WEXITSTATUS(status);
	}
	sum += WEXITSTATUS(system("exit 5"));
	printf("total %ld, handled %d, statuses %d\n", total, handled, sum);
	return 6;
}
EOF
for cc in gcc clang; do
	for kind in address thread undefined leak; do
		$cc -g -O1 -w -fsanitize=$kind -o work.$cc.$kind work.c -lpthread || { echo "$cc $kind: not built"; continue; }
		./work.$cc.$kind; echo "$cc $kind: $?"
		# What they find, they find; where they say it in, is theirs.
		./work.$cc.$kind $kind >bad.txt 2>&1; echo "$cc $kind, wrong: $?"
		grep -aoE '(ERROR|WARNING): (Address|Thread|Leak)Sanitizer: [a-z-]* *[a-z]*|runtime error: [a-z ]*|^SUMMARY: [A-Za-z]*: [a-z0-9-]*' bad.txt
	done
done
