/* popen_pclose [silence]: popen in both directions, two at a time, and system(). Must find: nothing. */
#include "program.h"

int main(void)
{
	char line[32] = "";

	for (int i = 0; i < 3; i++) {
		FILE *f = popen("echo from child", "r"), *g = popen("cat >/dev/null; exit 5", "we");
		int status;

		need(f && g && fgets(line, sizeof(line), f) && fputs("x\n", g) >= 0);
		need(pclose(f) == 0);
		status = pclose(g);
		need(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	}
	need(WEXITSTATUS(system("exit 7")) == 7 && system(NULL));
	fputs(line, stdout);
	return 0;
}
