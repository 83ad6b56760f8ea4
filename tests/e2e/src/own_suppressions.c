/* Says what it does not want to be told, as programs do for sanitizers, and does it. Where a file wrong-suppressions is: something nobody understands. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char *fdwarden_default_suppressions(void)
{
	static char text[2000];
	size_t n = 0;

	for (int i = 0; i < 40; i++) /* more than one event's worth */
		n += (size_t)snprintf(text + n, sizeof text - n, "# comment number %d\n", i);
	snprintf(text + n, sizeof text - n, "%s", access("wrong-suppressions", F_OK) == 0 ? "no-such-rule:*:main\n" : "double-close:closed:close_twice\n");
	return text;
}

__attribute__((noinline)) static void close_twice(int fd)
{
	close(fd);
	close(fd);
}

int main(void)
{
	close_twice(open("/dev/null", O_RDONLY));
	return 0;
}
