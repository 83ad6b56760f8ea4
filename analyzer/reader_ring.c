/*
 * analyzer/reader_ring.c: what of a flight recorder's ring is a whole: each CPU's buffer goes back as far as it happens to, so that a busy CPU's older events
 * are gone while an idle one's are still there. A descriptor's end without its beginning is harmless; its beginning with the middle missing would be
 * a history that never was. So the ring begins where the shortest of them does.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ring_is(const char *named, const char *path)
{
	size_t n = strlen(named);
	char mark[4400];

	while (n > 1 && named[n - 1] == '/')
		n--;
	snprintf(mark, sizeof mark, "%.*s/" FDW_RING_MARK, (int)n, named);
	return !strncmp(path, named, n) && !strncmp(path + n + strspn(path + n, "/"), "ring/", 5) && access(mark, F_OK) == 0;
}

/* Where the stream begins, if something came before; else 0. */
static uint64_t stream_since(const char *dir, const char *name, const struct layout *l, const uint8_t *uuid)
{
	uint8_t header[HEADER_MAX];
	struct packet p = { 0 };
	char path[4700];
	int fd, fine;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	fine = fd >= 0 && l->size <= sizeof header && pread(fd, header, l->size, 0) == (ssize_t)l->size &&
	       packet_parse(header, l, uuid, &p) == PACKET_FINE;
	if (fd >= 0)
		close(fd);
	return fine && p.number ? layout_time(l, p.begin, 0) : 0;
}

uint64_t ring_since(const struct trace_dir *d)
{
	struct stream_files files = { 0 };
	struct losses losses = { 0 };
	struct notes notes = { 0 };
	struct layout layout = { 0 };
	struct metadata m = { 0 };
	uint64_t since = 0;
	char path[4400];

	snprintf(path, sizeof path, "%s/metadata", d->path);
	if (metadata_read(path, &m))
		return 0;
	layout_parse(m.text, &layout, NULL);
	dir_streams(d, &files, &losses, &notes);
	for (size_t i = 0; layout.known && i < files.n; i++) {
		uint64_t begin = stream_since(d->path, files.file[i].name, &layout, d->has_uuid ? d->uuid : NULL);
		since = begin > since ? begin : since;
	}
	stream_files_free(&files);
	losses_free(&losses);
	notes_free(&notes);
	layout_free(&layout);
	free(m.text);
	return since;
}
