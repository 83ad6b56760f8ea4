/* ghost_unserved [ghost-event]: the same, but the program drops what it does not know: the event comes again and again.
 * Must find: ghost-event, and nothing else.
 */
#include "ghost.h"

static void drop(const struct epoll_event *e, uint64_t data) { need(e->data.u64 == data); }

/* With an argument: no such event may come. */
int main(int argc, char **argv)
{
	ghost(7, 100, drop, argc > 1);
	return 0;
}
