/*
 * analyzer/register_test.h: does this kernel bring AVX registers back intact from a signal whose stack has to be faulted in?
 */
#ifndef FDW_REGISTER_TEST_H
#define FDW_REGISTER_TEST_H

enum register_verdict { REGISTERS_INTACT, REGISTERS_CORRUPTED, REGISTERS_SKIPPED, REGISTERS_UNKNOWN };

/*
 * Runs for so many seconds, in two processes a CPU, which end with the call. *signals: how many were taken in all. *why: for SKIPPED and UNKNOWN.
 */
enum register_verdict register_test(unsigned seconds, unsigned long *signals, const char **why);

#endif
