/*
 * sigstack_depth: how deep a handler's stack gets by each kind of call: the stack is painted, and afterwards it is looked how far the paint is gone.
 * Prints a line "BYTES call" each, of a process with one thread and of one with two; tests/e2e/hazards.bats compares them natively and under us.
 *	sigstack_depth least	instead: each call in a handler on a stack that has little to spare, and a page below that nobody may touch
 */
#include "sigstack.h"
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAINT = 0xa5 };
static int poller, fd, other, spare;
static char *stack;
static size_t size = 256 << 10;
static void (*op)(void);
static volatile sig_atomic_t ran;

static void nothing(void) {}
static void closes(void) { need(close(fd) == 0); }
static void closes_again(void) { need(close(fd) == -1 && errno == EBADF); }
static void closes_by_syscall(void) { need(syscall(SYS_close, fd) == 0); }
static void closes_range(void) { need(close_range((unsigned)fd, (unsigned)fd, 0) == 0); }
static void opens(void) { spare = open("/dev/null", O_RDONLY); }
static void duplicates(void) { spare = dup(fd); }
static void puts_over(void) { need(dup2(fd, other) == other); }
static void marks(void) { need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0); }
static void reads_closed(void) { char c; need(read(fd, &c, 1) == -1); }
static void stats_closed(void) { struct stat st; need(fstat(fd, &st) == -1); }
static void makes_socket(void) { spare = socket(AF_UNIX, SOCK_STREAM, 0); }
static void makes_pipe(void) { int p[2]; need(pipe(p) == 0); spare = p[0]; close(p[1]); }
static void registers(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	need(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == 0);
}
static void arms(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	need(epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e) == 0);
}
static void arms_closed(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	need(epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e) == -1);
}
static void waits(void) { struct epoll_event e; epoll_wait(poller, &e, 1, 0); }
static void forks(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	need(pid > 0 && waitpid(pid, NULL, 0) == pid);
}
static void forks_plainly(void)
{
	pid_t pid = _Fork();
	if (pid == 0)
		_exit(0);
	need(pid > 0 && waitpid(pid, NULL, 0) == pid);
}
static void vforks(void)
{
	static char *const argv[] = { (char *)"true", NULL };
	pid_t pid = vfork();
	if (pid == 0) {
		close(fd);
		execv("/bin/true", argv);
		_exit(1);
	}
	need(pid > 0 && waitpid(pid, NULL, 0) == pid);
}
static void spawns(void)
{
	static char *const argv[] = { (char *)"true", NULL };
	pid_t pid;
	need(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv + 1) == 0 && waitpid(pid, NULL, 0) == pid);
}
static void handles(void) { need(sigaction(SIGUSR2, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL) == 0); }
static void asks_for_stack(void) { stack_t now; need(sigaltstack(NULL, &now) == 0); }
static void unmaps(void) { void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); need(munmap(p, 4096) == 0); }

enum before { NONE, FD, CLOSED, ARMED, ARMED_CLOSED };
static const struct { const char *name; void (*op)(void); enum before before; } all[] = {
	{ "nothing", nothing, NONE }, { "close", closes, FD }, { "close of what is armed", closes, ARMED }, { "close again", closes_again, CLOSED },
	{ "close by syscall()", closes_by_syscall, FD }, { "close_range", closes_range, FD }, { "open", opens, NONE }, { "dup", duplicates, FD },
	{ "dup2", puts_over, FD }, { "fcntl", marks, FD }, { "read of what is closed", reads_closed, CLOSED },
	{ "fstat of what is closed", stats_closed, CLOSED }, { "socket", makes_socket, NONE }, { "pipe", makes_pipe, NONE },
	{ "EPOLL_CTL_ADD", registers, FD }, { "EPOLL_CTL_MOD", arms, ARMED }, { "EPOLL_CTL_MOD of what is closed", arms_closed, ARMED_CLOSED },
	{ "epoll_wait", waits, NONE }, { "fork", forks, NONE }, { "_Fork", forks_plainly, NONE }, { "vfork, close, exec", vforks, FD },
	{ "posix_spawn", spawns, NONE }, { "sigaction", handles, NONE }, { "sigaltstack", asks_for_stack, NONE }, { "mmap, munmap", unmaps, NONE },
};

static void handler(int sig)
{
	int saved = errno;

	op();
	ran = 1;
	errno = saved;
}

/* Made and armed outside of the handler. */
static void prepare(enum before before)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	spare = -1;
	fd = eventfd(0, EFD_CLOEXEC);
	need(fd >= 0);
	if (before >= ARMED)
		need(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == 0);
	if (before == CLOSED || before == ARMED_CLOSED)
		need(close(fd) == 0);
}

static void clean(enum before before)
{
	if (spare >= 0)
		close(spare);
	/* Not what a handler closed, or shall not have closed. */
	if ((before == FD || before == ARMED || before == NONE) && fcntl(fd, F_GETFD) >= 0)
		close(fd);
}

static size_t depth(void)
{
	size_t i = 0;

	while (i < size && (unsigned char)stack[i] == PAINT)
		i++;
	return size - i;
}

static size_t run(unsigned i)
{
	prepare(all[i].before);
	op = all[i].op;
	ran = 0;
	if (size == 256 << 10)
		memset(stack, PAINT, size);
	raise(SIGUSR1);
	need(ran);
	clean(all[i].before);
	return depth();
}

static void *waiter(void *unused)
{
	struct epoll_event e;

	for (;;)
		epoll_wait(poller, &e, 1, -1);
	return NULL;
}

static void every(const char *where, int prints)
{
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		size_t most = 0;

		for (int round = 0; round < 3; round++) {
			size_t n = run(i);
			most = n > most ? n : most;
		}
		if (prints)
			printf("%zu %s, %s\n", most, all[i].name, where);
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	pthread_t t;
	int prints = argc == 1;

	alarm(50);
	need((poller = epoll_create1(EPOLL_CLOEXEC)) >= 0 && (other = dup(poller)) >= 0 && sigaction(SIGUSR1, &act, NULL) == 0);
	if (!prints)
		size = (getauxval(AT_MINSIGSTKSZ) + 1280 + 15) & ~15ul;
	stack = (char *)mmap(NULL, 512 << 10, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
	need(mprotect(stack, 256 << 10, PROT_READ | PROT_WRITE) == 0);
	install(stack, size);
	every("alone", prints);
	need(pthread_create(&t, NULL, waiter, NULL) == 0);
	usleep(20000);
	every("with threads", prints);
	puts("done");
	return 0;
}
