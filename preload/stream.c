/*
 * preload/stream.c: FILE and DIR streams: they own a descriptor that libc opens and closes where nobody sees it.
 *
 * Context: ordinary program code (stdio is not async-signal-safe); still correct in handlers. A stream we did not see made is
 * passed through: its number's history ends in *unknown*, nothing is judged.
 */
#include "birth.h"
#include "close.h"
#include "event.h"
#include "inside.h"
#include "lists.h"
#include "fork.h"
#include "protect.h"
#include "gate.h"
#include "log.h"
#include "reap.h"
#include "resolve.h"
#include "stream.h"
#include "poison.h"

static uint32_t mode_flags(const char *mode)
{
	uint32_t f = 0;

	if (!mode)
		return 0;
	for (const char *p = mode; *p && *p != ','; p++)
		f |= *p == 'e' ? FDW_F_CLOEXEC : *p == 'w' || *p == 'a' || *p == '+' ? FDW_F_WRITABLE : 0;
	return f;
}

/*
 * libc keeps in the FILE that it was opened with "e", for freopen, which then makes a close-on-exec descriptor again whatever it is told. What
 * only we added must not be kept there. The bit is libc's (_IO_FLAGS2_CLOEXEC), its word is in the public header.
 */
#define FLAGS2_CLOEXEC 64
static void forget_e(FILE *f) { f->_flags2 &= ~FLAGS2_CLOEXEC; }

static void own(const void *stream, int fd, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);

	/* The tracer's constructors: what they open has no history, the number may have one. */
	if (!w || fd < 0 || !fdw_on() || fdw_tool_caller(pc))
		return;
	fdw_stream_add(stream, fd, fdw_gen(fdw_peek(fd)));
	fdw_record(fd)->stream = (uintptr_t)stream;
	atomic_fetch_or_explicit(w, FDW_W_STREAM, memory_order_relaxed);
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_STREAM, .call = call, .fd = fd, .gen = fdw_gen(fdw_peek(fd)),
			.fd2 = -1, .arg = (uintptr_t)stream, .flags = FDW_F_STREAM }, pc);
}

/*
 * The mode with "e", as second character: libc looks at the first seven only, and at what follows a comma on its own. NULL: it cannot be had.
 */
#define MODE_MAX 48
#define MODE_LOOKED_AT 7
static const char *with_cloexec(char *buf, const char *mode)
{
	size_t n = strlen(mode), flags = strcspn(mode, ",");

	if (!n || n + 2 > MODE_MAX || flags >= MODE_LOOKED_AT)
		return NULL;
	buf[0] = mode[0];
	buf[1] = 'e';
	memcpy(buf + 2, mode + 1, n);
	return buf;
}

/* The mode to call libc with; *birth: 0, or it is the close-on-exec form. */
static const char *birth_mode(char *buf, const char *mode, uint32_t *birth, uintptr_t pc)
{
	const char *e = NULL;

	*birth = mode ? fdw_birth(mode_flags(mode), pc) : 0;
	if (likely(!*birth) || (e = with_cloexec(buf, mode)))
		return e ? e : mode;
	fdw_birth_failed(*birth);
	*birth = 0;
	return mode;
}

static FILE *made_file(FILE *f, uint32_t birth, const char *path, const char *mode, uint8_t kind, uint16_t call, uintptr_t pc)
{
	int saved = errno, fd = f ? fileno(f) : -1;

	if (fd < 0) {
		fdw_birth_failed(birth);
	} else {
		if (birth)
			forget_e(f);
		fdw_made(fd, kind, mode_flags(mode) | birth, call, pc, -1, fdw_recording() ? fdw_text(path) : FDW_NO_DETAIL);
		own(f, fd, call, pc);
	}
	errno = saved;
	return f;
}

FDW_EXPORT FILE *fopen(const char *path, const char *mode)
{
	char buf[MODE_MAX];
	uint32_t birth;
	const char *real_mode = birth_mode(buf, mode, &birth, FDW_CALLER);
	FILE *f;

	if (unlikely(fdw_path_asks(path) == FDW_PATH_REFUSED)) {
		fdw_birth_failed(birth);
		return NULL;
	}
	f = FDW_REAL(fopen)(path, real_mode);
	if (fdw_held_too_many(!f))
		f = real_fopen(path, real_mode);
	return made_file(f, birth, path, mode, FDW_KIND_FILE, FDW_CALL_fopen, FDW_CALLER);
}

