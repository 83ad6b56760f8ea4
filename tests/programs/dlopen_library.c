/* dlopen_library [silence]: a library is loaded (also with RTLD_DEEPBIND), opens a descriptor, is unloaded; the program closes it.
 * Must find: nothing.
 */
#include "program.h"
#include <dlfcn.h>
#include <libgen.h>

int main(int argc, char **argv)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/libopener.so", dirname(strdup(argv[0])));
	for (int i = 0; i < 6; i++) {
		void *library = dlopen(path, RTLD_NOW | (i % 2 ? RTLD_DEEPBIND : 0));
		int (*opener)(void), (*closer)(int), fd;

		need(library && (opener = dlsym(library, "opener_open")) && (closer = dlsym(library, "opener_close")));
		fd = opener();
		need(fd >= 0 && closer(fd) == 0 && (fd = opener()) >= 0);
		need(dlclose(library) == 0 && close(fd) == 0);
	}
	puts("done");
	return 0;
}
