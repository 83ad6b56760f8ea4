/*
 * preload/proc.h: reading /proc and /sys by plain system calls.
 *
 * Context: everywhere, also before relocation of libc's data is of any use; errno untouched. Not under a seccomp filter of the program's.
 */
#ifndef FDW_PROC_H
#define FDW_PROC_H

#include "core.h"

/* The first n - 1 bytes of a file, and a NUL. Returns how many; 0 also when it cannot be read. */
size_t fdw_read_file(const char *path, char *buf, size_t n);
/* Threads of this process, as the kernel counts them; -1: cannot be asked. */
int fdw_tasks(void);
/* Calls each(directory's descriptor, name, arg) for every entry but "." and "..". -1: it cannot be opened. */
int fdw_each_entry(const char *path, void (*each)(int dir, const char *name, void *arg), void *arg);
/* Both return where they ended; no NUL follows. */
char *fdw_put(char *to, const char *s);
char *fdw_put_number(char *to, unsigned long n);
/* The number that begins at s; 0 where none does. */
unsigned long fdw_number(const char *s);

#endif
