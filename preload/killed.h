/*
 * preload/killed.h: a thread that is killed in the middle of an event, of which whoever records is to hear.
 *
 * LTTng waits for such an event for ever, and what others do on that processor afterwards may be lost. The kernel tells of it: of a thread that dies it looks at
 * the robust lock that was about to be taken or given back (list_op_pending), and where that is 0 wakes who waits there (Linux 5.5, and 5.4's updates; before
 * that nobody hears). So during an event the lock is a word of the recorder's, shared and always 0 (schema.h). Two stores; no system call.
 *
 *	function                     | any thread | handler | vfork child | waits
 *	fdw_killed_learn             |    yes     |   yes   |    yes      | no; get_robust_list
 *	fdw_event_begins, _over      |    yes     |   yes   |    yes      | no
 */
#ifndef FDW_KILLED_H
#define FDW_KILLED_H

#include <linux/futex.h>
#include "core.h"

extern _Atomic uint32_t *fdw_killed; /* NULL: nobody listens */

/* Where libc keeps this thread's list. Not under a filter. */
void fdw_killed_learn(void);

FDW_INLINE void fdw_set_pending(struct robust_list_head *h, struct robust_list *to) { *(struct robust_list *volatile *)&h->list_op_pending = to; }
FDW_INLINE struct robust_list *fdw_pending_lock(const struct robust_list_head *h) { return (struct robust_list *)((char *)fdw_killed - h->futex_offset); }

/* NULL: not known, or a lock of the program's is under way, in whose middle this handler came: then it is that one's turn. */
FDW_INLINE struct robust_list_head *fdw_event_begins(void)
{
	struct robust_list_head *h = fdw_self.locks;

	if (!h || h->list_op_pending)
		return NULL;
	fdw_set_pending(h, fdw_pending_lock(h));
	return h;
}

FDW_INLINE void fdw_event_over(struct robust_list_head *h)
{
	if (h)
		fdw_set_pending(h, NULL);
}

/* A handler jumped out of it. */
FDW_INLINE void fdw_event_left(void)
{
	struct robust_list_head *h = fdw_self.locks;

	if (h && h->list_op_pending == fdw_pending_lock(h))
		fdw_set_pending(h, NULL);
}
#endif
