/*
 * tests/e2e/src/hazards/others.c: more programs that are hard on an interposer, one a word: `others WORD [ARG...]`, run by tests/e2e/hazards.bats. As
 * hazards.c: each prints what it saw, nothing that changes from run to run, and all are right.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define need(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno), _exit(9)))

static int null(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }

/* From here on read, write and exit are all there is: any other system call is death. */
static int strict(char **argv)
{
	int fd = null(), p[2];
	char c;

	need(fd >= 0 && pipe(p) == 0 && close(null()) == 0);
	if (!strcmp(argv[1], "prctl"))
		need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	else
		need(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0);
	for (int i = 0; i < 1000; i++)
		if (write(p[1], "x", 1) != 1 || read(p[0], &c, 1) != 1 || read(fd, &c, 1) != 0)
			return 8;
	if (write(1, "strict\n", 7) != 7)
		return 7;
	syscall(SYS_exit, 5);
	return 6;
}

/* ---- streams without their locks -----------------------------------------------------------------------------------------------------------*/

static void *closes_others(void *unused)
{
	for (int i = 0; i < 300; i++) {
		FILE *f = fopen("/dev/null", "w");
		need(f && fputs("x", f) >= 0 && fclose(f) == 0);
	}
	return NULL;
}

static int unlocked(char **argv)
{
	FILE *f = fopen("file", "w+");
	char line[64];
	int fd, sum = 0, c;
	pthread_t t;

	need(f);
	flockfile(f);
	need(pthread_create(&t, NULL, closes_others, NULL) == 0);
	fd = fileno_unlocked(f);
	for (int i = 0; i < 1000; i++)
		putc_unlocked('a' + i % 26, f);
	need(fputs_unlocked("\nline\n", f) >= 0 && fwrite_unlocked("more\n", 1, 5, f) == 5 && fflush_unlocked(f) == 0);
	need(fcntl(fd, F_GETFD) >= 0 && fseek(f, 0, SEEK_SET) == 0);
	while ((c = getc_unlocked(f)) != '\n')
		sum += c;
	need(fgets_unlocked(line, sizeof line, f) && !strcmp(line, "line\n") && fread_unlocked(line, 1, 5, f) == 5);
	need(!feof_unlocked(f) && getc_unlocked(f) == EOF && feof_unlocked(f) && !ferror_unlocked(f));
	pthread_join(t, NULL);
	funlockfile(f);
	need(fclose(f) == 0 && fcntl(fd, F_GETFD) == -1);
	printf("sum %d\n", sum);
	return 0;
}

/* ---- thread-local memory that must be there from the start --------------------------------------------------------------------------------*/

static int (*count)(void);
static void *counts(void *unused) { return (void *)(long)(count() + count()); }

static int static_tls(char **argv)
{
	void *h = dlopen(argv[1], RTLD_NOW), *r;
	pthread_t t;

	if (!h)
		return printf("%s\n", dlerror()), 3;
	*(void **)&count = dlsym(h, "count");
	need(count && count() == 1 && count() == 2);
	need(pthread_create(&t, NULL, counts, NULL) == 0 && pthread_join(t, &r) == 0);
	printf("here %d, in a thread %ld\n", count(), (long)r);
	return dlclose(h);
}

/* ---- cancellation where calls sleep -----------------------------------------------------------------------------------------------------------*/

static int listener, pair[2], cleaned;
static void clean(void *unused) { __atomic_fetch_add(&cleaned, 1, __ATOMIC_RELAXED); }

