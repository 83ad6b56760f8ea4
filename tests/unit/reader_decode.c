/*
 * tests/unit/reader_decode.c: what is in the trace comes out, field by field; gaps; versions; foreign events.
 */
#include "tests/unit/reader_trace.h"

#define EPOCH 1000000000000000000ull

static void every_field(void **state)
{
	const char *dir = *state;
	const struct fdw_event sent = { .seq = 7, .pid = 4000000000u, .tid = 12, .gen = 3, .gen2 = 4, .fd = -5, .fd2 = 6, .err = 9,
		.flags = 0x80000001u, .stack = 0xfeedbeef, .call = 51, .op = FDW_OP_CLOSE, .kind = FDW_KIND_SOCKET,
		.ret = -1, .arg = UINT64_MAX, .detail_len = 3, .detail = (const uint8_t *)"a\0b" };
	struct stream_writer w = { 0 };
	struct record r;

	write_metadata(dir, 0);
	packet_begin(&w, 5);
	put_event(&w, 5, &sent);
	packet_end(&w, 5);
	write_stream(&w, dir, "fds_0");
	struct reader *reader = must_open(dir);

	assert_int_equal(reader_next(reader, &r), 1);
	const struct fdw_event *e = &r.event.e;

	assert_int_equal(r.type, RECORD_EVENT);
	assert_int_equal(r.time, EPOCH + 5);
	assert_string_equal(r.host, "box");
	assert_string_equal(r.trace, dir);
	assert_string_equal(r.event.call, "close");
	assert_int_equal(e->call, 0);
	assert_int_equal(e->seq, sent.seq);
	assert_int_equal(e->pid, sent.pid);
	assert_int_equal(e->tid, sent.tid);
	assert_int_equal(e->gen, sent.gen);
	assert_int_equal(e->gen2, sent.gen2);
	assert_int_equal(e->fd, sent.fd);
	assert_int_equal(e->fd2, sent.fd2);
	assert_int_equal(e->err, sent.err);
	assert_int_equal(e->flags, sent.flags);
	assert_int_equal(e->stack, sent.stack);
	assert_int_equal(e->op, sent.op);
	assert_int_equal(e->kind, sent.kind);
	assert_true(e->ret == -1);
	assert_true(e->arg == UINT64_MAX);
	assert_int_equal(e->detail_len, 3);
	assert_memory_equal(e->detail, "a\0b", 3);
	assert_int_equal(reader_next(reader, &r), 0);
	assert_null(reader_damage(reader, 0));
	reader_close(reader);
}

static void stacks_and_modules(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { .class = 1 };
	struct record r;

	write_metadata(dir, 0);
	packet_begin(&w, 5);
	put_module(&w, 5, "/usr/lib/libx.so");
	put_stack(&w, 6, 77, 3);
	put_stack(&w, 7, 78, FDW_STACK_MAX + 5);
	packet_end(&w, 7);
	write_stream(&w, dir, "fds_meta_0");
	struct reader *reader = must_open(dir);

	assert_int_equal(reader_next(reader, &r), 1);
	assert_int_equal(r.type, RECORD_MODULE);
	assert_int_equal(r.module.pid, 100);
	assert_true(r.module.base == 0x7f0000000000 && r.module.start == 0x7f0000001000 && r.module.end == 0x7f0000009000);
	assert_int_equal(r.module.build_id_len, 4);
	assert_memory_equal(r.module.build_id, "\xde\xad\xbe\xef", 4);
	assert_string_equal(r.module.path, "/usr/lib/libx.so");
	assert_int_equal(reader_next(reader, &r), 1);
	assert_int_equal(r.type, RECORD_STACK);
	assert_int_equal(r.stack.id, 77);
	assert_int_equal(r.stack.depth, 3);
	assert_true(r.stack.frames[0] == 0x400000 && r.stack.frames[2] == 0x400002);
	assert_int_equal(reader_next(reader, &r), 1);
	assert_int_equal(r.stack.depth, FDW_STACK_MAX);
	assert_int_equal(reader_next(reader, &r), 0);
	reader_close(reader);
}

