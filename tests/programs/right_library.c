/* right_library [silence]: a program and a library use the same numbers in turn, each closes its own; and what the library hands out the program closes.
 * Must find: nothing.
 */
#include "program.h"
#include <dlfcn.h>
#include <libgen.h>

int main(int argc, char **argv)
{
	int (*opener)(void), (*closer)(int), own, theirs;
	char path[4096];
	void *library;

	snprintf(path, sizeof path, "%s/libopener.so", dirname(strdup(argv[0])));
	need((library = dlopen(path, RTLD_NOW)) && (opener = dlsym(library, "opener_open")) && (closer = dlsym(library, "opener_close")));
	for (int i = 0; i < 20; i++) {
		need((own = open("/dev/zero", O_RDONLY | O_CLOEXEC)) >= 0 && close(own) == 0);
		need((theirs = opener()) >= 0 && closer(theirs) == 0);
		need((theirs = opener()) >= 0 && close(theirs) == 0);
	}
	puts("done");
	return 0;
}
