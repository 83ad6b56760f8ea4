/* inline_calls [silence]: a program makes and ends descriptors by libc and by system calls of its own in turn, so that half of the history is unseen: closed
 * unseen and closed again by libc, opened unseen and closed by libc, numbers that are given out again in between. Must find: nothing.
 */
#include "program.h"
#include <sys/syscall.h>

static long own_call(long nr, long a, long b, long c)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
#else
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c, x3 __asm__("x3") = 0;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#endif
}

static int opens_unseen(void) { return (int)own_call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR); }
static void closes_unseen(int fd) { need(own_call(SYS_close, fd, 0, 0) == 0); }

int main(void)
{
	char byte = 'x';
	int fd, other;

	for (int i = 0; i < 40; i++) {
		fd = open_null(); /* seen, closed unseen, given out again seen */
		closes_unseen(fd);
		need((other = open_null()) >= 0 && write(other, &byte, 1) == 1 && close(other) == 0);
		fd = opens_unseen(); /* unseen, used and closed seen */
		need(fd >= 0 && write(fd, &byte, 1) == 1 && close(fd) == 0);
		fd = open_null(); /* closed seen, given out again unseen, closed seen */
		need(close(fd) == 0 && (other = opens_unseen()) >= 0 && close(other) == 0);
		fd = open_null(); /* closed unseen, and its last user asks whether it is still there */
		closes_unseen(fd);
		need(fcntl(fd, F_GETFD) == -1);
		need(close(fd) == -1 && errno == EBADF);
	}
	puts("done");
	return 0;
}
