/*
 * analyzer/finding.c: see finding.h. Collecting is cheap and keeps one entry for each tuple of stacks; finishing symbolises each once.
 */
#define _GNU_SOURCE
#include "analyzer/describe.h"
#include "analyzer/finding.h"
#include "analyzer/memory.h"
#include "analyzer/suppress.h"
#include "analyzer/words.h"

struct findings {
	struct finding *raw;     /* hash by raw_key, then by key */
	struct finding *sorted;
};

/* What makes two occurrences the same before there are symbols. */
struct raw_key {
	const struct rule *rule;
	const struct stack *stacks[FINDING_STACKS];
};

const char *role_name(enum role r)
{
	static const char *const names[] = { "opened", "duplicated", "closed", "reused", "used", "armed", "delivered", "rearmed",
		"forked", "execed", "installed" };
	return names[r];
}

const char *severity_name(enum severity s)
{
	return severity_words.list[s];
}

const char *confidence_name(enum confidence c)
{
	static const char *const names[] = { "possible", "strong", "certain" };
	return names[c];
}

struct findings *findings_new(void) { return xcalloc(1, sizeof(struct findings)); }

static void finding_free(struct finding *f)
{
	for (unsigned i = 0; i < f->nstacks; i++) {
		free(f->stacks[i].call);
		free(f->stacks[i].note);
		frames_free(&f->stacks[i].frames);
	}
	free(f->raw);
	free(f->doubted);
	free(f->object);
	free(f->message);
	free(f);
}

void findings_free(struct findings *all)
{
	struct finding *f, *next;

	if (!all)
		return;
	HASH_ITER(hh, all->raw, f, next) {
		HASH_DEL(all->raw, f);
		finding_free(f);
	}
	for (f = all->sorted; f; f = next) {
		next = f->next;
		finding_free(f);
	}
	free(all);
}

/* ---- collecting -----------------------------------------------------------------------------------------------------------------------*/

void draft_stack(struct draft *d, enum role role, const struct moment *at, const struct generation *of)
{
	if (d->nstacks == FINDING_STACKS || !at->time)
		return;
	d->stacks[d->nstacks].role = role;
	d->stacks[d->nstacks].at = at;
	d->stacks[d->nstacks++].of = of;
}

void draft_note(struct draft *d, const char *note)
{
	if (d->nstacks)
		d->stacks[d->nstacks - 1].note = note;
}

void draft_past(struct draft *d, const struct generation *g)
{
	int dup;

	if (!g)
		return;
	dup = g->opened.op == FDW_OP_DUP || (g->opened.op == FDW_OP_REPLACE && g->opened.fd2 >= 0);
	draft_stack(d, dup ? ROLE_DUPLICATED : ROLE_OPENED, &g->opened, g);
	draft_stack(d, ROLE_CLOSED, &g->closed, g);
}

void draft_history(struct draft *d, const struct generation *g, enum role role, const struct moment *last)
{
	draft_past(d, g);
	draft_stack(d, role, last, NULL);
}

static char *note_of(const struct draft *d, unsigned i, const char *object)
{
	const struct generation *g = d->stacks[i].of;
	char *s = NULL, *own;
	int n = 0;

	if (d->stacks[i].note)
		return xstrdup(d->stacks[i].note);
	switch (d->stacks[i].role) {
	case ROLE_OPENED: case ROLE_DUPLICATED: case ROLE_REUSED:
		own = g && g != d->generation ? describe_object(g->description) : NULL;
		n = asprintf(&s, "#%u  %s", g ? g->gen : 0, own ? own : object);
		free(own);
		break;
	case ROLE_CLOSED:
		if (g)
			n = asprintf(&s, "end of #%u", g->gen);
		break;
	default:
		break;
	}
	if (n < 0)
		out_of_memory();
	return s;
}

/* Why less is sure of this program than the rule believes; NULL: nothing is. */
static const char *doubt_of(const struct draft *d)
{
	if (!d->rule->by_history || !d->image)
		return NULL;
	if (d->image->blind)
		return "the program also uses ways that cannot be seen";
	return image_lossy(d->image);
}

static void give_doubt(struct finding *f, const char *why)
{
	f->doubted = xasprintf("%s%s%s", f->reason ? f->reason : "", f->reason ? "; but " : "", why);
	f->reason = f->doubted;
}

