/*
 * preload/cfi.c: reads .eh_frame_hdr and .eh_frame (LSB "Exception Frames"; DWARF 4, section 6.4), as far as C and C++ code needs:
 * CFA by stack or frame pointer, return address and frame pointer saved at an offset from it. What is anything else ends the walk.
 *
 * Context: any; see cfi.h. The tables are the loaded module's; still every read is bounded by the module's mapping.
 */
#include <link.h>
#include "cfi.h"
#include "poison.h"

#if defined(__x86_64__)
enum { REG_FP = 6, REG_SP = 7, REG_RA = 16 };
#else
enum { REG_FP = 29, REG_SP = 31, REG_RA = 30 };
#endif

struct reader { const uint8_t *p, *end; int bad; };

static uint64_t bytes(struct reader *r, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->p) < n) {
		r->bad = 1;
		return 0;
	}
	memcpy(&v, r->p, n);
	r->p += n;
	return v;
}

static uint64_t uleb(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = (uint8_t)bytes(r, 1);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return v;
}

static int64_t sleb(struct reader *r)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = (uint8_t)bytes(r, 1);
		v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80 && shift < 64);
	if (shift < 64 && b & 0x40)
		v |= ~UINT64_C(0) << shift;
	return (int64_t)v;
}

/* DW_EH_PE_*: the encodings toolchains use. */
static uintptr_t encoded(struct reader *r, uint8_t enc, uintptr_t data)
{
	uintptr_t at = (uintptr_t)r->p, v;

	switch (enc & 0x0f) {
	case 0x00: case 0x04: case 0x0c: v = bytes(r, 8); break;
	case 0x01: v = uleb(r); break;
	case 0x09: v = (uintptr_t)sleb(r); break;
	case 0x02: v = bytes(r, 2); break;
	case 0x0a: v = (uintptr_t)(int16_t)bytes(r, 2); break;
	case 0x03: v = bytes(r, 4); break;
	case 0x0b: v = (uintptr_t)(int32_t)bytes(r, 4); break;
	default: r->bad = 1; return 0;
	}
	if ((enc & 0x70) == 0x10)
		v += at;
	else if ((enc & 0x70) == 0x30)
		v += data;
	else if (enc & 0x70)
		r->bad = 1;
	if (enc & 0x80)
		r->bad = 1; /* indirect: only personality routines */
	return v;
}

/* ---- the table of one module ------------------------------------------------------------------------------------------------------*/

struct table { const uint8_t *low, *high; };

/* The binary search table of .eh_frame_hdr: pairs of signed 32-bit offsets, the encoding every linker writes. */
static const uint8_t *find_fde(uintptr_t pc, const uint8_t *hdr, const struct table *t)
{
	struct reader r = { hdr, t->high, 0 };
	uint8_t version = (uint8_t)bytes(&r, 1), ptr_enc = (uint8_t)bytes(&r, 1), count_enc = (uint8_t)bytes(&r, 1),
	        table_enc = (uint8_t)bytes(&r, 1);
	const int32_t *pairs;
	uintptr_t count, low = 0, high;

	encoded(&r, ptr_enc, (uintptr_t)hdr);
	count = encoded(&r, count_enc, (uintptr_t)hdr);
	if (r.bad || version != 1 || table_enc != 0x3b || count == 0 || count > (uintptr_t)(t->high - r.p) / 8)
		return NULL;
	pairs = (const int32_t *)r.p;
	high = count;
	while (high - low > 1) {
		uintptr_t mid = low + (high - low) / 2;
		if ((uintptr_t)hdr + (uintptr_t)(intptr_t)pairs[2 * mid] <= pc)
			low = mid;
		else
			high = mid;
	}
	return hdr + pairs[2 * low + 1];
}

struct entry { /* an FDE with what its CIE says */
	uintptr_t start, end;
	uint64_t code_align;
	int64_t data_align;
	uint8_t fde_enc;
	int signal;
	struct reader initial, program;
};

