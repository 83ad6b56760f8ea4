/* raw_closed [silence]: descriptors that the program closes by system calls in its own code, where nobody sees it: none is open at the end.
 * Must find: nothing.
 */
#include <sys/syscall.h>
#include "program.h"

static long raw_close(long fd)
{
	long r;

#if defined(__x86_64__)
	__asm__ volatile("syscall" : "=a"(r) : "a"(SYS_close), "D"(fd) : "rcx", "r11", "memory");
#else
	register long x0 __asm__("x0") = fd, x8 __asm__("x8") = SYS_close;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8) : "memory");
	r = x0;
#endif
	return r;
}

int main(void)
{
	int fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = open_null();
	for (int i = 0; i < 20; i++)
		need(raw_close(fds[i]) == 0);
	puts("done");
	return 0;
}
