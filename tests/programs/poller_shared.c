/* poller_shared [silence]: a child has its parent's poller, by fork, by vfork and dup2, by posix_spawn; or the parent has a duplicate of one that a child has. What the
 * parent closes is still the child's, and its event must come, in every mode.
 * Must find: nothing.
 */
#include "poller.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
enum { POLLER = 60, TARGET = 61 };

/* As the child: the event comes, and is served. */
static int serves(int poller, int target)
{
	struct epoll_event e;
	char byte;

	return epoll_wait(poller, &e, 1, 5000) == 1 && read(target, &byte, 1) == 1 ? 0 : 1;
}

/* Registers, closes its own, and lets the peer write. */
static void hands_over(int poller, int target, int peer, pid_t child)
{
	int status;

	need(registers(poller, EPOLL_CTL_ADD, target, EPOLLIN, 1) == 0);
	close(target);
	need(write(peer, "x", 1) == 1);
	need(waitpid(child, &status, 0) == child && status == 0);
	close(peer);
}

static void pair_of(int pair[2]) { need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0); }

static void by_fork(int duplicates)
{
	int poller = epoll_create1(EPOLL_CLOEXEC), pair[2], mine = poller;
	pid_t child;

	pair_of(pair);
	child = fork();
	need(child >= 0);
	if (child == 0)
		_exit(serves(poller, pair[0]));
	if (duplicates) {
		mine = fcntl(poller, F_DUPFD_CLOEXEC, 0);
		close(poller);
	}
	hands_over(mine, pair[0], pair[1], child);
	close(mine);
}

static void by_vfork(void)
{
	int poller = epoll_create1(EPOLL_CLOEXEC), pair[2];
	pid_t child;

	pair_of(pair);
	child = vfork();
	if (child == 0) {
		dup2(poller, POLLER);
		dup2(pair[0], TARGET);
		execl("/proc/self/exe", "poller_shared", "serve", (char *)NULL);
		_exit(127);
	}
	hands_over(poller, pair[0], pair[1], child);
	close(poller);
}

static void by_spawn(void)
{
	char *args[] = { (char *)"poller_shared", (char *)"serve", NULL };
	int poller = epoll_create1(EPOLL_CLOEXEC), pair[2];
	posix_spawn_file_actions_t actions;
	pid_t child;

	pair_of(pair);
	need(posix_spawn_file_actions_init(&actions) == 0);
	need(posix_spawn_file_actions_adddup2(&actions, poller, POLLER) == 0 && posix_spawn_file_actions_adddup2(&actions, pair[0], TARGET) == 0);
	need(posix_spawn(&child, "/proc/self/exe", &actions, NULL, args, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	hands_over(poller, pair[0], pair[1], child);
	close(poller);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return serves(POLLER, TARGET);
	by_fork(0);
	by_fork(1);
	by_vfork();
	by_spawn();
	puts("done");
	return 0;
}
