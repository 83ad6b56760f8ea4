/*
 * tests/e2e/src/hazards/early.c: calls before anybody is ready: from DT_PREINIT_ARRAY, and from the resolver of an indirect function.
 * The resolver makes its calls through pointers that the linker fills before IRELATIVE relocations are applied.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int seen[8];

static int plain(void) { return 42; }

static int (*resolve(void))(void)
{
	int fd = open("/dev/null", O_RDONLY), other = dup(fd);

	seen[0] = fd;
	seen[1] = close(other) || close(fd);
	return plain;
}
int indirect(void) __attribute__((ifunc("resolve")));

static void before_all(int argc, char **argv, char **envp)
{
	int p[2], sv[2];

	seen[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	seen[3] = fcntl(seen[2], F_DUPFD_CLOEXEC, 0);
	seen[4] = pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) || close(p[0]) || close(p[1]) || close(sv[0]) || close(sv[1]);
	seen[5] = close(seen[2]) || close(seen[3]);
	seen[6] = access("/dev/null", R_OK);
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(int, char **, char **) = before_all;

int main(void)
{
	FILE *f = fopen("/dev/null", "r");

	for (int i = 0; i < 7; i++)
		printf("%d ", seen[i]);
	printf("%d %d\n", indirect(), fileno(f));
	return fclose(f);
}
