/* descriptors_all [silence]: one of every kind a program can make, made, duplicated, closed. Must find: nothing. */
#include "program.h"
#include <dirent.h>
#include <mqueue.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int done;

static void once(int fd)
{
	int copy;

	if (fd < 0)
		return; /* not allowed here */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	need(copy >= 10 && dup2(fd, copy) == copy && dup3(fd, copy, O_CLOEXEC) == copy && close(copy) == 0 && close(fd) == 0);
	done++;
}

int main(void)
{
	char name[] = "/tmp/fdw-kinds-XXXXXX";
	int pair[2], master, slave;
	sigset_t none;
	DIR *d;

	sigemptyset(&none);
	once(open("/", O_RDONLY | O_DIRECTORY));
	once(open("/tmp", O_TMPFILE | O_RDWR, 0600));
	once(creat("/dev/null", 0600));
	once(openat(AT_FDCWD, "/dev/null", O_PATH));
	once(mkstemp(name));
	unlink(name);
	need(pipe(pair) == 0);
	once(pair[0]), once(pair[1]);
	need(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	once(pair[0]), once(pair[1]);
	once(socket(AF_INET, SOCK_DGRAM, 0));
	once(epoll_create(1));
	once(eventfd(0, EFD_CLOEXEC));
	once(timerfd_create(CLOCK_MONOTONIC, 0));
	once(signalfd(-1, &none, 0));
	once(inotify_init1(0));
	once(memfd_create("fdw", 0));
	once(pidfd_open(getpid(), 0));
	once(shm_open("/fdw-kinds", O_CREAT | O_RDWR, 0600));
	shm_unlink("/fdw-kinds");
	once(posix_openpt(O_RDWR | O_NOCTTY));
	if (openpty(&master, &slave, NULL, NULL, NULL) == 0)
		once(master), once(slave);
	d = opendir("/");
	need(d && closedir(d) == 0);
	d = fdopendir(open("/", O_RDONLY | O_DIRECTORY));
	need(d && closedir(d) == 0);
	need(done >= 15);
	puts("done");
	return 0;
}
