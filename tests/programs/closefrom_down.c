/* closefrom_down [silence]: the same downwards, as some shells and daemons do. Must find: nothing. */
#include "program.h"
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max < 20000 ? limit.rlim_max : 20000;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int i = 0; i < 5; i++)
		open_null();
	for (int fd = (int)limit.rlim_cur - 1; fd > 2; fd--)
		close(fd);
	need(open_null() == 3);
	need(close(3) == 0);
	puts("done");
	return 0;
}
