/*
 * preload/env.c: see env.h.
 *
 * Context: exec and spawn wrappers, also in vfork children: memory is the stack, or one block per thread; nothing shared is written.
 */
#include "env.h"
#include "options.h"
#include "stack.h"
#include "poison.h"

/* Environments beyond this many entries are passed on as they are: no kernel takes them. */
#define ENTRIES_MAX (1u << 20)

int fdw_readable(const void *p)
{
	uintptr_t at = (uintptr_t)p & ~(uintptr_t)7; /* eight bytes that are in one page; at 0 they would be no set */

	/* An impossible `how`: the set is read, EFAULT, then refused, EINVAL. */
	return at && (fdw_process.filtered || fdw_raw(SYS_rt_sigprocmask, -1L, at, 0L, 8L) != -EFAULT);
}

static int is_named(const char *entry, const char *name, size_t n) { return !strncmp(entry, name, n) && entry[n] == '='; }

static size_t name_length(const char *entry)
{
	const char *eq = strchr(entry, '=');
	return eq ? (size_t)(eq - entry) : strlen(entry);
}

/* Our library's place in a colon- or blank-separated list; NULL when it is not there. */
static const char *find_library(const char *list)
{
	size_t n = strlen(fdw_options.library);

	for (const char *p = list; n && (p = strstr(p, fdw_options.library)); p += n)
		if ((p == list || p[-1] == ':' || p[-1] == ' ') && (!p[n] || p[n] == ':' || p[n] == ' '))
			return p;
	return NULL;
}

/*
 * A page after the other, and the last one not again. An environment that is not all there is for the kernel to find: exec answers EFAULT.
 */
struct reach { uintptr_t page; };
static int reaches(struct reach *r, const char *at)
{
	uintptr_t page = (uintptr_t)at | 4095;

	if (page != r->page && !fdw_is_there(at))
		return 0;
	r->page = page;
	return 1;
}

int fdw_all_there(const char *s)
{
	struct reach r = { 0 };

	for (; reaches(&r, s); s++)
		if (!*s)
			return 1;
	return 0;
}

static int name_is_there(struct reach *r, const char *entry)
{
	for (; reaches(r, entry); entry++)
		if (!*entry || *entry == '=')
			return 1;
	return 0;
}

/* Counts the entries, and finds the one that matters most. 0: they cannot be used; or the caller wants nothing of ours. */
static int look_at_entries(struct fdw_env_plan *p)
{
	struct reach list = { 0 }, names = { 0 };

	for (;; p->count++) {
		char *const *at = p->envp + p->count;
		if (p->count == ENTRIES_MAX || !reaches(&list, (const char *)at) || !reaches(&list, (const char *)(at + 1) - 1))
			return 0;
		if (!*at)
			return 1;
		if (!name_is_there(&names, *at))
			return 0;
		if (is_named(*at, "LD_PRELOAD", 10))
			p->preload_at = (int)p->count;
		else if (is_named(*at, "FDWARDEN_DISABLE", 16) && fdw_all_there(*at) && !strcmp(*at + 17, "1"))
			return 0;
	}
}

static void plan_additions(struct fdw_env_plan *p)
{
	p->missing = (uint32_t)((UINT64_C(1) << fdw_carry_count) - 1);
	for (unsigned i = 0; i < p->count; i++) {
		const char *e = p->envp[i];
		if (strncmp(e, "FDWARDEN_", 9) && strncmp(e, "LTTNG_", 6))
			continue;
		for (unsigned c = 0; c < fdw_carry_count; c++)
			if (is_named(e, fdw_carry[c], name_length(fdw_carry[c])))
				p->missing &= ~(1u << c);
	}
	for (unsigned c = 0; c < fdw_carry_count; c++)
		p->additions += p->missing >> c & 1;
}

void fdw_env_plan(struct fdw_env_plan *p, char *const *envp, struct fdw_target target)
{
	static char *const empty[] = { NULL };
	const char *preload;

	*p = (struct fdw_env_plan){ .envp = envp ? envp : empty, .preload_at = -1, .strip = target.strip,
		.elsewhere = fdw_on_signal_stack((uintptr_t)__builtin_frame_address(0)) };
	if (!fdw_options.library[0] || fdw_process.disabled || !look_at_entries(p))
		return;
	preload = p->preload_at >= 0 ? p->envp[p->preload_at] + 11 : NULL;
	if (preload && !fdw_all_there(preload))
		return;
	if (p->strip) {
		if (preload && find_library(preload))
			p->bytes = (p->count + 1) * sizeof(char *) + strlen(preload) + 12;
		return;
	}
	if (target.why != FDW_WHY_OK && target.why != FDW_WHY_LIMIT)
		return;
	plan_additions(p);
	if (preload && find_library(preload) && !p->additions)
		return;
	p->bytes = (p->count + p->additions + 3) * sizeof(char *) + strlen(fdw_options.library) + (preload ? strlen(preload) : 0) + 16;
}

enum fdw_why fdw_shell_why(void)
{
	struct fdw_target t = fdw_target_of(AT_FDCWD, "/bin/sh");
	struct fdw_env_plan plan;

	if (t.why != FDW_WHY_OK)
		return t.why;
	fdw_env_plan(&plan, environ, t);
	return plan.bytes ? FDW_WHY_ENV : FDW_WHY_OK;
}

