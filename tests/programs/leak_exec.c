/* leak_exec [fd-leak-exec]: a listening socket and a file open for writing are inherited by a program that uses neither. It is run three times.
 * Must find: one fd-leak-exec, error, for each.
 */
#include "exec_self.h"
#include <netinet/in.h>

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char path[] = "/tmp/leak_exec-XXXXXX";
	int listener, file;

	if (argc > 1)
		return 0;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	need(listener >= 0 && bind(listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(listener, 5) == 0);
	file = mkstemp(path);
	need(file >= 0 && unlink(path) == 0);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			exec_self("idle");
		need(wait_for(pid) == 0);
	}
	need(close(listener) == 0 && close(file) == 0);
	puts("done");
	return 0;
}
