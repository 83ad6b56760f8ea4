/*
 * amx_stack: asks for AMX, where there is any, and has an alternate stack of what the kernel then puts there and 336 bytes. Run by tests/e2e/sigstack.bats.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define TILE_DATA 18

int main(void)
{
	size_t n = getauxval(51 /* AT_MINSIGSTKSZ */) + 336;
#ifdef __x86_64__
	int permitted = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
#else
	int permitted = 0;
#endif

	n = permitted ? n : 65536;
	if (sigaltstack(&(stack_t){ .ss_sp = malloc(n), .ss_size = n }, NULL))
		abort();
	puts(permitted ? "permitted" : "none");
	return 0;
}
