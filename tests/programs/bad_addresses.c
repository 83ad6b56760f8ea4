/* bad_addresses [silence]: what the kernel cannot read it answers with EFAULT, and nobody reads it before: addresses near none, and what begins in memory and ends
 * beyond it. Must find: nothing.
 */
#include "program.h"
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>

enum { PAGE = 4096 };
static char *memory; /* one page, and one that nobody may touch */
static char *const arguments[] = { (char *)"true", NULL };

#define faults(call) need((call) == -1 && errno == EFAULT)

/* Where something of n bytes begins whose last byte is out of reach. */
static void *cut(size_t n) { return memory + PAGE - n + 1; }

static void environments(void)
{
	char **end = (char **)(void *)(memory + PAGE) - 2, *far[] = { (char *)"LANG=C", memory + PAGE, NULL }, *name;
	char **volatile near_none = (char **)2; /* the compiler knows, too */

	end[0] = end[1] = (char *)"LANG=C";
	faults(execve("/bin/true", arguments, near_none));
	faults(execve("/bin/true", arguments, end));
	faults(execve("/bin/true", arguments, far));
	far[1] = (char *)2;
	faults(execve("/bin/true", arguments, far));
	far[1] = name = cut(sizeof "LD_PRELOAD=");
	memcpy(name, "LD_PRELOAD=", 11);
	faults(execve("/bin/true", arguments, far));
}

static void paths(void)
{
	const char *const bad[] = { (char *)1, (char *)7, memory + PAGE, (char *)-1, memcpy(cut(5), "/dev", 4) };

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		faults(open(bad[i], O_RDONLY | O_CLOEXEC));
		faults(execve(bad[i], arguments, (char *[]){ NULL }));
	}
}

/* Of a call that fails for another reason the kernel reads nothing. */
static void accepting(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr *volatile where = (struct sockaddr *)16;
	socklen_t *volatile length = (socklen_t *)16;

	need(listener >= 0 && bind(listener, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)) == 0 && listen(listener, 1) == 0);
	need(accept(listener, where, length) == -1 && errno == EAGAIN);
	need(accept4(listener, where, cut(sizeof *length), SOCK_CLOEXEC) == -1 && errno == EAGAIN);
	need(accept(-1, where, length) == -1 && errno == EBADF);
	need(close(listener) == 0);
}

int main(void)
{
	struct timeval now = { 0, 0 };
	int pair[2];

	memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(memory != MAP_FAILED && mprotect(memory + PAGE, PAGE, PROT_NONE) == 0);
	environments();
	paths();
	accepting();
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	faults(select(64, cut(8), NULL, NULL, &now));
	faults(sendmsg(pair[0], cut(sizeof(struct msghdr)), 0));
	need(close(pair[0]) == 0 && close(pair[1]) == 0);
	puts("done");
	return 0;
}
