/*
 * preload/foreign.c: event ports, whoever provides them: libport, or any other library that exports port_associate.
 *
 * Context: our constructor, when all the program was started with is relocated and nothing of it has run; and libport's, when it comes with
 * dlopen. May not: call what may wait for the loader's lock while dl_iterate_phdr holds the other.
 *
 * A wrapper with the name of what it wraps cannot be exported here, as those for libc's functions are. Nearly all programs have no event
 * ports, and ask: dlsym(RTLD_DEFAULT, "port_create"), a weak reference, a table of back-ends. They would find ours, believe in ports and
 * fail; or have a port_get of their own that means something else. An export cannot be made to depend on what else there is, either: an
 * IFUNC that answers NULL makes the loader complain on stderr about each library that it relocates before us, and dlsym would say
 * "found, at NULL".
 *
 * So nothing of the kind is exported. Where a library with port_associate is found, what leads to its functions is led to ours: the places
 * that the loader has filled in by now, in every module but that library, and the library's own symbols, from which it fills in all later
 * ones and dlsym answers, by whatever handle. Where none is found nothing is touched.
 */
#include <dlfcn.h>
#include <link.h>
#include "foreign.h"
#include "protect.h"
#include "table.h"
#include "poison.h"

static const struct call { const char *name; void **real; void *ours; } calls[] = {
#define LIB(ret, name, params, file) { #name, (void **)&real_##name, (void *)(uintptr_t)fdw_##name },
#include "calls.def"
};
#define CALLS (sizeof calls / sizeof *calls)

static uintptr_t low, high; /* the library; equal: none */

int fdw_foreign_code(uintptr_t pc) { return pc - low < high - low; }

/* ---- a module ---------------------------------------------------------------------------------------------------------------------------*/

struct module {
	uintptr_t base, low, high;
	uintptr_t relro, relro_end; /* whole pages that the loader made read-only after it had filled them in */
	const ElfW(Phdr) *segments;
	unsigned count;
	ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *hash, *gnu_hash;
	const ElfW(Rela) *slots[2];
	size_t slots_bytes[2];
};

static void read_dynamic(struct module *m, const ElfW(Dyn) *d)
{
	for (; d->d_tag != DT_NULL; d++) {
		/* The loader adds the base to addresses in place, but for the vDSO. */
		uintptr_t at = d->d_un.d_ptr < m->base ? m->base + d->d_un.d_ptr : d->d_un.d_ptr;
		switch (d->d_tag) {
		case DT_SYMTAB: m->symbols = (ElfW(Sym) *)at; break;
		case DT_STRTAB: m->strings = (const char *)at; break;
		case DT_HASH: m->hash = (const uint32_t *)at; break;
		case DT_GNU_HASH: m->gnu_hash = (const uint32_t *)at; break;
		case DT_RELA: m->slots[0] = (const ElfW(Rela) *)at; break;
		case DT_RELASZ: m->slots_bytes[0] = d->d_un.d_val; break;
		case DT_JMPREL: m->slots[1] = (const ElfW(Rela) *)at; break;
		case DT_PLTRELSZ: m->slots_bytes[1] = d->d_un.d_val; break;
		}
	}
}

static void read_module(struct module *m, const struct dl_phdr_info *info)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const ElfW(Dyn) *dynamic = NULL;

	*m = (struct module){ .base = info->dlpi_addr, .low = UINTPTR_MAX, .segments = info->dlpi_phdr, .count = info->dlpi_phnum };
	for (unsigned i = 0; i < m->count; i++) {
		const ElfW(Phdr) *p = &m->segments[i];
		uintptr_t at = m->base + p->p_vaddr;
		if (p->p_type == PT_LOAD) {
			m->low = at < m->low ? at : m->low;
			m->high = at + p->p_memsz > m->high ? at + p->p_memsz : m->high;
		} else if (p->p_type == PT_GNU_RELRO) {
			m->relro = at & ~(page - 1);
			m->relro_end = (at + p->p_memsz) & ~(page - 1);
		} else if (p->p_type == PT_DYNAMIC) {
			dynamic = (const ElfW(Dyn) *)at;
		}
	}
	if (dynamic)
		read_dynamic(m, dynamic);
}

