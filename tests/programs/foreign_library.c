/* foreign_library [double-close, foreign-close]: a program closes a number twice; in between a library was given it, which opens and closes its own descriptors itself.
 * Must find: recorded, foreign-close, and nothing against the library; in audit, where the number is kept back, double-close.
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
	for (int i = 0; i < 4; i++)
		need(closer(opener()) == 0);
	own = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	close(own);
	theirs = opener();
	close(own); /* again */
	need(closer(theirs) == (theirs == own ? -1 : 0));
	puts("done");
	return 0;
}
