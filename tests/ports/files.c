/* tests/ports/files.c: FILE events. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/stat.h>

static char dir[] = "/tmp/ports.XXXXXX";
static char *in_dir(const char *name)
{
	static int made;
	char *path = malloc(64);

	if (!made++)
		CHECK(mkdtemp(dir));
	snprintf(path, 64, "%s/%s", dir, name);
	return path;
}
static void gone(char **names)
{
	for (; *names; names++)
		unlink(*names);
	rmdir(dir);
}
static char *file_new(const char *name, const char *text)
{
	char *path = in_dir(name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) >= 0);
	close(fd);
	return path;
}
static void append(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	SAME(write(fd, "x", 1), 1);
	close(fd);
}
static void look(file_obj_t *fo)
{
	struct stat st;
	OK(stat(fo->fo_name, &st));
	fo->fo_atime = st.st_atim;
	fo->fo_mtime = st.st_mtim;
	fo->fo_ctime = st.st_ctim;
}
static void watch(int q, file_obj_t *fo, int events, int user) { OK(port_associate(q, PORT_SOURCE_FILE, (uintptr_t)fo, events, P(user))); }
static void is_file(int q, file_obj_t *fo, int events, int user)
{
	port_event_t e = one(q);
	SAME(e.portev_source, PORT_SOURCE_FILE);
	CHECK(e.portev_object == (uintptr_t)fo && e.portev_user == P(user));
	SAME(e.portev_events, events);
	nothing(q);
}

TEST(file_changes, "FILE: modified, attributes, read, truncated; only what was asked for; one event each")
{
	file_obj_t fo = { .fo_name = file_new("a", "text") };
	int q = port_new(), fd;
	char c;

	look(&fo);
	watch(q, &fo, FILE_MODIFIED, 1);
	nothing(q);
	OK(chmod(fo.fo_name, 0600));
	nothing(q);
	append(fo.fo_name);
	append(fo.fo_name);
	is_file(q, &fo, FILE_MODIFIED, 1);
	append(fo.fo_name);
	nothing(q);
	look(&fo);
	watch(q, &fo, FILE_ATTRIB, 2);
	nothing(q);
	OK(chmod(fo.fo_name, 0644));
	is_file(q, &fo, FILE_ATTRIB, 2);
	look(&fo);
	watch(q, &fo, FILE_ACCESS, 3);
	fd = open(fo.fo_name, O_RDONLY);
	SAME(read(fd, &c, 1), 1);
	is_file(q, &fo, FILE_ACCESS, 3);
	look(&fo);
	watch(q, &fo, FILE_MODIFIED | FILE_TRUNC, 4);
	OK(truncate(fo.fo_name, 1));
	is_file(q, &fo, FILE_MODIFIED | FILE_TRUNC, 4);
	gone((char *[]){ fo.fo_name, NULL });
}

TEST(file_before, "FILE: changed since the times given: at once; no times: not compared")
{
	file_obj_t fo = { .fo_name = file_new("a", "text") };
	int q = port_new();

	look(&fo);
	ms_sleep(20);
	append(fo.fo_name);
	watch(q, &fo, FILE_MODIFIED, 1);
	is_file(q, &fo, FILE_MODIFIED, 1);
	memset(&fo.fo_atime, 0, 3 * sizeof fo.fo_atime);
	watch(q, &fo, FILE_MODIFIED, 1);
	nothing(q);
	gone((char *[]){ fo.fo_name, NULL });
}

TEST(file_ends, "FILE: deleted, renamed, replaced: told unasked, and the association is over")
{
	file_obj_t fo = { .fo_name = file_new("a", "text") };
	char *other = file_new("b", "other");
	int q = port_new();

	watch(q, &fo, FILE_ATTRIB, 1);
	OK(rename(other, fo.fo_name));
	is_file(q, &fo, FILE_RENAME_TO, 1);
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FILE, (uintptr_t)&fo));
	watch(q, &fo, FILE_MODIFIED, 2);
	OK(rename(fo.fo_name, other));
	is_file(q, &fo, FILE_RENAME_FROM, 2);
	FAILS(ENOENT, port_associate(q, PORT_SOURCE_FILE, (uintptr_t)&fo, FILE_MODIFIED, NULL));
	OK(rename(other, fo.fo_name));
	watch(q, &fo, 0, 3);
	unlink(fo.fo_name);
	is_file(q, &fo, FILE_DELETE, 3);
	gone((char *[]){ fo.fo_name, other, NULL });
}

TEST(file_links, "FILE: one name of two goes: the other's attributes; two objects of one file")
{
	file_obj_t a = { .fo_name = file_new("a", "text") }, b = { .fo_name = in_dir("b") };
	int q = port_new(), seen = 0;

	OK(link(a.fo_name, b.fo_name));
	watch(q, &a, FILE_ATTRIB, 1);
	watch(q, &b, FILE_ATTRIB, 2);
	unlink(b.fo_name);
	for (int i = 0; i < 2; i++) {
		port_event_t e = one(q);
		if (e.portev_object == (uintptr_t)&a)
			SAME(e.portev_events, FILE_ATTRIB);
		else
			SAME(e.portev_events, FILE_DELETE);
		seen |= (int)(intptr_t)e.portev_user;
	}
	SAME(seen, 3);
	watch(q, &a, FILE_MODIFIED, 3);
	append(a.fo_name);
	is_file(q, &a, FILE_MODIFIED, 3);
	gone((char *[]){ a.fo_name, NULL });
}

TEST(file_directory, "FILE: a directory is modified by what comes and goes in it")
{
	file_obj_t fo = { .fo_name = in_dir("") };
	int q = port_new();
	char *a;

	watch(q, &fo, FILE_MODIFIED, 1);
	a = file_new("a", "");
	is_file(q, &fo, FILE_MODIFIED, 1);
	watch(q, &fo, FILE_MODIFIED, 2);
	unlink(a);
	is_file(q, &fo, FILE_MODIFIED, 2);
	gone((char *[]){ NULL });
}

/* The orders of sequences.c, for files. a: associated, m: modified, d: dissociated. */
static void files(const char *steps, int expected)
{
	file_obj_t fo = { .fo_name = file_new("a", "text") };
	int q = port_new(), user = 0;

	look(&fo);
	for (; *steps; steps++)
		switch (*steps) {
		case 'a': watch(q, &fo, FILE_MODIFIED, ++user); break;
		case 'm': ms_sleep(12); append(fo.fo_name); break; /* times have a tick of their own */
		case 'd': OK(port_dissociate(q, PORT_SOURCE_FILE, (uintptr_t)&fo)); break;
		}
	if (expected)
		is_file(q, &fo, FILE_MODIFIED, expected);
	nothing(q);
	gone((char *[]){ fo.fo_name, NULL });
}
TEST(f1, "sequence of files: associate, associate, modify: the second") { files("aam", 2); }
TEST(f2, "sequence of files: associate, modify, associate: one, the second") { files("ama", 2); }
TEST(f3, "sequence of files: associate, modify, dissociate: none") { files("amd", 0); }
TEST(f4, "sequence of files: associate, modify, dissociate, associate: the second") { files("amda", 2); }
TEST(f5, "sequence of files: associate, dissociate, modify: none") { files("adm", 0); }