/*
 * A block for what does not fit on the stack. In a vfork child it is the parent's memory, who gives it back when the child has exec'd or ended
 * (fdw_env_vfork_ended). `busy`: a spawn uses it that a handler of this thread interrupted.
 */
static _Thread_local struct { void *at; size_t size; int busy; } kept __attribute__((tls_model("initial-exec")));

void *fdw_env_memory(struct fdw_env_plan *p)
{
	size_t n = (p->bytes + 65535) & ~(size_t)65535;
	long r;

	if (!kept.busy && kept.size >= n) {
		kept.busy = !fdw_self.vforked;
		return kept.at;
	}
	r = fdw_raw(SYS_mmap, NULL, n, (long)(PROT_READ | PROT_WRITE), (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L);
	if (r < 0 && r > -4096)
		return NULL;
	if (fdw_self.vforked && !kept.busy) {
		if (kept.at)
			fdw_raw(SYS_munmap, kept.at, kept.size);
		kept.at = (void *)r;
		kept.size = n;
	} else {
		p->mapped = (void *)r;
		p->mapped_size = n;
	}
	return (void *)r;
}

void fdw_env_done(struct fdw_env_plan *p)
{
	if (p->mapped)
		fdw_raw(SYS_munmap, p->mapped, p->mapped_size);
	else if (p->bytes && !FDW_ENV_ON_STACK(p))
		kept.busy = 0;
	p->mapped = NULL;
}

void fdw_env_vfork_ended(void)
{
	void *at = kept.at;
	size_t n = kept.size;

	if (likely(!at) || kept.busy || fdw_self.vforked)
		return;
	kept.at = NULL;
	kept.size = 0;
	atomic_signal_fence(memory_order_seq_cst); /* a handler may start a child */
	fdw_raw(SYS_munmap, at, n);
}

static char *append(char *at, const char *s)
{
	size_t n = strlen(s);
	memcpy(at, s, n + 1);
	return at + n;
}

/* The length of a list's first entry, when that is a library that ends a program in which it does not come first. With the separator. */
static size_t leads(const char *list)
{
	static const char *const names[] = { "libasan.so", "liblsan.so" };
	size_t n = strcspn(list, ": ");
	const char *base = list + n;

	while (base > list && base[-1] != '/')
		base--;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return n + (list[n] != 0);
	return 0;
}

/*
 * A sanitizer's runtime that the command put before us (FDW_ENV_FIRST) goes out again: what the program starts, by a shell or itself, need not be linked
 * with it, and would be searched for leaks. What is linked with it gets an environment without us. In place: libraries may have copied the pointers.
 * Where everything passes through, nobody will take us out for a sanitizer's sake: we go at once.
 */
void fdw_env_begin(void)
{
	size_t n = strlen(fdw_options.first);

	for (char **e = environ; n && e && *e; e++) {
		char *list = *e + 11, *rest = list + n;
		if (is_named(*e, FDW_ENV_FIRST, sizeof FDW_ENV_FIRST - 1))
			(*e)[sizeof FDW_ENV_FIRST] = 0;
		if (!is_named(*e, "LD_PRELOAD", 10) || strncmp(list, fdw_options.first, n) || *rest != ':')
			continue;
		rest++;
		if (fdw_process.disabled && find_library(rest) == rest)
			rest += strlen(fdw_options.library) + (rest[strlen(fdw_options.library)] != 0);
		memmove(list, rest, strlen(rest) + 1);
	}
}

/* LD_PRELOAD= with or without us; NULL when nothing is left of it. */
static char *write_preload(const struct fdw_env_plan *p, char *at, char **end)
{
	const char *list = p->preload_at >= 0 ? p->envp[p->preload_at] + 11 : "", *ours = find_library(list);
	char *start = at;

	at = append(at, "LD_PRELOAD=");
	if (p->strip) {
		const char *rest = ours + strlen(fdw_options.library);
		memcpy(at, list, (size_t)(ours - list));
		at += ours - list;
		*end = append(at, *rest ? rest + 1 : "");
		return start[11] ? start : NULL;
	}
	if (!ours) {
		size_t n = leads(list);
		memcpy(at, list, n);
		list += n;
		at += n;
		if (n && at[-1] != ':' && at[-1] != ' ')
			*at++ = ':';
		at = append(at, fdw_options.library);
		if (*list)
			at = append(at, ":");
	}
	*end = append(at, list);
	return start;
}

char **fdw_env_build(const struct fdw_env_plan *p, void *memory)
{
	char **env = memory, *strings, *end, *preload;
	unsigned n = 0;

	if (!memory)
		return (char **)p->envp;
	strings = (char *)(env + p->count + (p->strip ? 1 : p->additions + 3));
	preload = write_preload(p, strings, &end);
	if (preload && p->preload_at < 0)
		env[n++] = preload;
	for (unsigned i = 0; i < p->count; i++) {
		if ((int)i != p->preload_at)
			env[n++] = p->envp[i];
		else if (preload)
			env[n++] = preload;
	}
	for (unsigned c = 0; !p->strip && c < fdw_carry_count; c++)
		if (p->missing >> c & 1)
			env[n++] = (char *)fdw_carry[c];
	env[n] = NULL;
	return env;
}
