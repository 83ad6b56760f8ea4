/*
 * preload/heir.h: recording in a fork child, which goes on in the buffers that it inherited.
 *
 * LTTng's own way is to begin anew in each child: two threads, a connection and a registration, 5 ms of the child's time and of the daemon's, who
 * serves one after the other. But a user's buffers are shared memory of all his processes, made for writers that come and go, and a child has
 * all that a writer needs: the mappings, the channels, which events are enabled, the pipe that wakes the consumer. So it gives LTTng's locks back as its
 * parent does, forgets the threads that it does not have (liburcu's readers), and closes its copies of its parent's connections, or the daemon
 * would take them for its parent's life. What LTTng does not know of the child then, others do:
 *   that it lives           the mark, a file beside the session's socket: whoever is recorded holds a read lock on it, and the lock belongs to the open
 *                           file description, which fork children share until they exec or end
 *   that all is over        the mark's first word, which is mapped: an heir stops then
 *   that destructors wait   for threads that are not there: they do not run (no_fini)
 * Where there is no mark LTTng begins anew: where each process has buffers of its own.
 *
 * A process becomes its own heir as soon as it is served, so that it has no threads but its own. Where there is no mark LTTng's threads stay,
 * and end, with the recording, before calls that take rights from the calling thread alone (capset, PR_SET_NO_NEW_PRIVS …): they would keep them; and
 * before those that need a process with one thread (unshare(CLONE_NEWUSER)), or would leave them behind in another namespace.
 *
 * Context: a program's start; a fork child's only thread, before the program's own handlers; the calls that change rights. No lock, no allocation.
 */
#ifndef FDW_HEIR_H
#define FDW_HEIR_H

#include "trace/schema.h"
#include "event.h"
#include "thread.h"

extern const struct fdw_mark *fdw_mark; /* NULL: there is none */

extern struct fdw_watch *fdw_watch;     /* the same */
extern _Atomic uint32_t *fdw_unfinished; /* the same */

/* At the start of what is recorded. */
void fdw_mark_hold(void);
void fdw_watch_find(void);
/* In which pid namespace this process lives: as `who` says it. */
void fdw_find_space(void);
/* In a fork child whose parent took LTTng's locks; mask as for struct fdw_trace_ops. */
void fdw_inherit(void *mask);
/* Before this thread's rights or namespaces change; where there is no mark the recording ends there, and says why. Waits, bounded. */
void fdw_own_heir(const char *why);
FDW_INLINE void fdw_rights_change(const char *why)
{
	if (unlikely(fdw_tool_thread() != 0)) { /* they may be there although nothing is recorded: nobody served them */
		int saved = errno;
		fdw_own_heir(why);
		errno = saved;
	}
}
/* A descriptor of the tracer's own came, or goes: is it a connection? */
void fdw_connection_made(int fd);
void fdw_connection_ends(int fd);

/* 1: the recording ended, and nobody but the mark tells this process. */
FDW_INLINE int fdw_heir_is_late(void)
{
	return unlikely(fdw_process.heir) && atomic_load_explicit(&fdw_mark->ended, memory_order_relaxed);
}

#endif
