/*
 * tests/unit/reader_both.c: the two readers against each other, record by record.
 *
 * Without arguments: traces made at random, in every way LTTng writes them, sound and damaged. With arguments: those traces.
 */
#include "tests/unit/reader_trace.h"

/* ---- comparing ----------------------------------------------------------------------------------------------------------- */

/* All records of one time: between streams their order is nobody's promise. */
struct group {
	uint64_t time, sum, records;
};

struct side {
	struct reader *reader;
	struct record next;
	int more;
};

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	for (const uint8_t *p = data; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3;
	return h ^ h >> 29;
}

static uint64_t text(uint64_t h, const char *s) { return mix(h, s, strlen(s) + 1); }

/* Of an empty string libbabeltrace2 2.0 gives the one before; only damage makes one. */
static int empty_strings;

static uint64_t digest(const struct record *r)
{
	uint64_t h = mix(0xcbf29ce484222325, &r->type, sizeof r->type);

	h = text(text(h, r->host), r->trace);
	if (r->type == RECORD_EVENT) {
		struct fdw_event e = r->event.e;
		const uint8_t *detail = e.detail;

		e.detail = NULL;
		return mix(text(mix(h, &e, sizeof e), r->event.call), detail, e.detail_len);
	}
	if (r->type == RECORD_STACK)
		return mix(mix(h, &r->stack, offsetof(struct fdw_stack, frames)), r->stack.frames, r->stack.depth * 8);
	if (r->type == RECORD_MODULE) {
		h = mix(mix(h, &r->module, offsetof(struct fdw_module, build_id)), r->module.build_id, r->module.build_id_len);
		return empty_strings ? h : text(h, r->module.path);
	}
	return mix(mix(h, &r->gap, sizeof r->gap), &r->time, sizeof r->time);
}

static uint64_t sorted_by(const struct record *r) { return r->type == RECORD_GAP ? r->gap.begin : r->time; }

static int next_group(struct side *s, struct group *g)
{
	if (!s->more)
		return 0;
	*g = (struct group) { .time = sorted_by(&s->next) };
	for (; s->more && sorted_by(&s->next) == g->time; s->more = reader_next(s->reader, &s->next)) {
		g->sum += digest(&s->next);
		g->records++;
	}
	return 1;
}

static int begin(struct side *s, const char *dir, enum reader_kind kind, char error[512])
{
	s->reader = reader_open(&dir, 1, kind, error, 512);
	s->more = s->reader && reader_next(s->reader, &s->next);
	return s->reader != NULL;
}

/* The library gives up a stream where ours gives up a packet, and nobody looks for the next packet for it: then it has less. */
static int gave_up(const struct reader *r) { return damage_says(r, "cannot be decoded") || damage_says(r, "is damaged: its events from"); }
static int found_more(const struct reader *r) { return damage_says(r, "were passed over"); }

static void finish(struct side *ours, struct side *theirs)
{
	if (!gave_up(theirs->reader))
		assert_int_equal(reader_damage(ours->reader, 0) != NULL, reader_damage(theirs->reader, 0) != NULL);
	reader_close(ours->reader);
	reader_close(theirs->reader);
}

/* 0: not both open it; of a damaged one there may be too little for the library. */
static int begin_both(struct side *ours, struct side *theirs, const char *dir)
{
	char errors[2][512] = { "", "" };
	int one = begin(ours, dir, READER_DIRECT, errors[0]), two = begin(theirs, dir, READER_LIBRARY, errors[1]);

	if (one && !two && strstr(errors[1], "cannot be read as a CTF trace"))
		reader_close(ours->reader);
	else if (one != two)
		fail_msg("%s: only one reader opens it: %s%s", dir, errors[0], errors[1]);
	return one && two;
}

/* Fails, or returns the number of records. */
static uint64_t same(const char *dir)
{
	struct side ours, theirs;
	struct group a, b;
	uint64_t n = 0;

	if (!begin_both(&ours, &theirs, dir))
		return 0;
	for (;;) {
		int more = next_group(&ours, &a);

		if (more != next_group(&theirs, &b))
			fail_msg("%s: after %llu records only one reader goes on", dir, (unsigned long long)n);
		if (!more)
			break;
		if (memcmp(&a, &b, sizeof a))
			fail_msg("%s: after %llu records: %llu at %llu, libbabeltrace2 has %llu at %llu", dir, (unsigned long long)n,
				(unsigned long long)a.records, (unsigned long long)a.time, (unsigned long long)b.records, (unsigned long long)b.time);
		n += a.records;
	}
	finish(&ours, &theirs);
	return n;
}