static void *sleeps(void *how)
{
	struct msghdr m = { 0 };
	struct iovec v = { &m, 1 };
	char c;
	struct mmsghdr mm = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };

	m.msg_iov = &v;
	m.msg_iovlen = 1;
	v.iov_base = &c;
	pthread_cleanup_push(clean, NULL);
	switch ((int)(long)how) {
	case 0: accept(listener, NULL, NULL); break;
	case 1: accept4(listener, NULL, NULL, SOCK_CLOEXEC); break;
	case 2: recvmsg(pair[0], &m, 0); break;
	case 3: recvmmsg(pair[0], &mm, 1, 0, NULL); break;
	case 4: recv(pair[0], &c, 1, 0); break;
	case 5: fcntl(pair[0], F_SETLKW, &(struct flock){ .l_type = F_RDLCK }); pause(); break;
	case 6: sleep(100); break;
	case 7: waitpid(-1, NULL, 0); pause(); break;
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static int cancels_sleepers(char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int lowest = dup(0), now, canceled = 0;
	pthread_t t;
	void *r;

	close(lowest);
	need((listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0 && bind(listener, (void *)&a, sizeof a.sun_family) == 0);
	need(listen(listener, 5) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	for (int round = 0; round < 5; round++)
		for (long how = 0; how < 8; how++) {
			need(pthread_create(&t, NULL, sleeps, (void *)how) == 0);
			usleep(how % 2 ? 3000 : 0);
			need(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0);
			canceled += r == PTHREAD_CANCELED;
		}
	close(listener);
	close(pair[0]);
	close(pair[1]);
	now = dup(0);
	printf("%d cancelled, the lowest number is %s\n", canceled, now == lowest ? "the same" : "another");
	return 0;
}

/* ---- a vfork child that takes its time ----------------------------------------------------------------------------------------------------------*/

static void *starts_slowly(void *program)
{
	static char *const argv[] = { (char *)"true", NULL };
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		close(null());
		usleep(400000);
		execv(program, argv);
		_exit(9);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid);
	return (void *)(long)WEXITSTATUS(status);
}

static int long_vfork(char **argv)
{
	static char *const programs[] = { (char *)"/bin/true", (char *)"/none" };
	pthread_t t[2];
	void *r[2];
	int status, children = 0;

	for (int i = 0; i < 2; i++)
		need(pthread_create(&t[i], NULL, starts_slowly, programs[i]) == 0);
	usleep(50000);
	for (int i = 0; i < 20; i++) {
		int fd = null(), copy = dup(fd);
		pid_t pid;
		need(fcntl(copy, F_SETFD, FD_CLOEXEC) == 0);
		pid = fork();
		if (pid == 0)
			_exit(fcntl(copy, F_GETFD) != FD_CLOEXEC);
		need(waitpid(pid, &status, 0) == pid);
		children += status == 0;
		need(close(fd) == 0 && close(copy) == 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &r[i]);
	printf("%d children, slow ones %ld %ld\n", children, (long)r[0], (long)r[1]);
	return 0;
}

/* ---- rights that go in the middle -----------------------------------------------------------------------------------------------------------------*/

static void *opens(void *unused)
{
	for (int i = 0; i < 200; i++)
		need(close(null()) == 0);
	return NULL;
}

static int drops(char **argv)
{
	pthread_t t;
	int status;

	need(pthread_create(&t, NULL, opens, NULL) == 0);
	need(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	opens(NULL);
	pthread_join(t, NULL);
	if (fork() == 0) {
		opens(NULL);
		execlp("id", "id", "-u", (char *)NULL);
		_exit(9);
	}
	need(wait(&status) > 0 && status == 0);
	printf("open for root: %d\n", open("/etc/shadow", O_RDONLY) >= 0);
	return system("id -g");
}

/* ---- very many threads at the same time ---------------------------------------------------------------------------------------------------------*/

static pthread_barrier_t all_there;
static _Atomic long opened;

static void *is_there(void *unused)
{
	int fd = null();

	need(fd >= 0 && close(fd) == 0);
	pthread_barrier_wait(&all_there);
	fd = null();
	need(fd >= 0 && close(fd) == 0);
	opened += 2;
	return NULL;
}

static int ten_thousand(char **argv)
{
	enum { THREADS = 10000 };
	static pthread_t t[THREADS];
	pthread_attr_t small;

	need(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 64 << 10) == 0 && pthread_barrier_init(&all_there, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++)
		need(pthread_create(&t[i], &small, is_there, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		need(pthread_join(t[i], NULL) == 0);
	printf("%ld, the lowest is %d\n", opened, dup(0));
	return 0;
}

/* ---- exec in a thread, while others work ---------------------------------------------------------------------------------------------------------*/

static void *opens_for_ever(void *unused)
{
	for (;;)
		opens(NULL);
	return NULL;
}

static void *goes_on(void *left)
{
	char number[24], *args[] = { (char *)"others", (char *)"exec-in-thread", number, NULL };

	snprintf(number, sizeof number, "%ld", (long)left - 1);
	execv("/proc/self/exe", args);
	_exit(9);
}

/* argv[1]: how often. Every second time the process is the first thread's child, and is not waited for meanwhile. */
static int exec_in_thread(char **argv)
{
	long left = atol(argv[1]);
	pthread_t t;
	int status;
	pid_t pid;

	if (left == 0)
		return printf("through, the lowest is %d\n", dup(0)), 3;
	if (left % 2 && (pid = fork()) != 0) {
		need(pid > 0 && waitpid(pid, &status, 0) == pid);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 8;
	}
	for (int i = 0; i < 3; i++)
		need(pthread_create(&t, NULL, opens_for_ever, NULL) == 0);
	usleep(2000);
	need(pthread_create(&t, NULL, goes_on, (void *)left) == 0);
	for (;;)
		opens(NULL);
}

static const struct { const char *word; int (*run)(char **); } words[] = {
	{ "strict", strict }, { "unlocked", unlocked }, { "static-tls", static_tls }, { "cancels-sleepers", cancels_sleepers },
	{ "long-vfork", long_vfork }, { "drops", drops }, { "ten-thousand", ten_thousand }, { "exec-in-thread", exec_in_thread },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].word, argv[1]))
			return words[i].run(argv + 1);
	fprintf(stderr, "usage: others WORD [ARG...]\n");
	return 2;
}
