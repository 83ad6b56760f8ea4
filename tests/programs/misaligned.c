/* misaligned [silence]: code that calls with a stack of eight bytes too many, against the ABI: hand-written assembly, coroutines that return into their
 * first function. libc bears it in most calls, which are made here. Must find: nothing.
 */
#include "poller.h"
#include <signal.h>
#include <sys/wait.h>

static void with_odd_stack(void (*f)(void))
{
#if defined(__x86_64__)
	/* Aligned for a call, and then a word more. */
	__asm__ volatile("mov %%rsp, %%rbx\n\tsub $256, %%rsp\n\tand $-16, %%rsp\n\tpush $0\n\tcall *%0\n\tmov %%rbx, %%rsp"
	                 : : "r"(f) : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
#else
	f();
#endif
}

static int fd, other;

static void opens(void) { fd = open("/dev/null", O_RDWR); }
static void duplicates(void) { other = dup(fd); }
static void replaces(void) { dup2(fd, other); }
static void by_number(void) { fcntl(fd, F_SETFD, FD_CLOEXEC); }
static void writes(void) { (void)!write(fd, "x", 1); }
static void closes(void) { close(fd), close(other); }
static void connects(void) { fd = socket(AF_UNIX, SOCK_STREAM, 0); other = eventfd(1, 0); }
static void waits(void)
{
	struct epoll_event e;

	registers(fd, EPOLL_CTL_ADD, other, EPOLLIN, 7);
	epoll_wait(fd, &e, 1, 1000);
}
static void polls(void) { close(fd), fd = epoll_create1(0); }
static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}
static void sets_stack(void)
{
	stack_t s;

	sigaltstack(NULL, &s);
	signal(SIGUSR1, SIG_IGN);
}
static void streams(void) { fclose(fopen("/dev/null", "r")); }

int main(void)
{
	void (*const each[])(void) = { opens, duplicates, replaces, by_number, writes, closes, connects, polls, waits, closes, forks, sets_stack, streams };

	for (unsigned i = 0; i < sizeof each / sizeof *each; i++)
		with_odd_stack(each[i]);
	puts("done");
	return 0;
}
