/*
 * preload/raw.S: long fdw_raw(long nr, ...): a system call without PLT, TLS or errno: usable before relocation, in vfork
 * children and in handlers. Returns what the kernel returned.
 */
	.section .text.hot.fdw_raw, "ax", @progbits
	.globl	fdw_raw
	.hidden	fdw_raw
	.type	fdw_raw, @function
#if defined(__x86_64__)
fdw_raw:
	.cfi_startproc
	endbr64
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	ret
	.cfi_endproc
#elif defined(__aarch64__)
fdw_raw:
	.cfi_startproc
	hint	34			/* bti c */
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, x6
	svc	#0
	ret
	.cfi_endproc
#else
#error "fdwarden knows x86-64 and aarch64"
#endif
	.size	fdw_raw, .-fdw_raw
	.section .note.GNU-stack,"",@progbits
