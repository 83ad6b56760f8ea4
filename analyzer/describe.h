/*
 * analyzer/describe.h: what a human reads instead of numbers: objects, addresses, calls; and text made safe for a terminal.
 */
#ifndef FDW_DESCRIBE_H
#define FDW_DESCRIBE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "analyzer/model.h"

/*
 * Printable, valid UTF-8 of at most n bytes that may hold anything: control characters and bytes that are no UTF-8 become \xNN.
 * The caller frees it.
 */
char *clean_text(const void *bytes, size_t n);
/* The same of a sentence, in which names of files stand. */
char *clean_sentence(const char *format, va_list) __attribute__((format(printf, 1, 0)));
/* "10.0.0.5:8080", "[::1]:80", "/run/x.sock", "@abstract", "netlink"; NULL when it says nothing. *inet: an IP address. */
char *describe_address(const void *sockaddr, size_t n, uint8_t *inet);
/* "TCP 10.0.0.5:8080 <- 10.0.0.9:51022", "/etc/passwd", "pipe (read end)". Never NULL; the caller frees it. */
char *describe_object(const struct description *);
/* "accept4(4) = 17", "close(17) = -1 EBADF". The caller frees it. */
char *describe_call(const struct moment *, const struct description *);
/*
 * "+0.041696 s": since the trace's first event, with so many decimals; cut, never rounded, so that it is the same in every format. Returns `buf`.
 */
#define SINCE_TEXT 40
char *text_since(uint64_t time, uint64_t first, int decimals, char buf[SINCE_TEXT]);

#endif
