/*
 * preload/start.h: the start of a recording.
 */
#ifndef FDW_START_H
#define FDW_START_H

void fdw_start_recording(void);

#endif
