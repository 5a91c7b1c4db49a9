/* ${NAME} in a text of a scenario, as a shell has it; "$$" is a dollar. Pure. */
#ifndef VOW_CHAOS_KILL_EXPAND_H
#define VOW_CHAOS_KILL_EXPAND_H

#include <stddef.h>

#define REAL_EXPANDED_SIZE 16384
#define REAL_VARIABLE_SIZE 80

/* The value of a variable, or NULL if there is none of that name. */
typedef const char *real_lookup_fn(void *ctx, const char *name);

/* What real_expand() returns if `lookup` knows no such variable. */
extern const char real_no_variable[];

/* Returns NULL; or what is wrong, for a message: `wrong` then has the name or the rest that is meant. */
const char *real_expand(const char *text, real_lookup_fn *lookup, void *ctx, char out[REAL_EXPANDED_SIZE],
                        char wrong[REAL_VARIABLE_SIZE]);

#endif
