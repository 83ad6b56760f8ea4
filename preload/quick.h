/*
 * preload/quick.h: the short way for close and dup in a process with one thread, where most programs spend their descriptors.
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

FDW_INLINE long fdw_quick_call(long nr, long a)
{
#if defined(__x86_64__)
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a) : "rcx", "r11", "memory");
	return r;
#else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
	return x0;
#endif
}

#endif
