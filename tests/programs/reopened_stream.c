/* reopened_stream [silence]: streams that are reopened by hand, as programs did before there was freopen: the number is closed, what is opened next gets it, the stream goes
 * on with that, and closes it. Also through helpers, by dup2 and F_DUPFD, several times, in threads, and of directories. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>

static __attribute__((noinline)) void shut(int fd) { need(close(fd) == 0); }

static __attribute__((noinline)) int reopen(int as, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), same = fd == as;

	need(fd >= 0);
	if (same)
		return fd;
	need(dup2(fd, as) == as && close(fd) == 0);
	return as;
}

static void write_and_close(FILE *f)
{
	need(fputs("kept", f) >= 0 && fflush(f) == 0);
	need(fclose(f) == 0);
}

static void in_one_place(void)
{
	FILE *f = fopen("/dev/null", "w");
	int fd, number;

	need(f);
	number = fileno(f);
	for (int i = 0; i < 3; i++) {
		need(close(number) == 0);
		fd = open("/dev/zero", O_WRONLY | O_CLOEXEC);
		need(fd == number);
	}
	write_and_close(f);
}

static void by_helpers(void)
{
	FILE *f = fopen("/dev/null", "w");

	need(f);
	shut(fileno(f));
	reopen(fileno(f), "/dev/zero");
	write_and_close(f);
}

static void by_number(void)
{
	FILE *f = fopen("/dev/null", "w");
	int other = open_null();

	need(f && close(fileno(f)) == 0 && dup2(other, fileno(f)) == fileno(f));
	write_and_close(f);
	need((f = fopen("/dev/null", "w")) && close(fileno(f)) == 0 && fcntl(other, F_DUPFD_CLOEXEC, fileno(f)) == fileno(f));
	need(dup2(other, fileno(f)) == fileno(f));
	write_and_close(f);
	need(close(other) == 0);
}

static void a_directory(void)
{
	DIR *d = opendir("/");
	int fd, number;

	need(d);
	number = dirfd(d);
	need(close(number) == 0);
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(fd == number && readdir(d) && closedir(d) == 0);
}

static void *by_itself(void *unused)
{
	by_helpers();
	return NULL;
}

int main(void)
{
	pthread_t thread;

	in_one_place();
	by_helpers();
	by_number();
	a_directory();
	need(pthread_create(&thread, NULL, by_itself, NULL) == 0 && pthread_join(thread, NULL) == 0);
	puts("done");
	return 0;
}
