/* close_range_twice [double-close]: close_range on exactly one number that was closed already; the kernel answers 0, the mistake is the
 * same. Must find: one double-close.
 */
#include "program.h"

int main(void)
{
	int fd = open_null();

	need(close(fd) == 0);
	need(close_range(fd, fd, 0) == 0);
	puts("done");
	return 0;
}