/* libc has no close-on-exec form of it: a file without a name where libc makes one, where the file system can do that, or none. */
static FILE *tmpfile_cloexec(void)
{
	int fd = real_open(P_tmpdir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : FDW_REAL(fdopen)(fd, "w+");

	if (!f && fd >= 0)
		real_close(fd);
	return f;
}

FDW_EXPORT FILE *tmpfile(void)
{
	int saved = errno;
	uint32_t birth = fdw_birth(0, FDW_CALLER);
	FILE *f = birth ? tmpfile_cloexec() : NULL;

	if (!f) {
		fdw_birth_failed(birth);
		birth = 0;
		errno = saved;
		f = FDW_REAL(tmpfile)();
		if (fdw_held_too_many(!f))
			f = real_tmpfile();
	}
	return made_file(f, birth, NULL, "w", FDW_KIND_TMPFILE, FDW_CALL_tmpfile, FDW_CALLER);
}

FDW_EXPORT FILE *setmntent(const char *path, const char *mode)
{
	FILE *f = FDW_REAL(setmntent)(path, mode); /* libc adds "e" on its own */

	if (fdw_held_too_many(!f))
		f = real_setmntent(path, mode);
	return made_file(f, 0, path, mode, FDW_KIND_FILE, FDW_CALL_setmntent, FDW_CALLER);
}

FDW_EXPORT FILE *popen(const char *command, const char *mode)
{
	char buf[MODE_MAX];
	uint32_t birth;
	const char *real_mode = birth_mode(buf, mode, &birth, FDW_CALLER);
	int saved, fd;
	FILE *f;

	fdw_gate();
	fdw_self.fork_begun = fdw_fork_clock();
	f = FDW_REAL(popen)(command, real_mode);
	if (fdw_held_too_many(!f))
		f = real_popen(command, real_mode);
	saved = errno;
	fdw_gate_child(-1, FDW_FORK_POPEN, FDW_CALL_popen, FDW_CALLER);
	f = made_file(f, birth, command, mode, FDW_KIND_POPEN, FDW_CALL_popen, FDW_CALLER);
	if (f && fdw_recording()) {
		fd = fileno(f);
		fdw_said_shell(FDW_FORK_POPEN, fd, fdw_gen(fdw_peek(fd)), command, FDW_CALL_popen, FDW_CALLER);
	}
	errno = saved;
	return f;
}

FDW_EXPORT FILE *fdopen(int fd, const char *mode)
{
	FILE *f = fdw_refused(fd, FDW_CALL_fdopen, FDW_CALLER) ? NULL : FDW_REAL(fdopen)(fd, mode);

	if (f)
		own(f, fd, FDW_CALL_fdopen, FDW_CALLER);
	else
		fdw_use_failed(fd, FDW_CALL_fdopen, FDW_CALLER);
	return f;
}

static void made_dir(DIR *d, const char *path, uint16_t call, uintptr_t pc)
{
	int saved = errno, fd = d ? dirfd(d) : -1;

	if (fd >= 0) {
		fdw_made(fd, FDW_KIND_DIR, FDW_F_CLOEXEC, call, pc, -1, fdw_recording() ? fdw_text(path) : FDW_NO_DETAIL);
		own(d, fd, call, pc);
	}
	errno = saved;
}

/* Once more, now that lower numbers are free. */
static DIR *lower(DIR *d, const char *path)
{
	int saved = errno;
	DIR *again = real_opendir(path), *kept = again && dirfd(again) < dirfd(d) ? again : d;

	if (again)
		real_closedir(kept == d ? again : d);
	errno = saved;
	return kept;
}

FDW_EXPORT DIR *opendir(const char *path)
{
	int is_list;
	DIR *d;

	if (unlikely(fdw_path_asks(path) == FDW_PATH_REFUSED))
		return NULL;
	d = FDW_REAL(opendir)(path);
	if (fdw_held_too_many(!d))
		d = real_opendir(path);
	is_list = d ? fdw_is_list(dirfd(d)) : 0;
	if (unlikely(is_list == FDW_LIST_LATE))
		d = lower(d, path);
	path = unlikely(is_list) ? fdw_own_list : path;
	made_dir(d, path, FDW_CALL_opendir, FDW_CALLER);
	if (d)
		fdw_listing_if(dirfd(d), path);
	return d;
}

FDW_EXPORT DIR *fdopendir(int fd)
{
	DIR *d = fdw_refused(fd, FDW_CALL_fdopendir, FDW_CALLER) ? NULL : FDW_REAL(fdopendir)(fd);

	if (d) { /* libc marks it */
		fdw_birth_marked(fd);
		fdw_note_setfd(fd, 1, FDW_CALL_fdopendir, FDW_CALLER);
		own(d, fd, FDW_CALL_fdopendir, FDW_CALLER);
		if (fdw_is_list(fd))
			fdw_listing(fd);
	} else {
		fdw_use_failed(fd, FDW_CALL_fdopendir, FDW_CALLER);
	}
	return d;
}

/* ---- the end of a stream -----------------------------------------------------------------------------------------------------------*/

struct ending {
	struct fdw_claim claim;
	struct fdw_owned owned;
	const void *stream;
	int known; /* we saw it made */
	int fd;
};

/* The stream's number belongs to a later generation, or to none: somebody closed it behind the stream's back. */
static int is_stale(const struct ending *e, uint64_t v)
{
	if (!e->known || e->owned.fd != e->fd)
		return 0;
	if (fdw_state(v) == FDW_OPEN)
		return fdw_gen(v) != e->owned.gen;
	return fdw_state(v) == FDW_CLOSED && fdw_gen(v) >= e->owned.gen;
}

/*
 * What has the number now was made by the thread that closed it before: perhaps for the stream, to go on with. Only the report can tell, by who
 * fails later. freopen and standard streams are reopened like that all the time.
 */
static int may_be_meant(const struct ending *e, uint64_t v, uint16_t call)
{
	const struct fdw_record *r = fdw_record(e->fd);

	if (e->fd <= 2 || call == FDW_CALL_freopen || r->gen != fdw_gen(v))
		return 1;
	return r->open_tid == r->close_tid && (!r->stream || r->stream == (uintptr_t)e->stream) && !(v & FDW_W_POLLER) && r->kind != FDW_KIND_LISTENER;
}

static void say_stale(struct ending *e, uint64_t v, uint16_t call, uintptr_t pc)
{
	int open = fdw_state(v) == FDW_OPEN;

	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_STALE_STREAM, .call = call, .fd = e->fd, .gen = open ? fdw_gen(v) : 0,
			.fd2 = e->fd, .gen2 = e->owned.gen, .arg = (uintptr_t)e->stream,
			.flags = FDW_F_STREAM | (open ? 0 : FDW_F_KNOWN_CLOSED) }, pc);
	else if (!fdw_process.child && !(open && may_be_meant(e, v, call)))
		fdw_log_violation(&(struct fdw_violation){ .rule = "double-close", .call = fdw_call_names[call], .fd = e->fd,
			.what = open ? "the stream's descriptor was closed before; its number belongs to another one now"
			             : "the stream's descriptor was closed before", .pc = pc });
}

