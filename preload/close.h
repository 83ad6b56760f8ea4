/*
 * preload/close.h: what a close was, once the kernel answered: table, event, log line.
 */
#ifndef FDW_CLOSE_H
#define FDW_CLOSE_H

#include "table.h"

/* r and err are the kernel's. Ends the claim. errno untouched. extra: FDW_F_* of the route; arg: its argument. */
void fdw_closed(struct fdw_claim *, int r, int err, uint16_t call, uintptr_t pc, uint32_t extra, uint64_t arg);
/* A close of a number that history says was closed long ago: kept back until it is clear that no loop closes everything. */
void fdw_pending_flush(void);
void fdw_pending_placed(int fd); /* something is put there: its number was made free first, whatever may have been on it */
void fdw_pending_forget(void); /* in a fork child: it is its parent's */
void fdw_pending_prepares(void); /* everything is closed next: it is part of that (OpenJDK's jspawnhelper makes room for the list that it reads) */
/*
 * Failed with EBADF: setting close-on-exec on fd (F_SETFD, FIOCLEX). Programs mark every number they can think of, as they close every
 * number: it waits for the end of the run too. Call fdw_marked for each mark, failed or not.
 */
void fdw_marked(int fd, int failed, uint16_t call, uintptr_t pc);

#endif
