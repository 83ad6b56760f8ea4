/*
 * preload/close.h: what a close was, once the kernel answered: table, event, log line.
 */
#ifndef FDW_CLOSE_H
#define FDW_CLOSE_H

#include "table.h"

/* r and err are the kernel's. Ends the claim. errno untouched. extra: FDW_F_* of the route; arg: its argument. */
void fdw_closed(struct fdw_claim *, int r, int err, uint16_t call, uintptr_t pc, uint32_t extra, uint64_t arg);
/*
 * Failed with EBADF: setting close-on-exec on fd (F_SETFD, FIOCLEX). Programs mark every number they can think of, as they close every
 * number: it waits for the end of the run too. Call fdw_marked for each mark, failed or not.
 */
void fdw_marked(int fd, int failed, uint16_t call, uintptr_t pc);

#endif
