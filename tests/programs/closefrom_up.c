/* closefrom_up [silence]: a daemon's loop over all numbers up to the limit, upwards; then the program goes on. Natively ~20,000 EBADF.
 * Must find: nothing.
 */
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
	for (int fd = 3; fd < (int)limit.rlim_cur; fd++)
		close(fd);
	need(open_null() == 3);
	need(close(3) == 0);
	puts("done");
	return 0;
}
