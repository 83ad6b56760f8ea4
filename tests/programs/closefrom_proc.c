/* closefrom_proc [silence]: closes what /proc/self/fd lists, the list's own descriptor included by name only. Must find: nothing. */
#include "program.h"
#include <dirent.h>

int main(void)
{
	struct dirent *entry;
	DIR *d;

	for (int i = 0; i < 5; i++)
		open_null();
	d = opendir("/proc/self/fd");
	need(d);
	while ((entry = readdir(d))) {
		int fd = atoi(entry->d_name);

		if (fd > 2 && fd != dirfd(d))
			close(fd);
	}
	need(closedir(d) == 0);
	need(open_null() == 3);
	need(close(3) == 0);
	puts("done");
	return 0;
}
