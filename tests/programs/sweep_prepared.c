/* sweep_prepared [silence]: closes two numbers once more, whatever they are, right before it closes all there are: those that /proc/self/fd lists, as OpenJDK's
 * jspawnhelper does, and by closefrom. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>

static void close_two(void)
{
	int end[2];

	need(pipe(end) == 0);
	close(end[0]);
	close(end[1]);
	next_request();
	close(end[0]);
	close(end[1]);
}

int main(void)
{
	struct dirent *entry;
	DIR *d;

	open_null();
	close_two();
	d = opendir("/proc/self/fd");
	need(d);
	while ((entry = readdir(d)))
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(d))
			close(atoi(entry->d_name));
	closedir(d);
	open_null();
	close_two();
	closefrom(3);
	puts("done");
	return 0;
}