TEST(file_errors, "FILE: errors; NOFOLLOW; port_getn gathers them; waiting is woken")
{
	file_obj_t fo = { .fo_name = file_new("a", "text") }, none = { .fo_name = in_dir("none") }, ln = { .fo_name = in_dir("ln") };
	int q = port_new();
	port_event_t e[4];

	FAILS(ENOENT, port_associate(q, PORT_SOURCE_FILE, (uintptr_t)&none, FILE_MODIFIED, NULL));
	FAILS(EINVAL, port_associate(q, PORT_SOURCE_FILE, (uintptr_t)&fo, 0x08, NULL));
	FAILS(EFAULT, port_associate(q, PORT_SOURCE_FILE, 0, FILE_MODIFIED, NULL));
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FILE, (uintptr_t)&fo));
	OK(symlink("a", ln.fo_name));
	watch(q, &ln, FILE_MODIFIED | FILE_NOFOLLOW, 1);
	watch(q, &fo, FILE_MODIFIED, 2);
	append(fo.fo_name);
	is_file(q, &fo, FILE_MODIFIED, 2);
	watch(q, &fo, FILE_MODIFIED, 2);
	unlink(ln.fo_name);
	append(fo.fo_name);
	SAME(getn(q, e, 4, 2, 5000), 2);
	gone((char *[]){ fo.fo_name, NULL });
}
