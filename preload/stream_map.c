/*
 * preload/stream_map.c: a fixed map from FILE or DIR addresses to descriptors. A stream that finds no place is not known, and what is
 * not known is not judged.
 *
 * Context: any thread, handlers. Locks: none; a slot is taken and left by compare-and-swap of its key. The value is written
 * before the key is published and read between two looks at the key.
 */
#include "stream.h"
#include "poison.h"

#define SLOTS 8192u /* 24 bytes each, touched only as used */
#define PROBES 32u

static struct { _Atomic uintptr_t key; _Atomic int fd; _Atomic uint32_t gen; } map[SLOTS] FDW_LARGE;

static unsigned hash(uintptr_t p) { return (unsigned)((p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 51) & (SLOTS - 1); }

void fdw_stream_add(const void *stream, int fd, uint32_t gen)
{
	uintptr_t p = (uintptr_t)stream;

	for (unsigned i = 0; i < PROBES; i++) {
		unsigned s = (hash(p) + i) & (SLOTS - 1);
		uintptr_t was = atomic_load_explicit(&map[s].key, memory_order_relaxed);
		/* Of a stream that was at this address and ended unseen nothing is believed. 1 keeps the slot while the value is written. */
		if ((was != 0 && was != p) || !atomic_compare_exchange_strong(&map[s].key, &was, 1))
			continue;
		atomic_store_explicit(&map[s].fd, fd, memory_order_relaxed);
		atomic_store_explicit(&map[s].gen, gen, memory_order_relaxed);
		atomic_store_explicit(&map[s].key, p, memory_order_release);
		return;
	}
}

int fdw_stream_remove(const void *stream, struct fdw_owned *o)
{
	uintptr_t p = (uintptr_t)stream;

	for (unsigned i = 0; i < PROBES; i++) {
		unsigned s = (hash(p) + i) & (SLOTS - 1);
		uintptr_t key = atomic_load_explicit(&map[s].key, memory_order_acquire);
		if (key != p)
			continue;
		o->fd = atomic_load_explicit(&map[s].fd, memory_order_relaxed);
		o->gen = atomic_load_explicit(&map[s].gen, memory_order_relaxed);
		if (atomic_compare_exchange_strong(&map[s].key, &key, 0))
			return 1;
	}
	return 0;
}

void fdw_stream_rebind(const void *stream, int fd, uint32_t gen)
{
	struct fdw_owned o;

	if (fdw_stream_remove(stream, &o))
		fdw_stream_add(stream, fd, gen);
}
