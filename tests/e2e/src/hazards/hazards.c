/*
 * tests/e2e/src/hazards/hazards.c: programs that are hard on an interposer, one a word: `hazards WORD [ARG...]`, run by tests/e2e/hazards.bats.
 * Each prints what it saw; nothing that changes from run to run. Right programs all: nothing is closed twice or used after its close.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define need(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno), _exit(9)))

static int null(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }

/* ---- descriptors ---------------------------------------------------------------------------------------------------------------*/

/* The numbers a program gets until there are no more. */
static int numbers(char **argv)
{
	int fd, n = 0, last = -1;

	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		n++, last = fd;
	printf("%d, the last %d, then errno %d\n", n, last, errno);
	return 0;
}

/* What is open, as /proc tells: argv[1]: only below this number. */
static int listing(char **argv)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int below = argv[1] ? atoi(argv[1]) : 1 << 30, own = dirfd(d);

	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != own && atoi(e->d_name) < below)
			printf("%s ", e->d_name);
	closedir(d);
	puts("open");
	return 0;
}

/* The first thing this program does is to close its standard descriptors; what it has to say goes to argv[1]. */
static int closes_first(char **argv)
{
	int a, b, c, p[2];
	FILE *f;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	a = null(), b = null();
	c = pipe(p);
	f = fopen(argv[1], "w");
	fprintf(f, "%d %d %d %d %d %d\n", a, b, c, p[0], p[1], fileno(f));
	fclose(f);
	need(fork() || (_exit(0), 0));
	wait(NULL);
	return 3;
}

/* Which of the three are open, told to argv[1]; then the lowest number free. */
static int without_some(char **argv)
{
	int a = fcntl(0, F_GETFD), b = fcntl(1, F_GETFD), c = fcntl(2, F_GETFD), fd = null();
	FILE *f = fopen(argv[1], "w");

	fprintf(f, "%d %d %d, then %d\n", a, b, c, fd);
	return fclose(f);
}

/* ---- limits --------------------------------------------------------------------------------------------------------------------*/

static int locks_all(char **argv)
{
	int r = mlockall(MCL_CURRENT | MCL_FUTURE), e = r ? errno : 0;
	int a = null(), b = dup(a);
	void *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("mlockall %d (errno %d), %d %d, mmap %s\n", r, e, a, b, m == MAP_FAILED ? "failed" : "well");
	return close(a) || close(b);
}

static int writes_much(char **argv)
{
	char page[4096] = "";
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600), n = 0;

	signal(SIGXFSZ, SIG_IGN);
	while (n < 16 && write(fd, page, sizeof page) == sizeof page)
		n++;
	printf("%d pages, then errno %d\n", n, errno);
	return 0;
}

/* ---- signals -------------------------------------------------------------------------------------------------------------------*/

static void (*on_alarm)(void);
static volatile sig_atomic_t alarms;

static void alarmed(int sig)
{
	alarms++;
	on_alarm();
}

static void every(int us, void (*what)(void))
{
	struct itimerval t = { { 0, us }, { 0, us } };

	on_alarm = what;
	signal(SIGALRM, alarmed);
	setitimer(ITIMER_REAL, &t, NULL);
}

static void leaves(void)
{
	if (alarms == 50)
		exit(5);
}

static int exits_in_handler(char **argv)
{
	every(500, leaves);
	while (alarms < 1000)
		close(dup(0));
	return 9;
}

static sigjmp_buf jump;
static void jumps(void) { siglongjmp(jump, 1); }

static int jumps_out(char **argv)
{
	volatile int fd = -1;
	int p[2];

	sigsetjmp(jump, 1);
	every(200, jumps);
	if (fd >= 0 && fcntl(fd, F_GETFD) >= 0)
		close(fd);
	while (alarms < 2000) {
		fd = null();
		if (pipe(p) == 0) {
			close(p[0]);
			close(p[1]);
		}
		close(fd);
		fd = -1;
	}
	every(0, jumps);
	/* a number may have been lost by a jump; that the program still makes and closes them is what counts */
	fd = null();
	need(fd >= 0 && close(fd) == 0);
	puts("out");
	return 0;
}

static void makes_one(void)
{
	int saved = errno, fd = null();

	need(fd >= 0 && close(fd) == 0);
	errno = saved;
}

static int handles_often(char **argv)
{
	every(100, makes_one);
	while (alarms < 3000) {
		int fd = dup(0);
		FILE *f = fopen("/dev/null", "r");
		need(fd >= 0 && f);
		need(close(fd) == 0 && fclose(f) == 0);
	}
	every(0, makes_one);
	puts("well");
	return 0;
}

/* ---- threads -------------------------------------------------------------------------------------------------------------------*/

static void *opens_streams(void *nothing)
{
	int old;

	for (;;) {
		FILE *f = fopen("/dev/null", "r");
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
		if (f)
			fclose(f);
		pthread_setcancelstate(old, NULL);
		pthread_testcancel();
	}
	return nothing;
}

static int cancels(char **argv)
{
	pthread_t t;
	void *r;

	for (int i = 0; i < 200; i++) {
		need(pthread_create(&t, NULL, opens_streams, NULL) == 0);
		usleep((useconds_t)(i * 7 % 500));
		pthread_cancel(t);
		need(pthread_join(t, &r) == 0 && r == PTHREAD_CANCELED);
	}
	puts("cancelled");
	return 0;
}

