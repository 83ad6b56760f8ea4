/* prefork [silence]: a parent listens, workers accept on the inherited socket, and each closes what it does not need. Must find: nothing. */
#include "program.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static void serve(int listener, int requests)
{
	char c;

	for (int i = 0; i < requests; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		need(fd >= 0 && read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1 && close(fd) == 0);
	}
	close(listener);
	_exit(0);
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid[3];

	need(listener >= 0 && bind(listener, (void *)&address, size) == 0 && listen(listener, 50) == 0);
	need(getsockname(listener, (void *)&address, &size) == 0);
	for (int i = 0; i < 3; i++)
		if ((pid[i] = fork()) == 0)
			serve(listener, 40);
	close(listener);
	for (int i = 0; i < 120; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char c = 'c';

		need(fd >= 0 && connect(fd, (void *)&address, size) == 0);
		need(write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1 && close(fd) == 0);
	}
	for (int i = 0; i < 3; i++)
		need(wait_for(pid[i]) == 0);
	puts("done");
	return 0;
}
