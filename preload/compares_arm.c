/*
 * preload/compares_arm.c: see compares.h. One instruction of aarch64, of those that compilers put between a call and the comparison of its result.
 *
 * Context: any thread, handlers. No system call. Locks: none. May not: read from l->code.end on.
 */
#include "compares.h"
#include "poison.h"

#if defined(__aarch64__)

#define ZERO_OR_SP 31u

struct row {
	uint32_t mask, is;
	enum fdw_step (*step)(struct fdw_look *, uint32_t insn);
};

static unsigned bits(uint32_t w, unsigned at, unsigned n) { return w >> at & ((1u << n) - 1); }
/* The same with its sign. */
static int32_t number(uint32_t w, unsigned at, unsigned n) { return (int32_t)(w << (32 - at - n)) >> (32 - n); }
static int32_t of(const struct fdw_look *l, unsigned reg) { return reg == ZERO_OR_SP ? 0 : l->reg[reg]; }

/* A result that nobody wants goes to register 31. */
static enum fdw_step put(struct fdw_look *l, uint32_t w, int32_t value)
{
	if (bits(w, 0, 5) != ZERO_OR_SP)
		fdw_look_set(l, bits(w, 0, 5), value);
	return FDW_STEP_ON;
}

static enum fdw_step other(struct fdw_look *l, uint32_t w) { return put(l, w, FDW_V_OTHER); }
static enum fdw_step move(struct fdw_look *l, uint32_t w) { return put(l, w, of(l, bits(w, 16, 5))); }
static enum fdw_step extend(struct fdw_look *l, uint32_t w) { return put(l, w, of(l, bits(w, 5, 5))); }
static enum fdw_step constant(struct fdw_look *l, uint32_t w)
{
	int32_t n = (int32_t)bits(w, 5, 16);

	return put(l, w, bits(w, 21, 2) ? FDW_V_OTHER : bits(w, 29, 2) ? n : ~n);
}
/* Statics, by their distance from the code. */
static enum fdw_step address(struct fdw_look *l, uint32_t w)
{
	int64_t by = (int64_t)number(w, 5, 19) * 4 + bits(w, 29, 2), from = (int64_t)(intptr_t)l->at - 4;

	if (bits(w, 31, 1)) {
		by *= 4096;
		from &= ~INT64_C(4095);
	}
	return put(l, w, (int32_t)(from + by - (int64_t)(intptr_t)l->code.at));
}
static enum fdw_step add(struct fdw_look *l, uint32_t w)
{
	unsigned from = bits(w, 5, 5), to = bits(w, 0, 5); /* here 31 is the stack pointer */
	int32_t was = l->reg[from], by = (int32_t)(bits(w, 10, 12) << (bits(w, 22, 1) ? 12 : 0));

	if (bits(w, 30, 1))
		by = -by;
	if (fdw_look_is_constant(was))
		fdw_look_set(l, to, was + by);
	else
		fdw_look_address(l, to, (struct fdw_place){ (int16_t)from, by });
	return FDW_STEP_ON;
}

static struct fdw_place at(const struct fdw_look *l, uint32_t w, int32_t offset)
{
	unsigned base = bits(w, 5, 5);
	int32_t known = base == ZERO_OR_SP ? FDW_V_OTHER : l->reg[base];

	if (fdw_look_is_constant(known))
		return (struct fdw_place){ FDW_BASE_CODE, known + offset };
	return (struct fdw_place){ (int16_t)base, offset };
}
static struct fdw_place scaled(const struct fdw_look *l, uint32_t w) { return at(l, w, (int32_t)(bits(w, 10, 12) << (bits(w, 30, 2) == 3 ? 3 : 2))); }
static struct fdw_place unscaled(const struct fdw_look *l, uint32_t w) { return at(l, w, number(w, 12, 9)); }
static enum fdw_step store(struct fdw_look *l, uint32_t w)
{
	fdw_look_store(l, scaled(l, w), of(l, bits(w, 0, 5)));
	return FDW_STEP_ON;
}
static enum fdw_step store_unscaled(struct fdw_look *l, uint32_t w)
{
	fdw_look_store(l, unscaled(l, w), of(l, bits(w, 0, 5)));
	return FDW_STEP_ON;
}
static enum fdw_step load(struct fdw_look *l, uint32_t w) { return put(l, w, fdw_look_load(l, scaled(l, w))); }
static enum fdw_step load_unscaled(struct fdw_look *l, uint32_t w) { return put(l, w, fdw_look_load(l, unscaled(l, w))); }
/* The base moves, before or after. */
static enum fdw_step store_moving(struct fdw_look *l, uint32_t w)
{
	fdw_look_set(l, bits(w, 5, 5), FDW_V_OTHER);
	return FDW_STEP_ON;
}
static enum fdw_step load_moving(struct fdw_look *l, uint32_t w)
{
	store_moving(l, w);
	return put(l, w, FDW_V_OTHER);
}
/* Both results of a call that makes two, or registers that the function gives back. */
static enum fdw_step load_pair(struct fdw_look *l, uint32_t w)
{
	int moves = bits(w, 23, 1), known = !moves && !bits(w, 31, 1); /* the base; 32 bits each */
	int32_t offset = number(w, 15, 7) * 4, first = FDW_V_OTHER, second = FDW_V_OTHER;

