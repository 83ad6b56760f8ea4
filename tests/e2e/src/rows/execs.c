/*
 * tests/e2e/src/rows/execs.c: the exec family: this program again, which tells what it was given and what it has open. Context and
 * vocabulary: rows.h.
 */
#include "rows.h"

/* `call` is not changed in vfork children; the compiler cannot know. */
#pragma GCC diagnostic ignored "-Wclobbered"

/* Arguments: --said WORD. What is told goes to standard output, which is a file of the case's. */
static void tell(void)
{
	extern char **environ;
	char *word = NULL, line[4096];
	FILE *f = fopen("/proc/self/cmdline", "r");
	size_t n = fread(line, 1, sizeof line - 1, f), envs = 0;

	fclose(f);
	for (size_t i = 0; i + 1 < n; i++)
		if (!line[i])
			line[i] = ' ';
	word = strchr(line, ' ');
	printf("%s;", word ? word + 1 : "?");
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "LD_PRELOAD=", 11) && strncmp(*e, "FDWARDEN_", 9) && strncmp(*e, "LTTNG_", 6)) {
			envs++;
			if (!strncmp(*e, "FDW_ROWS=", 9))
				printf(" %s;", *e);
		}
	printf(" %s;", envs > 1 ? "environment" : "no environment");
	for (int fd = 3; fd < 64; fd++)
		if (raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0)
			printf(" %d", fd);
}

static void listen_to(const char *file)
{
	char text[4096] = "";
	int fd = (int)raw(SYS_open, (long)file, O_RDONLY, 0, 0, 0, 0);

	raw(SYS_read, fd, (long)text, sizeof text - 1, 0, 0, 0);
	raw(SYS_close, fd, 0, 0, 0, 0, 0);
	rows_note("%s", text);
}

/* The call in a child whose standard output is a file; what was told becomes a line. F_NULL is marked, so it must be gone. */
#define EXEC(what, ...) do { \
		const char *said_ = fresh("said"); \
		pid_t pid_; \
		fcntl(F_NULL, F_SETFD, FD_CLOEXEC); \
		rows_before(what); \
		pid_ = fork(); \
		if (pid_ == 0) { \
			dup2(open(said_, O_WRONLY | O_CREAT, 0600), 1); \
			(void)(__VA_ARGS__); \
			_exit(99); \
		} \
		rows_forked(what, pid_, 77); \
		listen_to(said_); \
	} while (0)
/* As programs do it that are in a hurry. */
#define VEXEC(what, ...) FORK(what, ({ pid_t vfork_ = vfork(); if (vfork_ == 0) { (void)(__VA_ARGS__); _exit(99); } vfork_; }))

static void vectors(char *const *argv, char *const *own)
{
	char *const *nowhere = NOWHERE;

	CALLS(int, (const char *, char *const *, char *const *), "execve") {
		EXEC("this program", call(rows_self, argv, own));
		EXEC("no environment", call(rows_self, argv, NULL));
		EXEC("ours", call(rows_self, argv, environ));
		VEXEC("after vfork", call("/bin/true", argv, own));
		CASE("missing", call(path("missing"), argv, own));
		CASE("a directory", call(rows_dir, argv, own));
		CASE("not executable", call(path("file"), argv, own));
		CASE("bad path", call(NOWHERE, argv, own));
		CASE("bad arguments", call(rows_self, nowhere, own));
		CASE("bad environment", call(rows_self, argv, nowhere));
	}
	CALLS(int, (const char *, char *const *), "execv") {
		EXEC("this program", call(rows_self, argv));
		VEXEC("after vfork", call("/bin/true", argv));
		CASE("missing", call(path("missing"), argv));
		CASE("bad path", call(NOWHERE, argv));
		CASE("bad arguments", call(rows_self, nowhere));
	}
	CALLS(int, (const char *, char *const *), "execvp") {
		EXEC("this program", call(rows_self, argv));
		VEXEC("found in the path", call("true", argv));
		CASE("not in the path", call("fdw-rows-missing", argv));
		CASE("no name", call("", argv));
		CASE("missing", call(path("missing"), argv));
	}
	CALLS(int, (const char *, char *const *, char *const *), "execvpe") {
		EXEC("this program", call(rows_self, argv, own));
		VEXEC("found in the path", call("true", argv, own));
		CASE("not in the path", call("fdw-rows-missing", argv, own));
		CASE("no directory", call(path("file/x"), argv, own));
	}
}

static void lists(char *const *own)
{
	CALLS(int, (const char *, const char *, ...), "execl") {
		EXEC("this program", call(rows_self, "rows", "--said", "a", "list", NULL));
		CASE("missing", call(path("missing"), "rows", NULL));
		CASE("no arguments", call(path("missing"), NULL));
	}
	CALLS(int, (const char *, const char *, ...), "execle") {
		EXEC("this program", call(rows_self, "rows", "--said", "a", "list", NULL, own));
		CASE("missing", call(path("missing"), "rows", NULL, own));
	}
	CALLS(int, (const char *, const char *, ...), "execlp") {
		EXEC("this program", call(rows_self, "rows", "--said", "a", "list", NULL));
		VEXEC("found in the path", call("true", "true", NULL));
		CASE("not in the path", call("fdw-rows-missing", "rows", NULL));
	}
}

static void descriptors(char *const *argv, char *const *own)
{
	int self = open(rows_self, O_RDONLY | O_CLOEXEC), dir;
	char *folder = strdup(rows_self), *name = strrchr(folder, '/');

	*name++ = 0;
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CALLS(int, (int, char *const *, char *const *), "fexecve") {
		EXEC("this program", call(self, argv, own));
		CASE("not executable", call(F_FILE, argv, own));
		CASE("bad arguments", call(self, NULL, own));
		CASE("no environment", call(self, argv, NULL));
		BADFD(call(fd, argv, own));
	}
	CALLS(int, (int, const char *, char *const *, char *const *, int), "execveat") {
		EXEC("this program", call(dir, name, argv, own, 0));
		EXEC("by number", call(self, "", argv, own, AT_EMPTY_PATH));
		CASE("missing", call(dir, "missing", argv, own, 0));
		CASE("bad flags", call(dir, name, argv, own, 0x40000000));
		CASE("bad path", call(dir, NOWHERE, argv, own, 0));
		CASE("bad environment", call(dir, name, argv, NOWHERE, 0));
		BADFD(call(fd, "x", argv, own, 0));
	}
	free(folder);
	close(dir);
	close(self);
}

void rows_execs(void)
{
	char *const argv[] = { (char *)"rows", (char *)"--said", (char *)"words", NULL }, *const own[] = { (char *)"FDW_ROWS=own", NULL };

	if (!rows_self) {
		tell();
		return;
	}
	vectors(argv, own);
	lists(own);
	descriptors(argv, own);
}
