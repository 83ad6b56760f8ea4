/* tests/forklock/tools.c: see forklock.h. */
#include <libgen.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "forklock.h"
#include "step.h"

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void spin_us(unsigned us)
{
	for (uint64_t until = now_us() + us; us && now_us() < until; )
		;
}

void nap_us(unsigned us)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void clean_start(void)
{
	/* By number: close_range would be one more call under test. */
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

int quiet(int fd)
{
	int high;

	need(fd >= 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	need(high >= 100);
	close(fd);
	return high;
}

int kernel_flag(int fd)
{
	long r;
#if defined(__x86_64__)
	__asm__ volatile("syscall" : "=a"(r) : "a"((long)SYS_fcntl), "D"((long)fd), "S"((long)F_GETFD), "d"(0L) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_fcntl, x0 __asm__("x0") = fd, x1 __asm__("x1") = F_GETFD;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
	r = x0;
#else
#error "a system call without libc, please"
#endif
	return (int)r;
}

void mark(int fd, unsigned how)
{
	need((how & 1 ? ioctl(fd, FIOCLEX) : fcntl(fd, F_SETFD, FD_CLOEXEC)) == 0);
}

uint64_t step_hits(const char *name)
{
	static const struct fdw_step_page *page;
	const char *path = getenv("FDW_STEP_PAGE");
	uint64_t sum = 0;

	if (!page) {
		int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
		if (fd >= 0)
			close(fd);
		if (p == MAP_FAILED)
			return 0;
		page = p;
	}
	for (int i = 0; i < FDW_STEP_SLOTS; i++)
		if (!strncmp(page->slot[i].name, name, FDW_STEP_NAME - 1))
			sum += __atomic_load_n(&page->slot[i].hits, __ATOMIC_RELAXED);
	return sum;
}

uint64_t bounds_reached(void) { return step_hits("bound") + step_hits("asleep"); }

const char *scratch(void)
{
	const char *s = getenv("FORKLOCK_DIR");

	return s && strlen(s) < 48 ? s : "/tmp";
}

const char *own_folder(void)
{
	static char path[200];

	if (!path[0]) {
		need(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
		dirname(path);
	}
	return path;
}

const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
	size_t n = strlen(name);

	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--", 2) && !strncmp(argv[i] + 2, name, n) && argv[i][2 + n] == '=')
			return argv[i] + 3 + n;
	return otherwise;
}

long option_number(int argc, char **argv, const char *name, long otherwise)
{
	const char *s = option(argc, argv, name, NULL);

	return s ? atol(s) : otherwise;
}

static int is_one_of(const char *names, const char *name, size_t n)
{
	for (const char *at = names; at; at = (at = strchr(at, ' ')) ? at + 1 : NULL)
		if (!strncmp(at, name, n) && (at[n] == ' ' || !at[n]))
			return 1;
	return 0;
}

void options_known(int argc, char **argv, const char *names)
{
	for (int i = 1; i < argc; i++) {
		const char *end = strchr(argv[i], '=');
		if (!strncmp(argv[i], "--", 2) && end && is_one_of(names, argv[i] + 2, (size_t)(end - argv[i]) - 2))
			continue;
		fprintf(stderr, "%s: '%s' is none of the options --NAME=VALUE: %s\n", argv[0], argv[i], names);
		exit(2);
	}
}
