/* sweep_prepared [silence]: closes two numbers once more, be they open or not, right before it closes all there are: those that /proc/self/fd lists, as OpenJDK's
 * jspawnhelper does, and by closefrom. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>

static void close_two(int second_too)
{
	int end[2];

	need(pipe(end) == 0);
	close(end[0]);
	if (second_too)
		close(end[1]);
	next_request();
	close(end[0]);
	close(end[1]);
}

static void close_listed(void)
{
	struct dirent *entry;
	DIR *d = opendir("/proc/self/fd");

	need(d);
	while ((entry = readdir(d)))
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(d))
			close(atoi(entry->d_name));
	closedir(d);
}

int main(void)
{
	for (int second_too = 0; second_too < 2; second_too++) {
		open_null();
		close_two(second_too);
		close_listed();
		open_null();
		close_two(second_too);
		closefrom(3);
	}
	puts("done");
	return 0;
}
