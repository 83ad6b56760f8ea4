/* leak_single [fd-leak]: one descriptor stays open until the end: most programs do that. Must find: one fd-leak of severity note. */
#include "program.h"

int main(void)
{
	open_null();
	for (int i = 0; i < 50; i++)
		close(open_null());
	puts("done");
	return 0;
}
