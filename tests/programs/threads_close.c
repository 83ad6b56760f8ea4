/* threads_close [silence]: eight threads open and close files, pipes, streams, directories and duplicates, more than lose their CPU in the middle of it; then the
 * process lists its numbers. And a late chmod by /proc/self/fd of a closed number must not reach anything that others share.
 * Must find: nothing; nothing may be left open.
 */
#include "program.h"
#include <dirent.h>

enum { THREADS = 8, ROUNDS = 2000 };

static void *work(void *unused)
{
	int ends[2];

	for (int i = 0; i < ROUNDS; i++) {
		close(open_null());
		need(pipe(ends) == 0);
		close(ends[0]);
		close(ends[1]);
		close(dup(1));
		if (i % 8 == 0) {
			closedir(opendir("/"));
			fclose(fopen("/dev/null", "r"));
		}
	}
	return NULL;
}

static int listed(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	need(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && atoi(e->d_name) < 900;
	closedir(d);
	return n;
}

int main(void)
{
	pthread_t t[THREADS];
	int before = listed(), fd = open_null();
	struct stat was, is;
	char path[64];

	for (int i = 0; i < THREADS; i++)
		need(pthread_create(&t[i], NULL, work, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	need(stat("/dev/null", &was) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	close(fd);
	chmod(path, was.st_mode & 07777 & ~0002);
	need(stat("/dev/null", &is) == 0 && is.st_mode == was.st_mode && is.st_ctim.tv_sec == was.st_ctim.tv_sec && is.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
	need(listed() == before);
	puts("done");
	return 0;
}
