/*
 * tests/e2e/src/hazards/own_create.c: a program with functions of its own in front of libc's: open, and a pthread_create that returns when the thread has
 * begun what it was made for, as that of TSan does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct begin {
	void *(*start)(void *);
	void *arg;
	sem_t begun;
};

int open(const char *path, int flags, ...) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0); }

static void *begins(void *p)
{
	struct begin *b = p;
	void *(*start)(void *) = b->start, *arg = b->arg;

	sem_post(&b->begun);
	return start(arg);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		(int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
	struct begin b = { .start = start, .arg = arg };
	int r;

	sem_init(&b.begun, 0, 0);
	r = real(t, attr, begins, &b);
	while (r == 0 && sem_wait(&b.begun) != 0)
		;
	return r;
}

static void *work(void *arg)
{
	int fd = open("/dev/null", O_RDONLY);

	return close(fd) == 0 && close(dup(0)) == 0 ? arg : NULL;
}

int main(void)
{
	pthread_t t[4];
	void *r;
	int right = 0;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, work, &t[i]) != 0)
			return 9;
	for (int i = 0; i < 4; i++)
		right += pthread_join(t[i], &r) == 0 && r == &t[i];
	printf("%d threads\n", right);
	return 0;
}