static void begin_end(struct ending *e, const void *stream, int fd, uint16_t call, uintptr_t pc)
{
	uint64_t v = fdw_peek(fd);

	*e = (struct ending){ .stream = stream, .fd = fd };
	e->known = fdw_stream_remove(stream, &e->owned);
	if (fd < 0)
		return;
	if (is_stale(e, v)) {
		say_stale(e, v, call, pc);
		e->fd = -2; /* said; libc now closes what it closes */
		if (fdw_state(v) != FDW_OPEN)
			return;
	}
	/* A stream nobody saw made may be a dangling pointer: claim only what it is known to own, or what libc made itself. */
	if (e->known || fd <= 2)
		fdw_claim_as(&e->claim, fd, call == FDW_CALL_freopen ? FDW_W_REPLACED : 0);
	if (e->claim.owner)
		fdw_inside_closes(fd, e->claim.before);
	e->claim.refused = 0;
}

static void finish_end(struct ending *e, int fd, int r, int err, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	if (e->claim.owner || e->claim.loser) {
		if (e->fd == -2) { /* the victim's descriptor is gone: its owner did not do that, and only a report knows who did */
			fdw_claim_end(&e->claim, fdw_recording() && (r >= 0 || err != EBADF) ? FDW_CLOSE_DONE : FDW_CLOSE_NOT_OPEN, call, pc);
			return;
		}
		fdw_closed(&e->claim, err == EBADF ? r : 0, err, call, pc, FDW_F_STREAM, (uintptr_t)e->stream);
	} else if (!e->known && w && fd > 2) {
		v = atomic_load(w);
		if (fdw_state(v) == FDW_OPEN) /* closed by a stream we never saw */
			atomic_compare_exchange_strong(w, &v, fdw_with_state(v, FDW_UNKNOWN));
	}
}