static void foreign_events_are_passed_over(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { 0 };

	write_metadata(dir, 0);
	packet_begin(&w, 1);
	put_other(&w, 1);
	put_op(&w, 2, 1, 1);
	put_other(&w, 3);
	packet_end(&w, 3);
	write_stream(&w, dir, "fds_0");
	struct reader *r = must_open(dir);

	assert_int_equal(count_records(r), 1);
	assert_null(reader_damage(r, 0));
	reader_close(r);
}

static void lost_events_are_gaps(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { 0 };
	struct record r;
	int gaps = 0;

	write_metadata(dir, 0);
	op_packet(&w, 1000, 1, 1, 2);
	w.discarded = 42;
	op_packet(&w, 2000, 1, 45, 2);
	w.packets += 3;
	op_packet(&w, 3000, 1, 60, 2);
	write_stream(&w, dir, "fds_0");
	struct reader *reader = must_open(dir);

	while (reader_next(reader, &r)) {
		if (r.type != RECORD_GAP)
			continue;
		assert_true(r.gap.begin <= r.time);
		assert_int_equal(r.gap.count, gaps == 0 ? 42 : 0);
		assert_true(r.gap.begin >= EPOCH + 1000 && r.time <= EPOCH + 3020);
		gaps++;
	}
	assert_int_equal(gaps, 2);
	reader_close(reader);
}

static void another_version_is_refused(void **state)
{
	const char *dir = *state;
	struct bytes text = metadata_text(0, "sequence");
	struct stream_writer w = { 0 };
	char error[512];

	write_bytes(path_of(dir, "metadata"), text.data, text.n);
	free(text.data);
	op_packet(&w, 1000, 1, 1, 2);
	write_stream(&w, dir, "fds_0");
	assert_null(open_one(dir, error));
	assert_non_null(strstr(error, "'seq'"));
	assert_non_null(strstr(error, "another version"));
}

static void newer_schema_is_refused(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { .class = 1 };
	char error[512];

	write_metadata(dir, 0);
	packet_begin(&w, 1);
	put_start(&w, 1, 100, FDW_SCHEMA_VERSION + 1);
	packet_end(&w, 1);
	write_stream(&w, dir, "fds_meta_0");
	assert_null(open_one(dir, error));
	assert_non_null(strstr(error, "newer fdwarden"));
}

/* Too late to refuse the trace: only that process is passed over, until its number belongs to another. */
static void newer_process_is_passed_over(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { .class = 1 };
	struct record r;
	int n = 0;

	write_metadata(dir, 0);
	packet_begin(&w, 1);
	for (int i = 0; i < 2000; i++)
		put_start(&w, 1 + i, 50, FDW_SCHEMA_VERSION);
	put_start(&w, 3000, 100, FDW_SCHEMA_VERSION + 1);
	put_op(&w, 3001, 100, 2);
	put_start(&w, 3002, 101, FDW_SCHEMA_VERSION);
	put_start(&w, 3003, 100, FDW_SCHEMA_VERSION);
	packet_end(&w, 3003);
	write_stream(&w, dir, "fds_meta_0");
	struct reader *reader = must_open(dir);

	while (reader_next(reader, &r)) {
		assert_int_not_equal(r.time, EPOCH + 3000);
		assert_int_not_equal(r.time, EPOCH + 3001);
		n++;
	}
	assert_int_equal(n, 2002);
	assert_true(damage_says(reader, "process 100 was recorded by a newer fdwarden"));
	reader_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(every_field), IN_DIR(stacks_and_modules), IN_DIR(foreign_events_are_passed_over), IN_DIR(lost_events_are_gaps),
		IN_DIR(another_version_is_refused), IN_DIR(newer_schema_is_refused), IN_DIR(newer_process_is_passed_over),
	};

	return run_both(tests);
}
