/*
 * analyzer/reader_repair.c: what of a trace directory can be read, and a shadow directory without the rest.
 *
 * A shadow is a temporary directory with symbolic links to what is whole, and copies of what had to be cut. Packet indexes are
 * left out: libbabeltrace2 makes its own. The trace itself is never written to.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_MAGIC 0xC1F1DCC1u

struct stream_file {
	char name[256];
	uint64_t size, keep; /* keep 0: left out, or empty */
	int unreadable;
	struct patch *patch;
	size_t patches;
};

struct stream_files {
	struct stream_file *file;
	size_t n;
	int changed;         /* not all of them can be read as they are */
	int data;            /* there is something to read */
};

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
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error = 0;

	errno = 0;
	if (in < 0 || out < 0)
		error = EIO;
	else
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

/*
 * Packets that LTTng wrote down in index/NAME.idx; 0: no index. It is written after the packet: a file with fewer has lost some, or
 * was emptied.
 */
static uint64_t indexed(const char *path)
{
	const char *name = strrchr(path, '/');
	uint32_t head[4]; /* magic, major, minor, bytes of an entry; big endian */
	uint64_t n = 0;
	struct stat st;
	char *index;
	FILE *f;

	if (asprintf(&index, "%.*s/index%s.idx", (int)(name - path), path, name) < 0)
		return 0;
	f = fopen(index, "re");
	if (f && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && fread(head, sizeof head, 1, f) == 1 &&
	    be32toh(head[0]) == INDEX_MAGIC && head[3])
		n = (st.st_size - sizeof head) / be32toh(head[3]);
	if (f)
		fclose(f);
	free(index);
	return n;
}

/* What of one stream file can be read; says what is lost. */
static void judge(const char *path, const struct layout *l, const struct metadata *m, struct stream_file *f, struct notes *notes)
{
	struct walk w;

	stream_walk(path, l, m->has_uuid ? m->uuid : NULL, &w);
	*f = (struct stream_file) { .size = w.size,
		.keep = w.error || w.alien ? 0 : w.whole, .unreadable = w.error != 0, .patch = w.patch, .patches = w.patches };
	if (w.error == EACCES)
		notes_add(notes, "%s: no permission to read it, its events are missing; run the report as the user who recorded it, or as root",
			path);
	else if (w.error)
		notes_add(notes, "%s: cannot be read (%s), its events are missing", path, strerror(w.error));
	else if (w.alien)
		notes_add(notes, "%s: is not a stream of this trace, left out", path);
	else if (w.missing)
		notes_add(notes, "%s: ends within a packet: the events in its last %llu bytes are missing from the report", path,
			(unsigned long long)w.missing);
	if (w.damaged)
		notes_add(notes, "%s: %llu of its %llu packets are damaged: events after the damage in them are missing from the report", path,
			(unsigned long long)w.damaged, (unsigned long long)w.packets);
	if (l->known && !w.error && !w.alien && w.packets < indexed(path))
		notes_add(notes, "%s: only %llu of the %llu packets that were written are in it: events are missing from the report", path,
			(unsigned long long)w.packets, (unsigned long long)indexed(path));
}

static void add_file(struct stream_files *s, const char *name, struct stream_file f)
{
	struct stream_file *file = realloc(s->file, (s->n + 1) * sizeof *file);

	if (!file) {
		free(f.patch);
		return;
	}
	snprintf(f.name, sizeof f.name, "%s", name);
	s->file = file;
	s->file[s->n++] = f;
	s->changed |= f.keep != f.size || f.patches || f.unreadable;
	s->data |= f.keep > 0;
}

static void files_free(struct stream_files *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->file[i].patch);
	free(s->file);
	*s = (struct stream_files) { 0 };
}

