/* inherited [silence]: uses descriptor 7 from its caller, leaves 8 alone. Must find: nothing; coverage counts the inherited ones. */
#include "program.h"

int main(void)
{
	char c;

	need(read(7, &c, 1) == 0 && close(7) == 0);
	need(fcntl(8, F_GETFD) == 0);
	puts("done");
	return 0;
}
