/* tests/forklock/hazards_world.c: limits, filters, and too little processor: what the world around a program does to it. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "hazards.h"

static _Atomic int stopping;

static void *idle(void *arg)
{
	while (!stopping)
		nap_us(1000);
	return arg;
}

/* ---- no descriptor left: each call answers as natively ----------------------------------------------------------------------------------------*/
/* A limit that is reached, but for as many descriptors as `left`. */
static int full(int left)
{
	static const char *const some[] = { "dup", "F_DUPFD", "open", "socket", "socketpair", "pipe", "epoll_create1", "eventfd", "memfd_create", "recvmsg",
		"recvmmsg", "fopen", "mkstemp", "openpty", "popen", "sys_dup", "sys_pipe2", "sys_openat", "tmpfile" };
	static struct maker m;
	struct rlimit r = { 0, 0 };
	pthread_t t;
	int low = -1;

	maker_begin(&m, 0);
	in_thread(&t, idle, NULL);
	for (size_t i = 0; i < COUNT(some); i++)
		need(call_allowed(call_named(some[i]), &m));
	low = dup(null);
	close(low);
	need(getrlimit(RLIMIT_NOFILE, &r) == 0);
	r.rlim_cur = (rlim_t)(low + left);
	need(setrlimit(RLIMIT_NOFILE, &r) == 0);
	for (size_t i = 0; i < COUNT(some); i++) {
		int fd[MADE_MAX] = { -1, -1 }, n;
		const struct call *c = call_named(some[i]);
		errno = 0;
		n = c->make(&m, fd);
		outcome("%s %d ", some[i], n < 0 ? errno : n);
		if (n > 0)
			call_end(c, &m, fd, n);
		if (!strncmp(some[i], "recv", 4)) /* what came without its descriptors */
			while (recv(m.sv[1], &(char){ 0 }, 1, MSG_DONTWAIT) == 1)
				;
		need((n = dup(null)) == (left ? low : -1)); /* none was lost */
		close(n);
	}
	unlink(m.path);
	stopping = 1;
	pthread_join(t, NULL);
	return 0;
}

static int full_to_the_last(void) { return full(0); }
static int full_but_one(void) { return full(1); }

/* ---- a filter installed later -------------------------------------------------------------------------------------------------------------------*/
#define KILL(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* Death for what this program does not do by itself: the other forms of its own calls, and what looks at threads. */
static long install(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL(SYS_accept4), KILL(SYS_dup3), KILL(SYS_epoll_create1), KILL(SYS_tgkill), KILL(SYS_tkill),
		KILL(SYS_clock_gettime), KILL(SYS_sched_getaffinity), KILL(SYS_ppoll), KILL(SYS_getdents64), KILL(SYS_process_vm_readv),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		KILL(F_DUPFD_CLOEXEC),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pipe2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CLOEXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { COUNT(code), code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);
}

static _Atomic long turns;

static void *make_plain(void *arg)
{
	int listener = *(int *)arg;

	for (unsigned i = 0; !stopping; i++) {
		int p[2];
		int fd = i & 1 ? dup(null) : fcntl(null, F_DUPFD, 0);
		need(fd >= 0 && pipe(p) == 0);
		mark(fd, i);
		mark(p[0], i);
		need(close(fd) == 0 && close(p[0]) == 0 && close(p[1]) == 0);
		need(accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
		turns++;
	}
	return NULL;
}

static void filtered_process(unsigned turn)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listener = quiet(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	pthread_t t[3];
	long so_far;

	need(bind(listener, (struct sockaddr *)&a, sizeof a.sun_family) == 0 && listen(listener, 8) == 0);
	for (int i = 0; i < 3; i++)
		in_thread(&t[i], make_plain, &listener);
	while (turns < 10)
		;
	spin_us(turn * 137 % 1500);
	need(install() == 0);
	for (so_far = turns; turns < so_far + 100; )
		;
	for (int i = 0; i < 4; i++) {
		int status;
		pid_t pid = i & 1 ? vfork() : fork();
		if (pid == 0)
			_exit(0);
		need(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stopping = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	_exit(0);
}

static int filter_later(void)
{
	int alive = 0, n = 60, status;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return SKIP;
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		need(pid >= 0);
		if (pid == 0)
			filtered_process((unsigned)i);
		need(waitpid(pid, &status, 0) == pid);
		alive += status == 0;
	}
	outcome("%d of %d lived", alive, n);
	return 0;
}

/* ---- too little processor -------------------------------------------------------------------------------------------------------------------------*/
static void *burn(void *arg)
{
	while (!stopping)
		spin_us(1000);
	return arg;
}

static int overloaded(void)
{
	pthread_t t[16];
	uint64_t until = now_us() + 3000000;

	for (int i = 0; i < 16; i++)
		in_thread(&t[i], burn, NULL);
	makers_go(4, 50);
	for (int i = 0; i < 100 && (i < 10 || now_us() < until); i++)
		need(start_one(i & 1 ? "vfork" : "fork") >= 0);
	stopping = 1;
	makers_stop();
	for (int i = 0; i < 16; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n > 0 ? 0 : -1;
}

/* A group of its own with a tenth of a processor: all threads stand still for most of the time, wherever they are. */
static int throttle(char *group, size_t n)
{
	char path[160], pid[16];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	snprintf(group, n, "/sys/fs/cgroup/cpu/forklock.%s", pid);
	if (mkdir(group, 0700)) {
		snprintf(group, n, "/sys/fs/cgroup/forklock.%s", pid);
		if (mkdir(group, 0700))
			return -1;
	}
	snprintf(path, sizeof path, "%s/cpu.max", group);
	if (put(path, "10000 100000")) {
		snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", group);
		if (put(path, "10000"))
			return -1;
	}
	snprintf(path, sizeof path, "%s/cgroup.procs", group);
	return put(path, pid);
}

/* A group is removed from outside. */
static int throttled(void)
{
	char group[96];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (throttle(group, sizeof group))
			_exit(SKIP);
		makers_go(3, 50);
		for (int i = 0; i < 40; i++)
			need(start_one(i & 1 ? "vfork" : "fork") >= 0);
		makers_stop();
		need(write(child.write_end, &(struct held_report){ .held = (int)leaks, .has = (int)children }, sizeof(struct held_report)) > 0);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid);
	snprintf(group, sizeof group, "/sys/fs/cgroup/cpu/forklock.%d", (int)pid);
	rmdir(group);
	snprintf(group, sizeof group, "/sys/fs/cgroup/forklock.%d", (int)pid);
	rmdir(group);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		struct held_report r;
		need(starter_result(&child, &r) == 0);
		leaks = r.held;
		children = r.has;
		outcome("%ld children", children);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 9;
}

const struct hazard world_hazards[] = {
	{ "full", full_to_the_last, 0 }, { "full-but-one", full_but_one, 0 }, { "filter-later", filter_later, 0 }, { "overloaded", overloaded, 1 },
	{ "throttled", throttled, 1 }, { 0 },
};
