/*
 * preload/wrap.c: the wrappers that the table alone describes, and every real_ pointer with its early stub.
 *
 * Context: inside the program, every thread, handlers, vfork children, before fdw_init.
 * May not: anything on the success path of USE but one compare. No lock, no allocation.
 */
#include "birth.h"
#include "event.h"
#include "fork.h"
#include "inside.h"
#include "lists.h"
#include "quick.h"
#include "resolve.h"
#include "table.h"
#include "wanted.h"
#include "poison.h"

/* Its own address needs no relocation, the one it holds does. */
static const void *volatile own_address = (const void *)&own_address;
int fdw_relocated(void) { return own_address == (const void *)&own_address; }

long fdw_early_result(long r)
{
	if (fdw_relocated())
		return fdw_errno_of(r);
	return r < 0 && r > -4096 ? -1 : r;
}

/*
 * Early ways. A call that arrives before our constructor makes the plain system call where there is one (nothing of ours or of
 * libc's need be initialised for that); else it finds libc's function now. __VA_OPT__ because some take no arguments.
 */
#define EARLY(ret, name, sys, params, args)                                                                            \
	ret fdw_early_##name params                                                                                    \
	{                                                                                                              \
		if (sys != NONE)                                                                                       \
			return (ret)(intptr_t)fdw_early_result(fdw_raw(sys EARLY_ARGS args));                           \
		fdw_resolve();                                                                                         \
		return !real_##name || real_##name == fdw_early_##name ? (ret)(intptr_t)fdw_early_result(-ENOSYS) :     \
		                                                         real_##name args;                             \
	}                                                                                                              \
	ret (*real_##name) params;
#define EARLY_ARGS(...) __VA_OPT__(,) __VA_ARGS__

#define USEQ(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define USE(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define USE2(ret, name, sys, params, args, fd, fd2) EARLY(ret, name, sys, params, args)
#define USE_E(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define ASKS(ret, name, sys, params, args, fd) EARLY(ret, name, sys, params, args)
#define MAKE(ret, name, sys, params, args, born, kind, flags, src) EARLY(ret, name, sys, params, args)
#define MAKE_P(ret, name, sys, params, args, born, kind, flags, src, path) EARLY(ret, name, sys, params, args)
#define HAND(ret, name, sys, params, args, file) EARLY(ret, name, sys, params, args)
#define HANDV(ret, name, params, file) ret (*real_##name) params; /* wrappers go through FDW_REAL */
#define LIB(ret, name, params, file) ret (*real_##name) params;
#include "calls.def"

/* ---- the generated wrappers ------------------------------------------------------------------------------------------------------*/

#define FAILED(r) ((intptr_t)(r) == -1)

/* Not looked at afterwards either: errno may be out of reach. */
#define ONLY_EARLY(name, args)                                                                                         \
	if (unlikely(!real_##name))                                                                                    \
		return fdw_early_##name args;

#define USED(name, r, fd)                                                                                              \
	if (unlikely(FAILED(r)))                                                                                       \
		fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                        \
	else                                                                                                           \
		fdw_used(fd, FDW_CALL_##name, FDW_CALLER);

/* May sleep until somebody else does something. Known when compiled. */
FDW_INLINE int may_sleep(enum fdw_call call)
{
#define C(name) call == FDW_CALL_##name ||
	return C(read) C(__read_chk) C(readv) C(recv) C(__recv_chk) C(recvfrom) C(__recvfrom_chk) C(write) C(writev) C(send) C(sendto)
	       C(eventfd_read) C(eventfd_write) 0;
#undef C
}
#define INSIDE(name, fd, r, call_it)                                                                                   \
	if (may_sleep(FDW_CALL_##name)) {                                                                              \
		int was_ = fdw_inside(fd, FDW_CALL_##name, FDW_CALLER);                                                 \
		r = call_it;                                                                                           \
		fdw_left(was_);                                                                                        \
	} else {                                                                                                       \
		r = call_it;                                                                                           \
	}
#define QUICK_ARGS(...) __VA_ARGS__
/* libc's function is the system call and nothing else: quick.h. */
#define USEQ(ret, name, sys, params, args, fd)                                                                         \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		if (fdw_quick()) {                                                                                     \
			r = (ret)(intptr_t)fdw_errno_of(FDW_QUICK(sys, QUICK_ARGS args));                               \
		} else {                                                                                               \
			ONLY_EARLY(name, args)                                                                         \
			if (FDW_CALL_##name == FDW_CALL_write && unlikely(fdw_self.emitting))                           \
				fdw_emission_writes();                                                                 \
			fdw_passed_over(fd, -1, FDW_CALL_##name);                                                      \
			INSIDE(name, fd, r, real_##name args)                                                          \
		}                                                                                                      \
		USED(name, r, fd)                                                                                      \
		return r;                                                                                              \
	}
/* Calls that an O_PATH descriptor serves too: a tombstone (retire.h) must not. Known when compiled. */
FDW_INLINE int serves_tombstone(enum fdw_call call)
{
	return call == FDW_CALL_fstat || call == FDW_CALL___fxstat || call == FDW_CALL_fstatfs || call == FDW_CALL_fstatvfs ||
	       call == FDW_CALL_fpathconf;
}
#define USE(ret, name, sys, params, args, fd)                                                                          \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		ONLY_EARLY(name, args)                                                                                 \
		if (serves_tombstone(FDW_CALL_##name) && fdw_refused(fd, FDW_CALL_##name, FDW_CALLER))                  \
			return (ret)-1;                                                                                \
		fdw_passed_over(fd, -1, FDW_CALL_##name);                                                              \
		INSIDE(name, fd, r, real_##name args)                                                                  \
		USED(name, r, fd)                                                                                      \
		return r;                                                                                              \
	}
#define USE2(ret, name, sys, params, args, fd, fd2)                                                                    \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		ONLY_EARLY(name, args)                                                                                 \
		fdw_passed_over(fd, fd2, FDW_CALL_##name);                                                             \
		r = real_##name args;                                                                                  \
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
		ret r;                                                                                                 \
		ONLY_EARLY(name, args)                                                                                 \
		fdw_passed_over(fd, -1, FDW_CALL_##name);                                                              \
		r = real_##name args;                                                                                  \
		if (unlikely(r == EBADF)) {                                                                            \
			int saved = errno;                                                                             \
			errno = EBADF;                                                                                 \
			fdw_use_failed(fd, FDW_CALL_##name, FDW_CALLER);                                                \
			errno = saved;                                                                                 \
		} else {                                                                                               \
			fdw_used(fd, FDW_CALL_##name, FDW_CALLER);                                                      \
		}                                                                                                      \
		return r;                                                                                              \
	}
/* asks: what the program asks for. born: the call in its close-on-exec form. */
#define CREATE(ret, name, args, born, asks, made)                                                                      \
	uint32_t birth;                                                                                                \
	ret r;                                                                                                         \
	ONLY_EARLY(name, args)                                                                                         \
	birth = fdw_birth(asks, FDW_CALLER);                                                                           \
	fdw_wanted(FDW_CALLER, 0);                                                                                     \
	r = unlikely(birth) ? born : real_##name args;                                                                 \
	r = FDW_OR_AGAIN(r, birth ? born : real_##name args);                                                          \
	if (likely(r >= 0)) {                                                                                          \
		r = fdw_wanted_number(r);                                                                              \
		made;                                                                                                  \
	} else {                                                                                                       \
		fdw_birth_failed(birth);
#define ALWAYS -1 /* asks for close-on-exec in its flags: never called */
#define ASKS(ret, name, sys, params, args, fd)                                                                         \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		ONLY_EARLY(name, args)                                                                                 \
		r = real_##name args;                                                                                  \
		if (unlikely(FAILED(r) && fdw_hides()))                                                                \
			fdw_no_directory(fd);                                                                          \
		fdw_used(fd, FDW_CALL_##name, FDW_CALLER);                                                              \
		return r;                                                                                              \
	}
#define MAKE(ret, name, sys, params, args, born, kind, flags_, src)                                                    \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		CREATE(ret, name, args, born, flags_, fdw_made_plain(r, FDW_KIND_##kind, (flags_) | birth, FDW_CALL_##name, FDW_CALLER, src)) \
			fdw_use_failed(src, FDW_CALL_##name, FDW_CALLER);                                               \
		}                                                                                                      \
		return r;                                                                                              \
	}
#define MAKE_P(ret, name, sys, params, args, born, kind, flags_, src, path_)                                           \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		if (FDW_KIND_##kind == FDW_KIND_FILE && unlikely(fdw_path_asks(path_) == FDW_PATH_REFUSED))            \
			return (ret)-1;                                                                                \
		CREATE(ret, name, args, born, flags_,                                                                  \
		       const char *told = path_;                                                                       \
		       if (FDW_KIND_##kind == FDW_KIND_FILE)                                                           \
			       r = fdw_opened(r, flags_, &told);                                                       \
		       fdw_made(r, FDW_KIND_##kind, (flags_) | birth, FDW_CALL_##name, FDW_CALLER, src,                \
		                fdw_recording() ? fdw_text(told) : FDW_NO_DETAIL);                                     \
		       fdw_listing_if(r, told))                                                                        \
			fdw_use_failed(src, FDW_CALL_##name, FDW_CALLER);                                               \
		}                                                                                                      \
		return r;                                                                                              \
	}
#include "calls.def"
