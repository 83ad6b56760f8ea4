/*
 * preload/sections.h: each thread's list of the sections it has undecided (birth.h), for itself and for whoever starts a child.
 *
 * A thread owns a block of FDW_SECTION_SLOTS slots from its first birth on; another takes it over when the owner is gone. Only the owner
 * writes entries; one is stale as soon as its word is no longer in SECTION. A slot is taken before the call that creates, and reserved
 * until the descriptor is listed in it or the call has failed.
 *
 *   function               | any thread | handler | vfork child | waits
 *   fdw_slot_take ... _list|  the owner |   yes   |   never     | no
 *   fdw_sections_decide    |    yes     |   yes   |   never     | no
 *   fdw_sections_reset     | a fork child, before its own code
 */
#ifndef FDW_SECTIONS_H
#define FDW_SECTIONS_H

#include "aside.h"
#include "birth.h"

#define FDW_SECTION_SLOTS 32u

int fdw_slot_take(uint16_t site, uintptr_t frame); /* frame: of the call, UINTPTR_MAX on a signal stack. -1: none, so no birth */
void fdw_slot_hold(unsigned slot);                 /* it is not left over from a jump, whatever its frame */
uint16_t fdw_slot_site(unsigned slot);
void fdw_slot_list(unsigned slot, int fd, uint32_t gen); /* release: who reads the entry finds the word */
void fdw_slot_give(unsigned slot);
void fdw_slots_forget(int fd, uint32_t gen);       /* this thread's own entry for fd is done with */

void fdw_sections_decide(void);                    /* all of all threads, as asked so far */
int fdw_sections_to_come(struct fdw_work *);       /* calls under way of other threads, of which some may not be in the kernel yet */
void fdw_sections_reset(void);                     /* in a fork child: their makers are gone */

/* In birth.c: SECTION is taken off the word and the flag cleared, if it is undecided still. late: its maker has not decided. 1: by this call. */
int fdw_decide(int fd, uint32_t gen, int late);

#endif
