/*
 * preload/compares.c: see compares.h. Following the result; instructions: compares_x86.c, compares_arm.c.
 *
 * Context: any thread, handlers. No system call. Locks: none.
 */
#include "compares.h"
#include "poison.h"

/*
 * Between a call and the comparison stand a few moves, and the test for an error: unoptimised code has the most, some 10. A program that
 * does more before it asks did not close the number for that.
 */
#define STEPS 40u   /* on each way: a loop on one must not hide the other */
#define BRANCHES 4u /* how many branches deep */

static int same_place(struct fdw_place a, struct fdw_place b) { return a.base == b.base && a.offset == b.offset; }

int32_t fdw_look_load(const struct fdw_look *l, struct fdw_place p)
{
	for (unsigned i = 0; i < FDW_PLACES && p.base != FDW_BASE_NONE; i++)
		if (same_place(l->results[i], p))
			return FDW_V_RESULT;
	return FDW_V_OTHER;
}

/* An address that is not followed is taken for memory of somebody else's. */
void fdw_look_store(struct fdw_look *l, struct fdw_place p, int32_t value)
{
	struct fdw_place *to = NULL;

	if (p.base == FDW_BASE_NONE)
		return;
	for (unsigned i = 0; i < FDW_PLACES; i++)
		if (same_place(l->results[i], p) || (!to && l->results[i].base == FDW_BASE_NONE))
			to = &l->results[i];
	if (to && value == FDW_V_RESULT)
		*to = p;
	else if (to && same_place(*to, p))
		to->base = FDW_BASE_NONE;
}

void fdw_look_set(struct fdw_look *l, unsigned reg, int32_t value)
{
	for (unsigned i = 0; i < FDW_PLACES; i++)
		if (l->results[i].base == (int)reg)
			l->results[i].base = FDW_BASE_NONE;
	l->reg[reg] = value;
}

void fdw_look_address(struct fdw_look *l, unsigned reg, struct fdw_place p)
{
	struct fdw_place was[FDW_PLACES];

	memcpy(was, l->results, sizeof was);
	fdw_look_set(l, reg, FDW_V_OTHER);
	for (unsigned i = 0; i < FDW_PLACES && p.base != FDW_BASE_NONE; i++)
		if (was[i].base == p.base)
			fdw_look_store(l, (struct fdw_place){ (int16_t)reg, was[i].offset - p.offset }, FDW_V_RESULT);
}

/* Not with -1, 0, 1 and 2: those tell errors and the standard streams. */
static int asked_of(int32_t a, int32_t b)
{
	int32_t with = a == FDW_V_RESULT ? b : a;

	if (a == FDW_V_DIFFERENCE && b == 0)
		return FDW_COMPARES_OWN;
	if ((a == FDW_V_RESULT) == (b == FDW_V_RESULT))
		return FDW_COMPARES_NOTHING;
	return !fdw_look_is_constant(with) ? FDW_COMPARES_OWN : with > 2 ? with : FDW_COMPARES_NOTHING;
}

void fdw_look_compare(struct fdw_look *l, int32_t a, int32_t b) { l->compared = asked_of(a, b); }

int32_t fdw_look_xor(int32_t a, int32_t b) { return asked_of(a, b) == FDW_COMPARES_NOTHING ? FDW_V_OTHER : FDW_V_DIFFERENCE; }

/* Both ways of a branch: errors leave by one of them, and which it is depends on the compiler. */
static int follow(struct fdw_look l, unsigned steps, unsigned depth)
{
	while (steps++ < STEPS) {
		enum fdw_step s = fdw_look_step(&l);

		if (s == FDW_STEP_END || (s == FDW_STEP_GO && !l.target))
			break;
		if (s == FDW_STEP_EQUAL && l.compared != FDW_COMPARES_NOTHING)
			return l.compared;
		if (s == FDW_STEP_BRANCH && l.target && depth < BRANCHES) {
			struct fdw_look there = l;
			int found;
			there.at = l.target;
			found = follow(there, steps, depth + 1);
			if (found != FDW_COMPARES_NOTHING)
				return found;
		}
		if (s == FDW_STEP_GO)
			l.at = l.target;
	}
	return FDW_COMPARES_NOTHING;
}

int fdw_compares(struct fdw_code code, const struct fdw_place *results, unsigned n)
{
	struct fdw_look l = { .code = code, .at = code.at, .compared = FDW_COMPARES_NOTHING };

	for (unsigned i = 0; i < FDW_REGISTERS; i++)
		l.reg[i] = FDW_V_OTHER;
	for (unsigned i = 0; i < FDW_PLACES; i++)
		l.results[i] = i < n ? results[i] : (struct fdw_place){ FDW_BASE_NONE, 0 };
	if (!n)
		l.reg[FDW_RESULT_IN] = FDW_V_RESULT;
	return follow(l, 0, 0);
}