	if (known) {
		first = fdw_look_load(l, at(l, w, offset));
		second = fdw_look_load(l, at(l, w, offset + 4));
	}
	if (moves)
		fdw_look_set(l, bits(w, 5, 5), FDW_V_OTHER);
	if (bits(w, 10, 5) != ZERO_OR_SP)
		fdw_look_set(l, bits(w, 10, 5), second);
	return put(l, w, first);
}

static enum fdw_step xor(struct fdw_look *l, uint32_t w) { return put(l, w, fdw_look_xor(of(l, bits(w, 5, 5)), of(l, bits(w, 16, 5)))); }
static enum fdw_step or(struct fdw_look *l, uint32_t w) { return put(l, w, fdw_look_or(of(l, bits(w, 5, 5)), of(l, bits(w, 16, 5)))); }
/* The constant is so many ones, turned to the right; of those that repeat within 32 bits none is a number. */
static enum fdw_step xor_constant(struct fdw_look *l, uint32_t w)
{
	unsigned ones = bits(w, 10, 6) + 1, by = bits(w, 16, 6);
	uint32_t n = ones < 32 ? (UINT32_C(1) << ones) - 1 : 0;

	n = by && by < 32 ? n >> by | n << (32 - by) : n;
	return put(l, w, fdw_look_xor(of(l, bits(w, 5, 5)), (int32_t)n));
}

static enum fdw_step compare_constant(struct fdw_look *l, uint32_t w)
{
	int32_t n = (int32_t)(bits(w, 10, 12) << (bits(w, 22, 1) ? 12 : 0));

	fdw_look_compare(l, of(l, bits(w, 5, 5)), bits(w, 30, 1) ? n : -n);
	return put(l, w, FDW_V_OTHER);
}
static enum fdw_step compare(struct fdw_look *l, uint32_t w)
{
	fdw_look_compare(l, of(l, bits(w, 5, 5)), of(l, bits(w, 16, 5)));
	return put(l, w, FDW_V_OTHER);
}
/* A comparison that is made only after another came out as it should: what is acted on then is both. */
static enum fdw_step compare_too(struct fdw_look *l, uint32_t w)
{
	int32_t n = (int32_t)bits(w, 16, 5);

	if (l->compared == FDW_COMPARES_NOTHING)
		fdw_look_compare(l, of(l, bits(w, 5, 5)), !bits(w, 11, 1) ? of(l, (unsigned)n) : bits(w, 30, 1) ? n : -n);
	return FDW_STEP_ON;
}

