/*
 * analyzer/reader_find.c: which directories below a path hold a trace.
 *
 * Symbolic links are followed only where the user named one, so there are no loops.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"
#include "analyzer/say.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void trace_dirs_free(struct trace_dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		free(dirs->dir[i].path);
		free(dirs->dir[i].shadow);
	}
	free(dirs->dir);
	*dirs = (struct trace_dirs) { 0 };
}

/* The same directory by another name (given twice, or below one that is also given) would double every event. */
static int known(const struct trace_dirs *dirs, const struct stat *st)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (dirs->dir[i].device == st->st_dev && dirs->dir[i].inode == st->st_ino)
			return 1;
	return 0;
}

static void add(struct trace_dirs *dirs, const char *path, const char *named)
{
	struct trace_dir *dir;
	struct stat st;

	if (stat(path, &st) || known(dirs, &st))
		return;
	dir = realloc(dirs->dir, (dirs->n + 1) * sizeof *dir);
	if (!dir)
		return;
	dirs->dir = dir;
	dir[dirs->n] = (struct trace_dir) { .path = strdup(path), .named = named, .device = st.st_dev, .inode = st.st_ino,
		.ring = ring_is(named, path) };
	dirs->n += dir[dirs->n].path != NULL;
}

static int holds_metadata(const FTSENT *e)
{
	struct stat st;
	char *path;
	int yes;

	if (asprintf(&path, "%s/metadata", e->fts_accpath) < 0)
		return 0;
	yes = !stat(path, &st) && S_ISREG(st.st_mode);
	free(path);
	return yes;
}

static void cannot_enter(const char *path, int error, struct notes *notes)
{
	if (error == EACCES || error == EPERM)
		notes_add(notes, "%s: no permission to read it; run the report as the user who recorded it, or as root", path);
	else
		notes_add(notes, "%s: cannot be read (%s)", path, strerror(error));
}

/* What is wrong with the very path the user gave. 0: nothing. */
static int refuse(const char *named, struct notes *notes)
{
	struct stat st;

	if (stat(named, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			notes_add(notes, "%s: no such directory; name the directory that 'fdwarden record -o' wrote", named);
		else
			cannot_enter(named, errno, notes);
		return 1;
	}
	if (!S_ISDIR(st.st_mode)) {
		notes_add(notes, "%s: is a file, not a trace; name the directory that 'fdwarden record -o' wrote", named);
		return 1;
	}
	return 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* It says so itself. */
static void note_unfinished(const char *named, struct notes *notes)
{
	char *path, text[16] = "", why[256];
	int fd;

	if (asprintf(&path, "%s/" FDW_UNFINISHED, named) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof text - 1) > 0 && atoi(text) > 0)
		notes_add(notes, "%s: %s", named, text_unfinished((uint64_t)atoi(text), why, sizeof why));
	close(fd);
}

void find_traces(const char *named, struct trace_dirs *dirs, struct notes *notes)
{
	char *const roots[] = { (char *)named, NULL };
	size_t found = 0, said = notes->n, entries = 0;
	FTSENT *e;
	FTS *fts;

	if (refuse(named, notes))
		return;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	while (fts && (e = fts_read(fts))) {
		entries++;
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
			cannot_enter(e->fts_path, e->fts_errno, notes);
		else if (e->fts_info == FTS_D && holds_metadata(e))
			add(dirs, e->fts_path, named), found++;
	}
	if (fts)
		fts_close(fts);
	if (found)
		note_unfinished(named, notes);
	if (!found && notes->n == said)
		notes_add(notes, entries <= 2 ? "%s: is an empty directory; name the one that 'fdwarden record -o' wrote" :
			"%s: holds no trace (no file 'metadata' in it or below); name the directory that 'fdwarden record -o' wrote", named);
}
