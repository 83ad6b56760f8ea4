/*
 * preload/vfork.S: vfork. The child runs on our caller's stack and memory until it execs, so nothing may stand below the return
 * address that the parent still needs: the address itself waits in a register, which each process has for itself.
 *
 * The only memory both touch is fdw_self: `vforked` is set before, so that every wrapper in the child passes through, and all is restored
 * by the parent (vforked.h). What it was before is kept in a register that the kernel preserves and the child cannot reach: a
 * callee-saved register would have to be saved on the stack the child overwrites, so it is passed through r9 (x86-64) or x9
 * (aarch64), which the system call leaves alone.
 */
	.text
	.globl	vfork
	.type	vfork, @function
#if defined(__x86_64__)
vfork:
	.cfi_startproc
	endbr64
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	fdw_vfork_pre
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	movq	%rax, %r9
	popq	%rdi			/* the return address survives in rdi */
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	movl	$58, %eax		/* SYS_vfork: clobbers rcx and r11 only */
	syscall
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
	testq	%rax, %rax
	jz	1f
	movq	%rdi, %rsi		/* pc */
	movq	%rax, %rdi		/* child's pid, or -errno */
	movq	%r9, %rdx
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	fdw_vfork_parent
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
1:	/* The child. What its hook puts on the stack lies below the return address, which the parent writes again. */
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	fdw_vfork_child		/* rdi: pc */
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	xorl	%eax, %eax
	/* It leaves by a jump where a shadow stack is on: its entry belongs to the parent. */
	xorl	%esi, %esi
	rdsspq	%rsi
	testq	%rsi, %rsi
	jz	2f
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	notrack jmp *%rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
2:	ret
	.cfi_endproc
#elif defined(__aarch64__)
vfork:
	.cfi_startproc
	hint	34			/* bti c */
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	bl	fdw_vfork_pre
	mov	x9, x0
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	mov	x0, #0x4111		/* CLONE_VM | CLONE_VFORK | SIGCHLD */
	mov	x1, sp
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #220		/* SYS_clone */
	svc	#0
	cbz	x0, 1f
	mov	x1, x30
	mov	x2, x9
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	bl	fdw_vfork_parent
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
1:	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x0, x30			/* pc */
	bl	fdw_vfork_child
	mov	x0, #0
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	br	x30
	.cfi_endproc
#endif
	.size	vfork, .-vfork
	.section .note.GNU-stack,"",@progbits
