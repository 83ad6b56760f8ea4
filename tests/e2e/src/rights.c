/*
 * tests/e2e/src/rights.c: gives up rights, one way a word: `rights WORD`, and prints what /proc says of its threads afterwards: of this one, and of every
 * other that may do more. Then it goes on: opens, closes, twice once, has a child do the same. Run by tests/e2e/rights.bats.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int capset(void *head, const void *data);
static const char *const lines[] = { "Uid:", "Gid:", "CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:" };
enum { LINES = sizeof lines / sizeof *lines };
struct rights { char line[LINES][128]; };

static int read_rights(const char *thread, struct rights *r)
{
	char path[300], line[256];
	FILE *f;

	memset(r, 0, sizeof *r);
	snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
	if (!(f = fopen(path, "re")))
		return -1;
	while (fgets(line, sizeof line, f))
		for (int i = 0; i < LINES; i++)
			if (!strncmp(line, lines[i], strlen(lines[i])))
				snprintf(r->line[i], sizeof r->line[i], "%.*s", (int)strcspn(line, "\n"), line);
	fclose(f);
	return 0;
}

static void show(const char *who)
{
	struct rights mine, theirs;
	struct dirent *e;
	char own[16];
	DIR *d = opendir("/proc/self/task");

	snprintf(own, sizeof own, "%d", (int)syscall(SYS_gettid));
	if (!d || read_rights(own, &mine))
		abort();
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, own) && read_rights(e->d_name, &theirs) == 0)
			for (int i = 0; i < LINES; i++)
				if (strcmp(mine.line[i], theirs.line[i]))
					printf("%s: another thread has %s\n", who, theirs.line[i]);
	closedir(d);
	for (int i = 0; i < LINES; i++)
		printf("%s %s\n", who, mine.line[i]);
	fflush(stdout);
}

static int drop_all_but_one(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { .permitted = 1u << CAP_NET_BIND_SERVICE, .effective = 1u << CAP_NET_BIND_SERVICE }, { 0 } };

	return capset(&head, data);
}

static int filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int of_nobody(void) { return setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534); }
static int one_by_one(void)
{
	for (int cap = 0; cap < 10; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -1;
	return prctl(PR_SET_SECUREBITS, 1 << 0, 0, 0, 0);
}

static int change(const char *word)
{
	if (!strcmp(word, "capset")) return drop_all_but_one();
	if (!strcmp(word, "capset-raw")) { struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 }; struct __user_cap_data_struct none[2] = { { 0 } }; return (int)syscall(SYS_capset, &h, none); }
	if (!strcmp(word, "setresuid")) return of_nobody();
	if (!strcmp(word, "setresuid-raw")) return (int)syscall(SYS_setresuid, 65534, 65534, 65534);
	if (!strcmp(word, "setresuid-kept")) return prctl(PR_SET_KEEPCAPS, 1) || of_nobody() || drop_all_but_one();
	if (!strcmp(word, "capset-setresuid")) return prctl(PR_CAPBSET_DROP, 3, 0, 0, 0) || of_nobody();
	if (!strcmp(word, "setfsuid")) return setfsuid(65534) + setfsgid(65534);
	if (!strcmp(word, "prctl")) return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!strcmp(word, "prctl-many")) return one_by_one();
	if (!strcmp(word, "seccomp")) return filter();
	if (!strcmp(word, "unshare")) return unshare(CLONE_NEWUSER);
	if (!strcmp(word, "unshare-raw")) return (int)syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS);
	return 9;
}

static int works(void)
{
	int fd;

	for (int i = 0; i < 50; i++)
		if (close(open("/dev/null", O_RDONLY | O_CLOEXEC)))
			return 8;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(fd);
	return close(fd) == 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2)
		return 2;
	printf("%s: %d\n", argv[1], change(argv[1]));
	show("parent");
	works();
	fflush(stdout);
	if (fork() == 0) {
		show("child");
		_exit(works() ? 9 : 3);
	}
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	fflush(stdout);
	execlp("id", "id", "-u", (char *)NULL);
	return 9;
}
