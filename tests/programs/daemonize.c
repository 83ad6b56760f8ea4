/* daemonize [silence]: daemon(0, 0) with a pipe kept open to tell the caller when it is ready; then by hand: fork, setsid, close 0-2,
 * open /dev/null three times. Must find: nothing.
 */
#include "program.h"

static void by_hand(int ready)
{
	setsid();
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	need(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
	need(write(ready, "h", 1) == 1);
	close(ready);
	_exit(0);
}

int main(void)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	need(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		need(daemon(0, 0) == 0);
		need(write(ready[1], "d", 1) == 1);
		close(ready[1]);
		_exit(0);
	}
	need(wait_for(pid) == 0 && read(ready[0], &c, 1) == 1 && c == 'd');
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		by_hand(ready[1]);
	}
	close(ready[1]);
	need(wait_for(pid) == 0 && read(ready[0], &c, 1) == 1 && c == 'h' && read(ready[0], &c, 1) == 0);
	close(ready[0]);
	puts("done");
	return 0;
}
