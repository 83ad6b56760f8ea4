/*
 * cache_load memcached|redis PORT CONNECTIONS SECONDS [once]: load for either: on each connection a set, then a get of it, answers compared;
 * with `once` a new connection for each pair. One thread, which sends on all connections before it reads from them. Prints answers a second.
 * Exit status 9: an answer was another one than it should be.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include "program.h"

enum { MOST = 256 };
static struct sockaddr_in server = { .sin_family = AF_INET };
static int fds[MOST], redis;
static long answers;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	/* A connection for each pair would use up the ports: it ends by a reset. */
	struct linger none = { 1, 0 };

	need(fd >= 0);
	need(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0);
	need(connect(fd, (struct sockaddr *)&server, sizeof server) == 0);
	return fd;
}

static void ask(int fd, const char *text)
{
	size_t n = strlen(text);

	need(send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n);
}

static void answered(int fd, const char *text)
{
	char got[128];
	size_t n = strlen(text), have = 0;

	while (have < n) {
		ssize_t r = recv(fd, got + have, n - have, 0);
		need(r > 0);
		have += (size_t)r;
	}
	need(!memcmp(got, text, n));
	answers++;
}

/* A set and a get on each connection. */
static void round_of(int connections, unsigned n)
{
	char text[96];

	for (int i = 0; i < connections; i++) {
		snprintf(text, sizeof text, redis ? "set key%d %010u\r\n" : "set key%d 0 0 10\r\n%010u\r\n", i, n);
		ask(fds[i], text);
	}
	for (int i = 0; i < connections; i++)
		answered(fds[i], redis ? "+OK\r\n" : "STORED\r\n");
	for (int i = 0; i < connections; i++) {
		snprintf(text, sizeof text, "get key%d\r\n", i);
		ask(fds[i], text);
	}
	for (int i = 0; i < connections; i++) {
		if (redis)
			snprintf(text, sizeof text, "$10\r\n%010u\r\n", n);
		else
			snprintf(text, sizeof text, "VALUE key%d 0 10\r\n%010u\r\nEND\r\n", i, n);
		answered(fds[i], text);
	}
}

int main(int argc, char **argv)
{
	int connections = argc > 3 ? atoi(argv[3]) : 0, once = argc > 5;
	double seconds = argc > 4 ? atof(argv[4]) : 0, begin, end;

	redis = argc > 1 && !strcmp(argv[1], "redis");
	need(connections > 0 && connections <= MOST && seconds > 0);
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < connections; i++)
		fds[i] = connected();
	begin = now();
	for (unsigned n = 0; (end = now()) < begin + seconds; n++) {
		for (int i = 0; once && n && i < connections; i++) {
			close(fds[i]);
			fds[i] = connected();
		}
		round_of(connections, n);
	}
	printf("%.0f\n", (double)answers / (end - begin));
	return 0;
}
