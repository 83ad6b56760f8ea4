/* late_use [use-after-close]: the silent kind of corruption: a number is closed, given to another file, and written to by its former owner.
 * Must find in audit: use-after-close, certain; the other file's data intact, and nothing said of it. Natively it is written over.
 */
#include "program.h"

int main(int argc, char **argv)
{
	char path[2][64] = { "/tmp/late_use.XXXXXX", "/tmp/late_use.XXXXXX" }, text[16] = "";
	int old = mkstemp(path[0]), victim, r;

	close(old);
	victim = mkstemp(path[1]);
	need(write(victim, "victim", 6) == 6);
	r = (int)pwrite(old, "attack", 6, 0);
	need(pread(victim, text, 6, 0) == 6);
	/* In audit the former owner is told; natively the victim has it. */
	need(r == -1 ? errno == EBADF && !strcmp(text, "victim") : victim == old && !strcmp(text, "attack"));
	close(victim);
	unlink(path[0]);
	unlink(path[1]);
	puts("done");
	return 0;
}
