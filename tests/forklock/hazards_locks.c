/*
 * tests/forklock/hazards_locks.c: locks of the program's own that makers and those who start children take in some order: a wait of ours between
 * them must end by itself.
 */
#include <malloc.h>
#include "hazards.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int stopping;

static void take(void) { pthread_mutex_lock(&lock); pthread_mutex_lock(&other); }
static void leave(void) { pthread_mutex_unlock(&other); pthread_mutex_unlock(&lock); }

/* The well-known cure: makers hold a lock from creation to mark, and so does fork by its handlers. Nothing leaks, natively too. */
static void *make_locked(void *arg)
{
	while (!stopping) {
		int fd;
		pthread_mutex_lock(&lock);
		need((fd = dup(null)) >= 0);
		spin_us(50);
		mark(fd, 0);
		pthread_mutex_unlock(&lock);
		close(fd);
		spin_us(20);
	}
	return arg;
}

/* The lock is taken between creation and mark: whoever forks may have it already. */
static void *make_then_lock(void *arg)
{
	while (!stopping) {
		int fd = dup(null);
		need(fd >= 0);
		pthread_mutex_lock(&lock);
		spin_us(50);
		mark(fd, 0);
		pthread_mutex_unlock(&lock);
		close(fd);
	}
	return arg;
}

/* In turns with those who make, as a program that waits for a condition under its lock. */
static void *lock_both(void *arg)
{
	while (!stopping) {
		take();
		spin_us(20);
		leave();
		nap_us(20);
	}
	return arg;
}

static int with_makers(void *(*body)(void *), int n, const char *way)
{
	pthread_t t[4];

	for (int i = 0; i < 3; i++)
		in_thread(&t[i], body, NULL);
	in_thread(&t[3], lock_both, NULL);
	for (int i = 0; i < n; i++)
		need(start_one(way) >= 0);
	stopping = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	outcome("%d children", n);
	return 0;
}

static int atfork_around(void)
{
	need(pthread_atfork(take, leave, leave) == 0);
	with_makers(make_locked, 100, "fork");
	outcome(", %ld leaks", leaks);
	return 0;
}

static int atfork_between(void)
{
	need(pthread_atfork(take, leave, leave) == 0);
	return with_makers(make_then_lock, 100, "fork");
}

static int locked_spawn(const char *way)
{
	pthread_t t[2];
	int n = 15;

	for (int i = 0; i < 2; i++)
		in_thread(&t[i], make_then_lock, NULL);
	for (int i = 0; i < n; i++) {
		pthread_mutex_lock(&lock);
		spin_us(200); /* a maker comes to its lock meanwhile */
		need(start_one(way) >= 0);
		pthread_mutex_unlock(&lock);
		nap_us(300);
	}
	stopping = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	outcome("%d children", n);
	return 0;
}

/* An interpreter's global lock, held over the start of a child, and needed by the maker before it can mark. */
static int global_lock_fork(void) { return locked_spawn("fork"); }
static int global_lock_vfork(void) { return locked_spawn("vfork"); }
static int global_lock_spawn(void) { return locked_spawn("posix_spawn"); }

/* ---- allocators: ours or a replacement's, whose own fork handlers take its locks ------------------------------------------------------------*/
static void *allocate(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg;
	void *kept[64] = { NULL };

	while (!stopping) {
		unsigned i = next_random(&random) % 64;
		FILE *f;
		free(kept[i]);
		need((kept[i] = malloc(next_random(&random) % 20000 + 1)));
		if (i % 8)
			continue;
		need((f = fopen("/dev/null", "r")));
		spin_us(20);
		mark(fileno(f), i);
		fclose(f);
	}
	for (int i = 0; i < 64; i++)
		free(kept[i]);
	return NULL;
}

static int allocators(void)
{
	static const char *const by[] = { "fork", "vfork", "posix_spawn", "system", "popen" };
	pthread_t t[3];
	int n = 100;

	for (int i = 0; i < 3; i++)
		in_thread(&t[i], allocate, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < n; i++)
		need(start_one(by[i % (int)COUNT(by)]) >= 0);
	for (int i = 0; i < n; i++) { /* the child allocates: its allocator's locks must be free */
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			void *p = malloc(1 << 20);
			free(p);
			_exit(p ? 0 : 1);
		}
		need(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stopping = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	outcome("%d children", 2 * n);
	return 0;
}

const struct hazard lock_hazards[] = {
	{ "atfork-around", atfork_around, 0 }, { "atfork-between", atfork_between, 1 }, { "global-lock-fork", global_lock_fork, 1 },
	{ "global-lock-vfork", global_lock_vfork, 1 }, { "global-lock-spawn", global_lock_spawn, 1 }, { "allocators", allocators, 1 }, { 0 },
};
