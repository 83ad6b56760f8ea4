/* stepped NAME: how often FDW_STEP(NAME) was passed by all processes that had this FDW_STEP_PAGE. */
#include "forklock.h"

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	printf("%llu\n", (unsigned long long)step_hits(argv[1]));
	return 0;
}
