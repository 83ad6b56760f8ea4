/*
 * preload/print.c: dprintf and its kin.
 *
 * Context: as libc's: not in handlers. A file of its own, for their arguments may be doubles, which come in registers that no other code of ours touches: on
 * x86-64 all else is compiled without them (Makefile).
 */
#include "event.h"
#include "resolve.h"
#include "poison.h"

FDW_EXPORT int vdprintf(int fd, const char *format, va_list ap)
{
	int r = FDW_REAL(vdprintf)(fd, format, ap);

	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL_vdprintf, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL_vdprintf, FDW_CALLER);
	return r;
}

FDW_EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list ap)
{
	int r = FDW_REAL(__vdprintf_chk)(fd, flag, format, ap);

	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL___vdprintf_chk, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL___vdprintf_chk, FDW_CALLER);
	return r;
}

FDW_EXPORT int dprintf(int fd, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = FDW_REAL(vdprintf)(fd, format, ap);
	va_end(ap);
	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL_dprintf, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL_dprintf, FDW_CALLER);
	return r;
}

FDW_EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = FDW_REAL(__vdprintf_chk)(fd, flag, format, ap);
	va_end(ap);
	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL___dprintf_chk, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL___dprintf_chk, FDW_CALLER);
	return r;
}
