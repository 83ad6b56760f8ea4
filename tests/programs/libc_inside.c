/* libc_inside [silence]: functions of libc that open, keep and close descriptors where no wrapper sees it. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <ifaddrs.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <syslog.h>
#include <time.h>

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return 0;
}

static int any(const struct dirent *entry)
{
	return 1;
}

int main(void)
{
	struct addrinfo *found = NULL, hints = { .ai_flags = AI_NUMERICSERV };
	struct ifaddrs *addresses = NULL;
	struct dirent **names = NULL;
	char name[] = "/tmp/fdw-libc-XXXXXX";
	glob_t globbed;
	iconv_t converter;
	int fd, n;

	for (int i = 0; i < 3; i++) {
		setlocale(LC_ALL, "C.UTF-8");
		tzset();
		need(getpwuid(0) && getgrgid(0));
		if (getaddrinfo("localhost", "80", &hints, &found) == 0)
			freeaddrinfo(found);
		need(getifaddrs(&addresses) == 0);
		freeifaddrs(addresses);
		need(glob("/etc/pass*", 0, NULL, &globbed) == 0);
		globfree(&globbed);
		n = scandir("/", &names, any, alphasort);
		need(n > 0);
		while (n-- > 0)
			free(names[n]);
		free(names);
		nftw("/etc/init.d", visit, 5, FTW_PHYS);
		converter = iconv_open("UTF-16", "UTF-8");
		if (converter != (iconv_t)-1)
			iconv_close(converter);
		need(sysconf(_SC_NPROCESSORS_ONLN) > 0);
		openlog("fdw-libc", LOG_NDELAY, LOG_USER);
		closelog();
		fd = open_null();
		need(close(fd) == 0);
	}
	fd = mkostemp(name, O_CLOEXEC);
	need(fd >= 0 && unlink(name) == 0 && close(fd) == 0);
	puts("done");
	return 0;
}
