/*
 * preload/wrap.c: the wrappers that the table alone describes, and every real_ pointer with its early stub.
 *
 * Context: inside the program, every thread, handlers, vfork children, before fdw_init.
 * May not: anything on the success path of USE but one compare. No lock, no allocation.
 */
#include "event.h"
#include "fork.h"
#include "quick.h"
#include "resolve.h"
#include "table.h"
#include "poison.h"

/*
 * Early stubs. A call that arrives before our constructor makes the plain system call where there is one (nothing of ours or of
 * libc's need be initialised for that); else it finds libc's function now. __VA_OPT__ because some take no arguments.
 */
#define EARLY(ret, name, sys, params, args)                                                                            \
	static ret early_##name params                                                                                 \
	{                                                                                                              \
		if (sys != NONE)                                                                                       \
			return (ret)(intptr_t)fdw_errno_of(fdw_raw(sys EARLY_ARGS args));                               \
		fdw_resolve();                                                                                         \
		return real_##name == early_##name ? (errno = ENOSYS, (ret)(intptr_t)-1) : real_##name args;            \
	}                                                                                                              \
	ret (*real_##name) params = early_##name;
#define EARLY_ARGS(...) __VA_OPT__(,) __VA_ARGS__

#define USE(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define USE2(ret, name, sys, params, args, fd, fd2) EARLY(ret, name, sys, params, args)
#define USE_E(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define WAIT(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define MAKE(ret, name, sys, params, args, kind, flags, src) EARLY(ret, name, sys, params, args)
#define MAKE_P(ret, name, sys, params, args, kind, flags, src, path) EARLY(ret, name, sys, params, args)
#define HAND(ret, name, sys, params, args, file) EARLY(ret, name, sys, params, args)
#define HANDV(ret, name, params, file) ret (*real_##name) params; /* wrappers go through FDW_REAL */
#include "calls.def"

/* ---- the generated wrappers ------------------------------------------------------------------------------------------------------*/

#define FAILED(r) ((intptr_t)(r) == -1)

#define QUICK_ARGS(...) __VA_ARGS__
#define USE(ret, name, sys, params, args, fd)                                                                          \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r = sys != NONE && fdw_quick() ? (ret)(intptr_t)fdw_errno_of(FDW_QUICK(sys, QUICK_ARGS args))       \
		                                   : real_##name args;                                                 \
		if (unlikely(FAILED(r)))                                                                               \
			fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                \
		else                                                                                                   \
			fdw_used(fd, FDW_CALL_##name, FDW_CALLER);                                                      \
		return r;                                                                                              \
	}
#define WAIT(ret, name, sys, params, args, fd)                                                                         \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		fdw_child_is_worker();                                                                                 \
		r = real_##name args;                                                                                  \
		if (unlikely(FAILED(r)))                                                                               \
			fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                \
		else                                                                                                   \
			fdw_used(fd, FDW_CALL_##name, FDW_CALLER);                                                      \
		return r;                                                                                              \
	}
#define USE2(ret, name, sys, params, args, fd, fd2)                                                                    \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r = real_##name args;                                                                              \
		if (unlikely(FAILED(r))) {                                                                             \
			fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                \
			fdw_use_failed(fd2, FDW_CALL_##name, FDW_CALLER);                                               \
		} else {                                                                                               \
			fdw_used(fd, FDW_CALL_##name, FDW_CALLER);                                                      \
			fdw_used(fd2, FDW_CALL_##name, FDW_CALLER);                                                     \
		}                                                                                                      \
		return r;                                                                                              \
	}
#define USE_E(ret, name, sys, params, args, fd)                                                                        \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r = real_##name args;                                                                              \
		if (unlikely(r == EBADF)) {                                                                            \
			int saved = errno;                                                                             \
			errno = EBADF;                                                                                 \
			fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                \
			errno = saved;                                                                                 \
		}                                                                                                      \
		return r;                                                                                              \
	}
#define MAKE(ret, name, sys, params, args, kind, flags_, src)                                                          \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r = real_##name args;                                                                              \
		if (likely(r >= 0))                                                                                    \
			fdw_made_plain(r, FDW_KIND_##kind, flags_, FDW_CALL_##name, FDW_CALLER, src);                   \
		else                                                                                                   \
			fdw_use_failed(src, FDW_CALL_##name, FDW_CALLER);                                               \
		return r;                                                                                              \
	}
#define MAKE_P(ret, name, sys, params, args, kind, flags_, src, path_)                                                 \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r = real_##name args;                                                                              \
		if (likely(r >= 0))                                                                                    \
			fdw_made(r, FDW_KIND_##kind, flags_, FDW_CALL_##name, FDW_CALLER, src,                           \
			         fdw_recording() ? fdw_text(path_) : FDW_NO_DETAIL);                                    \
		else                                                                                                   \
			fdw_use_failed(src, FDW_CALL_##name, FDW_CALLER);                                               \
		return r;                                                                                              \
	}
#include "calls.def"
