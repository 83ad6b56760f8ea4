/*
 * preload/vforked_fd.c: what a vfork child does to its descriptors before its exec, told by CHILD_FD. The table is its parent's, and is not touched.
 *
 * Context: vfork children while recording. A loop over everything is told as one: its closes wait for whatever is told next.
 */
#include <asm/ioctls.h>
#include "event.h"
#include "vforked.h"
#include "poison.h"

static void say(uint8_t what, int fd, int fd2, uint16_t call, uintptr_t pc)
{
	fdw_vforked_send(&(struct fdw_event){ .op = FDW_OP_CHILD_FD, .call = call, .fd = fd, .fd2 = fd2, .ret = fdw_self.vfork_pid, .arg = what }, pc);
}

void fdw_vforked_flush(void)
{
	struct fdw_thread *t = &fdw_self;
	int first = t->vfork_first, end = t->vfork_end;

	t->vfork_first = t->vfork_end = 0;
	if (end > first)
		say(FDW_CHILD_CLOSED, first, end - 1, FDW_CALL_close, t->vfork_pc);
}

static void closed(int first, int last, uintptr_t pc)
{
	struct fdw_thread *t = &fdw_self;

	if (t->vfork_end > t->vfork_first && first == last && (first == t->vfork_end || first == t->vfork_first - 1)) {
		t->vfork_end += first == t->vfork_end;
		t->vfork_first -= first != t->vfork_end - 1;
		return;
	}
	fdw_vforked_flush();
	t->vfork_first = first;
	t->vfork_end = last == INT32_MAX ? last : last + 1;
	t->vfork_pc = pc;
}

void fdw_vforked_fd_slow(uint8_t what, int fd, int fd2, uint16_t call, uintptr_t pc)
{
	if (fd < 0)
		return;
	if (what == FDW_CHILD_CLOSED)
		closed(fd, fd2, pc);
	else
		say(what, fd, fd2, call, pc);
}

void fdw_vforked_fcntl(int fd, int cmd, long arg, int r, uintptr_t pc)
{
	if (r < 0 && errno == EBADF)
		return;
	if (cmd == F_DUPFD && r >= 0)
		fdw_vforked_fd_slow(FDW_CHILD_PLACED, r, fd, FDW_CALL_fcntl, pc);
	else if (cmd == F_SETFD && r == 0)
		fdw_vforked_fd_slow(arg & FD_CLOEXEC ? FDW_CHILD_MARKED : FDW_CHILD_KEPT, fd, -1, FDW_CALL_fcntl, pc);
	else
		fdw_used(fd, FDW_CALL_fcntl, pc);
}

void fdw_vforked_ioctl(int fd, unsigned long request, int r, uintptr_t pc)
{
	if (r < 0 && errno == EBADF)
		return;
	if (r == 0 && (request == FIOCLEX || request == FIONCLEX))
		fdw_vforked_fd_slow(request == FIOCLEX ? FDW_CHILD_MARKED : FDW_CHILD_KEPT, fd, -1, FDW_CALL_ioctl, pc);
	else
		fdw_used(fd, FDW_CALL_ioctl, pc);
}

/* Through syscall(). */
void fdw_vforked_syscall(long nr, const long *a, long r, uintptr_t pc)
{
	switch (nr) {
	case SYS_close: fdw_vforked_fd_slow(FDW_CHILD_CLOSED, (int)a[0], (int)a[0], FDW_CALL_syscall, pc); break;
	case SYS_close_range:
		if (r == 0 && !a[2])
			fdw_vforked_fd_slow(FDW_CHILD_CLOSED, (int)a[0], a[1] > INT32_MAX || a[1] < 0 ? INT32_MAX : (int)a[1], FDW_CALL_syscall, pc);
		break;
#if defined(__x86_64__)
	case SYS_dup2:
#endif
	case SYS_dup: case SYS_dup3:
		if (r >= 0 && !(nr == SYS_dup3 && a[2] & O_CLOEXEC))
			fdw_vforked_fd_slow(FDW_CHILD_PLACED, (int)r, (int)a[0], FDW_CALL_syscall, pc);
		break;
	case SYS_fcntl: fdw_vforked_fcntl((int)a[0], (int)a[1], a[2], (int)r, pc); break;
	case SYS_ioctl: fdw_vforked_ioctl((int)a[0], (unsigned long)a[1], (int)r, pc); break;
	}
}
