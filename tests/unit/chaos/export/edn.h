/*
 * A strict reader of the EDN that Jepsen's histories are made of, for tests: one map a line, with the keys that Elle
 * wants and no other, and micro-operations of one model. Whatever is not of that form ends the test with the line.
 */
#ifndef VOW_TESTS_EXPORT_EDN_H
#define VOW_TESTS_EXPORT_EDN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDN_MOPS_MAX 16
#define EDN_LIST_MAX 64
#define EDN_OPS_MAX 512

struct edn_mop {
    char f[8]; /* "r", "append", "w" */
    char key[80];
    bool is_nil;
    bool is_list;
    int64_t value; /* of no list */
    int64_t list[EDN_LIST_MAX];
    size_t list_len;
};

struct edn_op {
    int64_t index, time, process;
    char type[8];
    struct edn_mop mops[EDN_MOPS_MAX];
    size_t mops_len;
};

/* Reads all lines. */
size_t edn_read(const char *text, struct edn_op ops[EDN_OPS_MAX]);
/* What every history must be: indexes 0, 1, 2, ...; times that do not go back; each process has one op at a time, which
 * ends with the keys and the writes that it began with, and none after an info; all that began has ended. */
void edn_check(const struct edn_op *ops, size_t len);

#endif
