/*
 * trace/session_files.c: directories and files of a recording: made, probed, measured, removed; and the packets of a finished trace
 * counted from their headers, which needs no daemon.
 *
 * Context: the command and its helper. Files of the trace are only read.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "trace/session_private.h"

/* A recording that cannot write this much does not start: metadata (about 16 KiB) and one packet of each stream. */
#define PROBE_BYTES (256u << 10)
/* nftw keeps at most this many directories open. */
#define OPEN_DIRS 16

/* mkdir -p */
static int make_parents(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof buf) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(buf, path, n + 1);
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(buf, mode) != 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(buf, mode) == 0 || errno == EEXIST ? 0 : -1;
}

static int is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int empty = 1;

	if (!d)
		return -1;
	while (empty && (e = readdir(d)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	closedir(d);
	return empty;
}

int fdw_make_output(const char *path, char resolved[PATH_MAX], int *made, char *error, size_t n)
{
	struct stat st;

	*made = 0;
	if (stat(path, &st) == 0) {
		int empty = S_ISDIR(st.st_mode) ? is_empty(path) : 0;
		if (!S_ISDIR(st.st_mode))
			snprintf(error, n, "%s is there already and is no directory; name another place with -o", path);
		else if (empty < 0)
			snprintf(error, n, "cannot read the directory %s: %s; name another place with -o", path, strerror(errno));
		else if (!empty)
			snprintf(error, n, "%s is there already and is not empty; remove it or name another place with -o", path);
		if (empty <= 0)
			return -1;
	} else if (make_parents(path, 0777) != 0) {
		snprintf(error, n, "cannot make the directory %s: %s; name another place with -o", path, strerror(errno));
		return -1;
	} else {
		*made = 1;
	}
	if (!realpath(path, resolved)) {
		snprintf(error, n, "cannot find the way to %s: %s; name another place with -o", path, strerror(errno));
		return -1;
	}
	return 0;
}

static int write_probe(int fd)
{
	char block[4096] = { 0 };

	for (unsigned at = 0; at < PROBE_BYTES; at += sizeof block) {
		ssize_t r = write(fd, block, sizeof block);
		if (r == (ssize_t)sizeof block)
			continue;
		if (r >= 0)
			errno = ENOSPC;
		return -1;
	}
	return 0;
}

/* Writing is the only question that quotas, network file systems and full disks answer alike. */
int fdw_probe_disk(const char *dir, char *error, size_t n)
{
	char path[PATH_MAX];
	int fd, failed = 0;

	if (snprintf(path, sizeof path, "%s/.fdwarden-probe", dir) >= (int)sizeof path) {
		snprintf(error, n, "the path %.200s... is too long; name another place with -o", dir);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write_probe(fd) != 0 || close(fd) != 0)
		failed = errno;
	if (failed && fd >= 0)
		close(fd);
	unlink(path);
	if (failed == ENOSPC || failed == EDQUOT)
		snprintf(error, n, "no space left for a trace in %s; make room or name another place with -o", dir);
	else if (failed)
		snprintf(error, n, "cannot write to %s: %s; name another place with -o", dir, strerror(failed));
	return failed ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	remove(path);
	return 0;
}

void fdw_remove_tree(const char *path)
{
	nftw(path, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* nftw has no argument for the visitor. */
static struct { uint64_t bytes; int heard; uint64_t discarded; } seen;

static int measure_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path;
	(void)f;
	if (type == FTW_F && S_ISREG(st->st_mode))
		seen.bytes += (uint64_t)st->st_size;
	return 0;
}

uint64_t fdw_tree_bytes(const char *path)
{
	seen.bytes = 0;
	nftw(path, measure_one, OPEN_DIRS, FTW_PHYS);
	return seen.bytes;
}

/* A packet of LTTng-UST 2.13, as its metadata describes it: header and context, packed. */
struct packet {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t stream;
	uint64_t instance;
	uint64_t begin, end;
	uint64_t content_bits, packet_bits;
	uint64_t number;
	uint64_t discarded; /* of the stream so far */
	uint32_t cpu;
} __attribute__((packed));

#define PACKET_MAGIC 0xC1FC1FC1u

/* The header of the packet at `at`. 0: there is none, or it makes no sense. */
static int packet_at(int fd, off_t at, struct packet *p)
{
	return pread(fd, p, sizeof *p, at) == (ssize_t)sizeof *p && p->magic == PACKET_MAGIC && p->packet_bits >= 8 * sizeof *p;
}

/* Is all of it in a file of that size? */
static int is_whole(const struct packet *p, off_t at, off_t size) { return p->packet_bits / 8 <= (uint64_t)(size - at); }

off_t fdw_whole_packets(int fd, off_t size)
{
	struct packet p = { 0 };
	off_t at = 0;

	if (pread(fd, &p, sizeof p, 0) < (ssize_t)sizeof p.magic || p.magic != PACKET_MAGIC)
		return size;
	while (packet_at(fd, at, &p) && is_whole(&p, at, size))
		at += (off_t)(p.packet_bits / 8);
	return at;
}

static int scan_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	struct packet p = { 0 };
	uint64_t discarded = 0;
	off_t at = 0;
	int fd;

	if (type != FTW_F || !S_ISREG(st->st_mode) || !strcmp(path + f->base, "metadata") || strstr(path, ".idx"))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (packet_at(fd, at, &p)) {
		discarded = p.discarded;
		/* The last one may be cut off, where the disk was full: its first events are there. */
		seen.heard |= p.content_bits > 8 * sizeof p && st->st_size - at > (off_t)sizeof p;
		if (!is_whole(&p, at, st->st_size))
			break;
		at += (off_t)(p.packet_bits / 8);
	}
	close(fd);
	seen.discarded += discarded;
	return 0;
}

void fdw_scan_packets(const char *path, int *heard, uint64_t *discarded)
{
	seen.heard = 0;
	seen.discarded = 0;
	nftw(path, scan_one, OPEN_DIRS, FTW_PHYS);
	*heard = seen.heard;
	*discarded = seen.discarded;
}
