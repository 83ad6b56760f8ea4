/* tests/e2e/src/rows/opening.c: calls that open files, terminals and shared memory. Context and vocabulary: rows.h. */
#include <pty.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <termios.h>
#include "rows.h"

static char *template(const char *name)
{
	return strcpy((char *)path(""), path(name)); /* writable, and new for every case */
}

static void files(void)
{
	CALLS(int, (const char *, int, ...), "open", "open64", "__open", "__open64") {
		CASE("a file", call(path("file"), O_RDONLY));
		CASE("a new file, close-on-exec", call(fresh("new"), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0640));
		CASE("a new file, mode by umask", call(fresh("new"), O_WRONLY | O_CREAT | O_EXCL, 0777));
		CASE("a directory", call(rows_dir, O_RDONLY | O_DIRECTORY));
		CASE("a path", call(path("file"), O_PATH));
		CASE("no name", call(rows_dir, O_TMPFILE | O_RDWR, 0600));
		CASE("a device", call("/dev/null", O_RDWR | O_NONBLOCK));
		CASE("missing", call(path("missing"), O_RDONLY));
		CASE("exists", call(path("file"), O_RDWR | O_CREAT | O_EXCL, 0600));
		CASE("no directory", call(path("file/x"), O_RDONLY));
		CASE("is a directory", call(rows_dir, O_RDWR));
		CASE("empty name", call("", O_RDONLY));
		CASE("bad address", call(NOWHERE, O_RDONLY));
		FULL(0, call(path("file"), O_RDONLY));
		FULL(1, call(path("file"), O_RDONLY));
	}
	CALLS(int, (int, const char *, int, ...), "openat", "openat64") {
		CASE("a file", call(F_DIR, "file", O_RDWR | O_CLOEXEC));
		CASE("a new file", call(F_DIR, "new", O_RDWR | O_CREAT | O_TRUNC, 0600));
		CASE("absolute", call(NEVER, path("file"), O_RDONLY));
		CASE("from here", call(AT_FDCWD, rows_dir, O_RDONLY));
		CASE("missing", call(F_DIR, "missing", O_RDONLY));
		CASE("not of a directory", call(F_FILE, "file", O_RDONLY));
		CASE("bad address", call(F_DIR, NOWHERE, O_RDONLY));
		BADFD(call(fd, "file", O_RDONLY));
		FULL(0, call(F_DIR, "file", O_RDONLY));
	}
	CALLS(int, (const char *, int), "__open_2", "__open64_2") {
		CASE("a file", call(path("file"), O_RDONLY | O_CLOEXEC));
		CASE("missing", call(path("missing"), O_RDONLY));
		FULL(0, call(path("file"), O_RDONLY));
	}
	CALLS(int, (int, const char *, int), "__openat_2", "__openat64_2") {
		CASE("a file", call(F_DIR, "file", O_RDONLY));
		CASE("missing", call(F_DIR, "missing", O_RDONLY));
		BADFD(call(fd, "file", O_RDONLY));
	}
	CALLS(int, (const char *, mode_t), "creat", "creat64") {
		CASE("a new file", call(fresh("new"), 0600));
		CASE("an old file", call(path("new"), 0600));
		CASE("no directory", call(path("missing/new"), 0600));
		CASE("bad address", call(NOWHERE, 0600));
		FULL(0, call(path("new"), 0600));
	}
}

