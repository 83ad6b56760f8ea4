// tests/e2e/src/hazards/statics.cc: static objects that open in their constructors and close in their destructors, and streams of C++.
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

struct Held {
	int fd;
	Held() : fd(open("/dev/null", O_RDWR | O_CLOEXEC)) {}
	~Held()
	{
		int again = open("/dev/null", O_RDONLY);
		if (again < 0 || close(again) || close(fd))
			abort();
		dprintf(1, "closed %d\n", fd);
	}
};
static Held one, two;
static std::ifstream held("/dev/null");

struct Local {
	Held h;
};
static thread_local Local local;

int main()
{
	std::thread t([] { std::cout << "thread " << local.h.fd << std::endl; });
	t.join();
	try {
		Held inner;
		throw std::runtime_error(std::to_string(inner.fd));
	} catch (const std::exception &e) {
		std::cout << "thrown over " << e.what() << std::endl;
	}
	std::ofstream out("/dev/null");
	std::cout << one.fd << ' ' << two.fd << ' ' << held.is_open() << ' ' << out.is_open() << std::endl;
	return 0;
}
