/*
 * preload/raw.S: long fdw_raw(long nr, ...): a system call without PLT, TLS or errno: usable before relocation, in vfork
 * children and in handlers. Returns what the kernel returned.
 */
	.text
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

/* void fdw_call_on_stack(void (*fn)(void *), void *arg, void *top): calls fn(arg) with its frames below top. */
	.globl	fdw_call_on_stack
	.hidden	fdw_call_on_stack
	.type	fdw_call_on_stack, @function
fdw_call_on_stack:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rdx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	fdw_call_on_stack, .-fdw_call_on_stack
#elif defined(__aarch64__)
	.globl	fdw_call_on_stack
	.hidden	fdw_call_on_stack
	.type	fdw_call_on_stack, @function
fdw_call_on_stack:
	.cfi_startproc
	hint	34			/* bti c */
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	.cfi_def_cfa_register x29
	mov	x9, x0
	mov	x0, x1
	mov	sp, x2
	blr	x9
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
	.size	fdw_call_on_stack, .-fdw_call_on_stack
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
