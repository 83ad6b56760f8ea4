/*
 * preload/poison.h: included last by every file of the interposer: what may never be called inside the program is a compile error.
 * init.c and module.c may use dlsym; nobody may allocate.
 */
#pragma GCC poison malloc calloc realloc free strdup asprintf vasprintf
#pragma GCC poison printf fprintf snprintf sprintf vsnprintf perror puts fputs fwrite fread
#pragma GCC poison pthread_mutex_lock pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_once sem_wait
#pragma GCC poison getenv setenv putenv unsetenv secure_getenv
#pragma GCC poison clock_gettime gettimeofday
