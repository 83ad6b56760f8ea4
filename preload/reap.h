/*
 * preload/reap.h: a process was waited for, and is no more.
 */
#ifndef FDW_REAP_H
#define FDW_REAP_H

#include "core.h"

/* pid ended with the status wait(2) gave; said only if it ended (not stopped, not continued). Keeps errno. */
void fdw_reaped(pid_t pid, int status, uint16_t call, uintptr_t pc);
/* The command of popen() or system(), whose pid libc keeps to itself; fd/gen: the stream's descriptor, or -1. */
void fdw_reaped_command(int status, int fd, uint32_t gen, uint16_t call, uintptr_t pc);
/* waitid(2) filled in info. */
void fdw_reaped_info(const siginfo_t *info, int options, uint16_t call, uintptr_t pc);

#endif