static void handles(void)
{
	union { struct file_handle h; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	name_to_handle_at(F_DIR, "file", &u.h, &mount, 0);
	CALLS(int, (int, struct file_handle *, int), "open_by_handle_at") {
		CASE("a file", call(F_DIR, &u.h, O_RDONLY | O_CLOEXEC));
		CASE("bad address", call(F_DIR, NOWHERE, O_RDONLY));
		BADFD(call(fd, &u.h, O_RDONLY));
		u.h.handle_bytes = MAX_HANDLE_SZ + 1;
		CASE("too long", call(F_DIR, &u.h, O_RDONLY));
	}
}

static void temporary(void)
{
	CALLS(int, (char *), "mkstemp", "mkstemp64") {
		CASE("a file", call(template("tXXXXXX")));
		CASE("no template", call(template("tXXXXX")));
		CASE("no directory", call(template("missing/tXXXXXX")));
		FULL(0, call(template("tXXXXXX")));
	}
	CALLS(int, (char *, int), "mkostemp", "mkostemp64") {
		CASE("a file", call(template("tXXXXXX"), O_CLOEXEC | O_APPEND));
		CASE("no template", call(template("t"), 0));
		CASE("no directory", call(template("missing/tXXXXXX"), 0));
	}
	CALLS(int, (char *, int), "mkstemps", "mkstemps64") {
		CASE("a file", call(template("tXXXXXX.c"), 2));
		CASE("no template", call(template("tXXXXXX.c"), 3));
		CASE("no directory", call(template("missing/tXXXXXX.c"), 2));
	}
	CALLS(int, (char *, int, int), "mkostemps", "mkostemps64") {
		CASE("a file", call(template("tXXXXXX.c"), 2, O_CLOEXEC));
		CASE("no template", call(template("tXXXXXX.c"), 300, 0));
		CASE("no directory", call(template("missing/tXXXXXX.c"), 2, 0));
	}
	CALLS(int, (const char *, int, mode_t), "shm_open") {
		char name[64];
		sprintf(name, "/fdw-rows-%d", (int)getpid());
		CASE("new", call(name, O_RDWR | O_CREAT | O_EXCL, 0600));
		CASE("exists", call(name, O_RDWR | O_CREAT | O_EXCL, 0600));
		CASE("again", call(name, O_RDONLY, 0));
		shm_unlink(name);
		CASE("missing", call(name, O_RDONLY, 0));
		CASE("bad name", call("/a/b", O_RDONLY, 0));
	}
}

static void terminals(void)
{
	CALLS(int, (void), "getpt") {
		CASE("a terminal", call());
		FULL(0, call());
	}
	CALLS(int, (int), "posix_openpt") {
		CASE("a terminal", call(O_RDWR | O_NOCTTY));
		CASE("close-on-exec", call(O_RDWR | O_CLOEXEC | O_NONBLOCK));
		FULL(0, call(O_RDWR));
	}
	CALLS(int, (int *, int *, char *, const struct termios *, const struct winsize *), "openpty") {
		int m = 0, s = 0;
		struct winsize size = { 24, 80, 0, 0 };
		CASE("a pair", call(&m, &s, NULL, NULL, NULL));
		rows_note("%d %d", m, s);
		CASE("with a size", call(&m, &s, NULL, NULL, &size));
		FULL(0, call(&m, &s, NULL, NULL, NULL));
		FULL(1, call(&m, &s, NULL, NULL, NULL));
	}
}

static void mounts(void)
{
	CALLS(int, (const char *, unsigned), "fsopen") {
		CASE("a file system", call("tmpfs", 1));
		CASE("no such", call("nosuchfs", 0));
		CASE("bad flags", call("tmpfs", 0x8000));
		CASE("bad address", call(NOWHERE, 0));
	}
	CALLS(int, (int, const char *, unsigned), "fspick") {
		CASE("no mount", call(F_DIR, "file", 0));
		CASE("a mount", call(AT_FDCWD, "/", 1));
		CASE("missing", call(F_DIR, "missing", 0));
		BADFD(call(fd, "file", 0));
	}
	CALLS(int, (int, const char *, unsigned), "open_tree") {
		CASE("a path", call(F_DIR, "file", O_CLOEXEC));
		CASE("a clone", call(AT_FDCWD, rows_dir, 1 | O_CLOEXEC));
		CASE("missing", call(F_DIR, "missing", 0));
		CASE("bad flags", call(F_DIR, "file", 0x40000000));
		BADFD(call(fd, "file", 0));
	}
	CALLS(int, (int, unsigned, const char *, const void *, int), "fsconfig") {
		int fs = fsopen("tmpfs", 0);
		CASE("a setting", call(fs, FSCONFIG_SET_STRING, "size", "1m", 0));
		CASE("no such setting", call(fs, FSCONFIG_SET_STRING, "nosuch", "1m", 0));
		CASE("made", call(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		CASE("not one", call(F_FILE, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		BADFD(call(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		close(fs);
	}
	CALLS(int, (int, unsigned, unsigned), "fsmount") {
		int fs = fsopen("tmpfs", 0);
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
		CASE("a mount", call(fs, 1, 0));
		CASE("twice", call(fs, 0, 0));
		CASE("not one", call(F_FILE, 0, 0));
		BADFD(call(fd, 0, 0));
		close(fs);
	}
	CALLS(int, (int, const char *, int, const char *, unsigned), "move_mount") {
		int fs = fsopen("tmpfs", 0), m;
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
		m = fsmount(fs, 1, 0);
		mkdir(fresh("mnt"), 0700);
		CASE("to a directory", call(m, "", F_DIR, "mnt", 4));
		umount2(path("mnt"), MNT_DETACH);
		CASE("missing", call(m, "", F_DIR, "missing", 4));
		BADFD(call(fd, "", F_DIR, "file", 4));
		BADFD(call(F_DIR, "file", fd, "x", 0));
		close(fs);
		close(m);
	}
	CALLS(int, (int, const char *, unsigned, struct mount_attr *, size_t), "mount_setattr") {
		struct mount_attr none = { 0 };
		CASE("nothing", call(AT_FDCWD, "/", 0, &none, sizeof none));
		CASE("bad size", call(AT_FDCWD, "/", 0, &none, 1));
		CASE("missing", call(F_DIR, "missing", 0, &none, sizeof none));
		none.attr_set = 1;
		BADFD(call(fd, "file", 0, &none, sizeof none));
	}
}

void rows_opening(void)
{
	files();
	handles();
	temporary();
	terminals();
	mounts();
}
