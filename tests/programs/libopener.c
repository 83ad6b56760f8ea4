/* libopener: a library that opens and closes, for dlopen_library. */
#include <fcntl.h>
#include <unistd.h>

int opener_open(void);
int opener_close(int fd);

int opener_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int opener_close(int fd)
{
	return close(fd);
}
