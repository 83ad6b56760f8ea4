/*
 * analyzer/creations.c: how many descriptors each place of each program made, for flame graphs. Kept only when asked for.
 */
#include "analyzer/model_parts.h"

void replay_keep_creations(struct replay *r) { r->keep_creations = 1; }
const struct creation *replay_creations(const struct replay *r) { return r->creations; }

void creations_image_end(struct replay *r, struct image *i)
{
	struct creation *c, key;

	for (const struct group *g = i->groups; r->keep_creations && g; g = g->hh.next) {
		memset(&key, 0, sizeof key);
		key.key.exe = i->exe;
		key.key.stack = stack_same(g->place);
		HASH_FIND(hh, r->creations, &key.key, sizeof key.key, c);
		if (!c) {
			c = xcalloc(1, sizeof *c);
			c->key = key.key;
			HASH_ADD(hh, r->creations, key, sizeof c->key, c);
		}
		c->count += g->made;
	}
}

void creations_free(struct replay *r)
{
	struct creation *c, *next;

	HASH_ITER(hh, r->creations, c, next) {
		HASH_DEL(r->creations, c);
		free(c);
	}
}
