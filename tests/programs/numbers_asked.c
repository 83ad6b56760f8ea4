/* numbers_asked [silence]: programs that close a number above 2 and count on getting it back, and compare what they get with it: by each call that makes
 * descriptors, with a variable, with what stands in memory, with a constant, behind a test for errors, one of two, and two at once.
 * Compiled four ways (numbers_asked_*), for the comparison is found in the code.
 * Must find: nothing.
 */
#include "program.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static int listener;
static struct { int unused, fd; } in_memory;
struct connection { struct connection *next; int fd; };

/* Numbers above those that the program goes on with, so that nobody else's tombstones lie below. */
static int closed_one(void)
{
	int fd = open_null();

	need(close(fd) == 0);
	return fd;
}

#define gives_back(call) do { int fd = closed_one(); need((call) == fd); need(close(fd) == 0); } while (0)

static void by_each_call(void)
{
	gives_back(open("/dev/null", O_RDONLY));
	gives_back(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
	gives_back(creat("/dev/null", 0600));
	gives_back(dup(1));
	gives_back(fcntl(1, F_DUPFD, 0));
	gives_back(fcntl(1, F_DUPFD_CLOEXEC, 3));
	gives_back(socket(AF_UNIX, SOCK_STREAM, 0));
	gives_back(eventfd(0, EFD_CLOEXEC));
	gives_back(epoll_create1(0));
	gives_back(timerfd_create(CLOCK_MONOTONIC, 0));
	gives_back(memfd_create("numbers", 0));
	gives_back((int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY));
	gives_back((int)syscall(SYS_dup, 1));
}

static void accepted(void)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	int client = socket(AF_INET, SOCK_STREAM, 0), fd;

	need(getsockname(listener, (struct sockaddr *)&name, &len) == 0 && connect(client, (struct sockaddr *)&name, len) == 0);
	fd = closed_one();
	need(accept(listener, NULL, NULL) == fd);
	close(fd);
	close(client);
}

/* With -1 first, as most do. */
static int behind_a_test(int wanted)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0) {
		perror("open");
		return -1;
	}
	if (fd != wanted) {
		close(fd);
		return -1;
	}
	return fd;
}

static int behind_another(const struct connection *c)
{
	int fd;

	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1 || fd != c->fd)
		return 0;
	close(fd);
	return 1;
}

static void with_memory(void)
{
	static int remembered;
	struct connection c = { NULL, closed_one() };

	need(behind_another(&c));
	in_memory.fd = closed_one();
	need((remembered = dup(2)) == in_memory.fd);
	close(remembered);
	c.fd = behind_a_test(closed_one());
	need(c.fd >= 0 && close(c.fd) == 0);
}

/* Numbers that the program chose. */
static void with_constants(void)
{
	int below[40], n = 0, second;

	need(dup2(1, 20) == 20 && dup2(1, 21) == 21);
	while (n < 40 && (below[n] = dup(1)) < 20)
		n++;
	need(n < 40);
	close(20);
	need(open("/dev/null", O_RDONLY) == 20);
	close(21);
	close(20);
	if (dup(1) != 20 || (second = dup(1)) != 21)
		need(!"20 and 21");
	close(20);
	close(second);
	for (; n >= 0; n--)
		close(below[n]);
}

/* The lower one first, as natively. */
static void one_of_two(void)
{
	int a = open_null(), b = open_null(), got;

	close(b);
	close(a);
	got = open("/dev/null", O_RDONLY);
	need(got == a);
	got = dup(1);
	need(got == b);
	close(a);
	close(b);
}

static void two_at_once(void)
{
	int a = open_null(), b = open_null(), both[2];

	close(a);
	close(b);
	need(pipe(both) == 0 && both[0] == a && both[1] == b);
	close(both[0]);
	close(both[1]);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
	need(both[0] == a);
	need(both[1] == b);
	close(a);
	close(b);
}

/* Optimised, what both differ by is put together, and looked at once. */
static int one_for_both(void)
{
	int a = open_null(), b = open_null(), both[2], wrong = 0;

	close(a);
	close(b);
	if (pipe(both))
		return 1;
	wrong += both[0] != a || both[1] != b;
	__asm__ volatile("" : "+r"(wrong)); /* here, not after what follows */
	close(both[0]);
	close(both[1]);
	if (pipe2(both, O_CLOEXEC) < 0 || ((both[0] ^ a) | (both[1] - b)))
		wrong++;
	close(a);
	close(b);
	return wrong;
}

/* So many that closing them looks like closing everything; what was kept of them is given back at once. */
static int many(int n, int downwards)
{
	int had[20], wrong = 0;

	for (int i = 0; i < n; i++)
		had[i] = open_null();
	for (int i = 0; i < n; i++)
		close(had[downwards ? n - 1 - i : i]);
	for (int i = 0; i < n; i++) {
		int fd = open("/dev/null", O_RDONLY);
		if (fd < 0)
			return 1;
		if (fd != had[i])
			wrong++;
	}
	for (int i = 0; i < n; i++)
		close(had[i]);
	return wrong;
}

int main(void)
{
	listener = socket(AF_INET, SOCK_STREAM, 0);
	need(listener > 2 && listen(listener, 1) == 0);
	for (int round = 0; round < 3; round++) {
		by_each_call();
		accepted();
		with_memory();
		one_of_two();
		two_at_once();
		need(one_for_both() == 0);
		need(many(9, 0) == 0 && many(9, 1) == 0 && many(20, 0) == 0);
	}
	with_constants();
	close(listener);
	puts("done");
	return 0;
}
