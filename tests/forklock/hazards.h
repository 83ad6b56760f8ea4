/*
 * tests/forklock/hazards.h: what the hazards share. A hazard is a function run in a process of its own, natively and in every mode; what it says
 * with outcome() must be the same in all of them, and it must end.
 */
#ifndef HAZARDS_H
#define HAZARDS_H

#include "forklock.h"

struct hazard {
	const char *name;
	int (*run)(void);  /* 0, or SKIP */
	int window;        /* natively children hold what they should not: else the hazard proves nothing of leaks */
};
extern const struct hazard lock_hazards[], jump_hazards[], wait_hazards[], world_hazards[], handed_hazards[], number_hazards[]; /* end with a name of NULL */

extern struct starter child;   /* of the main thread */
extern _Atomic long leaks, children, longest_us;
extern int null;
void outcome(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One child by that way: counted, timed, looked at. 1: it holds what it should not. -1: there was none. */
int start_one(const char *way);
/* Threads that make a descriptor, wait a moment, mark it, close it. */
void makers_go(int n, unsigned gap_us);
long makers_made(void);  /* so far */
long makers_stop(void);  /* how many they made */
void in_thread(pthread_t *t, void *(*body)(void *), void *arg);

#endif
