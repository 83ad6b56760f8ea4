/*
 * analyzer/stacks.c: see stacks.h.
 *
 * A stack record may come after the first event that names its id, and a module record after the first stack through it (two
 * threads of the program, one faster than the other). So an id without definition gets an empty stack that is filled in later,
 * and an address without module is looked up again with each module that comes.
 */
#include <stdlib.h>
#include <string.h>
#include "analyzer/hash.h"
#include "analyzer/memory.h"
#include "analyzer/stacks.h"

struct stack {
	struct place *places;
	size_t n;
	struct stack *same;     /* the one kept for all equal ones, or whose it is; NULL: this one, or not resolved yet */
	UT_hash_handle hh;      /* by content */
};

/* They stay to the end. Lying together they do not hold the memory between them, which is that of images long gone. */
struct page_of_stacks {
	struct page_of_stacks *next;
	size_t used;
	struct stack stack[256];
};

struct file {
	struct module_file m;
	char *key; /* path, NUL, build id */
	UT_hash_handle hh;
};

struct stacks {
	struct page_of_stacks *pages;
	struct stack *distinct;
	struct file *files;
	uint64_t clock; /* counts definitions: what was defined before a fork? */
};

struct mapping {
	uint64_t start, end, base;
	const struct module_file *file;
	int stale;
	struct mapping *next;
};

struct id {
	uint32_t id;
	uint64_t when;
	struct stack *stack;
	int defined;
	struct id *unresolved; /* list of those with addresses left */
	UT_hash_handle hh;
};

struct space {
	struct stacks *store;
	struct space *parent;
	uint64_t forked;     /* the store's clock when this space began; UINT64_MAX: it is the parent's, for ever */
	unsigned references;
	struct id *ids;
	struct id *unresolved;
	struct mapping *mappings;
};

struct stacks *stacks_new(void) { return xcalloc(1, sizeof(struct stacks)); }

void stacks_free(struct stacks *s)
{
	struct file *f, *next_file;

	if (!s)
		return;
	HASH_CLEAR(hh, s->distinct);
	for (struct page_of_stacks *page; (page = s->pages);) {
		s->pages = page->next;
		for (size_t i = 0; i < page->used; i++)
			free(page->stack[i].places);
		free(page);
	}
	HASH_ITER(hh, s->files, f, next_file) {
		HASH_DEL(s->files, f);
		free(f->key);
		free(f);
	}
	free(s);
}

/* ---- modules -----------------------------------------------------------------------------------------------------------------*/

static const struct module_file *file_of(struct stacks *s, const struct fdw_module *m)
{
	size_t path = strlen(m->path) + 1, n = path + m->build_id_len;
	char *key = xmalloc(n);
	struct file *f;

	memcpy(key, m->path, path);
	if (m->build_id_len)
		memcpy(key + path, m->build_id, m->build_id_len);
	HASH_FIND(hh, s->files, key, n, f);
	if (f) {
		free(key);
		return &f->m;
	}
	f = xcalloc(1, sizeof *f);
	f->key = key;
	f->m = (struct module_file){ key, (uint8_t *)key + path, m->build_id_len };
	HASH_ADD_KEYPTR(hh, s->files, f->key, n, f);
	return &f->m;
}

/* The newest mapping first. The address before the return address decides: a call may be the last instruction of a module. */
static const struct mapping *mapping_in(const struct space *s, uint64_t address, int stale)
{
	for (; s; s = s->parent)
		for (const struct mapping *m = s->mappings; m; m = m->next)
			if (m->stale <= stale && address - 1 >= m->start && address - 1 < m->end)
				return m;
	return NULL;
}

/* How many addresses are left without a module. */
static int resolve(const struct space *s, struct place *places, size_t n, int stale)
{
	int left = 0;

	for (size_t i = 0; i < n; i++) {
		const struct mapping *m = places[i].module ? NULL : mapping_in(s, places[i].offset, stale);

		if (m) {
			places[i].module = m->file;
			places[i].offset -= m->base;
		}
		left += !places[i].module;
	}
	return left;
}

/* ---- distinct stacks ------------------------------------------------------------------------------------------------------------*/

static struct stack *stack_new(struct stacks *s)
{
	struct page_of_stacks *page = s->pages;

	if (!page || page->used == sizeof page->stack / sizeof *page->stack) {
		page = xcalloc(1, sizeof *page);
		page->next = s->pages;
		s->pages = page;
	}
	return &page->stack[page->used++];
}

static struct stack *known(const struct stacks *s, const struct place *places, size_t n)
{
	struct stack *found;

	HASH_FIND(hh, s->distinct, places, n * sizeof *places, found);
	return found;
}

static void keep_distinct(struct stacks *s, struct stack *k)
{
	struct stack *found;

	if (!k->n || k->same)
		return;
	found = known(s, k->places, k->n);
	if (found && found != k) {
		k->same = found;
		free(k->places);
		k->places = NULL;
		k->n = 0;
	} else if (!found) {
		HASH_ADD_KEYPTR(hh, s->distinct, k->places, k->n * sizeof *k->places, k);
	}
}

const struct stack *stack_same(const struct stack *k)
{
	while (k && k->same)
		k = k->same;
	return k;
}

size_t stack_places(const struct stack *k, const struct place **p)
{
	k = stack_same(k);
	*p = k ? k->places : NULL;
	return k ? k->n : 0;
}

