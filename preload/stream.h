/*
 * preload/stream.h: which FILE or DIR was made for which descriptor.
 */
#ifndef FDW_STREAM_H
#define FDW_STREAM_H

#include "core.h"

struct fdw_owned { int fd; uint32_t gen; };
void fdw_stream_add(const void *stream, int fd, uint32_t gen);
/* dup2 put another descriptor under the number a stream owns: the stream owns that one now. */
void fdw_stream_rebind(const void *stream, int fd, uint32_t gen);
int fdw_stream_remove(const void *stream, struct fdw_owned *); /* 1 when it was known; forgets it */

#endif
