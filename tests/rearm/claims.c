/*
 * claims: one number in several threads' hands at once, with time lost where it matters (tests/forklock/step.h): who arms, duplicates, closes
 * or replaces it, and who comes meanwhile. Under the interposer's test build, in enforce.
 *	claims CASE	runs it; exit status 9: something was not as it should be; what, on stderr
 *	claims ?	prints CASE DELAYS, a line each: DELAYS for FDW_STEP_DELAY
 * A round in which the interposer gave up at a bound, on a machine that is too busy, or in which the other thread was not where it was meant to
 * be, says nothing, and is done again.
 */
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "tests/forklock/step.h"
#include "tests/programs/program.h"

enum { TURNS = 40 };
#define AGAIN 1 /* this round says nothing */
#define BOUND 2 /* a bound was reached, as it should be */

/* What this round found wrong first. */
static const char *wrong;
static int wrong_line, wrong_errno;
static void judge(int good, const char *what, int line)
{
	if (good || wrong)
		return;
	wrong = what;
	wrong_line = line;
	wrong_errno = errno;
}
#define should(condition) judge((condition), #condition, __LINE__)

/* ---- the steps' page ---------------------------------------------------------------------------------------------------------------*/

static const struct fdw_step_page *page;

static uint64_t hits(const char *name)
{
	uint64_t sum = 0;

	for (int i = 0; i < FDW_STEP_SLOTS; i++)
		if (!strncmp(page->slot[i].name, name, FDW_STEP_NAME - 1))
			sum += __atomic_load_n(&page->slot[i].hits, __ATOMIC_ACQUIRE);
	return sum;
}

static void find_page(void)
{
	const char *path = getenv("FDW_STEP_PAGE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	need(fd >= 0);
	page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
	need(page != MAP_FAILED && close(fd) == 0);
}

static uint64_t bounds(void) { return hits("drain_bound") + hits("loser_bound"); }

/* ---- threads that make one call ------------------------------------------------------------------------------------------------------*/

struct caller {
	pthread_t thread;
	int (*call)(struct caller *);
	int a, b, result, error;
	_Atomic int tid, done;
};

static void *run_call(void *arg)
{
	struct caller *c = arg;

	atomic_store(&c->tid, gettid());
	errno = 0;
	c->result = c->call(c);
	c->error = errno;
	atomic_store(&c->done, 1);
	return NULL;
}

static void start(struct caller *c, int (*call)(struct caller *), int a, int b)
{
	*c = (struct caller){ .call = call, .a = a, .b = b };
	need(pthread_create(&c->thread, NULL, run_call, c) == 0);
}

/* And waits until it passes that step. 0: its call ended without. */
static int start_to(struct caller *c, const char *step, int (*call)(struct caller *), int a, int b)
{
	uint64_t before = hits(step);

	start(c, call, a, b);
	while (hits(step) == before && !c->done)
		usleep(50);
	return hits(step) != before;
}

/* And waits until it sleeps in this system call. 0: it ended without. */
static int start_into(struct caller *c, long number, int (*call)(struct caller *), int a, int b)
{
	char path[64], text[64] = "";
	FILE *f;

	start(c, call, a, b);
	while (!c->done && (!c->tid || atol(text) != number || !strchr(text, ' '))) {
		usleep(200);
		snprintf(path, sizeof path, "/proc/self/task/%d/syscall", c->tid);
		f = fopen(path, "re");
		if (f && !fgets(text, sizeof text, f))
			*text = 0;
		if (f)
			fclose(f);
	}
	return !c->done;
}

static void join(struct caller *c) { need(pthread_join(c->thread, NULL) == 0); }

static int arm(int epoll, int op, int fd, uint32_t data)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = data };

	return epoll_ctl(epoll, op, fd, &e);
}

static int rearms(struct caller *c) { return arm(c->a, EPOLL_CTL_MOD, c->b, 1); }
static int adds(struct caller *c) { return arm(c->a, EPOLL_CTL_ADD, c->b, 1); }
static int closes(struct caller *c) { return close(c->a); }
static int dups(struct caller *c) { return dup(c->a); }
static int puts_over(struct caller *c) { return dup2(c->a, c->b); }
static int waits(struct caller *c)
{
	struct epoll_event e;

	return epoll_wait(c->a, &e, 1, 5000) == 1 ? (int)e.data.u64 : -1;
}

