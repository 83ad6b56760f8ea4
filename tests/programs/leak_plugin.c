/* leak_plugin [fd-leak]: a plugin loses one descriptor for each request, and is unloaded after each. Must find: one fd-leak of severity error: the place is
 * the same, though the code that lies there was mapped anew each time.
 */
#include "program.h"
#include <dlfcn.h>
#include <libgen.h>

int main(int argc, char **argv)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/libopener.so", dirname(strdup(argv[0])));
	for (int i = 0; i < 120; i++) {
		void *plugin = dlopen(path, RTLD_NOW);
		int (*opener)(void);

		need(plugin && (opener = dlsym(plugin, "opener_open")) && opener() >= 0 && dlclose(plugin) == 0);
		next_request();
	}
	puts("done");
	return 0;
}
