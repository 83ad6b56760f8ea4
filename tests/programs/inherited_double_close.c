/* inherited_double_close [double-close]: descriptor 7 comes from the caller and is closed twice. Must find: one double-close. */
#include "program.h"

int main(void)
{
	char c;

	need(read(7, &c, 1) == 0);
	need(close(7) == 0);
	need(close(7) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
