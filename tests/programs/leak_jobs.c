/* leak_jobs [fd-leak]: kept_jobs, whose jobs are forgotten as soon as they are made.
 * Must find: five fd-leaks of severity error, for all of them grow (both ends of a pipe are one); a note about the poller.
 */
#define FORGETS
#include "kept_jobs.c"
