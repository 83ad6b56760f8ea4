/* vfork_large [silence]: threads that start a command by vfork, with a large environment of their own, and end: no memory is lost with them. Must find: nothing.
 */
#include "program.h"

enum { THREADS = 60, ENTRIES = 500, MOST = 400 /* pages: 16 a thread would be lost */ };
static char *environment[ENTRIES + 1];

static void *starts(void *unused)
{
	char *const arguments[] = { (char *)"none", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execve("/no/such/command", arguments, environment);
		_exit(7);
	}
	need(wait_for(pid) == 7);
	return NULL;
}

static void run(void)
{
	pthread_t t;

	need(pthread_create(&t, NULL, starts, NULL) == 0 && pthread_join(t, NULL) == 0);
}

static long pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long n;

	need(f && fscanf(f, "%ld", &n) == 1);
	fclose(f);
	return n;
}

int main(void)
{
	static char entries[ENTRIES][16];
	long before;

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(entries[i], sizeof entries[i], "NAME_%d=x", i);
		environment[i] = entries[i];
	}
	run();
	before = pages();
	for (int i = 0; i < THREADS; i++)
		run();
	need(pages() - before < MOST);
	puts("done");
	return 0;
}
