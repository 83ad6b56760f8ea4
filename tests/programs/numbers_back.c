/* numbers_back [silence]: programs that need a number, or the lowest one, and get it: 0 to 2; dup2 and dup3 onto a closed one; F_DUPFD from a closed one on; a
 * limit of 20, up to the last number; the list of the process's own numbers; all of them closed, and the lowest again.
 * Must find: nothing.
 */
#include "program.h"
#include <dirent.h>
#include <sys/resource.h>

static int listed(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	need(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && atoi(e->d_name) < 900 && atoi(e->d_name) != dirfd(d);
	closedir(d);
	return n;
}

static void standard_input(void)
{
	int kept = dup(0);

	close(0);
	need(open("/dev/null", O_RDONLY) == 0);
	close(0);
	need(dup(kept) == 0);
	close(kept);
}

static void onto_a_closed_one(void)
{
	int fd = open_null(), closed = open_null();

	close(closed);
	need(dup2(fd, closed) == closed && write(closed, "x", 1) == 1);
	close(closed);
	need(dup3(fd, closed, O_CLOEXEC) == closed && write(closed, "x", 1) == 1);
	close(closed);
	need(fcntl(fd, F_DUPFD_CLOEXEC, closed) == closed && write(closed, "x", 1) == 1);
	close(closed);
	close(fd);
}

static void few_numbers(void)
{
	struct rlimit limit, few;
	int fd[32], n;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	few = (struct rlimit){ 20, limit.rlim_max };
	need(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (int round = 0; round < 20; round++) {
		for (n = 0; n < 32 && (fd[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0; n++)
			;
		need(n < 32 && errno == EMFILE && n > 10);
		while (n > 0)
			close(fd[--n]);
	}
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

int main(void)
{
	int before = listed(), fd;

	for (int i = 0; i < 40; i++)
		close(open_null());
	need(listed() == before);
	standard_input();
	onto_a_closed_one();
	few_numbers();
	need(listed() == before);
	for (int i = 0; i < 10; i++)
		need(open_null() > 2);
	for (fd = 3; fd < 1024; fd++)
		close(fd);
	need(open_null() == 3);
	close(3);
	puts("done");
	return 0;
}
