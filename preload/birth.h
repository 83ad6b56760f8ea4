/*
 * preload/birth.h: the makers' half of the fork lock: descriptors that are born close-on-exec.
 *
 * A program that creates a descriptor and marks it close-on-exec afterwards leaves a window: a child started in between by another thread
 * gets it. Where that may happen (mode enforce, a process with threads, a place that may mark: site.h) the creating call is made in its
 * close-on-exec form, so the window is not there. Until the program has decided, a *section* is open: the word has FDW_W_SECTION, and
 * the descriptor stands in its thread's list, which whoever starts a child reads (gate.h). The program sees what it asked for: F_GETFD hides
 * the flag.
 *
 * The decision belongs to the descriptor, not to the thread: whoever takes FDW_W_SECTION off its word, by compare-and-swap, has made it.
 *   marked       F_SETFD, FIOCLEX by anybody: the word says close-on-exec; the kernel is not asked, it has the flag since birth
 *   ended        the claim of any closer (close, dup2 over it, fclose, close_range ...) ends the section with the descriptor
 *   not marked   the flag is cleared in the kernel: SECTION becomes DECIDING and an in-flux count for the duration of that one call, so
 *                closers drain and markers wait, and the flag that is cleared is never a stranger's. By the thread itself when it goes on to
 *                move data or to wait (fdw_passed_over), by F_SETFD without the flag, or by whoever starts a child, at a bound (gate.c)
 * Creations, closes, and calls that set something up (fcntl, ioctl, setsockopt, bind ...) decide nothing: `a = …; b = …; mark a; mark b` is
 * common, and a thread that hands a descriptor on moves data, waits in the kernel or sleeps, which the gate finds out.
 *
 *   function                 | any thread | handler | vfork child | waits
 *   fdw_birth ... _made      |    yes     |   yes   |   no (0)    | no
 *   fdw_birth_marked         |    yes     |   yes   |   never     | bounded, for one system call of another thread
 *   fdw_passed_over          |    yes     |   yes   |   no        | no
 *   fdw_section_clear        |    yes     |   yes   |   never     | no
 */
#ifndef FDW_BIRTH_H
#define FDW_BIRTH_H

#include "retire.h"

void fdw_births_allow(uintptr_t pc); /* code at pc makes a thread of the program */
void fdw_births_forbid(void); /* from here on, for good: a filter, a runtime that starts children past us */
void fdw_births_share(void);  /* before another process gets the descriptor table itself: what is undecided is decided, and forbid */
void fdw_births_seal(void);   /* before a filter of the program's own */
/* Around calls that the program does not make itself, where births may be: 0, a filter is about to come, it is not to be made. Then too: ends. */
int fdw_own_call_begins(uint64_t *began);
void fdw_own_call_ends(uint64_t began);
void fdw_births_reset(void);  /* in a fork child: the makers are gone; no flag is touched */

/* Threads that libc made for itself (SIGEV_THREAD, getaddrinfo_a) are threads too. 1: births are allowed from here on. */
int fdw_births_notice(void);
/* Before a creating call that asks for `asked` (FDW_F_CLOEXEC): 0, or the flags to add to fdw_made's; then its close-on-exec form is called. */
uint32_t fdw_birth_begin(uintptr_t pc);
FDW_INLINE uint32_t fdw_birth(uint32_t asked, uintptr_t pc)
{
	fdw_release_due();
	/* may_birth first: before our relocation there is no __libc_single_threaded to ask. */
	if (asked & FDW_F_CLOEXEC || likely(!fdw_process.may_birth || fdw_single_threaded()))
		return 0;
	return atomic_load_explicit(&fdw_process.births, memory_order_relaxed) || fdw_births_notice() ? fdw_birth_begin(pc) : 0;
}
/* Two at once (pipe): born[0] is 0 when there are not two to be had. */
void fdw_birth_pair(uint32_t born[2], uint32_t asked, uintptr_t pc);
void fdw_birth_failed(uint32_t born);         /* nothing was created */
void fdw_birth_made(int fd, uint32_t born);   /* after fdw_born: the section is listed. fdw_made does it */
/* fd came with close-on-exec but has no place in the list: as the program asked, at once. */
void fdw_birth_plain(int fd);

/* Before F_SETFD with FD_CLOEXEC or FIOCLEX. 1: decided here, nothing is left to do. */
int fdw_birth_marked(int fd);
/* After the kernel marked a number that had no section: teaches its site. */
void fdw_birth_marked_late(int fd);
/* Around F_SETFD without FD_CLOEXEC or FIONCLEX. */
int fdw_birth_clear_begin(int fd);
void fdw_birth_clear_end(int fd);
void fdw_birth_ended(int fd);                 /* claimed by a closer while undecided */

/* fdw_peek(fd) from before F_GETFD: does its flag stand for nothing the program asked for? */
FDW_INLINE int fdw_birth_hidden(uint64_t v)
{
	return unlikely(v & (FDW_W_SECTION | FDW_W_DECIDING)) && fdw_state(v) == FDW_OPEN;
}

/* Before a call on fd, and fd2 (-1: none): what this thread left undecided was passed over. */
void fdw_pass_over(int fd, int fd2, uint16_t call);
FDW_INLINE void fdw_passed_over(int fd, int fd2, uint16_t call)
{
	if (unlikely(fdw_self.undecided))
		fdw_pass_over(fd, fd2, call);
}
void fdw_pass_over_all(void);                 /* this thread starts a child, or waits for what may never come */

/* ---- for the gate ----------------------------------------------------------------------------------------------------------------*/

struct fdw_section { int fd; uint32_t gen, tid; };
/*
 * Undecided sections of other threads, late ones too, from block *next on (0 at first), at most n; returns how many; *next is 0 at the end.
 * since: what fdw_sections_since said when the start of the child began: those born after that are left out, for they cannot have been handed to it.
 */
unsigned fdw_sections(struct fdw_section *, unsigned n, unsigned *next, uint32_t since);
uint32_t fdw_sections_since(void);
/* Whether it is still open, or being decided at this moment. */
int fdw_section_open(const struct fdw_section *);
/* Its flag was cleared at a bound, for an earlier child, and its maker has come no further. */
int fdw_section_late(const struct fdw_section *);
/* Clears the flag, as the program asked so far. late: its maker has not decided. 1: it was this call that decided. */
int fdw_section_clear(const struct fdw_section *, int late);

#endif
