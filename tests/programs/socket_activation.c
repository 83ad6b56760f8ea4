/* socket_activation [silence]: as a service manager does it: the listening socket is put on 3 and the service is exec'd with LISTEN_FDS
 * and LISTEN_PID; the service checks and serves. Must find: nothing.
 */
#include "program.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static void service(void)
{
	struct stat st;
	int fd;
	char c;

	need(atoi(getenv("LISTEN_PID")) == getpid());
	for (fd = 3; fd < 3 + atoi(getenv("LISTEN_FDS")); fd++)
		need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
	fd = accept4(3, NULL, NULL, SOCK_CLOEXEC);
	need(fd == 4 && read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1);
	need(close(fd) == 0 && close(3) == 0);
	exit(0);
}

static void manager(int fd, char **argv)
{
	char pid[16];

	need(fd == 3 || dup2(fd, 3) == 3);
	need(fcntl(3, F_SETFD, 0) == 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execl("/proc/self/exe", argv[0], "service", (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener, client;
	char c = 'a';
	pid_t pid;

	if (argc > 1)
		service();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(listener >= 0 && bind(listener, (void *)&address, size) == 0 && listen(listener, 5) == 0);
	need(getsockname(listener, (void *)&address, &size) == 0);
	pid = fork();
	if (pid == 0)
		manager(listener, argv);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(connect(client, (void *)&address, size) == 0 && write(client, &c, 1) == 1 && read(client, &c, 1) == 1);
	need(close(client) == 0 && close(listener) == 0);
	printf("service %d\n", wait_for(pid));
	return 0;
}
