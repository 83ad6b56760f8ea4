/* right_stream [silence]: numbers go from streams to descriptors and back, between threads: each stream is closed once, by fclose or closedir; a duplicate of its number
 * is the caller's own; a number that was closed under standard streams and opened anew is redirection. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>

static void *works(void *unused)
{
	for (int i = 0; i < 100; i++) {
		FILE *f = fopen("/dev/null", "w");
		DIR *d = opendir("/");
		int copy, fd = open_null();
		FILE *g = fdopen(fd, "w");

		need(f && d && g && (copy = dup(fileno(f))) >= 0);
		need(fclose(f) == 0 && write(copy, "x", 1) == 1 && close(copy) == 0);
		need((copy = dup(dirfd(d))) >= 0 && closedir(d) == 0 && close(copy) == 0);
		need((f = freopen("/dev/zero", "r", g)) != NULL && fclose(f) == 0);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[3];
	int saved;

	for (int i = 0; i < 3; i++)
		need(pthread_create(&thread[i], NULL, works, NULL) == 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	need((saved = dup(2)) > 2 && close(2) == 0 && open("/dev/null", O_WRONLY) == 2);
	fputs("nowhere", stderr);
	need(dup2(saved, 2) == 2 && close(saved) == 0);
	puts("done");
	return 0;
}
