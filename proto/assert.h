/*
 * Asserts, for our own bugs only, on in release builds too. Never on bytes from network, disk or user. A failed assert
 * has one answer, abort(): the node is then as dead as after SIGKILL (fault F230), which recovery covers.
 */
#ifndef VOW_PROTO_ASSERT_H
#define VOW_PROTO_ASSERT_H

/* Writes one line to stderr and aborts. Defined by proto/assert.c; the cores may call nothing else that ends them. */
_Noreturn void vow_assert_failed(const char *expression, const char *file, int line);

#define VOW_ASSERT(expression) ((expression) ? (void)0 : vow_assert_failed(#expression, __FILE__, __LINE__))
/* b must hold whenever a holds. */
#define VOW_IMPLIES(a, b) VOW_ASSERT(!(a) || (b))
#define VOW_UNREACHABLE(why) vow_assert_failed(why, __FILE__, __LINE__)

#endif
