/* tests/e2e/src/rows/streams.c: streams, directories, the log. Context and vocabulary: rows.h. */
#include <mntent.h>
#include <syslog.h>
#include "rows.h"

/* A stream stays open while its line is written, then is closed by what closes its kind. */
#define STREAM(what, end, ...) do { __typeof__(__VA_ARGS__) s_ = KEEP(what, __VA_ARGS__); if (s_) end(s_); } while (0)

static int spare(int flags)
{
	dup2(F_FILE, 44);
	return flags < 0 ? fcntl(44, F_SETFD, FD_CLOEXEC), 44 : 44;
}

static void opening(void)
{
	CALLS(FILE *, (const char *, const char *), "fopen", "fopen64", "_IO_fopen") {
		STREAM("a file", fclose, call(path("file"), "r"));
		STREAM("close-on-exec", fclose, call(path("file"), "r+e"));
		STREAM("new", fclose, call(fresh("new"), "w"));
		STREAM("exists", fclose, call(path("file"), "wx"));
		STREAM("missing", fclose, call(path("missing"), "r"));
		STREAM("bad mode", fclose, call(path("file"), "?"));
		STREAM("bad address", fclose, call(NOWHERE, "r"));
		rows_full(0);
		STREAM("no number left", fclose, call(path("file"), "r"));
		rows_full(-1);
	}
	CALLS(FILE *, (const char *, const char *, FILE *), "freopen", "freopen64") {
		FILE *f = fopen(path("file"), "r");
		f = KEEP("another file", call("/dev/null", "we", f));
		f = KEEP("another mode", call(NULL, "w", f));
		f = KEEP("missing", call(path("missing"), "r", f));
		f = fopen(path("file"), "r");
		close(fileno(f));
		f = KEEP("closed behind its back", call(path("file"), "r", f));
		if (f)
			fclose(f);
	}
	CALLS(FILE *, (int, const char *), "fdopen", "_IO_fdopen") {
		STREAM("a file", fclose, call(spare(0), "r+"));
		STREAM("marked", fclose, call(spare(-1), "w"));
		STREAM("marks", fclose, call(spare(0), "re"));
		STREAM("bad mode", fclose, call(F_FILE, "?"));
		STREAM("not writable", fclose, call(F_IN, "w"));
		BADFD(call(fd, "r"));
	}
	CALLS(FILE *, (void), "tmpfile", "tmpfile64") {
		STREAM("one", fclose, call());
		rows_full(0);
		STREAM("no number left", fclose, call());
		rows_full(-1);
	}
	CALLS(FILE *, (const char *, const char *), "setmntent", "__setmntent") {
		STREAM("a table", endmntent, call(path("file"), "r"));
		STREAM("missing", endmntent, call(path("missing"), "r"));
	}
}

static void closing(void)
{
	CALLS(int, (FILE *), "fclose", "_IO_fclose") {
		FILE *f = fopen(path("file"), "r");
		CASE("a file", call(f));
		f = fopen(path("new"), "w");
		fputs("written at the end", f);
		CASE("what is written", call(f));
		f = fopen("/dev/full", "w");
		fputs("cannot be written", f);
		CASE("a full device", call(f));
		f = fopen(path("file"), "r");
		close(fileno(f));
		CASE("closed behind its back", call(f));
		f = fmemopen(NULL, 16, "w");
		CASE("no descriptor", call(f));
	}
	CALLS(int, (FILE *), "endmntent") {
		FILE *f = setmntent("/proc/self/mounts", "r");
		CASE("a table", call(f));
		CASE("none", call(NULL));
	}
}

static void commands(void)
{
	CALLS(FILE *, (const char *, const char *), "popen", "_IO_popen") {
		STREAM("reads", pclose, call("true", "r"));
		STREAM("writes", pclose, call("cat >/dev/null", "we"));
		STREAM("bad mode", pclose, call("true", "?"));
		STREAM("both", pclose, call("true", "rw"));
		for (int n = 0; n < 2; n++) {
			rows_full(n);
			STREAM(n ? "one number left" : "no number left", pclose, call("true", "r"));
			rows_full(-1);
		}
	}
	CALLS(int, (FILE *), "pclose") {
		FILE *f = popen("exit 3", "r");
		CASE("three", call(f));
		f = popen("kill -9 $$", "r");
		CASE("killed", call(f));
		f = popen("exit 3", "r");
		while (waitpid(-1, NULL, 0) > 0)
			;
		CASE("waited for already", call(f));
		f = popen("exec nosuchcommand 2>/dev/null", "r");
		CASE("no such command", call(f));
	}
}

static int any(const char *name, const struct stat *st, int type, struct FTW *where) { return 0; }

