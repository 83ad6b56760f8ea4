/* dup2_stdio [silence]: a pipeline as a shell makes it, and dup2(fd, fd). Must find: nothing. */
#include "program.h"

int main(void)
{
	int in[2], out[2];
	char text[16] = "";
	pid_t pid;

	need(pipe(in) == 0 && pipe(out) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		execlp("cat", "cat", (char *)NULL);
		_exit(127);
	}
	need(close(in[0]) == 0 && close(out[1]) == 0);
	need(dup2(in[1], in[1]) == in[1]);
	need(write(in[1], "through", 7) == 7 && close(in[1]) == 0);
	need(read(out[0], text, sizeof(text)) == 7 && close(out[0]) == 0);
	need(wait_for(pid) == 0);
	puts(text);
	return 0;
}