/* libbabeltrace2 takes every regular file that is not hidden for a stream, and passes over empty ones. */
static int list_streams(const char *path, const struct metadata *m, struct stream_files *s, struct notes *notes)
{
	DIR *dir = opendir(path);
	struct stream_file f;
	struct layout layout;
	struct dirent *e;
	struct stat st;
	char *file;

	if (!dir)
		return errno;
	layout_parse(m->text, &layout);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "metadata") || asprintf(&file, "%s/%s", path, e->d_name) < 0)
			continue;
		if (!stat(file, &st) && S_ISREG(st.st_mode)) {
			judge(file, &layout, m, &f, notes);
			add_file(s, e->d_name, f);
		}
		free(file);
	}
	closedir(dir);
	layout_free(&layout);
	return 0;
}

/* A stream that is gone although its index is there. */
static void say_missing(const char *path, struct notes *notes)
{
	char index[4200], file[4400];
	struct dirent *e;
	DIR *dir;

	snprintf(index, sizeof index, "%s/index", path);
	dir = opendir(index);
	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (n < 5 || strcmp(e->d_name + n - 4, ".idx") || e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%.*s", path, (int)(n - 4), e->d_name);
		if (access(file, F_OK) != 0 && errno == ENOENT)
			notes_add(notes, "%s: the file is gone: its events are missing from the report", file);
	}
	if (dir)
		closedir(dir);
}

static void say_metadata(const char *path, int error, struct notes *notes)
{
	if (error == EACCES || error == EPERM)
		notes_add(notes, "%s: no permission to read it; run the report as the user who recorded it, or as root", path);
	else if (error == EBADMSG)
		notes_add(notes, "%s: its metadata is not that of a CTF trace; name the directory that 'fdwarden record -o' wrote", path);
	else
		notes_add(notes, "%s: its metadata cannot be read (%s)", path, strerror(error));
}

/* The directory's metadata and streams. 0: unusable, said. */
static int examine(struct trace_dir *d, const char *path, struct metadata *m, struct stream_files *s, struct notes *notes)
{
	char file[4200];
	int error;

	snprintf(file, sizeof file, "%s/metadata", path);
	error = metadata_read(file, m);
	if (error) {
		say_metadata(d->path, error, notes);
		return 0;
	}
	if (m->len == 0) {
		notes_add(notes, "%s: its metadata is empty: the recording ended before anything was written; record again", d->path);
		return 0;
	}
	d->has_uuid = m->has_uuid;
	memcpy(d->uuid, m->uuid, 16);
	if (!strstr(m->text, "\"fdwarden:") && (m->cut || !strstr(m->text, "event {"))) {
		notes_add(notes, m->cut ? "%s: its metadata ends before it describes any event of fdwarden's: the recording was cut off; record again" :
			"%s: the tracer knew this process but holds no event of it", d->path);
		return 0;
	}
	d->foreign = !strstr(m->text, "\"fdwarden:");
	error = d->foreign ? 0 : list_streams(path, m, s, notes);
	if (error)
		say_metadata(d->path, error, notes);
	return !error;
}

void repair_check(struct repair *r, struct trace_dir *d, struct notes *notes)
{
	char *path = realpath(d->path, NULL);
	struct metadata m = { 0 };
	struct stream_files s = { 0 };
	size_t said = notes->n;

	d->unusable = !path || !examine(d, path, &m, &s, notes);
	if (!path)
		say_metadata(d->path, errno, notes);
	if (!d->unusable && !d->foreign && m.cut)
		notes_add(notes, "%s: its metadata ends early: kinds of events described in the lost part cannot be read", d->path);
	if (!d->unusable && !d->foreign)
		say_missing(path, notes);
	if (!d->unusable && !d->foreign && s.data && (s.changed || m.cut)) {
		d->shadow = shadow_of(r, path, &m, &s, notes);
		d->unusable = !d->shadow;
	}
	if (!d->unusable && !d->foreign && !s.data) {
		d->unusable = 1;
		if (notes->n == said)
			notes_add(notes, "%s: its streams are empty: the recording ended before anything was written; record again", d->path);
	}
	free(path);
	free(m.text);
	files_free(&s);
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
	struct notes known = { 0 };
	struct metadata m = { 0 };
	struct stream_files s = { 0 };
	size_t left = 0;

	if (path && examine(d, path, &m, &s, &known))
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
	files_free(&s);
	notes_free(&known);
	return !d->unusable;
}
