/*
 * analyzer/reader_repair.c: for libbabeltrace2: a shadow directory without what it would stumble over.
 *
 * A shadow is a temporary directory with symbolic links to what is whole, and copies of what had to be cut. Packet indexes are
 * left out: libbabeltrace2 makes its own. The trace itself is never written to.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- shadow directories -------------------------------------------------------------------------------------------------- */

static char *shadow_dir(struct repair *r)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	if (!r->root) {
		if (asprintf(&r->root, "%s/fdwarden-report.XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
			r->root = NULL;
		if (!r->root || !mkdtemp(r->root)) {
			free(r->root);
			r->root = NULL;
			return NULL;
		}
	}
	if (asprintf(&path, "%s/%u", r->root, r->made++) < 0)
		return NULL;
	if (mkdir(path, 0700)) {
		free(path);
		return NULL;
	}
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void repair_free(struct repair *r)
{
	if (r->root)
		remove_tree(r->root);
	free(r->root);
	*r = (struct repair) { 0 };
}

/* 0 or an errno. Shares blocks where the file system can; never leaves less than `n` bytes without an error. */
static int copy_bytes(int from, int to, uint64_t n)
{
	char buffer[65536];
	ssize_t got = 1;

	while (n > 0 && (got = copy_file_range(from, NULL, to, NULL, n, 0)) > 0)
		n -= got;
	while (n > 0 && (got = read(from, buffer, n < sizeof buffer ? n : sizeof buffer)) > 0) {
		if (write(to, buffer, got) != got)
			return errno ? errno : ENOSPC;
		n -= got;
	}
	return n == 0 ? 0 : got < 0 ? errno : EIO;
}

static int patch(int fd, const struct stream_file *f)
{
	for (size_t i = 0; i < f->patches; i++)
		if (pwrite(fd, &f->patch[i].value, 8, f->patch[i].at) != 8)
			return errno ? errno : EIO;
	return 0;
}

static int copy_cut(const char *from, const char *to, const struct stream_file *f)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int error = in < 0 || out < 0 ? errno : 0;

	errno = 0;
	if (!error)
		error = copy_bytes(in, out, f->keep < f->size ? f->keep : f->size);
	if (!error && ftruncate(out, f->keep))
		error = errno;
	if (!error)
		error = patch(out, f);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (error)
		unlink(to);
	return error;
}

static int write_text(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");
	int bad = !f || fwrite(text, 1, len, f) != len;

	if (f && fclose(f))
		bad = 1;
	return bad ? -1 : 0;
}

/* One stream file into a shadow, linked or cut. 0 or an errno. */
static int place(const char *dir, const char *shadow, const struct stream_file *f)
{
	char *from = NULL, *to = NULL;
	int error = ENOMEM;

	if (asprintf(&from, "%s/%s", dir, f->name) >= 0 && asprintf(&to, "%s/%s", shadow, f->name) >= 0)
		error = f->keep != f->size || f->patches ? copy_cut(from, to, f) : symlink(from, to) ? errno : 0;
	free(from);
	free(to);
	return error;
}

static int place_metadata(const char *dir, const char *shadow, const struct metadata *m)
{
	char *from = NULL, *to = NULL;
	int error = -1;

	if (asprintf(&from, "%s/metadata", dir) >= 0 && asprintf(&to, "%s/metadata", shadow) >= 0)
		error = m->cut ? write_text(to, m->text, m->len) : symlink(from, to);
	free(from);
	free(to);
	return error;
}

/* A shadow of `path` (absolute) with its readable streams. NULL: said. */
static char *shadow_of(struct repair *r, const char *path, const struct metadata *m, const struct stream_files *s, struct notes *notes)
{
	char *shadow = shadow_dir(r);
	int error;

	if (!shadow || place_metadata(path, shadow, m)) {
		notes_add(notes, "%s: is damaged, and there is no room for a repaired copy (%s); set TMPDIR to a directory with room", path,
			strerror(errno));
		free(shadow);
		return NULL;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->file[i].keep && (error = place(path, shadow, &s->file[i])))
			notes_add(notes, "%s/%s: is damaged, and was left out because it could not be copied (%s); set TMPDIR to a directory "
				"with room", path, s->file[i].name, strerror(error));
	return shadow;
}

/* ---- judging ------------------------------------------------------------------------------------------------------------- */

/* What of one stream file can be read; says what is lost. */
static void judge(const char *path, const struct layout *l, const struct metadata *m, struct stream_file *f, struct losses *losses,
                  struct notes *notes)
{
	struct walk w;

	stream_walk(path, l, m->has_uuid ? m->uuid : NULL, &w);
	walk_conclude(path, l, &w, notes);
	losses_absorb(losses, &w.lost);
	losses_free(&w.lost);
	f->keep = w.error || w.alien ? 0 : w.whole;
	f->size = w.size;
	f->unreadable = w.error != 0 || w.odd_index;
	f->patch = w.patch;
	f->patches = w.patches;
}

static void judge_all(const struct trace_dir *d, const struct metadata *m, struct stream_files *s, struct losses *losses, struct notes *notes)
{
	struct layout layout;
	char path[4400];

	layout_parse(m->text, &layout, NULL);
	for (size_t i = 0; i < s->n; i++) {
		struct stream_file *f = &s->file[i];

		snprintf(path, sizeof path, "%s/%s", d->path, f->name);
		judge(path, &layout, m, f, losses, notes);
		s->changed |= f->keep != f->size || f->patches || f->unreadable;
		s->data |= f->keep > 0;
	}
	layout_free(&layout);
}

/* Metadata and judged streams of a directory that was examined. 0: nothing of it can be read, said. */
static int look(struct trace_dir *d, struct metadata *m, struct stream_files *s, struct losses *losses, struct notes *notes)
{
	size_t said = notes->n;
	char file[4400];

	snprintf(file, sizeof file, "%s/metadata", d->path);
	if (metadata_read(file, m))
		return 0;
	dir_streams(d, s, losses, notes);
	judge_all(d, m, s, losses, notes);
	if (!s->data && notes->n == said)
		say_empty(d, notes);
	return s->data;
}

void repair_check(struct repair *r, struct trace_dir *d, struct losses *losses, struct notes *notes)
{
	char *path = realpath(d->path, NULL);
	struct metadata m = { 0 };
	struct stream_files s = { 0 };

	d->unusable = !path || !look(d, &m, &s, losses, notes);
	if (!d->unusable && (s.changed || m.cut)) {
		d->shadow = shadow_of(r, path, &m, &s, notes);
		d->unusable = !d->shadow;
	}
	free(path);
	free(m.text);
	stream_files_free(&s);
}

/* One stream alone in a directory: does the library take it? */
static int stream_readable(struct repair *r, const char *path, const struct metadata *m, struct stream_file *f,
                           int (*readable)(const char *, char *, size_t), struct notes *notes)
{
	struct stream_files one = { f, 1, 1, 1 };
	struct notes quiet = { 0 };
	char why[256], *shadow = shadow_of(r, path, m, &one, &quiet);
	int yes = shadow && readable(shadow, why, sizeof why);

	if (!yes && shadow)
		notes_add(notes, "%s/%s: cannot be decoded, left out (%s)", path, f->name, why);
	if (shadow)
		remove_tree(shadow);
	free(shadow);
	notes_free(&quiet);
	return yes;
}

int repair_isolate(struct repair *r, struct trace_dir *d, int (*readable)(const char *, char *, size_t), struct notes *notes)
{
	char *path = realpath(d->path, NULL);
	struct losses lost = { 0 };
	struct notes known = { 0 };
	struct metadata m = { 0 };
	struct stream_files s = { 0 };
	size_t left = 0;

	if (path && look(d, &m, &s, &lost, &known))
		for (size_t i = 0; i < s.n; i++) {
			if (s.file[i].keep && !stream_readable(r, path, &m, &s.file[i], readable, notes))
				s.file[i].keep = 0;
			left += s.file[i].keep > 0;
		}
	free(d->shadow);
	d->shadow = left ? shadow_of(r, path, &m, &s, notes) : NULL;
	d->unusable = !d->shadow;
	free(path);
	free(m.text);
	stream_files_free(&s);
	losses_free(&lost);
	notes_free(&known);
	return !d->unusable;
}
