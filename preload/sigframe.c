/*
 * preload/sigframe.c: how much of a signal stack the kernel takes for itself.
 *
 * AT_MINSIGSTKSZ counts every register the processor has. Those that a process has to ask for (AMX: 8 KiB) are in its frames only once it may use
 * them, so what is left out is subtracted.
 *
 * Context: any thread, handlers, not under a filter. System calls: arch_prctl. Locks: none.
 */
#include <sys/auxv.h>
#include "sigstack.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "poison.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#ifdef __x86_64__
#define ARCH_GET_CPUID 0x1011
#define ARCH_GET_XCOMP_PERM 0x1022
#define CPUID_XSAVE 0xd
#define LEGACY_AND_HEADER 576u /* of an XSAVE area: x87, SSE and what says which of the others are there */

/* Where cpuid faults (arch_prctl, rr) it is not ours to use. A kernel that does not know the question cannot do that. */
static int may_ask_processor(void) { return fdw_raw(SYS_arch_prctl, (long)ARCH_GET_CPUID, 0L) != 0; }

static uint64_t enabled(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !__get_cpuid_count(CPUID_XSAVE, 0, &a, &b, &c, &d))
		return 0;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (uint64_t)d << 32 | a;
}

/* In the format of signal frames, where each component has its place whether others are there or not. */
static uint32_t area(uint64_t components)
{
	uint32_t most = LEGACY_AND_HEADER, size, offset, c, d;

	for (uint32_t i = 2; i < 63; i++) {
		if (!(components >> i & 1))
			continue;
		__cpuid_count(CPUID_XSAVE, i, size, offset, c, d);
		most = offset + size > most ? offset + size : most;
	}
	return most;
}

uint32_t fdw_sigframe(int *known)
{
	uint32_t most = (uint32_t)getauxval(AT_MINSIGSTKSZ), all;
	uint64_t there, permitted = 0;
	long r;

	*known = 0;
	if (fdw_process.filtered || !may_ask_processor())
		return most;
	r = fdw_raw(SYS_arch_prctl, (long)ARCH_GET_XCOMP_PERM, &permitted);
	there = enabled();
	if (r != 0 || !(there & ~permitted)) { /* Linux before 5.16 has nothing to ask for */
		*known = r == 0 || r == -EINVAL;
		return most;
	}
	all = area(there);
	*known = most > all;
	return *known ? most - all + area(there & permitted) : most;
}
#else
uint32_t fdw_sigframe(int *known)
{
	*known = 0;
	return (uint32_t)getauxval(AT_MINSIGSTKSZ);
}
#endif
