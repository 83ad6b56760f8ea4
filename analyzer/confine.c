/*
 * analyzer/confine.c: see confine.h. Landlock and seccomp by their system calls: the headers of older systems have neither all names, nor is a
 * library wanted for two calls.
 *
 * Context: the command, one thread, before it reads a trace. Fails open: what the kernel refuses is not had.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "analyzer/confine.h"

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* The same numbers on every architecture. */
#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define RULE_PATH_BENEATH 1

enum {
	MAY_EXECUTE = 1 << 0, MAY_WRITE = 1 << 1, MAY_REMOVE_DIR = 1 << 4, MAY_REMOVE_FILE = 1 << 5, MAY_MAKE_CHAR = 1 << 6, MAY_MAKE_DIR = 1 << 7,
	MAY_MAKE_FILE = 1 << 8, MAY_MAKE_SOCK = 1 << 9, MAY_MAKE_FIFO = 1 << 10, MAY_MAKE_BLOCK = 1 << 11, MAY_MAKE_LINK = 1 << 12, MAY_TRUNCATE = 1 << 14,
	IN_DIRECTORY = MAY_WRITE | MAY_REMOVE_DIR | MAY_REMOVE_FILE | MAY_MAKE_DIR | MAY_MAKE_FILE | MAY_MAKE_LINK | MAY_TRUNCATE,
	IN_FILE = MAY_WRITE | MAY_TRUNCATE,
	HANDLED = IN_DIRECTORY | MAY_EXECUTE | MAY_MAKE_CHAR | MAY_MAKE_SOCK | MAY_MAKE_FIFO | MAY_MAKE_BLOCK,
};

struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static void allow(int rules, int version, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct beneath b = { .parent = fd };
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		b.allowed = S_ISDIR(st.st_mode) ? IN_DIRECTORY : IN_FILE;
		b.allowed &= version < 3 ? ~(uint64_t)MAY_TRUNCATE : UINT64_MAX;
		syscall(LANDLOCK_ADD, rules, RULE_PATH_BENEATH, &b, 0);
	}
	close(fd);
}

/* A file is written beside its place and renamed; what is no regular file is written to. Links are followed. */
static void allow_output(int rules, int version, const char *path)
{
	char *place = realpath(path, NULL), *slash;
	struct stat st;

	if (!place && !(place = strdup(path)))
		return;
	if (stat(place, &st) == 0 && !S_ISREG(st.st_mode)) {
		allow(rules, version, place);
		free(place);
		return;
	}
	slash = strrchr(place, '/');
	if (slash)
		slash[slash == place] = '\0';
	allow(rules, version, slash ? place : ".");
	free(place);
}

/* debuginfod keeps what it got. It makes the directory: what is allowed is where that is, or will be. */
static void allow_cache(int rules, int version)
{
	const char *own = getenv("DEBUGINFOD_CACHE_PATH"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX], *slash;

	if (own && *own)
		snprintf(path, sizeof path, "%s", own);
	else if (cache && *cache)
		snprintf(path, sizeof path, "%s", cache);
	else
		snprintf(path, sizeof path, "%s/.cache", home ? home : "");
	while (access(path, F_OK) && (slash = strrchr(path, '/')) && slash > path)
		*slash = '\0';
	allow(rules, version, path);
	snprintf(path, sizeof path, "%s/.debuginfod_client_cache", home ? home : "");
	allow(rules, version, path);
}

static void confine_files(const char *const *writes, int n, int asks)
{
	int version = (int)syscall(LANDLOCK_CREATE, NULL, 0, 1), rules;
	const char *tmp = getenv("TMPDIR");
	uint64_t handled = version < 3 ? HANDLED & ~MAY_TRUNCATE : HANDLED;

	if (version < 1 || (rules = (int)syscall(LANDLOCK_CREATE, &handled, sizeof handled, 0)) < 0)
		return;
	for (int i = 0; i < n; i++)
		if (writes[i])
			allow_output(rules, version, writes[i]);
	allow(rules, version, tmp && *tmp ? tmp : "/tmp");
	if (asks)
		allow_cache(rules, version);
	syscall(LANDLOCK_RESTRICT, rules, 0);
	close(rules);
}

/* ---- system calls ------------------------------------------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#define X32 0x40000000u

/* The network first: it may be needed. */
static const int denied[] = {
	SYS_socket, SYS_socketpair, SYS_connect, SYS_bind,
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_mount,
	SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
	SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_sethostname, SYS_setdomainname, SYS_add_key, SYS_request_key, SYS_keyctl,
	SYS_open_by_handle_at, SYS_mknodat, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
	425 /* io_uring_setup */, 428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 438 /* pidfd_getfd */,
};
#define NETWORK 4
#define DENIED (sizeof denied / sizeof *denied)

/* Refused as by the kernel's own rules, not fatal: a library that tries something shall go on without it. */
static void confine_calls(int asks)
{
#ifdef ARCHITECTURE
	struct sock_filter f[DENIED + 7], *p = f;
	unsigned first = asks ? NETWORK : 0, n = DENIED - first;
	struct sock_fprog program = { .filter = f };

	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, n + 3);
	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, n + 1, 0);
	for (unsigned i = 0; i < n; i++)
		*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied[first + i], n - i, 0);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = (unsigned short)(p - f);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#endif
}

void confine(const char *const *writes, int n)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	int asks = urls && *urls, saved = errno;

#if !defined(__SANITIZE_ADDRESS__) /* which looks for leaks with ptrace */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
		confine_files(writes, n, asks);
		confine_calls(asks);
	}
#endif
	errno = saved;
}
