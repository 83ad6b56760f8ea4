/*
 * preload/syslog.c: syslog and its family: a connection that libc opens and keeps inside.
 *
 * Context: any thread; not async-signal-safe in libc either. System calls of ours: getpeername on a few numbers, once per connection, none
 * under a seccomp filter. The number is found where the kernel must have put it, the lowest free one, and believed only when it is a socket
 * connected to the log's: so it has a history like every other, and belongs to no leak.
 */
#include <sys/un.h>
#include "close.h"
#include "event.h"
#include "resolve.h"
#include "poison.h"

/* Numbers looked at: those below the connection are mostly known to be open and cost nothing. */
#define PROBES 32

/* Where nobody listens no connection is ever found. */
#define ATTEMPTS 4

static _Atomic int log_fd = -1;
static _Atomic int attempts;
static _Atomic uint32_t log_gen;

static int leads_to_log(int fd)
{
	struct sockaddr_un peer = { 0 };
	socklen_t n = sizeof peer - 1;
	size_t len;

	if (fdw_raw(SYS_getpeername, (long)fd, &peer, &n) != 0 || peer.sun_family != AF_UNIX)
		return 0;
	len = strlen(peer.sun_path);
	return len >= 7 && (!strcmp(peer.sun_path + len - 7, "dev-log") || !strcmp(peer.sun_path, "/dev/log"));
}

static int still_known(void)
{
	int fd = atomic_load(&log_fd);
	uint64_t v = fdw_peek(fd);

	return fd >= 0 && fdw_state(v) == FDW_OPEN && fdw_gen(v) == atomic_load(&log_gen);
}

static void learn(uint16_t call, uintptr_t pc)
{
	int saved = errno;

	if (!fdw_on() || fdw_process.filtered || still_known() || atomic_load(&attempts) >= ATTEMPTS)
		return;
	atomic_fetch_add(&attempts, 1);
	for (int fd = 0, probes = 0; fd < (int)fdw_table_end && probes < PROBES; fd++) {
		if (fdw_state(fdw_peek(fd)) == FDW_OPEN || fdw_state(fdw_peek(fd)) == FDW_PROTECTED)
			continue;
		probes++;
		if (!leads_to_log(fd))
			continue;
		fdw_made_plain(fd, FDW_KIND_SYSLOG, FDW_F_CLOEXEC, call, pc, -1);
		atomic_store(&log_gen, fdw_gen(fdw_peek(fd)));
		atomic_store(&log_fd, fd);
		atomic_store(&attempts, 0);
		break;
	}
	errno = saved;
}

FDW_EXPORT void openlog(const char *ident, int option, int facility)
{
	FDW_REAL(openlog)(ident, option, facility);
	learn(FDW_CALL_openlog, FDW_CALLER);
}

FDW_EXPORT void vsyslog(int priority, const char *format, va_list ap)
{
	FDW_REAL(vsyslog)(priority, format, ap);
	learn(FDW_CALL_vsyslog, FDW_CALLER);
}

FDW_EXPORT void syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	FDW_REAL(vsyslog)(priority, format, ap);
	va_end(ap);
	learn(FDW_CALL_syslog, FDW_CALLER);
}

FDW_EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	FDW_REAL(__vsyslog_chk)(priority, flag, format, ap);
	learn(FDW_CALL___vsyslog_chk, FDW_CALLER);
}

FDW_EXPORT void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	FDW_REAL(__vsyslog_chk)(priority, flag, format, ap);
	va_end(ap);
	learn(FDW_CALL___syslog_chk, FDW_CALLER);
}

FDW_EXPORT void closelog(void)
{
	struct fdw_claim c = { .fd = -1 };
	int saved = errno, known = fdw_on() && still_known();

	if (known)
		fdw_claim(&c, atomic_load(&log_fd));
	FDW_REAL(closelog)();
	if (known && c.owner) {
		fdw_closed(&c, 0, 0, FDW_CALL_closelog, FDW_CALLER, 0, 0);
		atomic_store(&log_fd, -1);
	}
	errno = saved;
}
