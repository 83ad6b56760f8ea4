/*
 * preload/string.c: memcpy and its like, of our own: hidden, so that every call of ours, also those that the compiler writes, stays in this library.
 *
 * Context: everywhere. Libc's are to be had by name only, and the names may be somebody else's: a program with a sanitizer's runtime in it has its own,
 * which crash before it is initialised, and judge what they see ever after. Also before relocation, where libc's choose themselves by the processor.
 * Words of eight bytes are enough: what we copy and compare is short.
 */
#include "core.h"
#include "poison.h"

/* Or the loops below become calls of themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint64_t __attribute__((may_alias, aligned(1))) word;
typedef unsigned char byte;

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	byte *t = to;
	const byte *f = from;

	for (; n >= 8; n -= 8, t += 8, f += 8)
		*(word *)t = *(const word *)f;
	while (n--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	byte *t = to;
	const byte *f = from;

	if ((uintptr_t)to - (uintptr_t)from < n) { /* it begins within what is still to be read */
		for (; n >= 8; n -= 8)
			*(word *)(t + n - 8) = *(const word *)(f + n - 8);
		while (n--)
			t[n] = f[n];
		return to;
	}
	for (; n >= 8; n -= 8, t += 8, f += 8)
		*(word *)t = *(const word *)f;
	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int c, size_t n)
{
	uint64_t eight = UINT64_C(0x0101010101010101) * (byte)c;
	byte *t = to;

	for (; n >= 8; n -= 8, t += 8)
		*(word *)t = eight;
	while (n--)
		*t++ = (byte)c;
	return to;
}

int memcmp(const void *one, const void *other, size_t n)
{
	const byte *a = one, *b = other;

	for (; n >= 8 && *(const word *)a == *(const word *)b; n -= 8)
		a += 8, b += 8;
	for (; n; n--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t most)
{
	size_t n = 0;

	while (n < most && s[n])
		n++;
	return n;
}

char *strcpy(char *restrict to, const char *restrict from)
{
	char *t = to;

	while ((*t++ = *from++))
		;
	return to;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (byte)*a - (byte)*b;
	return 0;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do
		last = *s == (char)c ? s : last;
	while (*s++);
	return (char *)(uintptr_t)last;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

char *strstr(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (; *s; s++)
		if (!strncmp(s, part, n))
			return (char *)(uintptr_t)s;
	return n ? NULL : (char *)(uintptr_t)s;
}
