#!/usr/bin/env bats
# tests/e2e/stacks.bats: stacks of calls where code comes and goes. FDW_BUILD: the build directory.

bats_require_minimum_version 1.5.0
load common

setup() {
	place 777
}

teardown() {
	leave_place
}

# Of each finding: its rule, and who opened what it is about.
openers() { report --show=possible --fail-on=never -f json t | jq -r '.findings[] | [.rule, (.stacks[] | select(.role == "opened") | .frames[].function)] | join(" ")' | sort; }

@test "one address, other code: after a dlclose of what a constructor had loaded before us, and in fork children that load one library each" {
	# Of each the call of open() returns to the same place, from frames of different sizes.
	cat >part.c <<-'E'
	#include <fcntl.h>
	int NAME(const char *path) { volatile char room[ROOM]; room[0] = 0; int fd = open(path, O_RDONLY); return fd + room[0]; }
	E
	cat >first.c <<-'E'
	#include <dlfcn.h>
	void *early;
	__attribute__((constructor)) static void begins(void) { early = dlopen("./libone.so", RTLD_NOW); }
	E
	cat >main.c <<-'E'
	#include <dlfcn.h>
	#include <stdio.h>
	#include <sys/wait.h>
	#include <unistd.h>
	extern void *early;
	__attribute__((noinline)) static int opens(void *lib, const char *name)
	{
		int (*f)(const char *) = (int (*)(const char *))dlsym(lib, name);
		int fd = f("/dev/null");
		printf("%s %p\n", name, (void *)f);
		fflush(stdout);
		return fd;
	}
	__attribute__((noinline)) static void child(const char *lib, const char *name)
	{
		if (!fork()) {
			int fd = opens(dlopen(lib, RTLD_NOW), name);
			close(fd), close(fd);
			_exit(0);
		}
		wait(NULL);
	}
	int main(void)
	{
		opens(early, "one");
		child("./libthree.so", "three");
		child("./libfour.so", "four");
		dlclose(early);
		opens(dlopen("./libtwo.so", RTLD_NOW), "two");
		return 0;
	}
	E
	for part in one:400 two:4000 three:400 four:4000; do
		cc -O1 -fno-stack-protector -shared -fPIC -DNAME=${part%:*} -DROOM=${part#*:} -o lib${part%:*}.so part.c
	done
	cc -shared -fPIC -o libfirst.so first.c
	cc -O1 -o main main.c -Wl,--no-as-needed ./libfirst.so
	"$F" record -q -o t -- ./main >out
	cat out
	awk '{ at[$1] = $2 } END { exit at["one"] != at["two"] || at["three"] != at["four"] }' out || skip "the loader puts them elsewhere here"
	openers >got
	cat got
	printf '%s\n' "double-close four opens child main" "double-close three opens child main" "fd-leak one opens main" "fd-leak two opens main" | diff - got
}

@test "a plugin that is loaded and unloaded all the time makes no new stacks of old ones: their table is never full" {
	cat >plugin.c <<-'E'
	#include <fcntl.h>
	int opens(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
	E
	cat >main.c <<-'E'
	#include <dlfcn.h>
	#include <stdlib.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		for (int i = atoi(argv[1]); i; i--) {
			void *plugin = dlopen("./plugin.so", RTLD_NOW);
			close(((int (*)(void))dlsym(plugin, "opens"))());
			dlclose(plugin);
		}
		return 0;
	}
	E
	gcc -g -O1 -shared -fPIC -o plugin.so plugin.c
	gcc -g -O1 -o main main.c -ldl
	for rounds in 10 200; do
		"$F" record -q -o t$rounds -- ./main $rounds
		babeltrace2 t$rounds | grep -c 'fdwarden:stack:' >stacks$rounds
	done
	cat stacks10 stacks200
	[ "$(cat stacks200)" -lt $(($(cat stacks10) + 5)) ]
}
