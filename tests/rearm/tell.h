/*
 * tests/rearm/tell.h: what a call answers, as a line: the call as it is written, its result, and errno where there is one.
 */
#ifndef TELL_H
#define TELL_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TELL(call)                                                                                                     \
	do {                                                                                                           \
		long r_;                                                                                               \
		errno = 0;                                                                                             \
		r_ = (long)(intptr_t)(call);                                                                           \
		printf("%s: %ld %s\n", #call, r_, errno ? strerrorname_np(errno) : "-");                               \
	} while (0)

#endif