static int read_cie(const uint8_t *p, const struct table *t, struct entry *e)
{
	struct reader r = { p, t->high, 0 };
	uint64_t n = bytes(&r, 4);
	const char *aug;
	uint8_t version;

	if (n >= 0xfffffff0 || n > (uint64_t)(t->high - r.p))
		return -1;
	r.end = r.p + n;
	if (bytes(&r, 4) != 0)
		return -1;
	version = (uint8_t)bytes(&r, 1);
	aug = (const char *)r.p;
	while (bytes(&r, 1) && !r.bad)
		;
	e->code_align = uleb(&r);
	e->data_align = sleb(&r);
	if ((version == 1 ? bytes(&r, 1) : uleb(&r)) != REG_RA)
		return -1;
	e->fde_enc = 0;
	if (*aug == 'z') {
		uint64_t len = uleb(&r);
		const uint8_t *after = r.p + len;
		if (len > (uint64_t)(r.end - r.p))
			return -1;
		for (aug++; *aug && !r.bad; aug++) {
			if (*aug == 'R')
				e->fde_enc = (uint8_t)bytes(&r, 1);
			else if (*aug == 'L')
				bytes(&r, 1);
			else if (*aug == 'P')
				encoded(&r, (uint8_t)bytes(&r, 1) & 0x7f, 0);
			else if (*aug == 'S')
				e->signal = 1;
			else if (*aug != 'B')
				return -1;
		}
		r.p = after;
	} else if (*aug) {
		return -1;
	}
	e->initial = r;
	return r.bad ? -1 : 0;
}

static int read_fde(const uint8_t *p, const struct table *t, struct entry *e)
{
	struct reader r = { p, t->high, 0 };
	uint64_t n, cie;
	const uint8_t *at;

	if (p < t->low || p >= t->high)
		return -1;
	n = bytes(&r, 4);
	if (n == 0 || n >= 0xfffffff0 || n > (uint64_t)(t->high - r.p))
		return -1;
	r.end = r.p + n;
	at = r.p;
	cie = bytes(&r, 4);
	if (cie == 0 || cie > (uint64_t)(at - t->low) || read_cie(at - cie, t, e) != 0)
		return -1;
	e->start = encoded(&r, e->fde_enc, 0);
	e->end = e->start + encoded(&r, e->fde_enc & 0x0f, 0);
	n = uleb(&r); /* augmentation data: only the LSDA's address */
	if (r.bad || n > (uint64_t)(r.end - r.p))
		return -1;
	r.p += n;
	e->program = r;
	return 0;
}

/* ---- running it up to pc ----------------------------------------------------------------------------------------------------------------*/

#define STATES 8
struct row { int64_t cfa_offset, ra, fp; uint64_t cfa_reg; int ra_known, fp_known, odd; };
struct machine { struct row now, first, stack[STATES]; unsigned depth; uintptr_t loc; };

static void set_rule(struct row *row, uint64_t reg, int64_t offset, int known)
{
	if (reg == REG_RA) {
		row->ra = offset;
		row->ra_known = known;
	} else if (reg == REG_FP) {
		row->fp = offset;
		row->fp_known = known;
	}
}

static void odd_rule(struct row *row, uint64_t reg)
{
	if (reg == REG_RA || reg == REG_FP)
		row->odd = 1;
}

static void restore(struct machine *m, uint64_t reg)
{
	if (reg == REG_RA)
		set_rule(&m->now, reg, m->first.ra, m->first.ra_known);
	else
		set_rule(&m->now, reg, m->first.fp, m->first.fp_known);
}

static void skip_block(struct reader *r)
{
	uint64_t n = uleb(r);

	if (n > (uint64_t)(r->end - r->p))
		r->bad = 1;
	else
		r->p += n;
}

