/*
 * preload/module.c: which code is where, for the analyzer's symbols; and dlopen/dlclose that change it.
 *
 * Context: fdw_module_seen runs wherever a stack is seen for the first time, also in handlers: it takes no lock and allocates nothing.
 * The loader's lock-free lookup (_dl_find_object, glibc 2.35) tells the module of an address, so a module is announced when the first
 * stack through it is, and neither dl_iterate_phdr nor the loader's lock is ever needed. On an older glibc stacks stay numbers.
 */
#include <dlfcn.h>
#include <link.h>
#include "event.h"
#include "exit.h"
#include "killed.h"
#include "module.h"
#include "resolve.h"
#include "stack.h"
#include "poison.h"

#define KNOWN 512
static struct { _Atomic uintptr_t start, end; _Atomic uint64_t identity; } known[KNOWN] FDW_LARGE; /* end 0: not there yet, or forgotten */
static _Atomic unsigned known_count;
static char self_path[1024];

static uint64_t known_as(uintptr_t pc)
{
	unsigned n = atomic_load_explicit(&known_count, memory_order_acquire);

	for (unsigned i = 0; i < n && i < KNOWN; i++)
		if (pc < atomic_load_explicit(&known[i].end, memory_order_acquire) &&
		    pc >= atomic_load_explicit(&known[i].start, memory_order_relaxed))
			return atomic_load_explicit(&known[i].identity, memory_order_relaxed);
	return 0;
}

/* Two threads may announce the same module: the analyzer does not mind. */
static void remember(uintptr_t start, uintptr_t end, uint64_t identity)
{
	unsigned n = atomic_fetch_add(&known_count, 1);

	if (n >= KNOWN) {
		atomic_store(&known_count, KNOWN);
		return;
	}
	atomic_store_explicit(&known[n].start, start, memory_order_relaxed);
	atomic_store_explicit(&known[n].identity, identity, memory_order_relaxed);
	atomic_store_explicit(&known[n].end, end, memory_order_release);
}

static void find_build_id(struct fdw_module *m, const ElfW(Ehdr) *e)
{
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)((const char *)e + e->e_phoff);

	for (unsigned i = 0; i < e->e_phnum; i++) {
		const char *at = (const char *)m->base + p[i].p_vaddr, *end = at + p[i].p_memsz;

		while (p[i].p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *n = (const ElfW(Nhdr) *)at;
			const char *name = at + sizeof *n, *desc = name + ((n->n_namesz + 3) & ~3u);
			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && !memcmp(name, "GNU", 4) && desc + n->n_descsz <= end) {
				m->build_id = (const uint8_t *)desc;
				m->build_id_len = n->n_descsz > 32 ? 32 : n->n_descsz;
				return;
			}
			at = desc + ((n->n_descsz + 3) & ~3u);
		}
	}
}

static const char *own_path(void)
{
	long n;

	if (!self_path[0] && !fdw_process.filtered) {
		n = fdw_raw(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/exe", self_path, sizeof self_path - 1);
		self_path[n > 0 ? n : 0] = 0;
	}
	return self_path[0] ? self_path : "?";
}

/* Where it lies and what it is, as far as it says: two that agree in that are one to the analyzer, too. */
static uint64_t identity_of(const struct fdw_module *m)
{
	uint64_t h = fdw_mixed(fdw_mixed(fdw_mixed(1, m->base), m->start), m->end);

	for (unsigned i = 0; i < m->build_id_len; i++)
		h = fdw_mixed(h, m->build_id[i]);
	for (const char *p = m->path; *p; p++)
		h = fdw_mixed(h, (uint8_t)*p);
	return h | 1;
}

uint64_t fdw_module_seen(uintptr_t pc)
{
	uint64_t identity = known_as(pc);
	struct robust_list_head *h;
	struct dl_find_object found;
	struct fdw_module m;

	if (likely(identity) || !_dl_find_object || _dl_find_object((void *)pc, &found) != 0)
		return identity;
	m = (struct fdw_module){ .pid = fdw_process.who, .base = found.dlfo_link_map->l_addr,
		.start = (uintptr_t)found.dlfo_map_start, .end = (uintptr_t)found.dlfo_map_end };
	m.path = found.dlfo_link_map->l_name;
	if (!m.path || !*m.path)
		m.path = own_path();
	/* The ELF header is the first thing mapped of every module that was linked the usual way. */
	if (!memcmp(found.dlfo_map_start, ELFMAG, SELFMAG))
		find_build_id(&m, found.dlfo_map_start);
	h = fdw_event_begins();
	fdw_ops->module(&m);
	fdw_event_over(h);
	identity = identity_of(&m);
	remember(m.start, m.end, identity); /* only now: another thread's stack must not come before it */
	return identity;
}

/*
 * After fork the child's events carry another pid, but the analyzer looks at its parent's modules too: nothing to do then. No stack: it would tell
 * modules that the event itself makes doubtful again. The event first: a module told between the two is told once more.
 */
void fdw_modules_forget(uint16_t call)
{
	fdw_life(FDW_OP_MODULES, 0, 0, 0, -1, 0, call, 0, FDW_NO_DETAIL);
	for (unsigned i = 0, n = atomic_exchange(&known_count, 0); i < n && i < KNOWN; i++)
		atomic_store_explicit(&known[i].end, 0, memory_order_relaxed);
}

/*
 * libc's dlopen looks at its caller for the run path and the namespace, so it must return straight to the program: a tail call, and
 * nothing afterwards. RTLD_DEEPBIND makes a library find libc before us; masking it could change what the library does, so it is
 * only told.
 */
FDW_EXPORT void *dlopen(const char *file, int mode)
{
	if (unlikely(mode & RTLD_DEEPBIND) && fdw_recording())
		fdw_emit_blind("RTLD_DEEPBIND", FDW_CALL_dlopen, FDW_CALLER);
	return FDW_REAL(dlopen)(file, mode);
}

FDW_EXPORT int dlclose(void *handle)
{
	int r = FDW_REAL(dlclose)(handle);

	if (r == 0 && fdw_recording() && !fdw_self.tool) {
		fdw_stack_flush();
		fdw_modules_forget(FDW_CALL_dlclose);
	}
	return r;
}

/* ---- Go ---------------------------------------------------------------------------------------------------------------------------------*/

/* Its linker leaves a note of this name in every executable and library it makes. */
static int has_go_note(const char *at, size_t size)
{
	for (size_t i = 0; i + sizeof(ElfW(Nhdr)) + 4 <= size;) {
		const ElfW(Nhdr) *n = (const ElfW(Nhdr) *)(at + i);
		if (n->n_namesz == 4 && !memcmp(n + 1, "Go", 3))
			return 1;
		i += sizeof *n + ((n->n_namesz + 3u) & ~3u) + ((n->n_descsz + 3u) & ~3u);
	}
	return 0;
}

int fdw_is_go(uintptr_t pc)
{
	struct dl_find_object o;
	const ElfW(Ehdr) *e;
	const ElfW(Phdr) *ph;

	if (!_dl_find_object || _dl_find_object((void *)pc, &o) != 0)
		return 0;
	e = o.dlfo_map_start;
	if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	ph = (const ElfW(Phdr) *)((const char *)e + e->e_phoff);
	for (unsigned i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_NOTE && has_go_note((const char *)(o.dlfo_link_map->l_addr + ph[i].p_vaddr), ph[i].p_memsz))
			return 1;
	return 0;
}