static int end_file(FILE *f, int (*real)(FILE *), uint16_t call, uintptr_t pc)
{
	struct ending e;
	int saved = errno, r, err, fd = fileno(f), command;

	errno = saved;
	begin_end(&e, f, fd, call, pc);
	command = e.fd == fd && e.known && fdw_record(fd)->kind == FDW_KIND_POPEN;
	r = real(f);
	err = errno;
	if (e.fd == fd && (r >= 0 || err != EBADF) && call != FDW_CALL_freopen)
		fdw_take_again(&e.claim, call, pc);
	/* pclose answers with the command's status: positive is no error of the close */
	finish_end(&e, fd, r < 0 ? -1 : 0, r < 0 ? err : 0, call, pc);
	if (command && r >= 0)
		fdw_reaped_command(r, fd, e.owned.gen, call, pc);
	errno = err;
	return r;
}

FDW_EXPORT int fclose(FILE *f)
{
	if (unlikely(!fdw_on() || !f))
		return FDW_REAL(fclose)(f);
	return end_file(f, FDW_REAL(fclose), FDW_CALL_fclose, FDW_CALLER);
}

FDW_EXPORT int pclose(FILE *f)
{
	if (unlikely(!fdw_on() || !f))
		return FDW_REAL(pclose)(f);
	return end_file(f, FDW_REAL(pclose), FDW_CALL_pclose, FDW_CALLER);
}

FDW_EXPORT int endmntent(FILE *f)
{
	if (unlikely(!fdw_on() || !f))
		return FDW_REAL(endmntent)(f);
	return end_file(f, FDW_REAL(endmntent), FDW_CALL_endmntent, FDW_CALLER);
}

FDW_EXPORT int closedir(DIR *d)
{
	struct ending e;
	int r, err, fd;

	if (unlikely(!fdw_on() || !d))
		return FDW_REAL(closedir)(d);
	fd = dirfd(d);
	begin_end(&e, d, fd, FDW_CALL_closedir, FDW_CALLER);
	r = FDW_REAL(closedir)(d);
	err = errno;
	if (r == 0 && e.fd == fd)
		fdw_take_again(&e.claim, FDW_CALL_closedir, FDW_CALLER);
	finish_end(&e, fd, r, r < 0 ? err : 0, FDW_CALL_closedir, FDW_CALLER);
	errno = err;
	return r;
}

/*
 * freopen closes the stream's descriptor and opens another, usually under the same number (dup3): a claimed close plus a create.
 */
FDW_EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
	struct ending e;
	int saved = errno, old, now, err;
	uint32_t ended, gen, asks, birth = 0;
	char buf[MODE_MAX];
	const char *real_mode = mode;
	FILE *r;

	if (unlikely(!fdw_on() || !f))
		return FDW_REAL(freopen)(path, mode, f);
	old = fileno(f);
	errno = saved;
	begin_end(&e, f, old, FDW_CALL_freopen, FDW_CALLER);
	ended = e.claim.owner ? fdw_gen(e.claim.before) : 0;
	/* Standard streams are reopened to be inherited. */
	asks = mode_flags(mode) | (f->_flags2 & FLAGS2_CLOEXEC ? FDW_F_CLOEXEC : 0);
	if (old > 2 && !(asks & FDW_F_CLOEXEC))
		real_mode = birth_mode(buf, mode, &birth, FDW_CALLER);
	r = FDW_REAL(freopen)(path, real_mode, f);
	err = errno;
	now = r ? fileno(r) : -1;
	fdw_claim_end(&e.claim, FDW_CLOSE_DONE, FDW_CALL_freopen, FDW_CALLER);
	if (now < 0) {
		fdw_birth_failed(birth);
	} else {
		gen = fdw_born(now, FDW_KIND_FILE, asks | birth, FDW_CALL_freopen, FDW_CALLER);
		if (birth) {
			forget_e(r);
			fdw_birth_made(now, birth);
		}
		if (fdw_recording()) {
			struct fdw_detail d = fdw_text(path);
			fdw_send(&(struct fdw_event){ .op = now == old && ended ? FDW_OP_REPLACE : FDW_OP_CREATE,
				.call = FDW_CALL_freopen, .fd = now, .gen = gen, .fd2 = -1, .ret = now, .arg = ended,
				.kind = FDW_KIND_FILE, .flags = asks, .detail = d.data,
				.detail_len = (uint32_t)d.len }, FDW_CALLER);
		}
		own(r, now, FDW_CALL_freopen, FDW_CALLER);
	}
	if (fdw_recording() && ended && now != old)
		fdw_send(&(struct fdw_event){ .op = FDW_OP_CLOSE, .call = FDW_CALL_freopen, .fd = old, .gen = ended, .fd2 = -1,
			.flags = FDW_F_STREAM, .arg = (uintptr_t)f }, FDW_CALLER);
	errno = err;
	return r;
}
