/* preload/proc.c: see proc.h. */
#include "proc.h"
#include "poison.h"

size_t fdw_read_file(const char *path, char *buf, size_t n)
{
	long fd = fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDONLY | O_CLOEXEC), 0L), r = 0;

	if (fd >= 0) {
		r = fdw_raw(SYS_read, fd, buf, n - 1);
		fdw_raw(SYS_close, fd);
	}
	buf[r > 0 ? r : 0] = 0;
	return r > 0 ? (size_t)r : 0;
}

/* The folder has a link from each thread's, its own and its parent's: no descriptor is needed to count them. */
int fdw_tasks(void)
{
	struct stat st;
	return fdw_raw(SYS_newfstatat, (long)AT_FDCWD, "/proc/self/task", &st, 0L) == 0 ? (int)st.st_nlink - 2 : -1;
}

struct linux_dirent64 { uint64_t ino; int64_t off; unsigned short len; unsigned char type; char name[]; };

int fdw_each_entry(const char *path, void (*each)(int dir, const char *name, void *arg), void *arg)
{
	_Alignas(8) char buf[4096];
	long n, dir = fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0L);

	if (dir < 0)
		return -1;
	while ((n = fdw_raw(SYS_getdents64, dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct linux_dirent64 *)(buf + at))->len) {
			const char *name = ((struct linux_dirent64 *)(buf + at))->name;
			if (strcmp(name, ".") && strcmp(name, ".."))
				each((int)dir, name, arg);
		}
	fdw_raw(SYS_close, dir);
	return 0;
}

unsigned long fdw_number(const char *s)
{
	unsigned long n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (unsigned long)(*s - '0');
	return n;
}

char *fdw_put(char *to, const char *s)
{
	while (*s)
		*to++ = *s++;
	return to;
}

char *fdw_put_number(char *to, unsigned long n)
{
	char digits[24], *d = digits + sizeof digits;

	*--d = 0;
	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	return fdw_put(to, d);
}
