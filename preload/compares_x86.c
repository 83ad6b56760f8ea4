/*
 * preload/compares_x86.c: see compares.h. One instruction of x86-64, of those that compilers put between a call and the comparison of its result.
 *
 * Context: any thread, handlers. No system call. Locks: none. May not: read from l->code.end on.
 */
#include "compares.h"
#include "poison.h"

#if defined(__x86_64__)

#define SP 4u
#define BP 5u
#define TWO_BYTES 0x0f00u

struct insn {
	unsigned op, rex, reg, rm; /* rex: the whole prefix, 0 without; reg, rm: with its bits; op: TWO_BYTES for those that begin with 0f */
	int memory;
	struct fdw_place place;    /* of rm, when it is memory */
	int32_t immediate;
};

/* How much of an instruction there is: a byte that names operands, and bytes of a constant. -1: not one of ours. */
enum { HAS_OPERANDS = 16 };
static int shape_of(unsigned op, unsigned rex)
{
	switch (op) {
	case 0x01: case 0x03: case 0x09: case 0x0b: case 0x21: case 0x23: case 0x29: case 0x2b: case 0x31: case 0x33: case 0x39: case 0x3b: /* arithmetic */
	case 0x63: case 0x84: case 0x85: case 0x88: case 0x89: case 0x8a: case 0x8b: case 0x8d: case 0xff: /* movslq, test, mov, lea, inc */
	case TWO_BYTES | 0x1f: case TWO_BYTES | 0xb6: case TWO_BYTES | 0xb7: case TWO_BYTES | 0xbe: case TWO_BYTES | 0xbf: /* nop, movz, movs */
		return HAS_OPERANDS;
	case 0x83: case 0xc6: return HAS_OPERANDS | 1;
	case 0x81: case 0xc7: return HAS_OPERANDS | 4;
	case 0x2d: case 0x35: case 0x3d: case 0xe9: return 4;
	case 0x24: case 0xa8: case 0xeb: return 1; /* and, test %al */
	case 0x90: case 0x98: return 0;
	}
	if (op >= 0x50 && op <= 0x5f)
		return 0;
	if ((op >= 0x70 && op <= 0x7f) || (op >= 0xb0 && op <= 0xb7))
		return 1;
	if (op >= 0xb8 && op <= 0xbf)
		return rex & 8 ? -1 : 4;
	if ((op & ~0xfu) == (TWO_BYTES | 0x80))
		return 4;
	if ((op & ~0xfu) == (TWO_BYTES | 0x40) || (op & ~0xfu) == (TWO_BYTES | 0x90)) /* cmov, set */
		return HAS_OPERANDS;
	return -1;
}

/* n bytes, with their sign. */
static int take(const uint8_t **p, const uint8_t *end, int n, int32_t *value)
{
	if (end - *p < n)
		return 0;
	if (n == 1)
		*value = (int8_t)**p;
	else if (n == 4)
		memcpy(value, *p, 4);
	*p += n;
	return 1;
}

static int operands(struct insn *i, const uint8_t **p, const uint8_t *end)
{
	unsigned modrm, mod, sib = 0x20; /* no index */

	if (*p >= end)
		return 0;
	modrm = *(*p)++;
	mod = modrm >> 6;
	i->reg = (modrm >> 3 & 7) | (i->rex & 4) << 1;
	i->rm = (modrm & 7) | (i->rex & 1) << 3;
	i->memory = mod != 3;
	if (!i->memory)
		return 1;
	i->place = (struct fdw_place){ (int16_t)i->rm, 0 };
	if ((modrm & 7) == SP) {
		if (*p >= end)
			return 0;
		sib = *(*p)++;
		i->place.base = (int16_t)((sib & 7) | (i->rex & 1) << 3);
	}
	if (mod == 0 && (i->place.base & 7) == BP) {
		i->place.base = (modrm & 7) == SP ? FDW_BASE_NONE : FDW_BASE_CODE;
		mod = 2;
	}
	if ((sib >> 3 & 7) != SP || i->rex & 2)
		i->place.base = FDW_BASE_NONE;
	return take(p, end, mod == 1 ? 1 : mod == 2 ? 4 : 0, &i->place.offset);
}

static int decode(struct fdw_look *l, struct insn *i)
{
	const uint8_t *p = l->at;
	int shape;

	*i = (struct insn){ 0 };
	if (p < l->code.end && (*p & 0xf0) == 0x40)
		i->rex = *p++;
	if (p < l->code.end)
		i->op = *p++;
	if (i->op == 0x0f && p < l->code.end)
		i->op = TWO_BYTES | *p++;
	shape = shape_of(i->op, i->rex);
	if (shape < 0 || (shape & HAS_OPERANDS && !operands(i, &p, l->code.end)) || !take(&p, l->code.end, shape & 7, &i->immediate))
		return 0;
	if (i->place.base == FDW_BASE_CODE && i->memory)
		i->place.offset += (int32_t)(p - l->code.at);
	l->at = p;
	return 1;
}

static int32_t of_rm(const struct fdw_look *l, const struct insn *i) { return i->memory ? fdw_look_load(l, i->place) : l->reg[i->rm]; }

static void to_rm(struct fdw_look *l, const struct insn *i, int32_t value)
{
	if (i->memory)
		fdw_look_store(l, i->place, value);
	else
		fdw_look_set(l, i->rm, value);
}

/* Operations have the same numbers in an opcode's bits 3 to 5 and, with a constant, in the register's place. */
enum { OR = 1, SUB = 5, XOR = 6, CMP = 7 };

