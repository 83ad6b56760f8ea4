/*
 * tests/forklock/sites.S: ten thousand places in a program that each call *site_target, with the arguments they were called with: call sites that
 * nobody has seen before. Site n is at sites + n * SITE_SIZE.
 */
#define SITES 10000
	.text
	.globl sites
	.type sites, %function
	.p2align 4
sites:
	.cfi_startproc
#if defined(__x86_64__)
	.cfi_def_cfa_offset 16
	.rept SITES
	pushq	%rax
	call	*site_target(%rip)
	popq	%rcx
	ret
	.p2align 4
	.endr
#elif defined(__aarch64__)
	.rept SITES
	stp	x29, x30, [sp, #-16]!
	adrp	x16, site_target
	ldr	x16, [x16, :lo12:site_target]
	blr	x16
	ldp	x29, x30, [sp], #16
	ret
	.p2align 5
	.endr
#else
#error "sites for this machine, please"
#endif
	.cfi_endproc
	.size sites, .-sites
	.section .note.GNU-stack,"",%progbits
