/*
 * analyzer/reader_bt2_decode.c: libbabeltrace2 events to records: fields by their names, looked up once per event class.
 */
#include "analyzer/reader_parts.h"

#include <stdlib.h>
#include <string.h>
#include "analyzer/hash.h"

struct plan {
	const bt_event_class *class; /* referenced: its address stays its own, and labels live as long as the plan */
	const struct ours *ours;     /* NULL: not for us */
	uint64_t index[FIELDS_MAX];  /* of each wanted field */
	uint8_t is_signed[FIELDS_MAX];
	struct labels labels;        /* of the calls */
	UT_hash_handle hh;
};

/* ---- making a plan ------------------------------------------------------------------------------------------------------- */

static void learn_labels(struct plan *p, const bt_field_class *fc)
{
	for (uint64_t i = 0; i < bt_field_class_enumeration_get_mapping_count(fc); i++) {
		const bt_field_class_enumeration_unsigned_mapping *m =
			bt_field_class_enumeration_unsigned_borrow_mapping_by_index_const(fc, i);
		const bt_integer_range_set_unsigned *ranges = bt_field_class_enumeration_unsigned_mapping_borrow_ranges_const(m);
		const bt_integer_range_set *set = bt_integer_range_set_unsigned_as_range_set_const(ranges);
		const char *label = bt_field_class_enumeration_mapping_get_label(
			bt_field_class_enumeration_unsigned_mapping_as_mapping_const(m));

		for (uint64_t k = 0; k < bt_integer_range_set_get_range_count(set); k++) {
			const bt_integer_range_unsigned *r = bt_integer_range_set_unsigned_borrow_range_by_index_const(ranges, k);

			labels_add(&p->labels, label, bt_integer_range_unsigned_get_lower(r), bt_integer_range_unsigned_get_upper(r));
		}
	}
}

static int is(const bt_field_class *fc, bt_field_class_type type)
{
	return bt_field_class_type_is(bt_field_class_get_type(fc), type);
}

/* Is this field what the record wants? */
static int suits(struct plan *p, int i, const struct wanted *w, const bt_field_class *fc)
{
	switch (w->want) {
	case WANT_INT:
		p->is_signed[i] = is(fc, BT_FIELD_CLASS_TYPE_SIGNED_INTEGER);
		return is(fc, BT_FIELD_CLASS_TYPE_INTEGER);
	case WANT_LABEL:
		if (is(fc, BT_FIELD_CLASS_TYPE_UNSIGNED_ENUMERATION))
			learn_labels(p, fc);
		return is(fc, BT_FIELD_CLASS_TYPE_UNSIGNED_ENUMERATION);
	case WANT_BYTES:
	case WANT_U64S:
		return is(fc, BT_FIELD_CLASS_TYPE_ARRAY) &&
			is(bt_field_class_array_borrow_element_field_class_const(fc), BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER);
	case WANT_STRING:
		return is(fc, BT_FIELD_CLASS_TYPE_STRING);
	}
	return 0;
}

/* The name of the first wanted field that is not there, or is something else; NULL: all there. */
static const char *find_fields(struct plan *p, const struct wanted *wanted, const bt_event_class *class)
{
	const bt_field_class *payload = bt_event_class_borrow_payload_field_class_const(class);
	uint64_t count = payload ? bt_field_class_structure_get_member_count(payload) : 0;

	for (int i = 0; wanted[i].name; i++) {
		uint64_t k = 0;

		for (; k < count; k++) {
			const bt_field_class_structure_member *m = bt_field_class_structure_borrow_member_by_index_const(payload, k);

			if (!strcmp(bt_field_class_structure_member_get_name(m), wanted[i].name) &&
			    suits(p, i, &wanted[i], bt_field_class_structure_member_borrow_field_class_const(m)))
				break;
		}
		if (k == count)
			return wanted[i].name;
		p->index[i] = k;
	}
	return NULL;
}

static struct plan *plan_make(const bt_event_class *class, const char *trace, struct notes *notes)
{
	struct plan *p = calloc(1, sizeof *p);
	const char *name = bt_event_class_get_name(class), *missing;

