/*
 * analyzer/reader_dir.c: what a trace directory holds: metadata of ours or somebody else's, stream files, or nothing.
 */
#include "analyzer/reader_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say_metadata(const char *path, int error, struct notes *notes)
{
	if (error == EACCES || error == EPERM)
		notes_add(notes, "%s: no permission to read it; run the report as the user who recorded it, or as root", path);
	else if (error == EBADMSG)
		notes_add(notes, "%s: its metadata is not that of a CTF trace; name the directory that 'fdwarden record -o' wrote", path);
	else
		notes_add(notes, "%s: its metadata cannot be read (%s)", path, strerror(error));
}

/* 0: there is nothing to read for it, said. */
static int judge_metadata(struct trace_dir *d, const struct metadata *m, struct notes *notes)
{
	int ours = strstr(m->text, "\"fdwarden:") != NULL;

	if (m->len == 0 && d->runs)
		notes_add(notes, "%s: its metadata is still empty: the recording has only begun", d->path);
	else if (m->len == 0)
		notes_add(notes, "%s: its metadata is empty: the recording ended before anything was written; record again", d->path);
	else if (!ours && m->cut)
		notes_add(notes, "%s: its metadata ends before it describes any event of fdwarden's: the recording was cut off; record again", d->path);
	else if (!ours && !strstr(m->text, "event {"))
		notes_add(notes, "%s: the tracer knew this process but holds no event of it", d->path);
	else if (m->cut)
		notes_add(notes, "%s: its metadata ends early: kinds of events described in the lost part cannot be read", d->path);
	d->foreign = m->len > 0 && !ours && !m->cut && strstr(m->text, "event {");
	return ours || d->foreign;
}

void dir_examine(struct trace_dir *d, struct notes *notes)
{
	struct metadata m;
	char file[4400];
	int error;

	snprintf(file, sizeof file, "%s/metadata", d->path);
	d->runs = is_written_at(file);
	error = metadata_read(file, &m);
	if (error)
		say_metadata(d->path, error, notes);
	d->unusable = error || !judge_metadata(d, &m, notes);
	d->has_uuid = m.has_uuid;
	memcpy(d->uuid, m.uuid, 16);
	d->cut = m.cut;
	d->text = m.len;
	free(m.text);
}

static void add_file(struct stream_files *s, const char *name, uint64_t size)
{
	struct stream_file *grown = realloc(s->file, (s->n + 1) * sizeof *grown);

	if (!grown)
		return;
	s->file = grown;
	grown[s->n] = (struct stream_file) { .size = size, .keep = size };
	snprintf(grown[s->n++].name, sizeof grown->name, "%s", name);
}

void stream_files_free(struct stream_files *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->file[i].patch);
	free(s->file);
	*s = (struct stream_files) { 0 };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct stream_file *)a)->name, ((const struct stream_file *)b)->name);
}

static void say_no_file(const char *file, const char *what, struct losses *losses, struct notes *notes)
{
	notes_add(notes, "%s: %s: its events are missing from the report", file, what);
	losses_add(losses, 0, LOSS_OPEN);
}

/* As libbabeltrace2, every regular file that is not hidden is taken for a stream; what is neither that nor a directory, is named. */
static void list_one(const char *file, const char *name, struct stream_files *s, struct losses *losses, struct notes *notes)
{
	struct stat st;

	if (stat(file, &st)) {
		if (errno != ENOENT)
			say_no_file(file, strerror(errno), losses, notes);
	} else if (S_ISREG(st.st_mode))
		add_file(s, name, st.st_size);
	else if (!S_ISDIR(st.st_mode))
		say_no_file(file, "is no file", losses, notes);
}

/* 0 or an errno. */
static int list(const char *path, struct stream_files *s, struct losses *losses, struct notes *notes)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char file[4400];

	if (!dir)
		return errno;
	while ((e = readdir(dir))) {
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && strcmp(e->d_name, "metadata"))
			list_one(file, e->d_name, s, losses, notes);
	}
	closedir(dir);
	if (s->n)
		qsort(s->file, s->n, sizeof *s->file, by_name);
	return 0;
}

/* A stream that is gone, or a directory in its place, although its index is there. */
static void say_gone(const char *path, struct losses *losses, struct notes *notes)
{
	char index[4200], file[4500];
	struct dirent *e;
	struct stat st;
	DIR *dir;
	int gone;

	snprintf(index, sizeof index, "%s/index", path);
	dir = opendir(index);
	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (n < 5 || strcmp(e->d_name + n - 4, ".idx") || e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%.*s", path, (int)(n - 4), e->d_name);
		gone = stat(file, &st) != 0;
		if (gone ? errno == ENOENT : S_ISDIR(st.st_mode))
			say_no_file(file, gone ? "the file is gone" : "is a directory", losses, notes);
	}
	if (dir)
		closedir(dir);
}

void say_empty(const struct trace_dir *d, struct notes *notes)
{
	if (!d->runs)
		notes_add(notes, "%s: its streams are empty: the recording ended before anything was written; record again", d->path);
}

void dir_streams(const struct trace_dir *d, struct stream_files *s, struct losses *losses, struct notes *notes)
{
	int error = list(d->path, s, losses, notes);

	if (error)
		say_metadata(d->path, error, notes);
	else
		say_gone(d->path, losses, notes);
	if (d->cut)
		losses_add(losses, 0, LOSS_OPEN);
}
