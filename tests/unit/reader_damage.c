/*
 * tests/unit/reader_damage.c: what is not a trace, and traces that are broken: a sentence for each, and nothing lost that was there.
 */
#include "tests/unit/reader_trace.h"
#include <glob.h>

/* reader_open() refuses `path` with a sentence that names it and has `what` in it. */
static void refuses(const char *path, const char *what)
{
	char error[512] = "";
	struct reader *r = open_one(path, error);

	if (r)
		fail_msg("%s was opened", path);
	if (!strstr(error, path) || !strstr(error, what))
		fail_msg("\"%s\" lacks \"%s\" or the path", error, what);
	assert_null(strchr(error, '\n'));
}

/* Opens, has `records`, and says `damage` (NULL: nothing); what is lost is also a gap. */
static void reads_with(const char *path, int records, const char *damage, int gap)
{
	struct reader *r = must_open(path);
	int gaps, n = count_with_gaps(r, &gaps);

	if (n != records || gaps != gap)
		fail_msg("%d records instead of %d, %d gaps instead of %d (%s)", n, records, gaps, gap, reader_damage(r, 0));
	if (damage && !damage_says(r, damage))
		fail_msg("damage lacks \"%s\": %s", damage, reader_damage(r, 0));
	if (!damage && reader_damage(r, 0))
		fail_msg("unexpected: %s", reader_damage(r, 0));
	reader_close(r);
}

static void reads(const char *path, int records, const char *damage) { reads_with(path, records, damage, damage != NULL); }

static long size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* ---- no trace ------------------------------------------------------------------------------------------------------------ */

static void wrong_paths(void **state)
{
	const char *dir = *state;
	char error[512];

	refuses(path_of(dir, "nowhere"), "no such directory");
	refuses(dir, "empty directory");
	write_bytes(path_of(dir, "file"), "x", 1);
	refuses(path_of(dir, "file"), "is a file");
	refuses(path_of(path_of(dir, "file"), "below"), "no such directory");
	refuses(dir, "holds no trace");
	assert_null(reader_open(NULL, 0, reader_kind, error, sizeof error));
	assert_string_not_equal(error, "");
}