/* ---- spaces ----------------------------------------------------------------------------------------------------------------------*/

struct space *space_new(struct stacks *store)
{
	struct space *s = xcalloc(1, sizeof *s);

	s->store = store;
	s->references = 1;
	return s;
}

void space_adopt(struct space *s, struct space *parent, int shared)
{
	if (s->parent || !parent || parent == s)
		return;
	for (const struct space *p = parent; p; p = p->parent)
		if (p == s)
			return;
	s->parent = parent;
	s->forked = shared ? UINT64_MAX : s->store->clock;
	parent->references++;
}

void space_drop(struct space *s)
{
	while (s && --s->references == 0) {
		struct space *parent = s->parent;
		struct id *i, *next;

		HASH_ITER(hh, s->ids, i, next) {
			HASH_DEL(s->ids, i);
			free(i);
		}
		for (struct mapping *m = s->mappings, *following; m; m = following) {
			following = m->next;
			free(m);
		}
		free(s);
		s = parent;
	}
}

static struct id *own_id(struct space *s, uint32_t id)
{
	struct id *i;

	HASH_FIND(hh, s->ids, &id, sizeof id, i);
	return i;
}

static struct id *add_id(struct space *s, uint32_t id, struct stack *stack)
{
	struct id *i = xcalloc(1, sizeof *i);

	i->id = id;
	i->stack = stack;
	HASH_ADD(hh, s->ids, id, sizeof i->id, i);
	return i;
}

/* What a parent had defined when the fork came. Who asked in vain has asked all of his. */
static struct id *inherited_id(struct space *s, uint32_t id)
{
	uint64_t before = s->forked;
	struct id *i = NULL;

	for (struct space *p = s->parent; p && !(i = own_id(p, id)); p = p->parent)
		before = p->forked < before ? p->forked : before;
	return i && i->defined && i->when < before ? i : NULL;
}

struct stack *space_stack(struct space *s, uint32_t id)
{
	struct id *i = own_id(s, id), *theirs;

	if (!id)
		return NULL;
	if (!i && (theirs = inherited_id(s, id))) {
		i = add_id(s, id, theirs->stack); /* chains of forks are long now and then: not again through all of it */
		i->defined = 1;
		i->when = theirs->when;
	}
	if (!i)
		i = add_id(s, id, stack_new(s->store));
	return (struct stack *)stack_same(i->stack);
}

static void finish(struct space *s, struct id *i, int stale)
{
	if (resolve(s, i->stack->places, i->stack->n, stale) == 0) {
		keep_distinct(s->store, i->stack);
	} else {
		i->unresolved = s->unresolved;
		s->unresolved = i;
	}
}

void space_define(struct space *s, const struct fdw_stack *def)
{
	struct id *i = own_id(s, def->id);
	struct place places[FDW_STACK_MAX] = { 0 };
	size_t n = def->depth < FDW_STACK_MAX ? def->depth : FDW_STACK_MAX;
	struct stack *same = NULL;
	int left;

	if (!def->id || !n || (i && i->defined))
		return;
	for (size_t k = 0; k < n; k++)
		places[k].offset = def->frames[k];
	left = resolve(s, places, n, 0);
	/* Nobody has been given a stack for it, and one like it is there: the usual case, process after process. */
	if (!i && !left && (same = known(s->store, places, n)))
		i = add_id(s, def->id, same);
	else if (!i)
		i = add_id(s, def->id, stack_new(s->store));
	i->defined = 1;
	i->when = s->store->clock++;
	if (same)
		return;
	i->stack->n = n;
	i->stack->places = xmalloc(n * sizeof *places);
	memcpy(i->stack->places, places, n * sizeof *places);
	finish(s, i, 0);
}

static void retry(struct space *s, int stale)
{
	struct id *i = s->unresolved, *next;

	s->unresolved = NULL;
	for (; i; i = next) {
		next = i->unresolved;
		i->unresolved = NULL;
		finish(s, i, stale);
	}
}

void space_module(struct space *s, const struct fdw_module *def)
{
	struct mapping *m;

	for (m = s->mappings; m; m = m->next)
		if (m->start == def->start && m->end == def->end && m->base == def->base && !strcmp(m->file->path, def->path))
			break;
	if (m) {
		m->stale = 0;
	} else {
		m = xcalloc(1, sizeof *m);
		*m = (struct mapping){ def->start, def->end, def->base, file_of(s->store, def), 0, s->mappings };
		s->mappings = m;
	}
	retry(s, 0);
}

void space_modules_changed(struct space *s)
{
	for (struct mapping *m = s->mappings; m; m = m->next)
		m->stale = 1;
}

/*
 * An id that its own process never defined was in the table it was forked with: another thread of the parent's was about to define it, or the
 * child has the parent's memory.
 */
#define NEAR 4
static void take_from_parents(struct space *s, struct id *i)
{
	struct id *theirs;
	int far = 0;

	for (struct space *p = s->parent; p && !i->stack->same && far++ < NEAR; p = p->parent)
		if ((theirs = own_id(p, i->id)) && theirs->defined && stack_same(theirs->stack) != i->stack)
			i->stack->same = (struct stack *)stack_same(theirs->stack);
}

void space_settle(struct space *s)
{
	retry(s, 1);
	for (struct id *i = s->parent ? s->ids : NULL; i; i = i->hh.next)
		if (!i->defined)
			take_from_parents(s, i);
}