/* They open inside libc what they walk through. */
static void walks(void)
{
	CALLS(int, (const char *, struct dirent ***, int (*)(const struct dirent *), int (*)(const struct dirent **, const struct dirent **)), "scandir", "scandir64") {
		struct dirent **names;
		CASE("a directory", call(rows_dir, &names, NULL, alphasort) > 2);
		CASE("missing", call(path("missing"), &names, NULL, alphasort));
		CASE("a file", call(path("file"), &names, NULL, alphasort));
	}
	CALLS(int, (const char *, __nftw_func_t, int, int), "nftw", "nftw64") {
		CASE("a directory", call(rows_dir, any, 4, FTW_PHYS));
		CASE("missing", call(path("missing"), any, 4, FTW_PHYS));
		CASE("bad flags", call(rows_dir, any, 4, -1));
	}
	CALLS(int, (const char *, int, int (*)(const char *, int), glob_t *), "glob", "glob64") {
		glob_t found;
		CASE("some", call(path("fil*"), 0, NULL, &found));
		CASE("none", call(path("missing*"), 0, NULL, &found));
		CASE("bad flags", call(path("fil*"), -1, NULL, &found));
	}
}

static void directories(void)
{
	CALLS(DIR *, (const char *), "opendir") {
		STREAM("one", closedir, call(rows_dir));
		STREAM("missing", closedir, call(path("missing")));
		STREAM("a file", closedir, call(path("file")));
		rows_full(0);
		STREAM("no number left", closedir, call(rows_dir));
		rows_full(-1);
	}
	CALLS(DIR *, (int), "fdopendir") {
		dup2(F_DIR, 44);
		STREAM("one", closedir, call(44));
		CASE("a file", call(F_FILE));
		CASE("a path", call(F_PATH));
		BADFD(call(fd));
	}
	CALLS(int, (DIR *), "closedir") {
		DIR *d = opendir(rows_dir);
		CASE("one", call(d));
		CASE("none", call(NULL));
		d = opendir(rows_dir);
		close(dirfd(d));
		CASE("closed behind its back", call(d));
	}
}

/* ---- the log: where there is no /dev/log, what is compared is how that goes --------------------------------------------------------*/

/* rows.sh says when /dev is ours alone. */
static void log_daemon(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd;

	if (!getenv("ROWS_OWN_DEV"))
		return;
	unlink(a.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
		dup2(fd, 46);
	close(fd);
}

static void with_list(void (*call)(int, const char *, va_list), const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	call(LOG_DEBUG, format, ap);
	va_end(ap);
}

static void with_list_checked(void (*call)(int, int, const char *, va_list), const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	call(LOG_DEBUG, 1, format, ap);
	va_end(ap);
}

static void logging(void)
{
	int e;

	log_daemon();
	CALLS(void, (const char *, int, int), "openlog") {
		VOID("later", call("rows", LOG_PID, LOG_USER));
		rows_before("now");
		call("rows", LOG_NDELAY, LOG_USER);
		e = errno;
		rows_print("now", "void", e);
		VOID("again", call("rows", LOG_NDELAY, LOG_USER));
		closelog();
		rows_full(0);
		VOID("no number left", call("rows", LOG_NDELAY, LOG_USER));
		rows_full(-1);
	}
	CALLS(void, (int, const char *, ...), "syslog") {
		rows_before("connects");
		call(LOG_DEBUG, "%s", "rows");
		e = errno;
		rows_print("connects", "void", e);
		VOID("a word", call(LOG_DEBUG, "rows %d", 1));
		VOID("of no facility", call(99999, "rows"));
		closelog();
	}
	CALLS(void, (int, const char *, va_list), "vsyslog") {
		openlog("rows", LOG_NDELAY, LOG_USER);
		VOID("a word", with_list(call, "%s", "rows"));
		closelog();
	}
	CALLS(void, (int, int, const char *, ...), "__syslog_chk") {
		openlog("rows", LOG_NDELAY, LOG_USER);
		VOID("a word", call(LOG_DEBUG, 1, "rows %d", 1));
		closelog();
	}
	CALLS(void, (int, int, const char *, va_list), "__vsyslog_chk") {
		openlog("rows", LOG_NDELAY, LOG_USER);
		VOID("a word", with_list_checked(call, "%s", "rows"));
		closelog();
	}
	CALLS(void, (void), "closelog") {
		VOID("closed", call());
		openlog("rows", LOG_NDELAY, LOG_USER);
		VOID("open", call());
	}
}

void rows_streams(void)
{
	opening();
	closing();
	commands();
	directories();
	walks();
	logging();
}
