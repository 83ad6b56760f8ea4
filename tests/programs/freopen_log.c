/* freopen_log [silence]: freopen over stdout and over a file, several times; the number stays. Must find: nothing. */
#include "program.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "w");
	int fd, out;

	need(f);
	fd = fileno(f);
	for (int i = 0; i < 5; i++)
		need(freopen(i % 2 ? "/dev/null" : "/dev/zero", "r", f) == f && fileno(f) == fd);
	need(freopen(NULL, "r", f) == f);
	need(fclose(f) == 0);
	out = dup(1);
	need(freopen("/dev/null", "w", stdout) == stdout);
	puts("lost");
	fflush(stdout);
	need(dup2(out, 1) == 1 && close(out) == 0);
	clearerr(stdout);
	puts("done");
	return 0;
}
