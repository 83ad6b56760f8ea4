/* closefrom_calls [silence]: closefrom() and close_range() over everything, twice. Must find: nothing. */
#include "program.h"

int main(void)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5; i++)
			open_null();
		closefrom(3);
		for (int i = 0; i < 5; i++)
			open_null();
		need(close_range(3, ~0U, 0) == 0);
		need(close_range(3, ~0U, 0) == 0);
	}
	need(open_null() == 3);
	need(close_range(3, 100, CLOSE_RANGE_CLOEXEC) == 0);
	need(fcntl(3, F_GETFD) == FD_CLOEXEC);
	need(close(3) == 0);
	puts("done");
	return 0;
}
