/*
 * analyzer/hash.h: uthash, whose tables begin small: a process has a dozen of them, most with a handful of entries, and thousands of
 * processes may be alive at once. (As it comes, an empty table takes 600 bytes.)
 */
#ifndef FDW_HASH_H
#define FDW_HASH_H

#include <uthash.h>

#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS 4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U

#endif