/* Sets the flags, and answers what comes out. */
static int32_t calculate(struct fdw_look *l, unsigned what, int32_t a, int32_t b)
{
	if (what == OR) {
		fdw_look_compare(l, fdw_look_or(a, b), 0);
		return fdw_look_or(a, b);
	}
	if (what != SUB && what != XOR && what != CMP) {
		l->compared = FDW_COMPARES_NOTHING;
		return FDW_V_OTHER;
	}
	fdw_look_compare(l, a, b);
	return fdw_look_xor(a, b);
}

/* op with its direction: 0x01 and the like write rm, 0x03 reg. */
static void arithmetic(struct fdw_look *l, const struct insn *i)
{
	unsigned what = i->op >> 3;
	int32_t value = calculate(l, what, of_rm(l, i), l->reg[i->reg]);

	if (what == XOR && !i->memory && i->rm == i->reg)
		value = 0;
	if (what == CMP)
		return;
	if (i->op & 2)
		fdw_look_set(l, i->reg, value);
	else
		to_rm(l, i, value);
}

static void with_constant(struct fdw_look *l, const struct insn *i)
{
	unsigned what = i->reg & 7;
	int32_t value = calculate(l, what, of_rm(l, i), i->immediate);

	if (what != CMP)
		to_rm(l, i, value);
}

/* The short forms of that for the register of results. */
static void result_with_constant(struct fdw_look *l, const struct insn *i)
{
	struct insn same = { .op = 0x81, .reg = i->op >> 3, .rm = FDW_RESULT_IN, .immediate = i->immediate };

	with_constant(l, &same);
}

/* Conditions come in pairs: 4 is equal, 5 is not. */
static int on_equal(const struct insn *i) { return (i->op & 0xe) == 4; }

static enum fdw_step two_bytes(struct fdw_look *l, const struct insn *i)
{
	unsigned group = i->op & 0xf0;

	if (group == 0x80)
		return on_equal(i) && l->compared != FDW_COMPARES_NOTHING ? FDW_STEP_EQUAL : fdw_look_branch(l, FDW_STEP_BRANCH, i->immediate);
	if (group == 0x40 || group == 0x90) {
		if (on_equal(i) && l->compared != FDW_COMPARES_NOTHING)
			return FDW_STEP_EQUAL;
		if (group == 0x40)
			fdw_look_set(l, i->reg, FDW_V_OTHER);
		else
			to_rm(l, i, FDW_V_OTHER);
	} else if (group == 0xb0) {
		fdw_look_set(l, i->reg, FDW_V_OTHER);
	}
	return FDW_STEP_ON;
}

static enum fdw_step by_range(struct fdw_look *l, const struct insn *i)
{
	unsigned reg = (i->op & 7) | (i->rex & 1) << 3;

	if (i->op >= 0x70 && i->op <= 0x7f)
		return on_equal(i) && l->compared != FDW_COMPARES_NOTHING ? FDW_STEP_EQUAL : fdw_look_branch(l, FDW_STEP_BRANCH, i->immediate);
	if (i->op >= 0xb8 && i->op <= 0xbf)
		fdw_look_set(l, reg, i->immediate);
	if (i->op >= 0xb0 && i->op <= 0xb7) /* one byte; without a prefix the last four are the upper bytes of the first */
		fdw_look_set(l, i->rex ? reg : reg & 3, FDW_V_OTHER);
	if (i->op >= 0x50 && i->op <= 0x5f)
		fdw_look_set(l, SP, FDW_V_OTHER); /* what lies on the stack has another offset now */
	if (i->op >= 0x58 && i->op <= 0x5f)
		fdw_look_set(l, reg, FDW_V_OTHER);
	return FDW_STEP_ON;
}

enum fdw_step fdw_look_step(struct fdw_look *l)
{
	struct insn i;

	if (!decode(l, &i))
		return FDW_STEP_END;
	if (i.op >= TWO_BYTES)
		return two_bytes(l, &i);
	switch (i.op) {
	case 0x01: case 0x03: case 0x09: case 0x0b: case 0x21: case 0x23: case 0x29: case 0x2b: case 0x31: case 0x33: case 0x39: case 0x3b:
		arithmetic(l, &i);
		break;
	case 0x2d: case 0x35: case 0x3d: result_with_constant(l, &i); break;
	case 0x81: case 0x83: with_constant(l, &i); break;
	case 0x85: fdw_look_compare(l, i.reg == i.rm && !i.memory ? l->reg[i.rm] : FDW_V_OTHER, 0); break;
	case 0x89: to_rm(l, &i, l->reg[i.reg]); break;
	case 0x63: case 0x8b: fdw_look_set(l, i.reg, of_rm(l, &i)); break;
	case 0x8d: fdw_look_address(l, i.reg, i.place); break;
	case 0xc7: to_rm(l, &i, i.immediate); break;
	case 0x24: fdw_look_set(l, 0, FDW_V_OTHER); /* fall through */
	case 0x84: case 0xa8: l->compared = FDW_COMPARES_NOTHING; break;
	case 0x8a: fdw_look_set(l, i.rex ? i.reg : i.reg & 3, FDW_V_OTHER); break;
	case 0x88: case 0xc6: case 0x90: case 0x98: break; /* bytes hold no number; cltq keeps it */
	case 0xff:
		if ((i.reg & 7) > 1) /* no inc, no dec: a call, a jump, a push */
			return FDW_STEP_END;
		l->compared = FDW_COMPARES_NOTHING;
		to_rm(l, &i, FDW_V_OTHER);
		break;
	case 0xe9: case 0xeb: return fdw_look_branch(l, FDW_STEP_GO, i.immediate);
	default: return by_range(l, &i);
	}
	return FDW_STEP_ON;
}

#endif