static void no_permission(void **state)
{
	const char *dir = *state;
	char *trace = path_of(dir, "t");

	if (geteuid() == 0) { /* root may read everything; drop_dir() takes it back */
		assert_int_equal(chown(dir, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	small_trace(trace, 1);
	chmod(path_of(trace, "metadata"), 0);
	refuses(trace, "no permission");
	chmod(path_of(trace, "metadata"), 0600);
	chmod(path_of(trace, "fds_0"), 0);
	refuses(trace, "no permission");
	struct stream_writer w = { .uuid = 1, .instance = 1 };

	op_packet(&w, 1, 1, 1, 3);
	write_stream(&w, trace, "fds_1");
	reads(trace, 3, "fds_0: no permission");
	chmod(trace, 0);
	refuses(trace, "no permission");
}

static void not_metadata(void **state)
{
	const char *dir = *state;

	write_bytes(path_of(dir, "metadata"), "hello, world, this is no trace", 30);
	refuses(dir, "not that of a CTF trace");
	write_bytes(path_of(dir, "metadata"), "", 0);
	refuses(dir, "metadata is empty");
	write_bytes(path_of(dir, "metadata"), "/* CTF 1.8 */\ntrace { nonsense \"fdwarden:op\"", 45);
	refuses(dir, "");
}

static void others_trace(void **state)
{
	const char *dir = *state;
	struct bytes text = metadata_text(0, "seq");
	char *p;

	PUT(&text, char, 0);
	while ((p = strstr((char *)text.data, "\"fdwarden:")))
		memcpy(p, "\"somebody:", 10);
	write_bytes(path_of(dir, "metadata"), text.data, text.n - 1);
	free(text.data);
	refuses(dir, "not one of fdwarden's");
}

/* ---- discovery ----------------------------------------------------------------------------------------------------------- */

static void below_and_once(void **state)
{
	const char *dir = *state;
	char error[512], *deep = path_of(dir, "ust");
	const char *twice[] = { dir, deep, dir };
	struct reader *r;

	mkdir(deep, 0700);
	small_trace(path_of(deep, "64-bit"), 1);
	assert_int_equal(symlink(dir, path_of(deep, "loop")), 0);
	reads(dir, 10, NULL);
	r = reader_open(twice, 3, reader_kind, error, sizeof error);
	assert_non_null(r);
	assert_int_equal(count_records(r), 10);
	reader_close(r);
}

static void one_of_two_is_bad(void **state)
{
	const char *dir = *state;
	char error[512];
	const char *both[] = { path_of(dir, "nowhere"), path_of(dir, "t") };
	struct reader *r;

	small_trace(both[1], 1);
	r = reader_open(both, 2, reader_kind, error, sizeof error);
	assert_non_null(r);
	assert_int_equal(count_records(r), 10);
	assert_true(damage_says(r, "no such directory"));
	reader_close(r);
}

/* What `lttng rotate` leaves: two directories, one UUID, the same streams going on. */
static void rotated_chunks(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { .uuid = 3 };

	for (int i = 0; i < 2; i++) {
		char *chunk = path_of(dir, i ? "chunk-2" : "chunk-1");

		mkdir(chunk, 0700);
		write_metadata(chunk, 3);
		op_packet(&w, 1000 + 1000 * i, 1, 1 + 5 * i, 5);
		write_stream(&w, chunk, "fds_0");
	}
	reads(dir, 10, NULL);
}

/* ---- broken streams ------------------------------------------------------------------------------------------------------ */

static void cut_within_packet(void **state)
{
	const char *dir = *state;
	char *file = path_of(dir, "fds_0");
	long size;

	small_trace(dir, 1);
	size = size_of(file);
	for (long keep = size - 50; keep > size / 2; keep -= 37) { /* of the second packet's five events of 78 bytes some are whole */
		long events = (keep - size / 2 - 84) / 78;

		assert_int_equal(truncate(file, keep), 0);
		reads(dir, 5 + (events < 0 ? 0 : events > 5 ? 5 : events), events < 5 ? "ends within a packet" : NULL);
	}
	assert_int_equal(truncate(file, 50), 0);
	refuses(dir, "fds_0");
}

/* All events are there, only the padding of the last packet is not. */
static void cut_in_padding(void **state)
{
	const char *dir = *state;
	char *file = path_of(dir, "fds_0");

	small_trace(dir, 1);
	assert_int_equal(truncate(file, size_of(file) - 8), 0);
	reads(dir, 10, NULL);
}

static void garbage_after(void **state)
{
	const char *dir = *state;
	FILE *f;

	small_trace(dir, 1);
	f = fopen(path_of(dir, "fds_0"), "a");
	assert_non_null(f);
	for (int i = 0; i < 4096; i++)
		putc(0, f);
	fclose(f);
	reads(dir, 10, "the events in its last 4096 bytes");
}

static void empty_streams(void **state)
{
	const char *dir = *state;

	small_trace(dir, 1);
	write_bytes(path_of(dir, "fds_1"), "", 0);
	reads(dir, 10, NULL);
	write_bytes(path_of(dir, "fds_0"), "", 0);
	refuses(dir, "streams are empty");
}

static void alien_file(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { .uuid = 9 };

	small_trace(dir, 1);
	write_bytes(path_of(dir, "notes.txt"), "these are my notes on this trace, and they are longer than a packet header, "
		"which is eighty-eight bytes", 104);
	reads_with(dir, 10, "notes.txt: is not a stream of this trace", 0);
	op_packet(&w, 1, 1, 1, 1);
	write_stream(&w, dir, "fds_7");
	reads_with(dir, 10, "fds_7: is not a stream of this trace", 0);
}

/* Two streams; the first has nonsense in the middle of its second packet. */
static void corrupt_packet(void **state)
{
	const char *dir = *state;
	struct stream_writer bad = { 0 }, good = { .instance = 1 };
	struct reader *r;
	int gaps;

	write_metadata(dir, 0);
	op_packet(&bad, 1000, 1, 1, 5);
	op_packet(&bad, 2000, 1, 6, 5);
	memset(bad.b.data + bad.packet + 84 + 2 * 78, 0xEE, 78); /* the third of five events of 78 bytes */
	op_packet(&bad, 3000, 1, 11, 5);
	op_packet(&good, 1000, 2, 1, 50);
	write_stream(&bad, dir, "fds_0");
	write_stream(&good, dir, "fds_1");
	r = must_open(dir);
	assert_int_equal(count_with_gaps(r, &gaps), 62);
	assert_int_equal(gaps, 1);
	assert_true(damage_says(r, "1 of its 3 packets are damaged"));
	reader_close(r);
}

/* Larger than any of ours can be: lengths that would have memory taken for them. */
static void event_too_large(void **state)
{
	static const uint8_t detail[70000];
	struct fdw_event e = { .seq = 2, .pid = 100, .tid = 1, .op = FDW_OP_CREATE, .fd = 3, .gen = 1, .fd2 = -1, .detail = detail, .detail_len = sizeof detail };
	struct stream_writer w = { .uuid = 1 };

	small_trace(*state, 1);
	op_packet(&w, 1000, 1, 1, 5);
	packet_begin(&w, 2000);
	put_event(&w, 2000, &e);
	put_op(&w, 2010, 1, 3);
	packet_end(&w, 2020);
	op_packet(&w, 3000, 1, 11, 5);
	write_stream(&w, *state, "fds_0");
	reads(*state, 10, "1 of its 3 packets are damaged");
}

/* Its packet's length is not known: what follows is found by its magic number, by the reader that looks for it. */
static void noise_for_a_header(void **state)
{
	struct stream_writer w = { .uuid = 1 };
	size_t second;

	small_trace(*state, 1);
	op_packet(&w, 1000, 1, 1, 5);
	op_packet(&w, 2000, 1, 6, 500);
	second = w.packet;
	op_packet(&w, 3000, 1, 600, 5);
	memset(w.b.data + second, 0x5a, 88);
	write_stream(&w, *state, "fds_0");
	if (reader_kind == READER_DIRECT)
		reads_with(*state, 10, "39168 bytes of it are no packet and were passed over", 2);
	else
		reads(*state, 5, "ends within a packet");
}

/* The library refuses the directory because of one file that looks right from outside. */
static void one_unreadable_stream(void **state)
{
	const char *dir = *state;
	struct stream_writer bad = { .class = 99, .instance = 5 };

	small_trace(dir, 0);
	op_packet(&bad, 1000, 1, 1, 5);
	write_stream(&bad, dir, "fds_9");
	reads(dir, 10, "fds_9");
}

/* LTTng's index remembers packets that are not there any more. */
static void packets_gone(void **state)
{
	static const uint8_t head[16] = { 0xc1, 0xf1, 0xdc, 0xc1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 72 };
	uint8_t index[16 + 2 * 72] = { 0 };
	const char *dir = *state;
	char *file = path_of(dir, "fds_0");

	small_trace(dir, 1);
	memcpy(index, head, sizeof head);
	mkdir(path_of(dir, "index"), 0700);
	write_bytes(path_of(dir, "index/fds_0.idx"), index, sizeof index);
	assert_int_equal(truncate(file, size_of(file) / 2), 0);
	reads(dir, 5, "only 1 of the 2 packets");
	assert_int_equal(truncate(file, 0), 0);
	refuses(dir, "only 0 of the 2 packets");
}

/* ---- broken metadata ----------------------------------------------------------------------------------------------------- */

static void metadata_cut(void **state)
{
	const char *dir = *state;
	struct bytes text = metadata_text(1, "seq"), file = { 0 };
	const char *last = "event {\n\tname = \"somebody:else\"";
	size_t first = strstr((char *)text.data, last) - (char *)text.data;

	small_trace(dir, 1);
	metadata_packet(&file, 1, text.data, first);
	size_t whole = file.n;

	metadata_packet(&file, 1, text.data + first, text.n - first);
	for (size_t keep = whole + 10; keep < whole + 100; keep += 7) {
		write_bytes(path_of(dir, "metadata"), file.data, keep);
		reads(dir, 10, "metadata ends early");
	}
	write_bytes(path_of(dir, "metadata"), file.data, 500);
	refuses(dir, "metadata ends");
	write_bytes(path_of(dir, "metadata"), file.data, 20);
	refuses(dir, "metadata is empty");
	free(text.data);
	free(file.data);
}

static void process_without_events(void **state)
{
	const char *dir = *state;
	struct bytes text = metadata_text(2, "seq");
	char *empty = path_of(dir, "b");

	small_trace(path_of(dir, "a"), 1);
	mkdir(empty, 0700);
	write_bytes(path_of(empty, "metadata"), text.data, strstr((char *)text.data, "stream {") - (char *)text.data);
	free(text.data);
	reads_with(dir, 10, "holds no event of it", 0);
}

/* ---- the traces stay as they are ----------------------------------------------------------------------------------------- */

static void nothing_is_left_behind(void **state)
{
	const char *dir = *state;
	char *trace = path_of(dir, "t"), *file, *tmp = path_of(dir, "tmp");
	glob_t found;

	small_trace(trace, 1);
	file = path_of(trace, "fds_0");
	assert_int_equal(truncate(file, size_of(file) - 300), 0);
	long size = size_of(file);

	mkdir(tmp, 0700);
	setenv("TMPDIR", tmp, 1);
	reads(trace, 6, "ends within a packet");
	assert_int_equal(size_of(file), size);
	assert_int_equal(glob(path_of(tmp, "*"), 0, NULL, &found), GLOB_NOMATCH);
	setenv("TMPDIR", path_of(dir, "not-there"), 1);
	if (reader_kind == READER_LIBRARY)
		refuses(trace, "set TMPDIR");
	else
		reads(trace, 6, "ends within a packet");
	unsetenv("TMPDIR");
}

/* Its index tells that there was another stream. */
static void a_stream_that_is_gone_is_said(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { 0 };
	char path[4300];
	int gaps;
	FILE *f;

	write_metadata(dir, 0);
	op_packet(&w, 1000, 1, 1, 2);
	write_stream(&w, dir, "fds_0");
	snprintf(path, sizeof path, "%s/index", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/index/fds_%d.idx", dir, i);
		f = fopen(path, "w");
		assert_non_null(f);
		fclose(f);
	}
	struct reader *r = must_open(dir);

	assert_int_equal(count_with_gaps(r, &gaps), 2);
	assert_int_equal(gaps, 1);
	assert_non_null(reader_damage(r, 0));
	assert_non_null(strstr(reader_damage(r, 0), "fds_1: the file is gone"));
	assert_null(reader_damage(r, 1));
	reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(wrong_paths), IN_DIR(no_permission), IN_DIR(not_metadata), IN_DIR(others_trace), IN_DIR(below_and_once),
		IN_DIR(one_of_two_is_bad), IN_DIR(rotated_chunks), IN_DIR(cut_within_packet), IN_DIR(cut_in_padding), IN_DIR(garbage_after),
		IN_DIR(empty_streams), IN_DIR(alien_file), IN_DIR(corrupt_packet), IN_DIR(event_too_large), IN_DIR(noise_for_a_header), IN_DIR(one_unreadable_stream), IN_DIR(packets_gone), IN_DIR(metadata_cut),
		IN_DIR(process_without_events), IN_DIR(a_stream_that_is_gone_is_said), IN_DIR(nothing_is_left_behind),
	};

	return run_both(tests);
}