/* Conditions come in pairs: 0 is equal, 1 is not. */
static int on_equal(const struct fdw_look *l, unsigned condition) { return condition >> 1 == 0 && l->compared != FDW_COMPARES_NOTHING; }
static enum fdw_step choose(struct fdw_look *l, uint32_t w) { return on_equal(l, bits(w, 12, 4)) ? FDW_STEP_EQUAL : put(l, w, FDW_V_OTHER); }
static enum fdw_step branch_if(struct fdw_look *l, uint32_t w)
{
	return on_equal(l, bits(w, 0, 4)) ? FDW_STEP_EQUAL : fdw_look_branch(l, FDW_STEP_BRANCH, number(w, 5, 19) * 4 - 4);
}
static enum fdw_step branch_zero(struct fdw_look *l, uint32_t w)
{
	if (of(l, bits(w, 0, 5)) == FDW_V_DIFFERENCE) {
		l->compared = FDW_COMPARES_OWN;
		return FDW_STEP_EQUAL;
	}
	return fdw_look_branch(l, FDW_STEP_BRANCH, number(w, 5, 19) * 4 - 4);
}
static enum fdw_step branch_bit(struct fdw_look *l, uint32_t w) { return fdw_look_branch(l, FDW_STEP_BRANCH, number(w, 5, 14) * 4 - 4); }
static enum fdw_step go(struct fdw_look *l, uint32_t w) { return fdw_look_branch(l, FDW_STEP_GO, (int64_t)number(w, 0, 26) * 4 - 4); }
static enum fdw_step nothing(struct fdw_look *l, uint32_t w) { return FDW_STEP_ON; }

static const struct row rows[] = {
	{ 0x7fe0ffe0, 0x2a0003e0, move },             /* mov rd, rm */
	{ 0x7fe0fc00, 0x2a000000, or },               /* orr rd, rn, rm */
	{ 0x7fe0fc00, 0x4a000000, xor },              /* eor rd, rn, rm */
	{ 0x7fe0fc00, 0x4b000000, xor },              /* sub rd, rn, rm */
	{ 0xffc00000, 0x52000000, xor_constant },     /* eor rd, rn, #imm */
	{ 0xfffffc00, 0x93407c00, extend },           /* sxtw */
	{ 0x7f800000, 0x52800000, constant },         /* movz */
	{ 0x7f800000, 0x12800000, constant },         /* movn */
	{ 0x1f000000, 0x10000000, address },          /* adr, adrp */
	{ 0x3f800000, 0x11000000, add },              /* add, sub rd, rn, #imm */
	{ 0xbfc00000, 0xb9000000, store },            /* str rt, [rn, #imm] */
	{ 0xbfc00000, 0xb9400000, load },
	{ 0xffc00000, 0xb9800000, load },             /* ldrsw */
	{ 0xbfe00c00, 0xb8000000, store_unscaled },   /* stur */
	{ 0xbfe00c00, 0xb8400000, load_unscaled },
	{ 0xffe00c00, 0xb8800000, load_unscaled },    /* ldursw */
	{ 0xbfe00c00, 0xb8200800, nothing },          /* str rt, [rn, rm] */
	{ 0xbfe00c00, 0xb8600800, other },            /* ldr rt, [rn, rm]: an index is not followed */
	{ 0xffe00c00, 0xb8a00800, other },            /* ldrsw */
	{ 0xbfe00400, 0xb8000400, store_moving },     /* str rt, [rn], #imm and [rn, #imm]! */
	{ 0xbfe00400, 0xb8400400, load_moving },
	{ 0x7e400000, 0x28400000, load_pair },        /* ldp */
	{ 0x3f800000, 0x31000000, compare_constant }, /* cmp, cmn rn, #imm */
	{ 0x3f000000, 0x0b000000, other },            /* add, sub, shifted or extended */
	{ 0x7f800000, 0x53000000, other },            /* lsl, lsr, ubfx */
	{ 0x7f20fc00, 0x6b000000, compare },          /* cmp rn, rm */
	{ 0x7fe01c00, 0x6b200000, compare },          /* cmp rn, rm, extended, not shifted */
	{ 0x3fe00410, 0x3a400000, compare_too },      /* ccmp, ccmn */
	{ 0x3fe00800, 0x1a800000, choose },           /* csel, csinc ...: also cset */
	{ 0xff000010, 0x54000000, branch_if },
	{ 0x7e000000, 0x34000000, branch_zero },      /* cbz, cbnz */
	{ 0x7e000000, 0x36000000, branch_bit },       /* tbz, tbnz */
	{ 0xfc000000, 0x14000000, go },
	{ 0xffffffff, 0xd503201f, nothing }           /* nop */
};

enum fdw_step fdw_look_step(struct fdw_look *l)
{
	uint32_t w;

	if (l->code.end - l->at < 4)
		return FDW_STEP_END;
	memcpy(&w, l->at, 4);
	l->at += 4;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((w & rows[i].mask) == rows[i].is)
			return rows[i].step(l, w);
	return FDW_STEP_END;
}

#endif