static int new_poller(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	need(fd >= 0);
	return fd;
}

static int new_fd(unsigned count)
{
	int fd = eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK);

	need(fd >= 0);
	return fd;
}

static unsigned count_of(int fd)
{
	uint64_t n = 0;

	should(read(fd, &n, sizeof n) == sizeof n);
	return (unsigned)n;
}

/* ---- in flux ---------------------------------------------------------------------------------------------------------------------------*/

/* A close waits for who is arming the number: the call began before it, so it means that descriptor, and not the next one. */
static int close_while_armed(void)
{
	int epoll = new_poller(), fd = new_fd(1), next;
	struct caller a;

	need(arm(epoll, EPOLL_CTL_ADD, fd, 7) == 0);
	start_to(&a, "arm_kernel", rearms, epoll, fd);
	need(close(fd) == 0);
	should((next = new_fd(1)) == fd);
	join(&a);
	close(next);
	close(epoll);
	should(a.result == 0);
	return 0;
}

/* For all of them: who leaves first does not leave for the others. */
static int close_while_armed_twice(void)
{
	int epoll = new_poller(), fd = new_fd(1), next, late;
	struct caller a, b;

	need(arm(epoll, EPOLL_CTL_ADD, fd, 7) == 0);
	start_to(&a, "arm_kernel", rearms, epoll, fd);
	usleep(4000);
	start_to(&b, "arm_kernel", rearms, epoll, fd);
	join(&a);
	late = b.done;
	need(close(fd) == 0);
	should((next = new_fd(1)) == fd);
	join(&b);
	close(next);
	close(epoll);
	should(late || b.result == 0);
	return late ? AGAIN : 0;
}

/* And for who duplicates it. */
static int close_while_duplicated(void)
{
	int fd = new_fd(3), next;
	struct caller a;

	start_to(&a, "dup_kernel", dups, fd, -1);
	need(close(fd) == 0);
	should((next = new_fd(5)) == fd);
	join(&a);
	should(a.result >= 0 && count_of(a.result) == 3);
	close(a.result);
	close(next);
	return 0;
}

static sigjmp_buf out;
static void jump(int signal) { siglongjmp(out, 1); }
static int rearms_and_jumps_out(struct caller *c)
{
	return sigsetjmp(out, 1) ? 1 : rearms(c);
}

/* Nobody waits for ever for a thread that left by a jump; nor does the next one wait at all. */
static int left_by_a_jump(void)
{
	int epoll = new_poller(), fd = new_fd(1);
	struct caller a;
	uint64_t before;

	signal(SIGUSR1, jump);
	need(arm(epoll, EPOLL_CTL_ADD, fd, 7) == 0);
	start_to(&a, "arm_kernel", rearms_and_jumps_out, epoll, fd);
	need(pthread_kill(a.thread, SIGUSR1) == 0);
	join(&a);
	before = hits("drain_bound");
	need(close(fd) == 0);
	should(a.result != 1 || hits("drain_bound") == before + 1);
	need((fd = new_fd(1)) >= 0 && close(fd) == 0);
	should(a.result != 1 || hits("drain_bound") == before + 1);
	close(epoll);
	return a.result == 1 ? BOUND : AGAIN;
}

static int locks(struct caller *c)
{
	struct flock lock = { .l_type = F_WRLCK };

	return fcntl(c->a, F_OFD_SETLKW, &lock);
}

/* A call that waits is not in flux: the close does not wait for it. */
static int close_while_waiting_for_a_lock(void)
{
	char path[] = "/tmp/fdw-claims-XXXXXX";
	int holder = mkostemp(path, O_CLOEXEC), fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock lock = { .l_type = F_WRLCK };
	uint64_t before = hits("drain_bound");
	struct caller a;
	int late;

	need(holder >= 0 && fd >= 0 && unlink(path) == 0 && fcntl(holder, F_OFD_SETLK, &lock) == 0);
	late = !start_into(&a, SYS_fcntl, locks, fd, -1);
	need(close(fd) == 0);
	should(hits("drain_bound") == before);
	late = late || a.done;
	lock.l_type = F_UNLCK;
	need(fcntl(holder, F_OFD_SETLK, &lock) == 0);
	join(&a);
	close(holder);
	return late ? AGAIN : 0;
}

