/*
 * preload/on_stack.S: void fdw_call_on_stack(void (*fn)(void *), void *arg, void *top): calls fn(arg) with its frames below top, which
 * is a multiple of 16.
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
	movq	%rdx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
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
	mov	sp, x2
	blr	x9
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
#endif
	.size	fdw_call_on_stack, .-fdw_call_on_stack
	.section .note.GNU-stack,"",@progbits
