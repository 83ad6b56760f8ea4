/* select_all [silence]: select over all numbers there could be, with sets of FD_SETSIZE: right as long as few numbers are in use, for the kernel looks no
 * further. What lies behind a set is neither read nor written. Must find: nothing.
 */
#include "program.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>

enum { PAGE = 4096 };
static int all;

static int by_select(fd_set *set)
{
	struct timeval now = { 0, 0 };
	return select(all, set, NULL, NULL, &now);
}

static int by_pselect(fd_set *set)
{
	struct timespec now = { 0, 0 };
	return pselect(all, set, NULL, NULL, &now, NULL);
}

static int by_syscall(fd_set *set)
{
	struct timespec now = { 0, 0 };
	return (int)syscall(SYS_pselect6, all, set, NULL, NULL, &now, NULL);
}

int main(void)
{
	int (*const ways[])(fd_set *) = { by_select, by_pselect, by_syscall };
	char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd_set *last = (fd_set *)(memory + PAGE - sizeof *last);
	struct rlimit limit;
	int pair[2];

	need(memory != MAP_FAILED && getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	all = getdtablesize();
	need(pipe2(pair, O_CLOEXEC) == 0 && write(pair[1], "x", 1) == 1);
	for (int i = 0; i < 3; i++) {
		/* Something is kept behind it; then it lies at the end of memory. */
		FD_ZERO(last);
		FD_SET(pair[0], last);
		memset(memory + PAGE, 0x55, PAGE);
		need(ways[i](last) == 1 && FD_ISSET(pair[0], last) && memory[PAGE] == 0x55 && memory[2 * PAGE - 1] == 0x55);
		need(mprotect(memory + PAGE, PAGE, PROT_NONE) == 0);
		need(ways[i](last) == 1 && FD_ISSET(pair[0], last));
		need(mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	}
	need(close(pair[0]) == 0 && close(pair[1]) == 0);
	puts("done");
	return 0;
}
