/*
 * preload/still_open.h: while recording: before a process, or an image, says that it ends, the kernel is asked what is still open of what it made.
 *
 *   function            | any thread | handler | vfork child | waits
 *   fdw_still_open_ask  |    yes     |   yes   |   never     | no
 */
#ifndef FDW_STILL_OPEN_H
#define FDW_STILL_OPEN_H

void fdw_still_open_ask(uint16_t call);

#endif
