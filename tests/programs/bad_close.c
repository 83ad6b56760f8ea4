/* bad_close [bad-close]: close of -1 and of a number that never was. Must find: two bad-close (notes), no error. */
#include "program.h"

int main(void)
{
	need(close(-1) == -1 && errno == EBADF);
	need(close(777) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
