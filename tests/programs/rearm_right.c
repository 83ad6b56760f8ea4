/* rearm_right [silence]: what libraries do with registrations that the kernel may have forgotten: a MOD answered ENOENT made an ADD, a DEL of what is
 * closed, or in a poller that is, close without DEL and a new ADD of the same number with the same record, records that change owner while memory is used again.
 * Must find: nothing.
 */
#include "poller.h"

static char record[2];
static struct turns turns;
static int poller;

static void mod_or_add(int fd, uint64_t data)
{
	if (registers(poller, EPOLL_CTL_MOD, fd, EPOLLIN, data) != 0) {
		need(errno == ENOENT);
		need(registers(poller, EPOLL_CTL_ADD, fd, EPOLLIN, data) == 0);
	}
}

static void reused_number(void)
{
	int pair[2];

	for (int i = 0; i < 50; i++) {
		need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		mod_or_add(pair[0], (uintptr_t)record);
		need(write(pair[1], "x", 1) == 1 && next_event(poller) == (uintptr_t)record);
		close(pair[0]);
		need(registers(poller, EPOLL_CTL_DEL, pair[0], 0, 0) == -1 && errno == EBADF);
		close(pair[1]);
	}
}

/* The connection's record is freed, a handshake's takes a number, and then a record at the old address takes the connection over. */
static void reused_record(void)
{
	int pair[2];

	ready_pair(pair, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]);
	need(next_event(poller) == (uintptr_t)&record[0]);
	close(pair[0]);
	close(pair[1]);
	ready_pair(pair, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[1]);
	need(next_event(poller) == (uintptr_t)&record[1]);
	need(registers(poller, EPOLL_CTL_MOD, pair[0], EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]) == 0);
	close(pair[0]);
	close(pair[1]);
}

/* As above, but two events came at once, and then the thread waited in vain, which ends what it holds. */
static void reused_after_wait(void)
{
	struct epoll_event got[2];
	int pair[2], beside[2];

	ready_pair(beside, poller, EPOLLIN | EPOLLONESHOT, 1);
	ready_pair(pair, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]);
	need(epoll_wait(poller, got, 2, 1000) == 2);
	need(epoll_wait(poller, got, 2, 0) == 0);
	close(pair[0]);
	close(pair[1]);
	ready_pair(pair, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[1]);
	need(registers(poller, EPOLL_CTL_MOD, pair[0], EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]) == 0);
	close(pair[0]);
	close(pair[1]);
	close(beside[0]);
	close(beside[1]);
}

static int taken[2];

/* Two events came at once, of which one's record is free again; the next came alone, and is a later thread's to act on. */
static void handed_to_the_first_thread(void)
{
	struct epoll_event got[2];
	int beside[2];

	ready_pair(beside, poller, EPOLLIN | EPOLLONESHOT, 1);
	ready_pair(taken, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]);
	need(epoll_wait(poller, got, 2, 1000) == 2);
	close(taken[0]);
	close(taken[1]);
	ready_pair(taken, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[1]);
	need(next_event(poller) == (uintptr_t)&record[1]);
	close(beside[0]);
	close(beside[1]);
}

static void *other(void *unused)
{
	await(&turns);
	need(registers(poller, EPOLL_CTL_MOD, taken[0], EPOLLIN | EPOLLONESHOT, (uintptr_t)&record[0]) == 0);
	reused_number();
	reused_record();
	sem_post(&turns.done);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	turns_init(&turns);
	poller = epoll_create1(EPOLL_CLOEXEC);
	reused_number();
	reused_record();
	reused_after_wait();
	handed_to_the_first_thread();
	need(pthread_create(&thread, NULL, other, NULL) == 0);
	turn(&turns);
	pthread_join(thread, NULL);
	close(taken[0]);
	close(taken[1]);
	reused_number();
	close(poller);
	need(registers(poller, EPOLL_CTL_DEL, 0, 0, 0) == -1 && errno == EBADF); /* haproxy does so at reload */
	puts("done");
	return 0;
}
