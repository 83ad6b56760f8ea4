/*
 * tests/forklock/hazards_waits.c: nobody waits for what may take long: while one thread is in a call that does not come back for a second, others make,
 * mark and start children as before. What is asked for is a small part of what any machine does in that time.
 */
#include <netdb.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "hazards.h"

#define MADE_AT_LEAST 1000
#define STARTED_AT_LEAST 10

static char fifo[96];
static _Atomic int over, entered;
static int listening, pair[2];

static void prepare(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(fifo, sizeof fifo, "%s/forklock.wait.%d", scratch(), (int)getpid());
	need(mkfifo(fifo, 0600) == 0);
	listening = quiet(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	need(bind(listening, (struct sockaddr *)&a, sizeof a.sun_family) == 0 && listen(listening, 8) == 0);
	need(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	pair[0] = quiet(pair[0]);
	pair[1] = quiet(pair[1]);
}

/* ---- what takes a second -------------------------------------------------------------------------------------------------------------------*/
static void long_vfork(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		nap_us(1000000);
		_exit(0);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid);
}

static void long_system(void) { need(system("sleep 1") == 0); }

static void long_popen(void)
{
	FILE *f = popen("sleep 1", "r");

	need(f);
	mark(fileno(f), 0);
	need(pclose(f) == 0);
}

/* posix_spawn returns when the child has done its file actions: one opens a FIFO that nobody writes to yet. */
static void long_spawn(void)
{
	posix_spawn_file_actions_t fa;
	char *argv[] = { "true", NULL };
	int status;
	pid_t pid;

	need(posix_spawn_file_actions_init(&fa) == 0 && posix_spawn_file_actions_addopen(&fa, 0, fifo, O_RDONLY, 0) == 0);
	need(posix_spawnp(&pid, "true", &fa, NULL, argv, environ) == 0);
	need(waitpid(pid, &status, 0) == pid);
	posix_spawn_file_actions_destroy(&fa);
}

static void long_open(void) { close(open(fifo, O_RDONLY)); }
static void long_accept(void) { close(accept(listening, NULL, NULL)); }

static void long_recvmsg(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };

	need(recvmsg(pair[1], &h, 0) == 1);
}

/* What ends those that would never end by themselves. */
static void end_spawn(void) { close(open(fifo, O_WRONLY | O_CLOEXEC)); }

static void end_accept(void)
{
	struct sockaddr_un a;
	socklen_t n = sizeof a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(getsockname(listening, (struct sockaddr *)&a, &n) == 0 && connect(fd, (struct sockaddr *)&a, n) == 0);
	close(fd);
}

static void end_recvmsg(void) { need(send(pair[0], "x", 1, 0) == 1); }

static void *take_long(void *body)
{
	entered = 1;
	((void (*)(void))body)();
	over = 1;
	return NULL;
}

static int meanwhile(void (*body)(void), void (*end)(void))
{
	pthread_t t;
	uint64_t until;
	int fast = 0;

	prepare();
	makers_go(1, 5);
	in_thread(&t, take_long, (void *)(uintptr_t)body);
	while (!entered)
		nap_us(100);
	nap_us(20000);
	for (until = now_us() + 700000; now_us() < until && !over; ) {
		need(start_one("vfork") >= 0 && start_one("fork") >= 0 && start_one("posix_spawn") >= 0);
		spin_us(50);
		fast += 3;
	}
	outcome("still %d", !over);
	if (end)
		end();
	pthread_join(t, NULL);
	outcome(", made %s, started %s", makers_stop() >= MADE_AT_LEAST ? "many" : "few", fast >= STARTED_AT_LEAST ? "many" : "few");
	unlink(fifo);
	return 0;
}

static int while_vfork(void) { return meanwhile(long_vfork, NULL); }
static int while_system(void) { return meanwhile(long_system, NULL); }
static int while_popen(void) { return meanwhile(long_popen, NULL); }
static int while_spawn(void) { return meanwhile(long_spawn, end_spawn); }
static int while_open(void) { return meanwhile(long_open, end_spawn); }
static int while_accept(void) { return meanwhile(long_accept, end_accept); }
static int while_recvmsg(void) { return meanwhile(long_recvmsg, end_recvmsg); }

/* ---- name services: their modules and files, under libc's own locks -------------------------------------------------------------------------*/
static _Atomic int stopping;

static void *look_up(void *arg)
{
	struct passwd p, *found;
	struct addrinfo *a, hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	char buf[4096];

	while (!stopping) {
		need(getpwnam_r("root", &p, buf, sizeof buf, &found) == 0 && found);
		if (getaddrinfo("localhost", "80", &hints, &a) == 0)
			freeaddrinfo(a);
	}
	return arg;
}

static int name_services(void)
{
	pthread_t t[3];
	int status, n = 60;

	for (int i = 0; i < 3; i++)
		in_thread(&t[i], look_up, NULL);
	makers_go(1, 100);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) { /* its locks must be free */
			struct passwd p, *found;
			char buf[4096];
			_exit(getpwnam_r("root", &p, buf, sizeof buf, &found) == 0 && found ? 0 : 1);
		}
		need(waitpid(pid, &status, 0) == pid && status == 0);
		need(start_one(i & 1 ? "fork" : "vfork") >= 0);
	}
	stopping = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	makers_stop();
	outcome("%d children", 2 * n);
	return 0;
}

/* ---- many threads -----------------------------------------------------------------------------------------------------------------------------*/
static int hundreds(void)
{
	makers_go(300, 20);
	for (int i = 0; i < 4; i++)
		need(start_one(i % 3 ? "vfork" : "posix_spawn") >= 0);
	makers_stop();
	outcome("%ld children", children);
	return 0;
}

const struct hazard wait_hazards[] = {
	{ "while-vfork", while_vfork, 1 }, { "while-system", while_system, 1 }, { "while-popen", while_popen, 1 }, { "while-spawn", while_spawn, 1 },
	{ "while-open", while_open, 1 }, { "while-accept", while_accept, 1 }, { "while-recvmsg", while_recvmsg, 1 },
	{ "name-services", name_services, 1 }, { "hundreds", hundreds, 1 }, { 0 },
};
