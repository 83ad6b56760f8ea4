/* tests/forklock/held.h: what the checker tells the test; fits one atomic write to a pipe. */
#ifndef HELD_H
#define HELD_H

#include <stdint.h>

struct held_report {
	int32_t pid;
	int32_t held;  /* descriptors it should not have */
	int32_t first; /* the lowest of them, -1 none */
	int32_t has;   /* it has the one it was asked about */
	uint64_t map;  /* bit n: it has descriptor BASE + n */
};

#endif
