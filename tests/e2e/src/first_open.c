/* first_open: prints the number of its first open and how many arguments it got. Also linked statically, for what cannot be observed. */
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDONLY);

	printf("first %d args %d\n", fd, argc - 1);
	return 7;
}
