/*
 * analyzer/reader_window.c: a file that is read from its beginning to its end through a window, with read(2): what is mapped
 * counts as memory of ours, and a file that shrinks under a mapping is a SIGBUS.
 */
#include "analyzer/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Some hundred streams have one each. A longer event makes its own grow for a while. */
#define WINDOW 16384

int window_open(struct window *w, const char *path, uint64_t *size, int *grows)
{
	struct stat st;

	w->have = 0;
	w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	*grows = w->fd >= 0 && is_written(w->fd);
	if (w->fd < 0 || fstat(w->fd, &st))
		return errno;
	*size = st.st_size;
	return 0;
}

void window_close(struct window *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void window_free(struct window *w)
{
	window_close(w);
	free(w->data);
	*w = (struct window) { .fd = -1 };
}

/* As large as is needed, and no longer than it is. What is to be kept lies at the beginning. */
static int fit(struct window *w, size_t need)
{
	size_t size = WINDOW;
	uint8_t *data;

	while (size < need)
		size *= 2;
	data = size == w->size ? w->data : realloc(w->data, size);
	if (!data)
		return 0;
	w->data = data;
	w->size = size;
	return 1;
}

size_t window_look(struct window *w, uint64_t at, size_t need, int *error)
{
	size_t keep = window_has(w, at);
	ssize_t n = 1;

	if (keep)
		memmove(w->data, w->data + (at - w->at), keep);
	w->at = at;
	w->have = keep;
	if (!fit(w, need > keep ? need : keep))
		return 0;
	while (w->have < need && n != 0) {
		n = pread(w->fd, w->data + w->have, w->size - w->have, at + w->have);
		if (n < 0 && errno != EINTR) {
			*error = errno;
			break;
		}
		w->have += n > 0 ? n : 0;
	}
	return w->have;
}