static int holds(const struct module *m, uintptr_t at) { return at - m->low < m->high - m->low; }

/* As the loader left it. */
static int protection(const struct module *m, uintptr_t at)
{
	int prot = 0;

	for (unsigned i = 0; i < m->count; i++) {
		const ElfW(Phdr) *p = &m->segments[i];
		if (p->p_type == PT_LOAD && at - (m->base + p->p_vaddr) < p->p_memsz)
			prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) | (p->p_flags & PF_X ? PROT_EXEC : 0);
	}
	return at >= m->relro && at < m->relro_end ? prot & ~PROT_WRITE : prot;
}

/*
 * Writes a word of a module. Not where that took execution from the page, or needs what is forbidden: then calls by this way go past us. (mprotect
 * itself the loader has called in this process, whatever filter there is.)
 */
static void poke(const struct module *m, void *where, uintptr_t value)
{
	_Atomic uintptr_t *at = where;
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), page = (uintptr_t)where & ~(size - 1);
	int prot = protection(m, (uintptr_t)where), opened = !(prot & PROT_WRITE);

	if (!prot || (opened && prot & PROT_EXEC && fdw_process.filtered))
		return;
	if (opened && fdw_raw(SYS_mprotect, page, size, (long)(prot | PROT_WRITE)) != 0)
		return;
	atomic_store(at, value);
	if (opened)
		fdw_raw(SYS_mprotect, page, size, (long)prot);
}

/* ---- its symbols --------------------------------------------------------------------------------------------------------------------------*/

static size_t symbol_count(const struct module *m)
{
	const uint32_t *h = m->gnu_hash, *bucket, *chain;
	uint32_t last = 0;

	if (m->hash || !h)
		return m->hash ? m->hash[1] : 0;
	/* buckets, first symbol in them, words of the filter, shift; the filter; the buckets; the chains, each ending with an odd entry */
	bucket = h + 4 + h[2] * (sizeof(uintptr_t) / sizeof *h);
	chain = bucket + h[0];
	for (uint32_t i = 0; i < h[0]; i++)
		last = bucket[i] > last ? bucket[i] : last;
	if (last < h[1])
		return h[1];
	while (!(chain[last - h[1]] & 1))
		last++;
	return last + 1;
}

static int is_function(const ElfW(Sym) *s)
{
	unsigned type = s->st_info & 0xf;
	return s->st_shndx != SHN_UNDEF && s->st_value && (type == STT_FUNC || type == STT_GNU_IFUNC);
}

static int is_ifunc(const ElfW(Sym) *s) { return (s->st_info & 0xf) == STT_GNU_IFUNC; }

/* The next definition of that name, NULL after the last: old versions have the name too. */
static ElfW(Sym) *definition(const struct module *m, const char *name, size_t *from)
{
	for (size_t n = symbol_count(m); *from < n; (*from)++)
		if (is_function(&m->symbols[*from]) && !strcmp(m->strings + m->symbols[*from].st_name, name))
			return &m->symbols[(*from)++];
	return NULL;
}

/* Where the library's own function is. One of that name in some other library is most probably something else; an interposer before it is not. */
static void *real_of(const struct module *m, const char *name, void *next)
{
	size_t from = 0;
	const ElfW(Sym) *s = holds(m, (uintptr_t)next) ? NULL : definition(m, name, &from);

	return s && !is_ifunc(s) ? (void *)(m->base + s->st_value) : next;
}

