/* double_close_fclose [double-close]: close(fileno(f)), then fclose(f). Must find: one double-close. */
#include "program.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "r");

	need(f);
	need(close(fileno(f)) == 0);
	need(fclose(f) == EOF && errno == EBADF);
	puts("done");
	return 0;
}
