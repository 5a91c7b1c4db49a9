/*
 * Errors of libvow.
 *
 * Calls return an int: 0, or a negative code from the one list in <vow/proto/error.def>. Branch on the class:
 *
 *   VOW_CLASS_USAGE     the caller's bug; nothing happened
 *   VOW_CLASS_RETRY     nothing happened; the same call may go through later
 *   VOW_CLASS_REFUSED   a definite no
 *   VOW_CLASS_UNKNOWN   in doubt; ask again with the transaction's id
 *   VOW_CLASS_PROTOCOL  the peer broke the rules and was dropped
 *   VOW_CLASS_FATAL     the object is unusable; only closing it is left
 *
 * A function may narrow the class: where its own words say more of a code (whether something happened, whether to call
 * again), they hold for it.
 *
 * What became of a transaction is never an error code: it is an enum vow_outcome, in <vow/types.h>.
 */
#ifndef VOW_ERROR_H
#define VOW_ERROR_H

#include <vow/proto/error.h>

#endif
