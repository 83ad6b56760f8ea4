/* tests/e2e/src/rows/threads.c: threads, signal stacks, libraries. Context and vocabulary: rows.h. */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <threads.h>
#include "rows.h"

static atomic_int go; /* the harness has written its line and holds no number */

static void *opens(void *name)
{
	int fd;

	while (!go)
		sched_yield();
	fd = open(name, O_RDONLY);
	close(fd);
	return (void *)(intptr_t)fd;
}

static int opens_too(void *name) { return (int)(intptr_t)opens(name); }

static void *waits(void *nothing)
{

	for (;;)
		pause();
	return nothing;
}

static void making(void)
{
	pthread_attr_t huge;
	pthread_t t;
	thrd_t u;
	void *result;
	int status;

	pthread_attr_init(&huge);
	pthread_attr_setstacksize(&huge, (size_t)1 << 50);
	CALLS(int, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *), "pthread_create") {
		CASE("one", call(&t, NULL, opens, (void *)path("file")));
		go = 1;
		pthread_join(t, &result);
		rows_note("%d", (int)(intptr_t)result);
		CASE("no room for its stack", call(&t, &huge, opens, NULL));
	}
	CALLS(int, (thrd_t *, thrd_start_t, void *), "thrd_create") {
		go = 0;
		CASE("one", call(&u, opens_too, (void *)path("file")));
		go = 1;
		thrd_join(u, &status);
		rows_note("%d", status);
	}
	CALLS(int, (pthread_t), "pthread_cancel") {
		pthread_create(&t, NULL, waits, NULL);
		CASE("one that waits", call(t));
		pthread_join(t, &result);
		rows_note("%d", result == PTHREAD_CANCELED);
	}
	CALLS(int, (pthread_t, const char *), "pthread_setname_np") {
		CASE("own", call(pthread_self(), "rows"));
		CASE("too long", call(pthread_self(), "sixteen letters!"));
		pthread_create(&t, NULL, waits, NULL);
		CASE("another's", call(t, "other"));
		pthread_cancel(t);
		pthread_join(t, NULL);
	}
}

static void semaphores(void)
{
	struct timespec past = { 1, 0 }, soon, wrong = { 1, -1 };
	sem_t sem;

	sem_init(&sem, 0, 1);
	CALLS(int, (sem_t *, const struct timespec *), "sem_timedwait") {
		CASE("posted", call(&sem, &past));
		CASE("too late", call(&sem, &past));
		CASE("no time", call(&sem, &wrong));
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec = (soon.tv_nsec + 2000000) % 1000000000;
		soon.tv_sec += soon.tv_nsec < 2000000;
		CASE("soon over", call(&sem, &soon));
	}
	sem_destroy(&sem);
}

static void stacks(void)
{
	char *room = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CALLS(int, (const stack_t *, stack_t *), "sigaltstack") {
		stack_t s = { .ss_sp = room, .ss_size = 65536 }, small = { .ss_sp = room, .ss_size = 16 }, old, odd = { .ss_sp = room, .ss_size = 65536, .ss_flags = 99 };
		stack_t off = { .ss_flags = SS_DISABLE };
		CASE("none yet", call(NULL, &old));
		CASE("one", call(&s, &old));
		CASE("is there", call(NULL, &old));
		rows_note("%d %d %zu", old.ss_sp == room, old.ss_flags, old.ss_size);
		CASE("too small", call(&small, NULL));
		CASE("bad flags", call(&odd, NULL));
		CASE("bad address", call(NOWHERE, NULL));
		CASE("taken off", call(&off, NULL));
	}
	munmap(room, 65536);
}

static void ignore(int sig) {}

