/* Abort causes: the closed list of cause.def. */
#ifndef VOW_PROTO_CAUSE_H
#define VOW_PROTO_CAUSE_H

#include <stdbool.h>

/* clang-format off */
enum vow_cause {
#define CAUSE(name, value, word, text) VOW_CAUSE_##name = value,
#include "cause.def"
#undef CAUSE
};
/* clang-format on */

bool vow_cause_is_valid(int cause);
/* Lower case, words joined by '-': "lock-conflict". Unknown values give "?" . */
const char *vow_cause_name(int cause);
const char *vow_cause_text(int cause);

#endif
