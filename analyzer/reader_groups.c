/*
 * analyzer/reader_groups.c: which of the traces that the user named have to be read together: what is one trace in several directories, and what was named
 * twice. See reader.h.
 */
#include "analyzer/reader_parts.h"

#include <stdlib.h>

static int together(const struct trace_dirs *a, const struct trace_dirs *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			const struct trace_dir *x = &a->dir[i], *y = &b->dir[k];

			if ((x->device == y->device && x->inode == y->inode) || (x->has_uuid && same_trace(x, y)))
				return 1;
		}
	return 0;
}

static int any_usable(const struct trace_dirs *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (dir_usable(&d->dir[i]))
			return 1;
	return 0;
}

static void unite(int *group, int n, int a, int b)
{
	int from = group[a] > group[b] ? group[a] : group[b], to = group[a] + group[b] - from;

	for (int i = 0; i < n; i++)
		if (group[i] == from)
			group[i] = to;
}

/* What cannot be read goes with the first that can: its reader says so. */
static void join_unusable(const struct trace_dirs *dirs, int n, int *group)
{
	int first = 0;

	while (first + 1 < n && !any_usable(&dirs[first]))
		first++;
	for (int i = 0; i < n; i++)
		if (!any_usable(&dirs[i]))
			unite(group, n, first, i);
}

int reader_groups(const char *const *traces, int n, int *group)
{
	struct trace_dirs *dirs = calloc((size_t)n + 1, sizeof *dirs);
	struct notes notes = { 0 };
	int groups = 0;

	for (int i = 0; i < n; i++)
		group[i] = dirs ? i : 0;
	for (int i = 0; dirs && i < n; i++) {
		find_traces(traces[i], &dirs[i], &notes);
		for (size_t k = 0; k < dirs[i].n; k++)
			dir_examine(&dirs[i].dir[k], &notes);
		for (int k = 0; k < i; k++)
			if (together(&dirs[k], &dirs[i]))
				unite(group, n, k, i);
	}
	if (dirs)
		join_unusable(dirs, n, group);
	for (int i = 0; i < n; i++) { /* a group has the number of its first trace: now those in a row */
		int number = group[i];

		group[i] = number == i ? groups++ : group[number];
	}
	for (int i = 0; dirs && i < n; i++)
		trace_dirs_free(&dirs[i]);
	free(dirs);
	notes_free(&notes);
	return groups;
}
