/*
 * preload/site.h: what is known of the places that create descriptors: do they mark them close-on-exec afterwards? Do they want a certain number?
 *
 * A site is a call address. It starts unknown and is believed from what its thread did with each descriptor (birth.h):
 *
 *   unknown  may mark. The first mark makes it marks, FDW_SITE_UNKNOWN_MAX decisions without a mark make it never
 *   marks    marked whenever it was seen. Not written to in that state: it is read by every creation of every thread
 *   mixed    marks some. FDW_SITE_MIXED_MAX in a row without a mark make it never
 *   never    creates as the program wrote it; one mark makes it mixed
 *
 * The figures decide how long a place pays for the doubt. One that marked once may do so again, be it one time in ten, and its first mark
 * after being called never is not protected: so that takes long.
 *
 * What it compares its descriptors with (wanted.h) is read from its code, once.
 *
 * Context: any thread, handlers. Locks: none; what two threads learn at the same moment may be lost, and is learnt again.
 */
#ifndef FDW_SITE_H
#define FDW_SITE_H

#include "compares.h"

#define FDW_SITE_UNKNOWN_MAX 4
#define FDW_SITE_MIXED_MAX 200

enum fdw_site_kind { FDW_SITE_UNKNOWN, FDW_SITE_MARKS, FDW_SITE_MIXED, FDW_SITE_NEVER };

uint16_t fdw_site(uintptr_t pc);              /* 0: no room for it; taken for a site that never marks */
enum fdw_site_kind fdw_site_kind(uint16_t);
void fdw_site_marked(uint16_t);
void fdw_site_not_marked(uint16_t);           /* handed on or left without a mark */
void fdw_site_closed(uint16_t);               /* closed before it was decided: says little, and of a site that marks nothing */

/* What the code there compares the number it is given with: FDW_COMPARES_*. Site 0: with nothing. */
int fdw_site_compares(uint16_t);
void fdw_site_learn_compares(uint16_t, int);

#endif
