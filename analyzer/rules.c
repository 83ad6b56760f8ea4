/*
 * analyzer/rules.c: the rules there are. One line each.
 */
#include <string.h>
#include "analyzer/rules.h"

extern const struct rule rule_double_close, rule_foreign_close, rule_use_after_close, rule_fd_leak, rule_fd_leak_exec, rule_cloexec_race, rule_bad_close,
	rule_stale_rearm, rule_ghost_event, rule_close_in_use,
	rule_sigstack_unmapped, rule_sigstack_too_small, rule_sigstack_unpinned, rule_handler_off_stack, rule_kernel_signal_vector_bug;

const struct rule *const rules[] = {
	&rule_double_close,
	&rule_foreign_close,
	&rule_use_after_close,
	&rule_stale_rearm,
	&rule_ghost_event,
	&rule_close_in_use,
	&rule_fd_leak,
	&rule_fd_leak_exec,
	&rule_cloexec_race,
	&rule_bad_close,
	&rule_sigstack_unmapped,
	&rule_sigstack_too_small,
	&rule_sigstack_unpinned,
	&rule_handler_off_stack,
	&rule_kernel_signal_vector_bug,
	NULL,
};

const struct rule *rule_by_id(const char *id)
{
	for (const struct rule *const *r = rules; *r; r++)
		if (!strcmp((*r)->id, id))
			return *r;
	return NULL;
}
