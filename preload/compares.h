/*
 * preload/compares.h: what a program does with a call's result right after the call: does it ask whether it is a number of its own?
 *
 * Read from the instructions behind the call's return address: the result is followed through moves, over both ways of the first branches, until
 * a comparison for equality is acted on. What is not understood ends the look: then nothing was asked.
 *
 *   compares.c       following; what is known of registers and memory on the way
 *   compares_x86.c   one instruction of x86-64; the thirty forms that compilers put between a call and its comparison
 *   compares_arm.c   the same for aarch64
 *
 * Context: any thread, handlers (300 bytes of stack for each branch). Locks: none. Nothing is written but the caller's own variables.
 */
#ifndef FDW_COMPARES_H
#define FDW_COMPARES_H

#include "core.h"

/* What is compared with; everything else: the very number, which is above 2. Values are kept for each call address (site.h). */
enum { FDW_COMPARES_UNKNOWN, FDW_COMPARES_NOTHING, FDW_COMPARES_OWN /* something that only the program knows */ };

/* Memory by a register and an offset. Of the instruction pointer's: the offset is from where the call returns to. */
struct fdw_place { int16_t base; int32_t offset; };
#define FDW_PLACES 8u
#if defined(__x86_64__)
#define FDW_REGISTERS 16
#define FDW_RESULT_IN 0
#else
#define FDW_REGISTERS 32
#define FDW_RESULT_IN 0
#endif
#define FDW_BASE_CODE FDW_REGISTERS
#define FDW_BASE_NONE (-1) /* an address that is not followed */

/* Where a call returns to. What lies from begin to end can be read: loops lead back before the call. */
struct fdw_code { const uint8_t *begin, *at, *end; };
/* results: where in memory the call left them, n of them (pipe); 0: in the register that calls return in. */
int fdw_compares(struct fdw_code, const struct fdw_place *results, unsigned n);

/* ---- between compares.c and what decodes ----------------------------------------------------------------------------------------------------*/

/* Of a register: a constant, or one of these. A difference is 0 when the result is what it is compared with, and may be or'ed with others. */
#define FDW_V_OTHER INT32_MIN
#define FDW_V_RESULT (INT32_MIN + 1)
#define FDW_V_DIFFERENCE (INT32_MIN + 2)
FDW_INLINE int fdw_look_is_constant(int32_t value) { return value > FDW_V_DIFFERENCE; }
struct fdw_look {
	struct fdw_code code;
	const uint8_t *at, *target;              /* target: of the branch that step met */
	int32_t reg[FDW_REGISTERS];
	struct fdw_place results[FDW_PLACES];    /* memory that holds the result; unused: FDW_BASE_NONE */
	int compared;                            /* what the flags tell the result from: FDW_COMPARES_*, or the number */
};
enum fdw_step {
	FDW_STEP_ON,
	FDW_STEP_END,    /* not understood, or out of sight */
	FDW_STEP_BRANCH, /* may go to target */
	FDW_STEP_GO,     /* goes there */
	FDW_STEP_EQUAL   /* acts on whether what was compared is equal */
};
enum fdw_step fdw_look_step(struct fdw_look *);

int32_t fdw_look_load(const struct fdw_look *, struct fdw_place);
void fdw_look_store(struct fdw_look *, struct fdw_place, int32_t value);
void fdw_look_set(struct fdw_look *, unsigned reg, int32_t value);
/* The register gets the address of that place. */
void fdw_look_address(struct fdw_look *, unsigned reg, struct fdw_place);
void fdw_look_compare(struct fdw_look *, int32_t a, int32_t b);
/* What `xor` (and, as far as 0 goes, a subtraction) makes of two, and `or`; the flags are not touched. */
int32_t fdw_look_xor(int32_t a, int32_t b);
FDW_INLINE int32_t fdw_look_or(int32_t a, int32_t b) { return a == FDW_V_DIFFERENCE || b == FDW_V_DIFFERENCE ? FDW_V_DIFFERENCE : FDW_V_OTHER; }
/* A branch to at + by. */
FDW_INLINE enum fdw_step fdw_look_branch(struct fdw_look *l, enum fdw_step how, int64_t by)
{
	int64_t to = l->at - l->code.begin + by;

	l->target = to >= 0 && to < l->code.end - l->code.begin ? l->code.begin + to : NULL;
	return how;
}

#endif