/* ---- damaged: times may be anything, and so is the order ---------------------------------------------------------------------- */

struct digests {
	uint64_t *digest;
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct digests all_of(struct side *s)
{
	struct digests d = { 0 };

	for (; s->more; s->more = reader_next(s->reader, &s->next)) {
		if (s->next.type == RECORD_GAP)
			continue;
		d.digest = realloc(d.digest, (d.n + 1) * sizeof *d.digest);
		assert_non_null(d.digest);
		d.digest[d.n++] = digest(&s->next);
	}
	if (d.n)
		qsort(d.digest, d.n, sizeof *d.digest, by_value);
	return d;
}

static void same_or_more(const char *dir)
{
	struct side ours, theirs;
	size_t i = 0, k = 0;

	if (!begin_both(&ours, &theirs, dir))
		return;
	struct digests b = all_of(&theirs), a = all_of(&ours);

	for (; i < a.n && k < b.n; i++)
		k += a.digest[i] == b.digest[k];
	if (k < b.n || (a.n > b.n && !gave_up(theirs.reader) && !found_more(ours.reader)))
		fail_msg("%s: %zu records, libbabeltrace2 has %zu, of them %zu the same", dir, a.n, b.n, k);
	free(a.digest);
	free(b.digest);
	finish(&ours, &theirs);
}

/* ---- traces at random ------------------------------------------------------------------------------------------------------ */

static unsigned upto(unsigned n) { return random() % n; }

static void replace(struct bytes *b, const char *from, const char *to)
{
	struct bytes out = { 0 };
	char *p = (char *)b->data, *found;

	PUT(b, char, '\0');
	for (; (found = strstr(p, from)); p = found + strlen(from)) {
		put(&out, p, found - p);
		put(&out, to, strlen(to));
	}
	put(&out, p, strlen(p));
	free(b->data);
	*b = out;
}

static const char compact_types[] =
	"typealias integer {\n\tsize = 27; align = 1; signed = false;\n\tmap = clock.monotonic.value;\n} := uint27_clock_monotonic_t;\n\n"
	"struct event_header_compact {\n\tenum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n\tvariant <id> {\n\t\tstruct {\n"
	"\t\t\tuint27_clock_monotonic_t timestamp;\n\t\t} compact;\n\t\tstruct {\n\t\t\tuint32_t id;\n"
	"\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n\t} v;\n} align(8);\n\nstream {";
#define CONTEXT_BYTES (4 + 4 + 17)
static const char context_text[] =
	"packet.context := struct packet_context;\n\tevent.context := struct {\n\t\t" SINT32_ "_vpid;\n\t\t" SINT32_ "_vtid;\n"
	"\t\tinteger { size = 8; align = 8; signed = 0; encoding = UTF8; base = 10; } _procname[17];\n\t};";

static void random_metadata(const char *dir, int compact, int context)
{
	struct bytes m = metadata_text(1, "seq"), file = { 0 };

	if (compact) {
		replace(&m, ":= struct event_header_large;", ":= struct event_header_compact;");
		replace(&m, "stream {\n\tid = 1", "@\n\tid = 1");
		replace(&m, "@", compact_types);
	}
	if (context)
		replace(&m, "packet.context := struct packet_context;", context_text);
	metadata_packet(&file, 1, m.data, m.n);
	write_bytes(path_of(dir, "metadata"), file.data, file.n);
	free(m.data);
	free(file.data);
}

static void random_event(struct stream_writer *w, uint64_t time)
{
	uint8_t detail[600];
	struct fdw_event e = { .seq = upto(100), .pid = 1 + upto(3), .tid = 1 + upto(5), .op = upto(FDW_OP_PROC_START), .call = upto(60), .kind = upto(30),
		.fd = (int)upto(100) - 2, .gen = upto(9), .fd2 = -1, .ret = -(int)upto(3), .err = upto(3), .flags = random(), .arg = random(),
		.stack = upto(4), .detail = detail, .detail_len = upto(8) ? upto(20) : upto(sizeof detail) };

	memset(detail, upto(256), sizeof detail);
	switch (w->class ? upto(4) : 3 + upto(5)) {
	case 0: put_stack(w, time, upto(4), upto(5) ? upto(20) : upto(100)); break;
	case 1: put_module(w, time, upto(2) ? "/usr/lib/libx.so" : "x"); break;
	case 3: if (!w->class) put_other(w, time); break;
	default: put_event(w, time, &e);
	}
}

/* One stream into one file or two, as in a rotated trace. */
static void random_stream(const char *dir, const char *chunk, struct stream_writer *w, const char *name)
{
	uint64_t time = UINT64_C(0x7ffff00) + upto(1000) + ((uint64_t)upto(3) << 31);
	unsigned packets = 1 + upto(6), turn = chunk ? upto(packets + 1) : packets;
	uint64_t step = upto(3) ? 10 : UINT64_C(0x1000000); /* the low bits of short times go round */

	for (unsigned i = 0; i < packets; i++) {
		if (i == turn && w->b.n)
			write_stream(w, dir, name);
		packet_begin(w, time);
		for (unsigned k = upto(30); k > 0; k--)
			random_event(w, time += upto(step));
		packet_end(w, time += upto(5));
		time += 1 + upto(5);
		w->discarded += upto(4) ? 0 : upto(9);
		w->packets += upto(5) ? 0 : upto(4);
	}
	write_stream(w, turn < packets ? chunk : dir, name);
}

static void random_trace(const char *dir, const char *chunk)
{
	int compact = upto(2), context = upto(3) == 0;
	unsigned streams = 1 + upto(5);

	random_metadata(dir, compact, context);
	if (chunk)
		random_metadata(chunk, compact, context);
	for (unsigned i = 0; i < streams; i++) {
		struct stream_writer w = { .uuid = 1, .class = upto(2), .instance = i, .header = 2 * compact + upto(2),
			.context = context ? CONTEXT_BYTES : 0, .discarded = upto(3) ? 0 : upto(5) };
		char name[16];

		snprintf(name, sizeof name, "s_%u", i);
		random_stream(dir, chunk, &w, name);
	}
}

/* Anything may have happened to a file: cut, bytes overwritten, bytes gone. */
static void random_damage(const char *path)
{
	FILE *f = fopen(path, "r+");
	long size = 0;

	if (!f)
		return;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	for (unsigned i = upto(4); size > 0 && i > 0; i--) {
		fseek(f, upto(size), SEEK_SET);
		for (unsigned k = 1 + upto(upto(2) ? 4 : 60); k > 0; k--)
			fputc(upto(3) ? upto(256) : 0, f);
	}
	fflush(f);
	if (upto(3) == 0)
		assert_int_equal(ftruncate(fileno(f), upto(size + 1)), 0);
	fclose(f);
}

static void empty(const char *dir)
{
	char command[600];

	snprintf(command, sizeof command, "rm -rf '%s'/*", dir);
	assert_int_equal(system(command), 0);
	while (npaths > 0)
		free(paths[--npaths]);
}

static void rounds(const char *dir, int n, int chunks, int damage)
{
	empty_strings = damage;
	srandom(chunks + 2 * damage);
	for (int i = 0; i < n; i++) {
		char *a = path_of(dir, "a"), *b = chunks ? path_of(dir, "b") : NULL;

		mkdir(a, 0700);
		if (b)
			mkdir(b, 0700);
		random_trace(a, b);
		for (int k = 0; damage && k < 5; k++) {
			char name[8];

			snprintf(name, sizeof name, "s_%d", k);
			random_damage(path_of(a, name));
		}
		if (damage)
			same_or_more(dir);
		else
			same(dir);
		empty(dir);
	}
}

static void sound(void **state) { rounds(*state, 150, 0, 0); }
static void rotated(void **state) { rounds(*state, 150, 1, 0); }
static void damaged(void **state) { rounds(*state, 300, 0, 1); }

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { IN_DIR(sound), IN_DIR(rotated), IN_DIR(damaged) };

	for (int i = 1; i < argc; i++)
		printf("%s: %llu records, the same\n", argv[i], (unsigned long long)same(argv[i]));
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