/* DW_CFA_* with their operands in full bytes. Returns 0 to go on. */
static int extended(struct machine *m, struct reader *r, uint8_t op, const struct entry *e)
{
	uint64_t reg;

	switch (op) {
	case 0x00: break; /* nop */
	case 0x01: m->loc = encoded(r, e->fde_enc, 0); break;
	case 0x02: m->loc += bytes(r, 1) * e->code_align; break;
	case 0x03: m->loc += bytes(r, 2) * e->code_align; break;
	case 0x04: m->loc += bytes(r, 4) * e->code_align; break;
	case 0x05: reg = uleb(r); set_rule(&m->now, reg, (int64_t)uleb(r) * e->data_align, 1); break;
	case 0x06: restore(m, uleb(r)); break;
	case 0x07: reg = uleb(r); if (reg == REG_RA) m->now.odd = 2; set_rule(&m->now, reg, 0, 0); break; /* undefined */
	case 0x08: set_rule(&m->now, uleb(r), 0, 0); break; /* same value */
	case 0x09: odd_rule(&m->now, uleb(r)); uleb(r); break;
	case 0x0a: if (m->depth == STATES) return -1; m->stack[m->depth++] = m->now; break;
	case 0x0b: if (!m->depth) return -1; m->now = m->stack[--m->depth]; break;
	case 0x0c: m->now.cfa_reg = uleb(r); m->now.cfa_offset = (int64_t)uleb(r); m->now.odd &= ~4; break;
	case 0x0d: m->now.cfa_reg = uleb(r); break;
	case 0x0e: m->now.cfa_offset = (int64_t)uleb(r); break;
	case 0x0f: m->now.odd |= 4; skip_block(r); break; /* CFA by expression: PLT stubs, signal frames */
	case 0x10: case 0x16: odd_rule(&m->now, uleb(r)); skip_block(r); break;
	case 0x11: reg = uleb(r); set_rule(&m->now, reg, sleb(r) * e->data_align, 1); break;
	case 0x12: m->now.cfa_reg = uleb(r); m->now.cfa_offset = sleb(r) * e->data_align; m->now.odd &= ~4; break;
	case 0x13: m->now.cfa_offset = sleb(r) * e->data_align; break;
	case 0x14: case 0x15: odd_rule(&m->now, uleb(r)); sleb(r); break;
	case 0x2d: break; /* aarch64: return address is signed from here on; DW_CFA_AARCH64_negate_ra_state */
	case 0x2e: uleb(r); break; /* GNU_args_size */
	default: return -1;
	}
	return 0;
}

static int run(struct machine *m, struct reader r, const struct entry *e, uintptr_t pc)
{
	while (r.p < r.end && !r.bad && m->loc <= pc) {
		uint8_t op = (uint8_t)bytes(&r, 1), low = op & 0x3f;

		if (op >> 6 == 1) {
			m->loc += low * e->code_align;
			if (m->loc > pc)
				return 0;
		} else if (op >> 6 == 2) {
			set_rule(&m->now, low, (int64_t)uleb(&r) * e->data_align, 1);
		} else if (op >> 6 == 3) {
			restore(m, low);
		} else {
			struct machine before = *m;
			if (extended(m, &r, op, e) != 0)
				return -1;
			if (m->loc > pc) {
				*m = before;
				return 0;
			}
		}
	}
	return r.bad ? -1 : 0;
}

static void conclude(const struct row *row, struct fdw_cfi *c)
{
	int fits = row->cfa_offset > -(1 << 28) && row->cfa_offset < 1 << 28 && row->ra > -(1 << 28) && row->ra < 1 << 28;

	c->kind = FDW_CFI_STOP;
	if (row->odd || !row->ra_known || !fits || (row->cfa_reg != REG_SP && row->cfa_reg != REG_FP))
		return;
	c->kind = FDW_CFI_ROW;
	c->cfa_reg = row->cfa_reg == REG_FP ? FDW_CFI_FP : FDW_CFI_SP;
	c->cfa_offset = (int32_t)row->cfa_offset;
	c->ra_offset = (int32_t)row->ra;
	c->fp_offset = row->fp_known ? (int32_t)row->fp : 0;
}

int fdw_cfi_find(uintptr_t pc, struct fdw_cfi *c)
{
	struct dl_find_object found;
	struct entry e = { 0 };
	struct machine m = { 0 };
	struct table t;
	const uint8_t *fde;

	*c = (struct fdw_cfi){ .kind = FDW_CFI_NONE };
	if (!_dl_find_object || _dl_find_object((void *)pc, &found) != 0 || !found.dlfo_eh_frame)
		return -1;
	t = (struct table){ found.dlfo_map_start, found.dlfo_map_end };
	fde = find_fde(pc, found.dlfo_eh_frame, &t);
	if (!fde || read_fde(fde, &t, &e) != 0 || pc < e.start || pc >= e.end)
		return -1;
	m.loc = e.start;
	if (run(&m, e.initial, &e, UINTPTR_MAX) != 0)
		return c->kind = FDW_CFI_STOP, 0;
	m.first = m.now;
	m.loc = e.start;
	if (run(&m, e.program, &e, pc) != 0)
		return c->kind = FDW_CFI_STOP, 0;
	conclude(&m.now, c);
	return 0;
}