static void lead_symbols(const struct module *m, const struct call *c)
{
	size_t from = 0;
	ElfW(Sym) *s;

	while (*c->real && (s = definition(m, c->name, &from))) {
		union { ElfW(Sym) symbol; uintptr_t word; } first = { *s };
		if (!is_ifunc(s) && m->base + s->st_value != (uintptr_t)*c->real)
			continue;
		/* The value, one word, first: an IFUNC's is called when it is looked up. */
		if (is_ifunc(s)) {
			first.symbol.st_info = (unsigned char)((s->st_info & 0xf0) | STT_FUNC);
			poke(m, s, first.word);
			if (is_ifunc(s))
				continue;
		}
		poke(m, &s->st_value, (uintptr_t)c->ours - m->base);
	}
}

/* ---- what was filled in already -------------------------------------------------------------------------------------------------------------*/

static int is_slot(uint32_t type)
{
#if defined(__x86_64__)
	return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
#else
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64;
#endif
}

static void lead_slot(const struct module *m, const ElfW(Rela) *r)
{
	uintptr_t *at = (uintptr_t *)(m->base + r->r_offset), value = *at;

	/* One that is not bound yet leads to its own stub: it will be, by the symbol. */
	for (size_t i = 0; i < CALLS; i++)
		if (value && value == (uintptr_t)*calls[i].real)
			poke(m, at, (uintptr_t)calls[i].ours);
}

static int lead_slots(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct module m;

	read_module(&m, info);
	if (holds(&m, (uintptr_t)lead_slots) || fdw_foreign_code(m.low))
		return 0;
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; m.slots[t] && i < m.slots_bytes[t] / sizeof *m.slots[t]; i++)
			if (is_slot((uint32_t)ELF64_R_TYPE(m.slots[t][i].r_info)))
				lead_slot(&m, &m.slots[t][i]);
	return 0;
}

/* ---- finding the library ----------------------------------------------------------------------------------------------------------------------*/

struct wanted { uintptr_t pc; struct module m; };

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct wanted *w = arg;

	read_module(&w->m, info);
	return holds(&w->m, w->pc) && w->m.symbols && w->m.strings;
}

/* By dlsym for what was there at the start; of what dlopen brings only the library's own are found. */
static void adopt(uintptr_t pc)
{
	struct wanted w = { .pc = pc };
	void *reals[CALLS];

	for (size_t i = 0; i < CALLS; i++)
		reals[i] = dlsym(RTLD_NEXT, calls[i].name);
	if (low != high || !dl_iterate_phdr(look, &w))
		return;
	low = w.m.low;
	high = w.m.high;
	for (size_t i = 0; i < CALLS; i++)
		__atomic_store_n(calls[i].real, real_of(&w.m, calls[i].name, reals[i]), __ATOMIC_RELEASE);
	for (size_t i = 0; i < CALLS; i++)
		lead_symbols(&w.m, &calls[i]);
	dl_iterate_phdr(lead_slots, NULL);
}

/*
 * A reference that nobody has to satisfy: dlsym allocates a message where there is no such name, and this is before an allocator of the program's
 * may be ready (clang's for the thread sanitizer dies of it).
 */
extern char anybodys_port_associate __asm__("port_associate") __attribute__((weak, visibility("default")));

void fdw_foreign_find(void)
{
	void *found = &anybodys_port_associate ? dlsym(RTLD_NEXT, "port_associate") : NULL;

	if (unlikely(found))
		adopt((uintptr_t)found);
}

/* ---- libport ----------------------------------------------------------------------------------------------------------------------------------*/

void fdwarden_ports(const void *code);
void fdwarden_private(int fd);

/*
 * libport says in its constructor that it is there: its code is ours, so that how it asks the kernel what a number is counts as nobody's call.
 * Not by its name, nor true of any library with ports: that may hold half of the program.
 */
FDW_EXPORT void fdwarden_ports(const void *code)
{
	if (!fdw_on())
		return;
	fdw_tool_range_add((uintptr_t)code);
	if (low == high)
		adopt((uintptr_t)code);
}

/* A descriptor that the caller keeps to itself, until it closes it. */
FDW_EXPORT void fdwarden_private(int fd)
{
	if (fdw_on())
		fdw_protect_kept(fd);
}
