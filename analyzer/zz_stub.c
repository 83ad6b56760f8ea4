#include "analyzer/commands.h"
#include "analyzer/reader.h"
#include <stdlib.h>
int __attribute__((weak)) cmd_doctor(int argc, char **argv){return 0;}
int cmd_report(int argc, char **argv){return 0;}
int report_traces(const struct report_options *o, const char *const *t, int n, struct report_result *r){puts("REPORT STUB");return 0;}
struct reader *reader_open(const char *const *traces, int n, char *error, size_t size){return NULL;}
int reader_next(struct reader *a, struct record *r){return 0;}
const char *reader_damage(const struct reader *a, size_t i){return 0;}
void reader_close(struct reader *a){}
