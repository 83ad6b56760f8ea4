/* all_numbers [fd-leak]: opens until EMFILE at a limit of 40, and ends without closing. Must find: nothing but a note of what is left. */
#include "program.h"
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit;
	int n = 0, fd;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max = 40;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		n++, need(fd < 40);
	need(errno == EMFILE && n >= 30);
	puts("done");
	return 0;
}
