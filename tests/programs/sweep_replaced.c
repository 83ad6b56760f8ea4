/* sweep_replaced [silence]: closes every number up to one that never was, and puts /dev/null where something was open, as varnishd does in its worker: the
 * numbers in between are opened, duplicated and closed by the loop itself; what its worker shall have is passed over. In the program itself, and in a fork
 * child. Some numbers that the loop comes by were closed right before it, in more than one place. Must find: nothing.
 */
#include "program.h"

#define END 40

static __attribute__((noinline)) void put_null(int number)
{
	int fd = open("/dev/null", O_RDWR);

	need(fd >= 0);
	if (fd == number)
		return;
	need(dup2(fd, number) == number);
	need(close(fd) == 0);
}

static __attribute__((noinline)) void close_up_to(int end, int keep)
{
	for (int fd = 3; fd < end; fd++)
		if (fd != keep && close(fd) == 0)
			put_null(fd);
}

static void close_all(void)
{
	int first = open_null(), second = open_null(), third = open_null(), keep, fifth;

	put_null(0);
	keep = open_null();
	fifth = open_null();
	need(close(third) == 0);
	need(close(first) == 0);
	put_null(0);
	close_up_to(END, keep);
	need(fcntl(keep, F_GETFD) >= 0 && fcntl(second, F_GETFD) >= 0 && fcntl(fifth, F_GETFD) >= 0);
	for (int fd = 3; fd < END; fd++)
		close(fd);
}

int main(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		close_all();
		_exit(0);
	}
	need(wait_for(pid) == 0);
	close_all();
	puts("done");
	return 0;
}
