/* tests/unit/stacks_shared.c: whose a stack's id is: the process's own, its parent's before the fork, its parent's whose memory it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "analyzer/stacks.h"

struct family {
	struct stacks *store;
	struct space *parent, *child;
};

static void module_at(struct space *s, uint64_t base)
{
	space_module(s, &(struct fdw_module){ .base = base, .start = base, .end = base + 0x1000, .path = "/usr/bin/prog" });
}

static struct family family_new(void)
{
	struct family f = { .store = stacks_new() };

	f.parent = space_new(f.store);
	f.child = space_new(f.store);
	module_at(f.parent, 0x400000);
	return f;
}

static void family_free(struct family *f)
{
	space_drop(f->child);
	space_drop(f->parent);
	stacks_free(f->store);
}

/* One frame, `place` bytes into the program. */
static void define(struct space *s, uint32_t id, uint64_t place)
{
	uint64_t frame = 0x400000 + place;

	space_define(s, &(struct fdw_stack){ .id = id, .depth = 1, .frames = &frame });
}

/* Where it is; 0: nobody knows. */
static uint64_t place_of(const struct stack *k)
{
	const struct place *p;

	return stack_places(k, &p) ? p->offset : 0;
}

static void before_the_fork(void **state)
{
	struct family f = family_new();

	define(f.parent, 7, 0x70);
	space_adopt(f.child, f.parent, 0);
	define(f.parent, 8, 0x80);
	assert_int_equal(place_of(space_stack(f.child, 7)), 0x70);
	assert_int_equal(place_of(space_stack(f.child, 8)), 0); /* the parent's only: the child's own may be another */
	define(f.child, 8, 0x88);
	assert_int_equal(place_of(space_stack(f.child, 8)), 0x88);
	assert_int_equal(place_of(space_stack(f.parent, 8)), 0x80);
	family_free(&f);
}

/* What the parent, or the child in the parent's name, defines while both have one memory. */
static void one_memory(void **state)
{
	struct family f = family_new();

	space_adopt(f.child, f.parent, 1);
	define(f.parent, 7, 0x70);
	define(f.parent, 8, 0x80);
	assert_int_equal(place_of(space_stack(f.child, 7)), 0x70);
	assert_int_equal(place_of(space_stack(f.child, 8)), 0x80);
	assert_ptr_equal(stack_same(space_stack(f.child, 8)), stack_same(space_stack(f.parent, 8)));
	family_free(&f);
}

/* Another thread of the parent's had taken the place in the table, and had not sent the definition yet, when the fork came. */
static void in_the_moment_of_the_fork(void **state)
{
	struct family f = family_new();
	struct stack *k;

	space_adopt(f.child, f.parent, 0);
	k = space_stack(f.child, 7);
	define(f.parent, 7, 0x70);
	assert_int_equal(place_of(k), 0);
	space_settle(f.child);
	assert_int_equal(place_of(k), 0x70);
	assert_ptr_equal(stack_same(k), stack_same(space_stack(f.parent, 7)));
	family_free(&f);
}

/* A grandchild: its parent's memory was its grandparent's before. */
static void over_two_forks(void **state)
{
	struct family f = family_new();
	struct space *grandchild = space_new(f.store);

	space_adopt(f.child, f.parent, 1);
	define(f.parent, 7, 0x70);
	space_adopt(grandchild, f.child, 0);
	define(f.parent, 8, 0x80);
	assert_int_equal(place_of(space_stack(grandchild, 7)), 0x70);
	assert_int_equal(place_of(space_stack(grandchild, 8)), 0);
	space_drop(grandchild);
	family_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_fork), cmocka_unit_test(one_memory), cmocka_unit_test(in_the_moment_of_the_fork), cmocka_unit_test(over_two_forks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
