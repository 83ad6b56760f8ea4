/* tests/e2e/src/rows/devices.c: terminals. Context and vocabulary: rows.h. */
#include <sys/ioctl.h>
#include <termios.h>
#include "rows.h"

static void settings(void)
{
	struct termios t = { 0 };

	CALLS(int, (int, struct termios *), "tcgetattr") {
		CASE("a terminal", call(F_SLAVE, &t));
		CASE("a file", call(F_FILE, &t));
		BADFD(call(fd, &t));
	}
	CALLS(int, (int, int, const struct termios *), "tcsetattr") {
		CASE("a terminal", call(F_SLAVE, TCSANOW, &t));
		CASE("no such way", call(F_SLAVE, 99, &t));
		CASE("a file", call(F_FILE, TCSANOW, &t));
		BADFD(call(fd, TCSANOW, &t));
	}
	CALLS(int, (int), "tcdrain") {
		CASE("a terminal", call(F_SLAVE));
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(int, (int, int), "tcflow") {
		CASE("goes on", call(F_SLAVE, TCOON));
		CASE("no such action", call(F_SLAVE, 99));
		BADFD(call(fd, TCOON));
	}
	CALLS(int, (int, int), "tcflush") {
		CASE("both", call(F_SLAVE, TCIOFLUSH));
		CASE("no such queue", call(F_SLAVE, 99));
		BADFD(call(fd, TCIFLUSH));
	}
	CALLS(int, (int, int), "tcsendbreak") {
		CASE("a terminal", call(F_SLAVE, 0));
		CASE("a file", call(F_FILE, 0));
		BADFD(call(fd, 0));
	}
}

static void sessions(void)
{
	CALLS(pid_t, (int), "tcgetpgrp", "tcgetsid") {
		CASE("not ours", call(F_SLAVE));
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
		IN_CHILD {
			setsid();
			ioctl(F_SLAVE, TIOCSCTTY, 0);
			CASE("ours", call(F_SLAVE) == getpid());
		}
	}
	CALLS(int, (int, pid_t), "tcsetpgrp") {
		CASE("not ours", call(F_SLAVE, getpgrp()));
		CASE("a file", call(F_FILE, getpgrp()));
		BADFD(call(fd, getpgrp()));
		IN_CHILD {
			setsid();
			ioctl(F_SLAVE, TIOCSCTTY, 0);
			CASE("ours", call(F_SLAVE, getpid()));
			CASE("no such group", call(F_SLAVE, 0x3fffffff));
		}
	}
}

static void names(void)
{
	char name[64];

	CALLS(int, (int), "isatty") {
		CASE("a terminal", call(F_SLAVE));
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(char *, (int), "ttyname") {
		CASE("a terminal", call(F_SLAVE) != NULL);
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(char *, (int), "ptsname") {
		CASE("a master", call(F_MASTER) != NULL);
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(int, (int, char *, size_t), "ttyname_r") {
		CASE("a terminal", call(F_SLAVE, name, sizeof name));
		CASE("a file", call(F_FILE, name, sizeof name));
		BADFD(call(fd, name, sizeof name));
	}
	CALLS(int, (int, char *, size_t, size_t), "__ttyname_r_chk") {
		CASE("a terminal", call(F_SLAVE, name, sizeof name, sizeof name));
		CASE("a file", call(F_FILE, name, sizeof name, sizeof name));
		BADFD(call(fd, name, sizeof name, sizeof name));
	}
	CALLS(int, (int, char *, size_t, size_t), "__ptsname_r_chk") {
		CASE("a master", call(F_MASTER, name, sizeof name, sizeof name));
		CASE("a file", call(F_FILE, name, sizeof name, sizeof name));
		BADFD(call(fd, name, sizeof name, sizeof name));
	}
}

static void masters(void)
{
	CALLS(int, (int), "grantpt", "unlockpt") {
		CASE("a master", call(F_MASTER));
		CASE("a slave", call(F_SLAVE));
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(int, (int, char *, size_t), "ptsname_r") {
		char name[64];
		CASE("a master", call(F_MASTER, name, sizeof name));
		CASE("no room", call(F_MASTER, name, 2));
		CASE("a file", call(F_FILE, name, sizeof name));
		BADFD(call(fd, name, sizeof name));
	}
}

void rows_devices(void)
{
	settings();
	sessions();
	masters();
	names();
}