/* Two threads that put each other's numbers over their own: nobody holds one while waiting for the other. */
static int over_each_other(void)
{
	int x = new_fd(1), y = new_fd(2);
	struct caller a, b;

	start_to(&a, "over_before", puts_over, x, y);
	start(&b, puts_over, y, x);
	join(&a);
	join(&b);
	should(a.result == y && b.result == x);
	close(x);
	close(y);
	return 0;
}

/* ---- closing ---------------------------------------------------------------------------------------------------------------------------*/

/* Nothing is armed on a number, or in a poller, that another thread is closing, though the kernel has it still. */
static int refused_while_closed(int closing, int epoll, int op, int fd)
{
	int r, error, late;
	struct caller a;

	start_to(&a, "close_claimed", closes, closing, -1);
	r = arm(epoll, op, fd, 7);
	error = errno;
	late = a.done;
	join(&a);
	should(a.result == 0);
	should(late || (r == -1 && error == EBADF));
	close(closing == fd ? epoll : fd);
	return late ? AGAIN : 0;
}

static int rearm_while_closed(void)
{
	int epoll = new_poller(), fd = new_fd(1);

	need(arm(epoll, EPOLL_CTL_ADD, fd, 7) == 0);
	return refused_while_closed(fd, epoll, EPOLL_CTL_MOD, fd);
}

static int add_while_closed(void)
{
	int fd = new_fd(1);

	return refused_while_closed(fd, new_poller(), EPOLL_CTL_ADD, fd);
}

static int add_while_poller_is_closed(void)
{
	int epoll = new_poller();

	return refused_while_closed(epoll, epoll, EPOLL_CTL_ADD, new_fd(1));
}

/* The loser of two closes closes nothing: neither what the winner is closing, nor what is opened in its place. */
static int close_while_closed(void)
{
	int fd = new_fd(1), next, late;
	struct caller a, b;
	uint64_t done = hits("close_done");

	start_to(&a, "close_claimed", closes, fd, -1);
	late = !start_to(&b, "lost", closes, fd, -1);
	while (hits("close_done") == done)
		usleep(50);
	next = new_fd(5); /* before a has said that it is closed */
	late = late || a.done;
	join(&a);
	join(&b);
	should(late || next == fd);
	should(late || (a.result == 0 && b.result == -1 && b.error == EBADF));
	should(late || count_of(next) == 5);
	close(next);
	return late ? AGAIN : 0;
}

