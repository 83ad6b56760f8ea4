/* leak_directories [fd-leak]: opendir without closedir, in a loop.
 * Must find: fd-leak, an error.
 */
#include "program.h"
#include <dirent.h>

static int count(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	need(d);
	while (readdir(d))
		n++;
	return n;
}

int main(void)
{
	for (int i = 0; i < 100; i++)
		need(count("/") > 0), next_request();
	puts("done");
	return 0;
}
