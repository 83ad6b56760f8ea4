/*
 * preload/syscall.S: long syscall(long nr, ...): hands the six arguments and its caller to fdw_syscall, but jumps straight to libc's
 * own for calls that return twice on this very stack (vfork, clone with CLONE_VM, clone3 unless it forks): a frame of ours would be
 * overwritten by the child.
 */
	.text
	.globl	syscall
	.type	syscall, @function
#if defined(__x86_64__)
#define CLONE_VM 0x100
syscall:
	.cfi_startproc
	endbr64
	cmpl	$58, %edi		/* SYS_vfork */
	je	1f
	cmpl	$435, %edi		/* SYS_clone3 */
	je	1f
	cmpl	$56, %edi		/* SYS_clone */
	jne	2f
	testl	$CLONE_VM, %esi
	jnz	1f
2:	movq	(%rsp), %rax		/* our caller */
	movq	8(%rsp), %r10		/* sixth argument of the call */
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	pushq	%r10
	.cfi_adjust_cfa_offset 8
	call	fdw_syscall
	addq	$24, %rsp
	.cfi_adjust_cfa_offset -24
	ret
1:	pushq	%rdi			/* a child may be started: the gate first, with the arguments kept */
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	pushq	%rcx
	.cfi_adjust_cfa_offset 8
	pushq	%r8
	.cfi_adjust_cfa_offset 8
	pushq	%r9
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	fdw_syscall_gate
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r9
	.cfi_adjust_cfa_offset -8
	popq	%r8
	.cfi_adjust_cfa_offset -8
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testl	%eax, %eax
	jnz	2b			/* a fork: the child has a stack of its own */
	movq	fdw_raw_threads@GOTPCREL(%rip), %rax
	movb	$1, (%rax)		/* a thread libc does not know of, perhaps */
	movq	real_syscall@GOTPCREL(%rip), %rax
	movq	(%rax), %rax
	testq	%rax, %rax
	jz	2b			/* before we found it: nobody vforks then */
	jmp	*%rax
	.cfi_endproc
#elif defined(__aarch64__)
syscall:
	.cfi_startproc
	hint	34			/* bti c */
	cmp	w0, #435		/* SYS_clone3 */
	b.eq	1f
	cmp	w0, #220		/* SYS_clone */
	b.ne	2f
	tbnz	w1, #8, 1f		/* CLONE_VM */
2:	mov	x7, x30
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	bl	fdw_syscall
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
1:	stp	x0, x1, [sp, #-80]!	/* a child may be started: the gate first, with the arguments kept */
	.cfi_adjust_cfa_offset 80
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	str	x30, [sp, #64]
	.cfi_rel_offset x30, 64
	bl	fdw_syscall_gate
	mov	w16, w0
	ldr	x30, [sp, #64]
	.cfi_restore x30
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp], #80
	.cfi_adjust_cfa_offset -80
	cbnz	w16, 2b			/* a fork: the child has a stack of its own */
	adrp	x16, :got:fdw_raw_threads
	ldr	x16, [x16, #:got_lo12:fdw_raw_threads]
	mov	w17, #1
	strb	w17, [x16]
	adrp	x16, :got:real_syscall
	ldr	x16, [x16, #:got_lo12:real_syscall]
	ldr	x16, [x16]
	cbz	x16, 2b
	br	x16
	.cfi_endproc
#endif
	.size	syscall, .-syscall
	.section .note.GNU-stack,"",@progbits
