/*
 * preload/on_stack.S: void fdw_call_on_stack(fdw_deep_fn *fn, void *arg, uintptr_t more, void *top): calls fn(arg, more) with its frames below
 * top, which is a multiple of 16. The frame pointer that fn saves leads to the caller's stack.
 *
 * long fdw_aside(unsigned long flags, void (*fn)(void *), void *arg, void *top): clone(2); the new thread calls fn(arg) on the stack that
 * ends at top and ends. Returns in the caller alone what the kernel returned.
 */
	.text
	.globl	fdw_call_on_stack
	.hidden	fdw_call_on_stack
	.type	fdw_call_on_stack, @function
#if defined(__x86_64__)
fdw_call_on_stack:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rcx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	call	*%rax
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
#elif defined(__aarch64__)
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
	mov	x1, x2
	mov	sp, x3
	blr	x9
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
#endif
	.size	fdw_call_on_stack, .-fdw_call_on_stack

	.globl	fdw_aside
	.hidden	fdw_aside
	.type	fdw_aside, @function
#if defined(__x86_64__)
fdw_aside:
	.cfi_startproc
	endbr64
	subq	$16, %rcx
	movq	%rsi, 8(%rcx)
	movq	%rdx, (%rcx)
	movq	%rcx, %rsi
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	xorl	%r8d, %r8d
	movl	$56, %eax		/* SYS_clone */
	syscall
	testq	%rax, %rax
	jz	1f
	ret
	.cfi_undefined %rip
1:	xorl	%ebp, %ebp
	popq	%rdi
	popq	%rax
	call	*%rax
	xorl	%edi, %edi
	movl	$60, %eax		/* SYS_exit */
	syscall
	hlt
	.cfi_endproc
#elif defined(__aarch64__)
fdw_aside:
	.cfi_startproc
	hint	34			/* bti c */
	stp	x1, x2, [x3, #-16]!
	mov	x1, x3
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #220		/* SYS_clone */
	svc	#0
	cbz	x0, 1f
	ret
	.cfi_undefined x30
1:	mov	x29, #0
	ldp	x1, x0, [sp], #16
	blr	x1
	mov	x0, #0
	mov	x8, #93			/* SYS_exit */
	svc	#0
	brk	#0
	.cfi_endproc
#endif
	.size	fdw_aside, .-fdw_aside
	.section .note.GNU-stack,"",@progbits
