/*
 * preload/pending.h: failed closes that wait until it is known whether they belong to a loop over every number there is.
 *
 * Programs close every number they can think of, up or down, before they exec: a *run* of closes n, n+1, n+2 … Some put something in the place of what was
 * open (varnishd), and so open, duplicate and close other numbers on the way: a *walk*, closes in order by one place, that comes by numbers that never
 * were. So a failed close waits for the end of the run, and then for that of the walk: a close by that place that is out of order, a few closes elsewhere, or
 * the thread's end. Thread-local: no other thread sees it.
 */
#ifndef FDW_PENDING_H
#define FDW_PENDING_H

#include "log.h"
#include "protect.h"
#include "retire.h"

void fdw_pending_add(const char *rule, const char *what, int fd, uint16_t call, uintptr_t pc, int loser); /* loser: two closes at once, which no walk excuses */
void fdw_pending_flush(void);
void fdw_pending_placed(int fd); /* something is put there: its number was made free first, whatever may have been on it */
void fdw_pending_forget(void); /* in a fork child: it is its parent's */
void fdw_pending_prepares(void); /* everything is closed next: it is part of that (OpenJDK's jspawnhelper makes room for the list that it reads) */
void fdw_pending_meets(int fd, uintptr_t pc, uint32_t run);
void fdw_pending_never_seen(int fd, uintptr_t pc); /* the close of fd just counted was of a number that never was */

/* Every close and mark of fd, failed or not: how long the run is that it belongs to. */
FDW_INLINE uint32_t fdw_run_of(int fd, uintptr_t pc)
{
	struct fdw_thread *t = &fdw_self;
	uint32_t length = fdw_run_with(fd);

	if (unlikely(t->walks))
		fdw_pending_meets(fd, pc, length);
	t->run_length = length;
	if (unlikely(t->run_length == FDW_RUN_OVER_ALL) && unlikely(fdw_process.keeps))
		fdw_release_all(); /* a loop over everything: the lowest numbers are counted on afterwards */
	t->run_last = fd;
	t->made = 0;
	return t->run_length;
}

#endif
