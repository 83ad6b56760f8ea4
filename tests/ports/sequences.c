/* tests/ports/sequences.c: orders of association, trigger and dissociation, and which events they make. */
#define _GNU_SOURCE
#include "suite.h"

/* a: associate, with the next user; t: trigger; d: dissociate, which must succeed; g: get one. Then the user of the one event, or none. */
static void sequence(const char *steps, int expected)
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), user = 0;

	for (; *steps; steps++)
		switch (*steps) {
		case 'a': associate(q, p.r, POLLIN, P(++user)); break;
		case 't': trigger(p); break;
		case 'd': OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r)); break;
		case 'g': is_fd(q, p.r, POLLIN, P(user)); break;
		}
	if (expected)
		is_fd(q, p.r, POLLIN, P(expected));
	nothing(q);
}

TEST(s1, "sequence: associate, trigger: one") { sequence("at", 1); }
TEST(s2, "sequence: associate, associate, trigger: the second") { sequence("aat", 2); }
TEST(s3, "sequence: associate, trigger, associate: one, the second") { sequence("ata", 2); }
TEST(s4, "sequence: associate, trigger, dissociate: none") { sequence("atd", 0); }
TEST(s5, "sequence: associate, dissociate, trigger: none") { sequence("adt", 0); }
TEST(s6, "sequence: associate, trigger, dissociate, associate: the second") { sequence("atda", 2); }
TEST(s7, "sequence: associate, dissociate, associate, trigger: the second") { sequence("adat", 2); }
TEST(s8, "sequence: associate, associate, trigger, associate: one, the third") { sequence("aata", 3); }
TEST(s9, "sequence: associate, trigger, get, associate: the second") { sequence("atga", 2); }
TEST(s10, "sequence: associate, trigger, trigger: one") { sequence("att", 1); }

/* The same with what is fired already collected by the library: port_getn with max 0 counts it. */
static void counted(const char *steps, int expected)
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), user = 0;
	unsigned n = 0;

	for (; *steps; steps++) {
		switch (*steps) {
		case 'a': associate(q, p.r, POLLIN, P(++user)); break;
		case 't': trigger(p); break;
		case 'd': OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r)); break;
		}
		OK(port_getn(q, NULL, 0, &n, NULL));
	}
	SAME(n, expected != 0);
	if (expected)
		is_fd(q, p.r, POLLIN, P(expected));
	nothing(q);
}

TEST(c1, "sequence, counted between: associate, associate, trigger: the second") { counted("aat", 2); }
TEST(c2, "sequence, counted between: associate, trigger, associate: one, the second") { counted("ata", 2); }
TEST(c3, "sequence, counted between: associate, trigger, dissociate: none") { counted("atd", 0); }
TEST(c4, "sequence, counted between: associate, trigger, dissociate, associate: the second") { counted("atda", 2); }

TEST(c5, "counted, then associated for what is not ready: the event that was collected is nobody's")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();
	unsigned n = 0;

	associate(q, p.r, POLLIN, P(1));
	trigger(p);
	OK(port_getn(q, NULL, 0, &n, NULL));
	SAME(n, 1);
	associate(q, p.r, 0, P(2));
	nothing(q);
}