static struct finding *finding_new(const struct draft *d)
{
	struct finding *f = xcalloc(1, sizeof *f);
	const struct description *object = d->generation ? d->generation->description : NULL;
	char *of_generation = describe_object(object);

	f->rule = d->rule;
	f->severity = d->severity;
	f->confidence = d->confidence;
	f->kind = d->kind;
	f->reason = d->reason;
	if (d->doubt)
		give_doubt(f, d->doubt);
	f->growth = d->growth;
	f->fd = d->fd;
	f->generation = d->generation ? d->generation->gen : 0;
	f->pid = d->pid ? d->pid : d->image->process->pid;
	f->exe = d->image->exe;
	f->first = d->nstacks ? d->stacks[d->nstacks - 1].at->time : 0;
	f->object = describe_object(d->object ? d->object : object);
	f->nstacks = d->nstacks;
	f->nkey = d->nkey ? d->nkey : d->nstacks;
	for (unsigned i = 0; i < d->nstacks; i++) {
		struct finding_stack *s = &f->stacks[i];
		const struct generation *g = d->stacks[i].of;

		s->role = d->stacks[i].role;
		s->at = *d->stacks[i].at;
		s->call = describe_call(&s->at, s->role == ROLE_OPENED || s->role == ROLE_REUSED ? (g ? g->description : NULL) : NULL);
		s->note = note_of(d, i, of_generation);
	}
	free(of_generation);
	return f;
}

/* Of occurrences with the same stacks, the worst is shown, and of those the surest. */
static int is_worse(enum severity s, enum confidence c, const struct finding *than)
{
	return s != than->severity ? s > than->severity : c > than->confidence;
}

/* f takes over from `old`, which is freed. */
static void supersede(struct finding *f, struct finding *old)
{
	f->count += old->count;
	f->first = old->first < f->first ? old->first : f->first;
	f->kind = f->kind ? f->kind : old->kind;
	finding_free(old);
}

void findings_add(struct findings *all, struct draft *d)
{
	struct raw_key key;
	struct finding *f, *old;
	uint64_t count;

	if ((d->doubt = doubt_of(d)) && d->confidence > CONFIDENCE_POSSIBLE)
		d->confidence--;
	memset(&key, 0, sizeof key);
	key.rule = d->rule;
	for (unsigned i = 0; i < (d->nkey ? d->nkey : d->nstacks); i++)
		key.stacks[i] = stack_same(d->stacks[i].at->stack);
	HASH_FIND(hh, all->raw, &key, sizeof key, old);
	count = old && d->known ? 0 : d->count ? d->count : 1;
	if (old && !is_worse(d->severity, d->confidence, old)) {
		old->count += count;
		old->kind = old->kind ? old->kind : d->kind;
		return;
	}
	f = finding_new(d);
	f->count = count;
	f->raw = xmalloc(sizeof key);
	memcpy(f->raw, &key, sizeof key);
	if (old) {
		HASH_DEL(all->raw, old);
		supersede(f, old);
	}
	HASH_ADD_KEYPTR(hh, all->raw, f->raw, sizeof key, f);
}

void findings_doubt(struct findings *all, const char *why)
{
	for (struct finding *f = all->raw; f; f = f->hh.next) {
		if (f->confidence == CONFIDENCE_POSSIBLE)
			continue;
		if (f->rule->by_absence)
			f->confidence = CONFIDENCE_POSSIBLE;
		else if (!f->doubted)
			f->confidence--;
		if (!f->doubted)
			give_doubt(f, why);
	}
}

/* ---- ids --------------------------------------------------------------------------------------------------------------------------------*/

