/*
 * analyzer/confine.h: what a report does not need is given up before it reads: traces, ELF files and JSON may come from anywhere.
 *
 * With Landlock files can be written only where the report goes and in the directory for temporary files, and nothing can be run; a seccomp
 * filter takes the network, execve and what only administrators and debuggers use. Where the kernel has one of them only, or neither, that
 * much is kept back. With DEBUGINFOD_URLS the network and debuginfod's cache are left.
 */
#ifndef FDW_CONFINE_H
#define FDW_CONFINE_H

/* For the rest of the process. `writes`: files and directories, NULLs among them are passed over. */
void confine(const char *const *writes, int n);

#endif
