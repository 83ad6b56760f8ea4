/*
 * tests/forklock/step.h: FDW_STEP(name): a place in a protocol, the fork lock's or a claim's, where a test wants a thread to lose time. Included by the
 * interposer only when it is built with FDW_STEPS, as build/tests/forklock/libfdwarden.so; in the product the macro is empty.
 *
 * Each place is counted in a page shared by all processes of a test, so that a test can say that it was reached at all. FDW_STEP_PAGE names
 * the file of that page. FDW_STEP_DELAY="name=usec,other=~usec,*=usec": sleep there; spin (~); or, with *, anywhere up to that long, at random.
 *
 * Context: everywhere the interposer runs, vfork children and handlers too. May not: allocate, use stdio, change errno.
 */
#ifndef FDW_STEP_H
#define FDW_STEP_H

#include <stdint.h>

#define FDW_STEP_SLOTS 96
#define FDW_STEP_NAME 24

struct fdw_step_slot {
	char name[FDW_STEP_NAME];
	uint64_t hits;
};

struct fdw_step_page { struct fdw_step_slot slot[FDW_STEP_SLOTS]; };

#if defined(FDW_STEPS)
struct fdw_step_place { const char *name; struct fdw_step_slot *slot; uint32_t sleep_us, spin_us, random_us; };
__attribute__((visibility("hidden"))) void fdw_step(struct fdw_step_place *);
#define FDW_STEP(at) do { static struct fdw_step_place place_ = { .name = #at }; fdw_step(&place_); } while (0)
#endif

#endif
