/*
 * analyzer/unit_judge.h: will a service with these settings load the library, and what will it lose? Each answer is said in one sentence.
 */
#ifndef FDW_UNIT_JUDGE_H
#define FDW_UNIT_JUDGE_H

#include "analyzer/unit_file.h"

struct unit_judge {
	const struct unit *unit;
	const char *library; /* absolute, without links */
	const char *drop_in; /* the file name of ours: those behind it in the alphabet are applied after it */
	int has_log;
	/* the answer */
	int refused;         /* it would not be protected */
	/* of all its ExecStart lines: */
	int unconfined;      /* with a +: nothing below holds for them */
	int own_user;        /* with a + or !: User= does not hold for them */
};

void unit_judge(struct unit_judge *);

#endif