/* A close that comes while dup2 replaces the number, which is never free, takes its turn and closes what it finds then. */
static int close_while_replaced(void)
{
	int fd = new_fd(1), other = new_fd(2);
	struct caller a, b;

	start_to(&a, "over_claimed", puts_over, other, fd);
	start(&b, closes, fd, -1);
	join(&a);
	join(&b);
	should(a.result == fd);
	should(b.result == 0);
	should(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	close(other);
	return 0;
}

/* ---- kept numbers ------------------------------------------------------------------------------------------------------------------------*/

/* An event may be delivered before the call that arms it has returned: whoever has it is thought of from then on. */
static int close_before_armed_returns(void)
{
	int epoll = new_poller(), fd = new_fd(1), next, late;
	struct caller w, a;

	start(&w, waits, epoll, -1);
	usleep(3000);
	start_to(&a, "arm_done", adds, epoll, fd);
	join(&w);
	need(w.result == 1);
	need(close(fd) == 0);
	late = a.done;
	next = new_fd(1);
	should(late || next != fd);
	join(&a);
	close(next);
	close(epoll);
	return late ? AGAIN : 0;
}

/* A descriptor that another thread was given an event of. */
static int held_one(int epoll)
{
	int fd = new_fd(1);
	struct caller w;

	start(&w, waits, epoll, -1);
	usleep(1000);
	need(arm(epoll, EPOLL_CTL_ADD, fd, 1) == 0);
	join(&w);
	need(w.result == 1);
	return fd;
}

/* Who comes late with his claim finds that the number is somebody else's, and leaves it alone. */
static int replaced_while_kept(void)
{
	int epoll = new_poller(), fd = held_one(epoll), other = new_fd(2), late;
	struct caller a;

	start_to(&a, "retire_done", closes, fd, -1);
	should(dup2(other, fd) == fd); /* at its bound it waits no longer for a */
	late = a.done;
	join(&a);
	should(a.result == 0);
	should(fcntl(fd, F_GETFD) >= 0);
	should(count_of(fd) == 2);
	should(close(fd) == 0);
	close(other);
	close(epoll);
	return late ? AGAIN : BOUND;
}

/* A number that was kept, and that the program put something over, is not given back. */
static int given_back_is_looked_at(void)
{
	int epoll = new_poller(), fd = held_one(epoll), kept = held_one(epoll), other = new_fd(2), made[64], n = 0;
	struct rlimit before, low;

	need(close(fd) == 0 && close(kept) == 0);
	need(dup2(other, fd) == fd);
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = 40;
	setrlimit(RLIMIT_NOFILE, &low);
	while (n < 64 && (made[n] = dup(other)) >= 0)
		n++;
	need(n < 64 && errno == EMFILE);
	should(fcntl(kept, F_GETFD) >= 0); /* it was given back: all were */
	should(fcntl(fd, F_GETFD) >= 0 && count_of(fd) == 2);
	while (n--)
		need(close(made[n]) == 0);
	setrlimit(RLIMIT_NOFILE, &before);
	need(close(fd) == 0);
	close(other);
	close(epoll);
	return 0;
}

/* ---------------------------------------------------------------------------------------------------------------------------------------------*/

static const struct { const char *name, *delays; int (*run)(void); int rounds; } cases[] = {
	{ "close_while_armed", "arm_kernel=8000", close_while_armed, 3 },
	{ "close_while_armed_twice", "arm_kernel=10000", close_while_armed_twice, 3 },
	{ "close_while_duplicated", "dup_kernel=8000", close_while_duplicated, 3 },
	{ "left_by_a_jump", "arm_kernel=300000", left_by_a_jump, 2 },
	{ "close_while_waiting_for_a_lock", "", close_while_waiting_for_a_lock, 3 },
	{ "over_each_other", "over_before=5000", over_each_other, 3 },
	{ "rearm_while_closed", "close_claimed=20000", rearm_while_closed, 3 },
	{ "add_while_closed", "close_claimed=20000", add_while_closed, 3 },
	{ "add_while_poller_is_closed", "close_claimed=20000", add_while_poller_is_closed, 3 },
	{ "close_while_closed", "close_claimed=5000,close_done=15000", close_while_closed, 3 },
	{ "close_while_replaced", "over_claimed=10000", close_while_replaced, 3 },
	{ "close_before_armed_returns", "arm_done=50000", close_before_armed_returns, 3 },
	{ "replaced_while_kept", "retire_done=100000", replaced_while_kept, 3 },
	{ "given_back_is_looked_at", "", given_back_is_looked_at, 3 },
};

/* Rounds until enough of them say something. 0; 8: they never did; 9: one was wrong. */
static int repeat(int (*run)(void), int rounds)
{
	int good = 0, turn = 0, r, bounded;

	for (; good < rounds && turn < TURNS; turn++) {
		uint64_t before = bounds();
		wrong = NULL;
		r = run();
		bounded = bounds() != before && r != BOUND;
		good += r != AGAIN && !bounded;
		if (wrong && r != AGAIN && !bounded) {
			fprintf(stderr, "%s:%d: should be: %s (errno %d)\n", __FILE__, wrong_line, wrong, wrong_errno);
			return 9;
		}
	}
	printf("rounds=%d turns=%d\n", good, turn);
	return good == rounds ? 0 : 8;
}

int main(int argc, char **argv)
{
	alarm(20);
	for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; i++)
		if (!strcmp(argv[1], "?")) {
			printf("%s %s\n", cases[i].name, cases[i].delays);
		} else if (!strcmp(argv[1], cases[i].name)) {
			find_page();
			return repeat(cases[i].run, cases[i].rounds);
		}
	return argc == 2 && !strcmp(argv[1], "?") ? 0 : 2;
}
