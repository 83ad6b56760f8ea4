/* exec_fails [silence]: exec along PATH and of missing files comes back; the program goes on with its descriptors. Must find: nothing. */
#include "program.h"

int main(void)
{
	int fd = open_null();
	char *argv[] = { "x", NULL };

	for (int i = 0; i < 5; i++) {
		need(execv("/nonexistent", argv) == -1 && errno == ENOENT);
		need(execvp("no-such-program-anywhere", argv) == -1 && errno == ENOENT);
		need(execl("/etc/passwd", "passwd", (char *)NULL) == -1 && errno == EACCES);
		need(write(fd, "x", 1) == 1);
	}
	need(close(fd) == 0);
	puts("done");
	return 0;
}