/* FNV-1a, 64 bits: stable, and good enough for a few thousand short strings. */
static uint64_t mix(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t mix_number(uint64_t h, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%llx", (unsigned long long)n);
	return mix(h, text);
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path;
}

static uint64_t mix_frame(uint64_t h, const struct frame *f)
{
	h = mix(h, base_name(f->module));
	if (!f->module)
		return h; /* code made at run time: its address says nothing */
	if (!f->function) {
		h = mix(h, f->build_id);
		return mix_number(h, f->offset);
	}
	h = mix(h, f->function);
	h = mix(h, base_name(f->file));
	return mix_number(h, (uint64_t)(f->line - f->declared)); /* in its function: what is written above may change */
}

static void identify(struct finding *f)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), f->rule->id);

	for (unsigned i = 0; i < f->nkey; i++) {
		h = mix(h, role_name(f->stacks[i].role));
		if (!f->stacks[i].frames.n) /* no stack: who, and by which call, is all there is */
			h = mix(mix(h, base_name(f->exe)), f->stacks[i].at.call);
		for (size_t k = 0; k < f->stacks[i].frames.n; k++)
			h = mix_frame(h, &f->stacks[i].frames.at[k]);
	}
	f->key = h;
	snprintf(f->id, sizeof f->id, "%s-%08x", f->rule->id, (uint32_t)(h ^ h >> 32));
}

/* ---- finishing ------------------------------------------------------------------------------------------------------------------------------*/

static void symbolise(struct finding *f, struct symbols *symbols, int full)
{
	for (unsigned i = 0; i < f->nstacks; i++) {
		frames_free(&f->stacks[i].frames);
		stack_frames(f->stacks[i].at.stack, symbols, full, &f->stacks[i].frames);
	}
}

static void say(struct finding *f)
{
	size_t n;
	FILE *out = open_memstream(&f->message, &n);

	xcheck(out);
	f->rule->say(f, out);
	fclose(out);
	xcheck(f->message);
}

static int worst_first(const void *pa, const void *pb)
{
	const struct finding *a = *(struct finding *const *)pa, *b = *(struct finding *const *)pb;

	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	if (a->confidence != b->confidence)
		return a->confidence > b->confidence ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->id, b->id);
}

static void sort(struct findings *all, struct finding *hash)
{
	unsigned n = HASH_COUNT(hash), i = 0;
	struct finding **list = xcalloc(n, sizeof *list), *f, *next;

	HASH_ITER(hh, hash, f, next) {
		HASH_DEL(hash, f);
		list[i++] = f;
	}
	qsort(list, n, sizeof *list, worst_first);
	for (i = n; i-- > 0;) {
		list[i]->next = all->sorted;
		all->sorted = list[i];
	}
	free(list);
}

static int by_time(const struct finding *a, const struct finding *b)
{
	return a->first != b->first ? (a->first < b->first ? -1 : 1) : 0;
}

/* Stacks are compared within a replay only: equal ones of two become one when they are finished. The first of them in time is shown. */
void findings_absorb(struct findings *all, struct findings *from)
{
	struct finding *f, *next;

	HASH_ITER(hh, from->raw, f, next) {
		HASH_DEL(from->raw, f);
		HASH_ADD_KEYPTR(hh, all->raw, f->raw, sizeof(struct raw_key), f);
	}
	HASH_SORT(all->raw, by_time);
}

void findings_lookups(const struct findings *all, struct lookups *l)
{
	for (const struct finding *f = all->raw; f; f = f->hh.next)
		for (unsigned i = 0; i < f->nstacks; i++)
			lookups_add(l, f->stacks[i].at.stack);
}

void findings_finish(struct findings *all, const struct finish_options *o)
{
	struct finding *f, *next, *same, *merged = NULL;

	HASH_ITER(hh, all->raw, f, next) {
		HASH_DEL(all->raw, f);
		free(f->raw);
		f->raw = NULL;
		symbolise(f, o->symbols, 0);
		identify(f);
		if (o->full_stacks)
			symbolise(f, o->symbols, 1);
		HASH_FIND(hh, merged, &f->key, sizeof f->key, same);
		if (same && !is_worse(f->severity, f->confidence, same)) {
			supersede(same, f);
			continue;
		}
		if (same) {
			HASH_DEL(merged, same);
			supersede(f, same);
		}
		HASH_ADD(hh, merged, key, sizeof f->key, f);
	}
	for (f = merged; f; f = f->hh.next) {
		f->beginning = o->beginning;
		say(f);
		f->suppressed_by = suppressions_match(o->suppressions, f);
		if (!f->suppressed_by)
			f->suppressed_by = own_suppressions_match(o->own, f);
	}
	sort(all, merged);
}

const struct finding *findings_first(const struct findings *all) { return all->sorted; }
