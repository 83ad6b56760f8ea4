/*
 * port/file.c: PORT_SOURCE_FILE: one inotify descriptor for each process and port that watches files.
 *
 * Context: not in handlers; the only file that allocates for an association. Locks: shared->lock is taken by file_associate and
 * file_dissociate, and held by whoever calls file_collect and file_ended.
 *
 * inotify reports what happened to an inode, the port what happened to a name, so after each sign of an end the name is looked at again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

#define ASKED (FILE_ACCESS | FILE_MODIFIED | FILE_ATTRIB | FILE_TRUNC)

struct watch {
	struct watch *next;
	uint32_t entry;
	int wd, follow;
	dev_t dev;
	ino_t ino;
	off_t size;
	char *name;
};

static int look(const char *name, int follow, struct stat *st) { return follow ? stat(name, st) : lstat(name, st); }

/* ---- the inotify descriptor --------------------------------------------------------------------------------------------------------*/

static int notify_fd(struct port *p)
{
	return p->notify && p->notify_owner == port_pid() ? p->s->entries[p->notify].fd : -1;
}

static int notify_new(struct port *p, int number)
{
	struct shared *s = p->s;
	struct entry *e = entry_new(s, SOURCE_NOTIFY, 0, port_pid());
	uint32_t generation;

	if (e) {
		e->fd = port_high(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
		generation = entry_arm(s, e, 0, NULL);
		if (e->fd >= 0 && data_add(number, e->fd, EPOLLIN | EPOLLONESHOT, DATA(s, generation, entry_index(s, e))) == 0) {
			p->notify = entry_index(s, e);
			p->notify_owner = port_pid();
			p->watches = NULL; /* in a fork child: the parent's */
			return e->fd;
		}
		if (e->fd >= 0)
			close(e->fd);
		entry_free(s, e);
	}
	errno = EAGAIN;
	return -1;
}

/* Made when first needed, and again when it was closed under us. */
static int notify(struct port *p, int number)
{
	int fd = notify_fd(p);

	return fd >= 0 && port_has(number, fd) ? fd : notify_new(p, number);
}

void file_forget(struct port *p)
{
	int fd = notify_fd(p);

	if (fd >= 0 && port_anonymous(fd, "inotify"))
		close(fd);
	while (notify_fd(p) >= 0 && p->watches) {
		struct watch *w = p->watches;
		p->watches = w->next;
		free(w->name);
		free(w);
	}
	p->watches = NULL;
	p->notify = 0;
}

/* ---- watches ---------------------------------------------------------------------------------------------------------------------*/

static struct watch *watch_of(struct port *p, uint32_t entry)
{
	for (struct watch *w = p->watches; w; w = w->next)
		if (w->entry == entry)
			return w;
	return NULL;
}

/* inotify gives one watch to all names of an inode. */
static void unwatch(struct port *p, int wd)
{
	for (struct watch *w = p->watches; w; w = w->next)
		if (w->wd == wd)
			return;
	if (wd >= 0)
		inotify_rm_watch(notify_fd(p), wd);
}

void file_ended(struct port *p, struct entry *e)
{
	uint32_t index = entry_index(p->s, e);

	for (struct watch **at = &p->watches; *at; at = &(*at)->next) {
		struct watch *w = *at;
		if (w->entry != index)
			continue;
		*at = w->next;
		unwatch(p, w->wd);
		free(w->name);
		free(w);
		break;
	}
	entry_free(p->s, e);
}

static uint32_t mask(int events, int directory)
{
	uint32_t m = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_MASK_ADD; /* how a name ends is told unasked */

	if (events & FILE_ACCESS)
		m |= IN_ACCESS;
	if (events & (FILE_MODIFIED | FILE_TRUNC))
		m |= IN_MODIFY | (directory ? IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO : 0);
	return m | (events & FILE_NOFOLLOW ? IN_DONT_FOLLOW : 0);
}

/* ---- what happened ---------------------------------------------------------------------------------------------------------------*/

/* The name after something happened that may have been its end. */
static int end_of(const struct watch *w, const struct stat *now, int there)
{
	if (!there)
		return FILE_DELETE;
	return now->st_dev != w->dev || now->st_ino != w->ino ? FILE_RENAME_TO : 0;
}

static int happened(struct watch *w, int asked, uint32_t m)
{
	struct stat now;
	int there = look(w->name, w->follow, &now) == 0, events = 0;

	if (m & IN_UNMOUNT)
		return UNMOUNTED;
	if (m & (IN_ATTRIB | IN_DELETE_SELF))
		events = end_of(w, &now, there);
	if (m & IN_MOVE_SELF && (!there || end_of(w, &now, there)))
		events = FILE_RENAME_FROM;
	if (events)
		return events;
	if (m & IN_ATTRIB)
		events |= FILE_ATTRIB;
	if (m & IN_ACCESS)
		events |= FILE_ACCESS;
	if (m & (IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) {
		events |= FILE_MODIFIED;
		if (there && now.st_size < w->size)
			events |= FILE_TRUNC;
	}
	if (there)
		w->size = now.st_size;
	return events & asked;
}

/* One event for an association, whatever happens until it is delivered. */
static void tell(struct shared *s, uint32_t index, int events)
{
	uint64_t word = atomic_load(&s->entries[index].word);

	for (uint32_t at = s->head; at != s->end; at++) {
		struct item *i = &s->items[at & (s->events_max - 1)];
		if (i->source == PORT_SOURCE_FILE && i->entry == index && i->generation == word >> 32) {
			i->events |= events;
			return;
		}
	}
	item_push(s, &(struct item){ .entry = index, .generation = (uint32_t)(word >> 32), .events = events, .source = PORT_SOURCE_FILE });
}

static void dispatch(struct port *p, const struct inotify_event *in)
{
	struct shared *s = p->s;

	for (struct watch *w = p->watches; w; w = w->next) {
		struct entry *e = &s->entries[w->entry];
		int events;

		if (w->wd != in->wd && !(in->mask & IN_Q_OVERFLOW))
			continue;
		if (in->mask & IN_IGNORED)
			w->wd = -1;
		if ((atomic_load(&e->word) & 0xffffffff) != ARMED)
			continue;
		/* Lost ones: anything may have happened. */
		events = happened(w, e->events, in->mask & IN_Q_OVERFLOW ? IN_ATTRIB | IN_MODIFY | IN_ACCESS : in->mask);
		if (events)
			tell(s, w->entry, events);
	}
}

void file_collect(struct port *p, int number)
{
	_Alignas(struct inotify_event) char buffer[4096];
	int fd = notify_fd(p);
	struct entry *e = &p->s->entries[p->notify];
	ssize_t n;

	if (fd < 0 || data_mod(number, fd, EPOLLIN | EPOLLONESHOT, DATA(p->s, atomic_load(&e->word) >> 32, p->notify)) < 0)
		return;
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		for (char *at = buffer; at < buffer + n; ) {
			struct inotify_event *in = (struct inotify_event *)at;
			dispatch(p, in);
			at += sizeof *in + in->len;
		}
}

/* ---- the calls -------------------------------------------------------------------------------------------------------------------*/

static int differ(const struct timespec *a, const struct timespec *b) { return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec; }
static int given(const struct timespec *t) { return t->tv_sec || t->tv_nsec; }

/* What changed since the caller looked. */
static int changed(const file_obj_t *fo, const struct stat *st)
{
	if (!given(&fo->fo_atime) && !given(&fo->fo_mtime) && !given(&fo->fo_ctime))
		return 0;
	return (differ(&fo->fo_atime, &st->st_atim) ? FILE_ACCESS : 0) | (differ(&fo->fo_mtime, &st->st_mtim) ? FILE_MODIFIED : 0) |
		(differ(&fo->fo_ctime, &st->st_ctim) ? FILE_ATTRIB : 0);
}

/* Points the association's watch at the name as it is now, making it if need be. */
static int rewatch(struct port *p, struct watch **made, uint32_t entry, int fd, const file_obj_t *fo, int events, struct stat *st)
{
	struct watch *w = watch_of(p, entry);
	int follow = !(events & FILE_NOFOLLOW), wd, before = w ? w->wd : -1;
	char *name;

	if (look(fo->fo_name, follow, st) < 0)
		return -1;
	wd = inotify_add_watch(fd, fo->fo_name, mask(events, S_ISDIR(st->st_mode)));
	if (wd < 0 || look(fo->fo_name, follow, st) < 0) { /* again: as it is since it is watched */
		if (errno == ENOSPC)
			errno = EAGAIN;
		return -1;
	}
	if (!w || strcmp(w->name, fo->fo_name)) {
		if (!(name = strdup(fo->fo_name)))
			return -1;
		if (!w) {
			w = *made;
			*made = NULL;
			*w = (struct watch){ .next = p->watches, .entry = entry };
			p->watches = w;
		}
		free(w->name);
		w->name = name;
	}
	w->wd = wd;
	w->follow = follow;
	w->dev = st->st_dev;
	w->ino = st->st_ino;
	w->size = st->st_size;
	if (before != wd && before >= 0)
		unwatch(p, before);
	return 0;
}

static int associate(struct port *p, int number, struct watch **made, file_obj_t *fo, int events, void *user)
{
	struct shared *s = p->s;
	pid_t me = port_pid();
	int fd = notify(p, number), now;
	struct entry *e;
	struct stat st;

	if (fd < 0)
		return -1;
	e = entry_find(s, PORT_SOURCE_FILE, (uintptr_t)fo, me);
	if (!e || e->owner != me)
		e = entry_new(s, PORT_SOURCE_FILE, (uintptr_t)fo, me);
	if (!e) {
		errno = EAGAIN;
		return -1;
	}
	file_collect(p, number); /* what happened before is not for this association */
	if (rewatch(p, made, entry_index(s, e), fd, fo, events, &st) < 0) {
		int saved = errno;
		file_ended(p, e);
		errno = saved;
		return -1;
	}
	entry_arm(s, e, events, user);
	now = changed(fo, &st) & events;
	if (now)
		tell(s, entry_index(s, e), now);
	return atomic_load(&s->done) ? bell_set(p, number, 1) : 0;
}

int file_associate(struct port *p, int number, file_obj_t *fo, int events, void *user)
{
	struct watch *made;
	int r;

	if (!port_check(p, number))
		return -1;
	if (!fo || !fo->fo_name) {
		errno = EFAULT;
		return -1;
	}
	if (events & ~(ASKED | FILE_NOFOLLOW)) {
		errno = EINVAL;
		return -1;
	}
	made = malloc(sizeof *made);
	if (!made)
		return -1;
	shared_lock(p->s);
	r = associate(p, number, &made, fo, events, user);
	shared_unlock(p->s);
	free(made);
	return r;
}

int file_dissociate(struct port *p, int number, file_obj_t *fo)
{
	struct shared *s = p->s;
	struct entry *e;
	int error = ENOENT;

	if (!port_check(p, number))
		return -1;
	shared_lock(s);
	e = entry_find(s, PORT_SOURCE_FILE, (uintptr_t)fo, port_pid());
	if (e && e->owner != port_pid()) {
		error = process_alive(e->owner) ? EACCES : ENOENT;
	} else if (e) {
		error = (atomic_load(&e->word) & 0xffffffff) == ARMED ? 0 : ENOENT;
		file_ended(p, e);
	}
	shared_unlock(s);
	errno = error ? error : errno;
	return error ? -1 : 0;
}
