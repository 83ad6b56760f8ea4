/* popen_threads [silence]: two threads at once in popen(), two in system(), each with a command of its own. Must find: nothing. */
#include "program.h"

#define TIMES 15

static void *by_popen(void *status)
{
	char command[16];

	snprintf(command, sizeof command, "exit %d", *(int *)status);
	for (int i = 0; i < TIMES; i++) {
		FILE *f = popen(command, "r");
		int r;
		need(f);
		r = pclose(f);
		need(WIFEXITED(r) && WEXITSTATUS(r) == *(int *)status);
	}
	return NULL;
}

static void *by_system(void *status)
{
	char command[16];

	snprintf(command, sizeof command, "exit %d", *(int *)status);
	for (int i = 0; i < TIMES; i++) {
		int r = system(command);
		need(WIFEXITED(r) && WEXITSTATUS(r) == *(int *)status);
	}
	return NULL;
}

int main(void)
{
	int status[] = { 3, 4, 5, 6 };
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		need(pthread_create(&t[i], NULL, i < 2 ? by_popen : by_system, &status[i]) == 0);
	for (int i = 0; i < 4; i++)
		need(pthread_join(t[i], NULL) == 0);
	puts("done");
	return 0;
}
