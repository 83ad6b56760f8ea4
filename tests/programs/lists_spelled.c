/* lists_spelled [silence]: a program that has closed a good deal lists its own numbers by many paths, finds what is open and nothing else, the list at the
 * lowest number, and closes what it found. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <sys/syscall.h>

#define HIGH 200 /* while it is recorded, there are high ones */

enum how { OPENDIR, OPENAT, SYSCALL, PLAIN, LISTED_CWD, SCANDIR, NFTW, GLOB };

struct spelling {
	enum how how;
	const char *from; /* a directory that the path begins in; NULL: none */
	const char *path; /* with %d: the pid */
};

static char link_path[64];
static const struct spelling spellings[] = {
	{ OPENDIR, NULL, "/proc/self/fd" }, { OPENDIR, NULL, "/proc/%d/fd" }, { OPENDIR, NULL, "/dev/fd" }, { OPENDIR, NULL, "/proc/self/fdinfo" },
	{ OPENDIR, NULL, "/proc/self/task/%d/fd" }, { OPENDIR, NULL, "/proc/self/task/%d/fdinfo" }, { OPENDIR, NULL, "/proc//self/./fd/" },
	{ OPENDIR, NULL, "/proc/self/root/proc/self/fd" }, { OPENDIR, NULL, "/dev/../proc/self/fd" }, { OPENDIR, NULL, link_path },
	{ OPENAT, NULL, link_path }, { OPENAT, "/proc", "self/fd" }, { OPENAT, "/proc/self", "fd" }, { OPENAT, "/proc/self/task", "%d/fdinfo" },
	{ SYSCALL, "/proc", "self/fd" }, { SYSCALL, NULL, "/proc/self/fd" }, { PLAIN, "/proc/self", "fd" }, { PLAIN, NULL, "/proc/self/fd" },
	{ LISTED_CWD, "/proc/self", "fd" }, { LISTED_CWD, "/proc", "self/fd" }, { LISTED_CWD, "/proc/self/fd", "." },
	{ LISTED_CWD, "/proc/self/fd", "../fdinfo" },
	{ SCANDIR, NULL, "/proc/self/fd" }, { SCANDIR, NULL, link_path }, { SCANDIR, NULL, "/proc/%d/fdinfo" }, { NFTW, NULL, "/proc/self/fd" },
	{ NFTW, NULL, "/proc/thread-self/fd" }, { GLOB, NULL, "/proc/self/fd/*" }, { GLOB, NULL, "/proc/self/fdinfo/[0-9]*" },
};

static int fds[32], found;

static void finds(const char *name)
{
	if (name[0] < '0' || name[0] > '9' || atoi(name) >= HIGH)
		return;
	need(found < 32);
	fds[found++] = atoi(name);
}

static DIR *open_list(enum how how, int from, const char *path)
{
	int fd = -1;

	switch (how) {
	case OPENAT: fd = openat(from, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK); break;
	case PLAIN: fd = openat(from, path, O_RDONLY); break;
	case SYSCALL: fd = (int)syscall(SYS_openat, from, path, O_RDONLY | O_DIRECTORY); break;
	default: return opendir(path);
	}
	need(fd >= 0);
	return fdopendir(fd);
}

static void read_list(enum how how, int from, const char *path, int lowest)
{
	DIR *d = open_list(how, from, path);
	struct dirent *e;

	need(d && dirfd(d) == lowest);
	while ((e = readdir(d)))
		finds(e->d_name);
	need(closedir(d) == 0);
}

static void scan(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	need(n >= 0);
	for (int i = 0; i < n; i++)
		finds(names[i]->d_name);
}

static int each(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type;
	if (where->level == 1)
		finds(path + where->base);
	return 0;
}

static void find_by_glob(const char *pattern)
{
	glob_t g;

	need(glob(pattern, 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		finds(strrchr(g.gl_pathv[i], '/') + 1);
	globfree(&g);
}

/* All there is below HIGH is 0 to lowest; that one is the list. Closes all others above 2. */
static void closes_listed(const struct spelling *s, int from, int lowest)
{
	char path[128];

	snprintf(path, sizeof path, s->path, (int)getpid());
	need(s->how != LISTED_CWD || chdir(s->from) == 0);
	switch (s->how) {
	case SCANDIR: scan(path); break;
	case NFTW: need(nftw(path, each, 4, FTW_PHYS) == 0); break;
	case GLOB: find_by_glob(path); break;
	default: read_list(s->how, from, path, lowest);
	}
	need(found == lowest + 1);
	for (int i = 0; i < found; i++)
		if (fds[i] > 2 && fds[i] != lowest)
			need(close(fds[i]) == 0);
}

static int lists_as(const struct spelling *s)
{
	int fd[6], from = s->from && s->how != LISTED_CWD ? open(s->from, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;

	for (int i = 0; i < 6; i++)
		fd[i] = open_null();
	for (int i = 0; i < 6; i++)
		need(close(fd[i]) == 0);
	closes_listed(s, from, from >= 0 ? 4 : 3);
	return 0;
}

/* A program of its own: fork children that tidy up are not judged. */
static int in_child(size_t i, const char *link)
{
	char number[8];
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		snprintf(number, sizeof number, "%zu", i);
		execl("/proc/self/exe", "lists_spelled", number, link, (char *)NULL);
		_exit(127);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	close_range(3, HIGH, 0);
	if (argc == 3) {
		snprintf(link_path, sizeof link_path, "%s", argv[2]);
		return lists_as(&spellings[atoi(argv[1])]);
	}
	snprintf(link_path, sizeof link_path, "/tmp/lists_spelled.%d", (int)getpid());
	need(symlink("/proc/self/fd", link_path) == 0);
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
		if (in_child(i, link_path)) {
			fprintf(stderr, "spelling %zu: %s\n", i, spellings[i].path);
			unlink(link_path);
			return 1;
		}
	unlink(link_path);
	puts("done");
	return 0;
}
