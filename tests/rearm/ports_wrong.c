/*
 * ports_wrong: what a program does wrong with ports is the program's; what libport does for them is not. Leaks ten ports, closes another twice, sends to it
 * after that, and closes every number above the ports while timers, files, sent events and associations keep the library's descriptors busy.
 */
#include <poll.h>
#include <port.h>
#include <signal.h>
#include <time.h>
#include "tests/programs/program.h"

static void busy(int port, int fd)
{
	port_notify_t to = { .portnfy_port = port };
	struct sigevent event = { .sigev_notify = SIGEV_PORT, .sigev_value.sival_ptr = &to };
	struct itimerspec soon = { { 0, 0 }, { 0, 1000 } };
	file_obj_t file = { .fo_name = "/" };
	struct timespec second = { 1, 0 };
	port_event_t e[4];
	timer_t timer;
	unsigned n = 3;

	need(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0);
	need(port_associate(port, PORT_SOURCE_FILE, (uintptr_t)&file, FILE_ATTRIB, NULL) == 0);
	need(port_associate(port, PORT_SOURCE_FD, (uintptr_t)fd, POLLOUT, NULL) == 0);
	need(port_send(port, 1, NULL) == 0);
	for (int i = 100; i < 16500; i++)
		close(i);
	need(port_getn(port, e, 4, &n, &second) == 0 && n == 3);
	need(timer_delete(timer) == 0);
	need(port_dissociate(port, PORT_SOURCE_FILE, (uintptr_t)&file) == 0);
}

int main(void)
{
	int port, ends[2];

	need(pipe2(ends, O_CLOEXEC) == 0);
	for (int i = 0; i < 10; i++) {
		need((port = port_create()) >= 0);
		busy(port, ends[1]);
	}
	need((port = port_create()) >= 0);
	need(close(port) == 0);
	need(close(port) == -1);
	need(port_send(port, 1, NULL) == -1);
	close(ends[0]);
	close(ends[1]);
	puts("done");
	return 0;
}
