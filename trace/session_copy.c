/*
 * trace/session_copy.c: the part of a running recording's trace that is on disk, copied: metadata, and of each stream the whole packets.
 *
 * Context: the helper. LTTng's consumer goes on writing to the files meanwhile: what is not whole yet stays out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "trace/session_private.h"

static int copy_bytes(int from, int to, off_t n)
{
	off_t at = 0;

	while (at < n) {
		ssize_t r = copy_file_range(from, &at, to, NULL, (size_t)(n - at), 0);
		char block[1 << 16];

		if (r > 0)
			continue;
		/* Not between these file systems. */
		r = pread(from, block, sizeof block < (size_t)(n - at) ? sizeof block : (size_t)(n - at), at);
		if (r <= 0)
			return r < 0 ? errno : 0;
		if (write(to, block, (size_t)r) != r)
			return errno ? errno : ENOSPC;
		at += r;
	}
	return 0;
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, error = 0;
	struct stat st;

	if (in < 0 || fstat(in, &st) != 0)
		error = errno;
	else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660)) < 0)
		error = errno;
	if (!error)
		error = copy_bytes(in, out, fdw_whole_packets(in, st.st_size));
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) != 0 && !error)
		error = errno;
	return error;
}

/* An index may name packets that the copy of its stream does not have. It can be done without. */
static int is_left_out(const FTSENT *e) { return e->fts_info == FTS_D && !strcmp(e->fts_name, "index"); }

int fdw_copy_trace(const char *from, const char *to)
{
	char *const roots[] = { (char *)from, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int error = fts ? 0 : errno;
	char path[2 * PATH_MAX];
	FTSENT *e;

	while (!error && fts && (e = fts_read(fts))) {
		snprintf(path, sizeof path, "%s%s", to, e->fts_path + strlen(from));
		if (is_left_out(e))
			fts_set(fts, e, FTS_SKIP);
		else if (e->fts_info == FTS_D)
			error = mkdir(path, 0770) == 0 ? 0 : errno; /* its parent was before it */
		else if (e->fts_info == FTS_F)
			error = copy_file(e->fts_path, path);
	}
	if (fts)
		fts_close(fts);
	return error;
}
