/* sigstack_small [sigstack-too-small]: an alternate stack of the size that once was enough for all.
 * Must find: sigstack-too-small.
 */
#include "sigstack.h"

int main(void)
{
	static char small[2048];

	install(small, sizeof small);
	disable();
	puts("done");
	return 0;
}
