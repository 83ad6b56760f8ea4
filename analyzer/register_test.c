/*
 * analyzer/register_test.c: see register_test.h.
 *
 * Each process fills the sixteen YMM registers, spins, and looks at them; a timer interrupts it some thousand times a second on an alternate stack
 * whose pages were given back just before (MADV_DONTNEED), so that the kernel has to fault them in while it saves the registers there. On the
 * kernels concerned the registers then come back as something else (golang.org/issue/35777).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "analyzer/register_test.h"

#if defined(__x86_64__)

#define STACK_BYTES (256u << 10)
#define PROCESSES_MAX 64

struct shared { _Atomic unsigned long signals, corrupted; };
static struct shared *shared;
static char *stack;

/* What a corrupted restore would not bring back by accident. */
static void handler(int sig)
{
	__asm__ volatile("vzeroall" ::: "memory");
	shared->signals++;
}

/* Loads, spins, stores: nothing of the compiler's may come between. */
__attribute__((noinline)) static void spin(const uint8_t in[512], uint8_t out[512], unsigned long turns)
{
	__asm__ volatile(
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD(n) "vmovdqu " #n "*32(%1), %%ymm" #n "\n\t"
#define STORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%2)\n\t"
		EACH(LOAD) "1: dec %0\n\tjnz 1b\n\t" EACH(STORE) "vzeroupper"
		: "+r"(turns) : "r"(in), "r"(out) : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
		  "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(unsigned seconds, unsigned seed)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART };
	struct itimerval often = { { 0, 200 }, { 0, 200 } };
	uint8_t in[512], out[512];
	double until = now() + seconds;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED || sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = STACK_BYTES }, NULL) != 0)
		_exit(1);
	sigaction(SIGALRM, &act, NULL);
	for (unsigned i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 37 + seed * 11 + 1);
	setitimer(ITIMER_REAL, &often, NULL);
	while (now() < until) {
		madvise(stack, STACK_BYTES, MADV_DONTNEED);
		spin(in, out, 200000);
		if (memcmp(in, out, sizeof in))
			shared->corrupted++;
	}
	_exit(0);
}

static enum register_verdict verdict(unsigned failed, unsigned long *signals, const char **why)
{
	*signals = shared->signals;
	if (shared->corrupted)
		return REGISTERS_CORRUPTED;
	if (failed || !*signals) {
		*why = failed ? "a process of the test ended early" : "no signal came";
		return REGISTERS_UNKNOWN;
	}
	return REGISTERS_INTACT;
}

enum register_verdict register_test(unsigned seconds, unsigned long *signals, const char **why)
{
	pid_t pids[PROCESSES_MAX];
	cpu_set_t cpus;
	unsigned n = 4, failed = 0;
	int status;
	enum register_verdict v;

	*signals = 0;
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx"))
		return *why = "this processor has no AVX registers", REGISTERS_SKIPPED;
	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		n = 2 * (unsigned)CPU_COUNT(&cpus);
	n = n > PROCESSES_MAX ? PROCESSES_MAX : n;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return *why = "no memory", REGISTERS_UNKNOWN;
	for (unsigned i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			run(seconds, i);
	}
	for (unsigned i = 0; i < n; i++) {
		while (pids[i] > 0 && waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
			;
		failed += pids[i] < 0 || !WIFEXITED(status) || WEXITSTATUS(status);
	}
	v = verdict(failed, signals, why);
	munmap(shared, sizeof *shared);
	return v;
}

#else

enum register_verdict register_test(unsigned seconds, unsigned long *signals, const char **why)
{
	*signals = 0;
	*why = "the bug is one of x86";
	return REGISTERS_SKIPPED;
}

#endif
