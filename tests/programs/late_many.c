/* late_many [use-after-close, double-close]: between a close and the late use of its number others are opened and closed one after the other, which in audit are all new numbers:
 * that is no loop over everything.
 * Must find in audit: use-after-close once and double-close once, and the victim is untouched.
 */
#include "program.h"

int main(void)
{
	char path[] = "/tmp/late_many.XXXXXX", text[8] = "";
	int old = open_null(), victim, r;

	close(old);
	for (int i = 0; i < 30; i++)
		close(open_null());
	victim = mkstemp(path);
	need(write(victim, "victim", 6) == 6);
	r = (int)pwrite(old, "attack", 6, 0);
	need(pread(victim, text, 6, 0) == 6);
	need(r == -1 ? errno == EBADF && !strcmp(text, "victim") : victim == old);
	if (r == -1) /* natively it would be the victim's end */
		need(close(old) == -1 && errno == EBADF);
	close(victim);
	unlink(path);
	puts("done");
	return 0;
}