static void handlers(void)
{
	CALLS(int, (int, const struct sigaction *, struct sigaction *), "sigaction", "__sigaction") {
		struct sigaction one = { .sa_handler = ignore, .sa_flags = SA_RESTART }, old;
		CASE("none yet", call(SIGUSR1, NULL, &old));
		rows_note("%d %x", old.sa_handler == SIG_DFL, (unsigned)old.sa_flags);
		CASE("one", call(SIGUSR1, &one, &old));
		CASE("is there", call(SIGUSR1, NULL, &old));
		rows_note("%d %x", old.sa_handler == ignore, (unsigned)old.sa_flags & 0xffffff);
		CASE("of no signal", call(999, &one, NULL));
		CASE("of SIGKILL", call(SIGKILL, &one, NULL));
		one.sa_handler = SIG_DFL;
		CASE("taken off", call(SIGUSR1, &one, NULL));
	}
	CALLS(void *, (int, void *), "signal", "bsd_signal", "ssignal", "sysv_signal", "__sysv_signal", "sigset") {
		struct sigaction now;
		KEEP("one", call(SIGUSR1, (void *)ignore));
		CASE("is there", call(SIGUSR1, (void *)ignore) == (void *)ignore);
		sigaction(SIGUSR1, NULL, &now);
		rows_note("%d %x", now.sa_handler == ignore, (unsigned)now.sa_flags & 0xffffff);
		CASE("of no signal", call(999, (void *)ignore) == (void *)SIG_ERR ? -1 : 0);
		KEEP("taken off", call(SIGUSR1, (void *)SIG_DFL));
	}
}

static void memory(void)
{
	char *p = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CALLS(int, (void *, size_t, int), "mprotect") {
		CASE("read only", call(p, 4096, PROT_READ));
		CASE("as before", call(p, 4096, PROT_READ | PROT_WRITE));
		CASE("not at a page", call(p + 1, 4096, PROT_READ));
	}
	CALLS(int, (void *, size_t, int), "madvise") {
		CASE("dropped", call(p, 4096, MADV_DONTNEED));
		CASE("free", call(p, 4096, MADV_FREE));
		CASE("other", call(p, 4096, MADV_WILLNEED));
		CASE("bad advice", call(p, 4096, 12345));
	}
	CALLS(int, (const void *, size_t), "mlock", "munlock") {
		CASE("a page", call(p, 4096));
		CASE("nowhere", call(NOWHERE, 4096));
	}
	CALLS(int, (const void *, size_t, unsigned), "mlock2") {
		CASE("a page", call(p, 4096, 0));
		CASE("bad flags", call(p, 4096, 77));
	}
	CALLS(int, (int), "mlockall") {
		CASE("what comes", call(MCL_FUTURE));
		CASE("bad flags", call(99));
	}
	CALLS(int, (void), "munlockall") CASE("all", call());
	CALLS(void *, (void *, size_t, size_t, int, void *), "mremap") {
		CASE("smaller", call(p, 16 * 4096, 8 * 4096, 0, NULL) == p);
		CASE("not at a page", call(p + 1, 4096, 4096, 0, NULL) == MAP_FAILED ? -1 : 0);
		CASE("elsewhere", (p = call(p, 8 * 4096, 64 * 4096, MREMAP_MAYMOVE, NULL)) != MAP_FAILED);
	}
	CALLS(int, (void *, size_t), "munmap") {
		CASE("all", call(p, 64 * 4096));
		CASE("not at a page", call(p + 1, 4096));
	}
}

static void libraries(void)
{
	CALLS(void *, (const char *, int), "dlopen") {
		void *h = KEEP("one", call("libutil.so.1", RTLD_NOW));
		if (h)
			dlclose(h);
		h = KEEP("seen deeply", call("libm.so.6", RTLD_NOW | RTLD_DEEPBIND));
		if (h)
			dlclose(h);
		CASE("this program", call(NULL, RTLD_LAZY));
		CASE("missing", call("/missing.so", RTLD_NOW));
		rows_note("%s", dlerror());
		CASE("no library", call(path("file"), RTLD_NOW));
		CASE("bad mode", call("libm.so.6", 0));
		CASE("not loaded", call("librt.so.1", RTLD_LAZY | RTLD_NOLOAD));
	}
	CALLS(int, (void *), "dlclose") {
		void *h = dlopen("libm.so.6", RTLD_NOW);
		CASE("one", call(h));
		h = dlopen(NULL, RTLD_NOW);
		CASE("this program", call(h));
	}
}

void rows_threads(void)
{
	making();
	semaphores();
	stacks();
	handlers();
	memory();
	libraries();
}