	if (!p)
		return NULL;
	p->class = class;
	bt_event_class_get_ref(class);
	p->ours = name ? ours_find(name) : NULL;
	missing = p->ours ? find_fields(p, p->ours->fields, class) : NULL;
	if (missing) {
		say_missing_field(notes, trace, name, missing);
		p->ours = NULL;
	}
	return p;
}

const struct plan *plan_for(struct plans *plans, const bt_event *event, const char *trace, struct notes *notes)
{
	const bt_event_class *class = bt_event_borrow_class_const(event);
	struct plan *p = plans->last;

	if (!p || p->class != class) {
		HASH_FIND_PTR(plans->all, &class, p);
		if (!p && (p = plan_make(class, trace, notes)))
			HASH_ADD_PTR(plans->all, class, p);
		plans->last = p;
	}
	return p && p->ours ? p : NULL;
}

void plans_free(struct plans *plans)
{
	struct plan *p, *next;

	HASH_ITER(hh, plans->all, p, next) {
		HASH_DEL(plans->all, p);
		bt_event_class_put_ref(p->class);
		free(p->labels.label);
		free(p);
	}
	*plans = (struct plans) { 0 };
}

/* ---- following it -------------------------------------------------------------------------------------------------------- */

static uint64_t integer(const bt_field *f, int is_signed)
{
	return is_signed ? (uint64_t)bt_field_integer_signed_get_value(f) : bt_field_integer_unsigned_get_value(f);
}

static void store(void *to, uint8_t size, uint64_t v)
{
	memcpy(to, &v, size); /* little endian, like everything that is observed */
}

static const bt_field *field(const struct plan *p, const bt_field *payload, int i)
{
	return bt_field_structure_borrow_member_field_by_index_const(payload, p->index[i]);
}

/* Of an array, the elements that fit into `max`, each of `size` bytes. Returns their number. */
static uint32_t elements(const bt_field *f, void *to, uint8_t size, uint64_t max)
{
	uint64_t n = bt_field_array_get_length(f);

	n = n < max ? n : max;
	for (uint64_t i = 0; i < n; i++)
		store((uint8_t *)to + i * size, size, bt_field_integer_unsigned_get_value(bt_field_array_borrow_element_field_by_index_const(f, i)));
	return n;
}

void plan_key(const struct plan *p, const bt_event *event, struct key *key)
{
	const bt_field *payload = bt_event_borrow_payload_field_const(event);

	*key = (struct key) { .early = p->ours->type != RECORD_EVENT };
	if (!key->early) {
		key->seq = integer(field(p, payload, FIELD_SEQ), p->is_signed[FIELD_SEQ]);
		key->tid = integer(field(p, payload, FIELD_TID), p->is_signed[FIELD_TID]);
	}
}

void plan_decode(const struct plan *p, const bt_event *event, struct record *r, struct decoded *room)
{
	const bt_field *payload = bt_event_borrow_payload_field_const(event);
	const struct wanted *w = p->ours->fields;
	uint8_t *base = (uint8_t *)r;
	const void *at;

	r->type = p->ours->type;
	for (int i = 0; w[i].name; i++) {
		const bt_field *f = field(p, payload, i);

		switch (w[i].want) {
		case WANT_INT:
			store(base + w[i].at, w[i].size, integer(f, p->is_signed[i]));
			continue;
		case WANT_LABEL:
			at = label_of(&p->labels, bt_field_integer_unsigned_get_value(f));
			break;
		case WANT_BYTES:
			store(base + w[i].length, 4, elements(f, room->bytes, 1, sizeof room->bytes));
			at = room->bytes;
			break;
		case WANT_U64S:
			store(base + w[i].length, 4, elements(f, room->frames, 8, FDW_STACK_MAX));
			at = room->frames;
			break;
		default:
			at = bt_field_string_get_value(f);
		}
		memcpy(base + w[i].at, &at, sizeof at);
	}
}
