/*
 * preload/quick.h: the short way for close, dup and plain uses in a process with one thread, where most programs spend their descriptors.
 *
 * The measured price of calling libc's function through a pointer is 5 % of close(dup()): after a system call the predictors are cold,
 * and every further indirect call and return is a miss. So where nothing needs libc's own function (no second thread that could be
 * cancelled or be closing, no other interposer below us, no recording), the wrapper makes the system call itself, the same that libc
 * would have made. Same states, same records, same rules as the long way; whatever is not simply open and well takes that.
 */
#ifndef FDW_QUICK_H
#define FDW_QUICK_H

#include "table.h"

FDW_INLINE int fdw_quick(void)
{
	return likely(fdw_process.plain) && likely(fdw_single_threaded()) && likely(!fdw_self.aside.any);
}

/* The system call itself, no function called. Result as the kernel gave it. */
FDW_INLINE long fdw_quick_call(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
#else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#endif
}
/* With up to six arguments of any scalar type; the rest is zero. */
#define FDW_QUICK_ARG(x) ((long)(uintptr_t)(x))
#define FDW_QUICK_6(nr, a, b, c, d, e, f, ...)                                                                          \
	fdw_quick_call(nr, FDW_QUICK_ARG(a), FDW_QUICK_ARG(b), FDW_QUICK_ARG(c), FDW_QUICK_ARG(d), FDW_QUICK_ARG(e), FDW_QUICK_ARG(f))
#define FDW_QUICK(...) FDW_QUICK_6(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
