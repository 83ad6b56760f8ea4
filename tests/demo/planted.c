/*
 * planted: a small job server with four bugs that are found in real ones:
 *	the error path of job_start closes what its caller closes again		(double-close)
 *	a logger keeps a number that the reload closed				(use-after-close)
 *	every job with an empty name forgets its file				(fd-leak)
 *	a stream is closed after its number went to somebody else		(double-close through a FILE)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_fd = -1;

static void log_open(void) { log_fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC); }
static void log_line(const char *text)
{
	if (write(log_fd, text, strlen(text)) < 0)
		perror("log");
}
static void log_reload(void) { close(log_fd); } /* and forgets to open it again */

static int job_start(const char *name)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char first;

	if (!*name)
		return -1; /* fd is lost */
	if (strchr(name, '/')) {
		close(fd);
		return fd; /* an error that looks like a descriptor */
	}
	if (read(fd, &first, 1) != 1)
		return -1;
	return fd;
}

static void job_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void *worker(void *unused)
{
	static const char *const jobs[] = { "index", "", "thumbnails", "", "mail" };

	job_end(job_start("a/b"));
	for (size_t i = 0; i < 100; i++) {
		job_end(job_start(jobs[i % 5]));
		usleep(8000);
	}
	return unused;
}

static void report_write(void)
{
	FILE *f = fopen("/dev/null", "w");

	if (!f)
		return;
	fputs("done\n", f);
	fflush(f);
	close(fileno(f)); /* "make sure it is on disk" */
	fclose(f);
}

int main(void)
{
	pthread_t thread;

	log_open();
	log_line("start");
	pthread_create(&thread, NULL, worker, NULL);
	pthread_setname_np(thread, "worker-1");
	pthread_join(thread, NULL);
	log_reload();
	log_line("reloaded");
	report_write();
	puts("planted: all jobs done");
	return 0;
}
