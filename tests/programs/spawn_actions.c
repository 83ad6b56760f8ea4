/* spawn_actions [silence]: posix_spawn with addopen, adddup2, addclose, also of numbers that are not open. Must find: nothing. */
#include "program.h"
#include <spawn.h>

extern char **environ;

int main(void)
{
	char *argv[] = { "sh", "-c", "cat; echo end >&7", NULL }, text[32] = "";
	posix_spawn_file_actions_t actions;
	int p[2], n = 0, got;
	pid_t pid;

	need(pipe2(p, O_CLOEXEC) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, p[1], 7);
	posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	posix_spawn_file_actions_addclose(&actions, 55);
	posix_spawn_file_actions_addclosefrom_np(&actions, 8);
	need(posix_spawnp(&pid, "sh", &actions, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	need(close(p[1]) == 0);
	while ((got = read(p[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	need(close(p[0]) == 0 && wait_for(pid) == 0);
	need(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) == ENOENT);
	fputs(text, stdout);
	return 0;
}
