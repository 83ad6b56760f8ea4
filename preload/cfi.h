/*
 * preload/cfi.h: one row of a module's unwind table (.eh_frame): how to find the caller of the code at pc.
 *
 * Any context: no lock, no allocation, no system call. Reads only the module's own tables, found through the loader's lock-free lookup.
 */
#ifndef FDW_CFI_H
#define FDW_CFI_H

#include "core.h"

enum fdw_cfi_kind {
	FDW_CFI_NONE, /* no table for this code */
	FDW_CFI_ROW,
	FDW_CFI_STOP, /* the outermost frame, or a rule that is not understood */
};
enum fdw_cfi_reg { FDW_CFI_SP, FDW_CFI_FP };

struct fdw_cfi {
	int32_t cfa_offset; /* canonical frame address = cfa_reg + this */
	int32_t ra_offset;  /* the return address lies at CFA + this */
	int32_t fp_offset;  /* the caller's frame pointer lies at CFA + this; 0: unchanged */
	uint8_t cfa_reg;    /* enum fdw_cfi_reg */
	uint8_t kind;
};

int fdw_cfi_find(uintptr_t pc, struct fdw_cfi *); /* 0, or -1: no table covers pc */

#endif
