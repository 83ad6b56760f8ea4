/*
 * preload/rows.h: rows of unwind tables (cfi.h), cached by return address.
 *
 * Any context: no lock, no allocation, no system call; fdw_rows_share once, before the program runs.
 */
#ifndef FDW_ROWS_H
#define FDW_ROWS_H

#include "cfi.h"

/*
 * The row of the code that returns to pc. epoch: rows learned under another one are not believed, but for code that stays where it is as long as the
 * process lives. 0: there is none, and row->kind says why.
 */
int fdw_row(uintptr_t pc, uint32_t epoch, struct fdw_cfi *row);

/* From here on fork children have in common what they learn of code that was loaded when the program started, and is mapped now. */
void fdw_rows_share(void);
void fdw_rows_closed(void); /* after dlclose: if any of that went after all, this process learns for itself */

#endif