static int at_fork_fd = -1;
static void at_prepare(void) { at_fork_fd = null(); }
static void at_parent(void) { need(close(at_fork_fd) == 0); }
static void at_child(void)
{
	need(close(at_fork_fd) == 0);
	at_fork_fd = null();
	need(at_fork_fd >= 0 && close(at_fork_fd) == 0);
}

static int at_forks(char **argv)
{
	int status, fd = -1;

	pthread_atfork(at_prepare, at_parent, at_child);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(null() == 3 ? 4 : 5);
		need(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
		fd = null();
		close(fd);
	}
	printf("%d\n", fd);
	return 0;
}

static void *forks(void *nothing)
{
	int status;

	for (int i = 0; i < 25; i++) {
		int fd = null();
		pid_t pid = fork();
		if (pid == 0) {
			int own = dup(fd);
			_exit(close(own) == 0 && close(fd) == 0 ? 6 : 7);
		}
		need(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 6);
		need(close(fd) == 0);
	}
	return nothing;
}

static void *opens_and_closes(void *nothing)
{
	for (int i = 0; i < 10; i++) {
		int fd = null();
		need(fd >= 0 && close(fd) == 0);
	}
	return nothing;
}

static int all_join(int n, void *(*what)(void *))
{
	pthread_t *t = calloc((size_t)n, sizeof *t);
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < n; i++)
		need(pthread_create(&t[i], &small, what, NULL) == 0);
	for (int i = 0; i < n; i++)
		need(pthread_join(t[i], NULL) == 0);
	free(t);
	printf("%d threads, then %d\n", n, null());
	return 0;
}

static int forks_in_threads(char **argv) { return all_join(8, forks); }
static int many_threads(char **argv) { return all_join(1000, opens_and_closes); }

/* ---- killed ----------------------------------------------------------------------------------------------------------------------*/

/* Children that open and close as fast as they can are killed; the last one ends by itself. */
static int kills(char **argv)
{
	int status, p[2];
	char c;

	need(pipe(p) == 0);
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();
		for (int n = 0; pid == 0; n++)
			if (close(dup(0)) == 0 && n == 200)
				need(write(p[1], "x", 1) == 1); /* in the middle of it */
		need(read(p[0], &c, 1) == 1);
		usleep((useconds_t)(i * 1000));
		kill(pid, SIGKILL);
		need(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	fflush(stdout);
	execl("/bin/echo", "echo", "survived", NULL);
	return 9;
}

/* ---- libraries -------------------------------------------------------------------------------------------------------------------*/

/* argv[1]: a library with use_descriptors(); argv[2]: deep, new or plain. */
static int loads(char **argv)
{
	void *h = !strcmp(argv[2], "new") ? dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW)
	                                  : dlopen(argv[1], RTLD_NOW | (!strcmp(argv[2], "deep") ? RTLD_DEEPBIND : 0));
	int (*use)(void), a, b;

	if (!h)
		fprintf(stderr, "%s\n", dlerror());
	need(h);
	use = (int (*)(void))dlsym(h, "use_descriptors");
	need(use);
	a = use();
	b = null();
	need(close(b) == 0);
	printf("%d %d %d\n", a, b, dlclose(h));
	return 0;
}

/* ---- filters ---------------------------------------------------------------------------------------------------------------------*/

/* What cat does not do, and a program that is filtered need not expect anybody to do in its place. */
static const int forbidden[] = {
	SYS_socket, SYS_connect, SYS_bind, SYS_sendmsg, SYS_recvmsg, SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_gettid, SYS_dup, SYS_dup2,
	SYS_dup3, SYS_pipe, SYS_pipe2, SYS_memfd_create, SYS_mlock, SYS_mlock2, SYS_mlockall, SYS_mincore, SYS_process_vm_readv, SYS_getdents64,
	SYS_ptrace, SYS_userfaultfd, SYS_membarrier, SYS_close_range, SYS_accept4, SYS_eventfd2, SYS_epoll_create1, SYS_openat2, SYS_statx,
	SYS_kcmp, SYS_unshare, SYS_setns, SYS_timerfd_create, SYS_getppid, SYS_sched_getaffinity,
};

/* argv[1]: all (permits everything) or some; then the command. */
static int filtered(char **argv)
{
	struct sock_filter code[2 * sizeof forbidden / sizeof *forbidden + 4];
	struct sock_fprog program = { 0, code };
	int kills_some = !strcmp(argv[1], "some");

	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; kills_some && i < sizeof forbidden / sizeof *forbidden; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)forbidden[i], 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	execvp(argv[2], argv + 2);
	return 9;
}

static const struct { const char *word; int (*run)(char **); } hazards[] = {
	{ "numbers", numbers }, { "listing", listing }, { "closes-first", closes_first }, { "without-some", without_some },
	{ "locks-all", locks_all }, { "writes-much", writes_much }, { "exits-in-handler", exits_in_handler }, { "jumps-out", jumps_out },
	{ "handles-often", handles_often }, { "cancels", cancels }, { "at-forks", at_forks }, { "forks-in-threads", forks_in_threads },
	{ "many-threads", many_threads }, { "kills", kills }, { "loads", loads }, { "filtered", filtered },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof hazards / sizeof *hazards; i++)
		if (!strcmp(hazards[i].word, argv[1]))
			return hazards[i].run(argv + 1);
	fprintf(stderr, "usage: hazards WORD [ARG...]\n");
	return 2;
}
