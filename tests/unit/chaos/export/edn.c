#include "edn.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at, *line;
};

static void want(struct reader *reader, const char *text)
{
    const size_t len = strlen(text);
    cr_assert_eq(strncmp(reader->at, text, len), 0, "wants '%s' at: %.80s", text, reader->at);
    reader->at += len;
}

static bool has(struct reader *reader, const char *text)
{
    const size_t len = strlen(text);
    if (strncmp(reader->at, text, len) != 0)
        return false;
    reader->at += len;
    return true;
}

static int64_t read_number(struct reader *reader)
{
    char *end;
    cr_assert(reader->at[0] >= '0' && reader->at[0] <= '9', "wants a number at: %.80s", reader->at);
    cr_assert(reader->at[0] != '0' || reader->at[1] < '0' || reader->at[1] > '9', "begins with 0: %.80s", reader->at);
    const int64_t number = strtoll(reader->at, &end, 10);
    reader->at = end;
    return number;
}

static void read_word(struct reader *reader, char *out, size_t size)
{
    const size_t len = strspn(reader->at, "abcdefghijklmnopqrstuvwxyz");
    want(reader, "");
    cr_assert(len > 0 && len < size, "wants a word at: %.80s", reader->at);
    memcpy(out, reader->at, len);
    out[len] = '\0';
    reader->at += len;
}

static void read_text(struct reader *reader, char *out, size_t size)
{
    size_t len = 0;
    want(reader, "\"");
    while (*reader->at != '"') {
        reader->at += *reader->at == '\\';
        cr_assert(*reader->at != '\0' && *reader->at != '\n' && len + 1 < size, "a text without an end");
        out[len++] = *reader->at++;
    }
    out[len] = '\0';
    want(reader, "\"");
}

static void read_value(struct reader *reader, struct edn_mop *mop)
{
    if (has(reader, "nil")) {
        mop->is_nil = true;
        return;
    }
    mop->is_list = has(reader, "[");
    if (!mop->is_list) {
        mop->value = read_number(reader);
        return;
    }
    while (!has(reader, "]")) {
        if (mop->list_len > 0)
            want(reader, " ");
        cr_assert_lt(mop->list_len, EDN_LIST_MAX);
        mop->list[mop->list_len++] = read_number(reader);
    }
}

static void read_mop(struct reader *reader, struct edn_mop *mop)
{
    *mop = (struct edn_mop){.value = 0};
    want(reader, "[:");
    read_word(reader, mop->f, sizeof(mop->f));
    want(reader, " ");
    read_text(reader, mop->key, sizeof(mop->key));
    want(reader, " ");
    read_value(reader, mop);
    want(reader, "]");
    const bool is_read = strcmp(mop->f, "r") == 0;
    cr_assert(is_read || strcmp(mop->f, "append") == 0 || strcmp(mop->f, "w") == 0, "no micro-operation: %s", mop->f);
    cr_assert(is_read || (!mop->is_nil && !mop->is_list), "a write has one value");
}

static void read_op(struct reader *reader, struct edn_op *op)
{
    *op = (struct edn_op){.mops_len = 0};
    want(reader, "{:index ");
    op->index = read_number(reader);
    want(reader, ", :time ");
    op->time = read_number(reader);
    want(reader, ", :type :");
    read_word(reader, op->type, sizeof(op->type));
    want(reader, ", :process ");
    op->process = read_number(reader);
    want(reader, ", :f :txn, :value [");
    while (!has(reader, "]}\n")) {
        if (op->mops_len > 0)
            want(reader, " ");
        cr_assert_lt(op->mops_len, EDN_MOPS_MAX);
        read_mop(reader, &op->mops[op->mops_len++]);
    }
}

size_t edn_read(const char *text, struct edn_op ops[EDN_OPS_MAX])
{
    struct reader reader = {.at = text};
    size_t len = 0;
    while (*reader.at != '\0') {
        cr_assert_lt(len, EDN_OPS_MAX);
        read_op(&reader, &ops[len++]);
    }
    return len;
}

/* What it began with, but that what was read is known now. */
static void check_end(const struct edn_op *began, const struct edn_op *ended)
{
    const bool is_ok = strcmp(ended->type, "ok") == 0;
    cr_assert(is_ok || strcmp(ended->type, "fail") == 0 || strcmp(ended->type, "info") == 0, "%s", ended->type);
    cr_assert_eq(began->mops_len, ended->mops_len);
    cr_assert_gt(began->mops_len, 0);
    for (size_t i = 0; i < began->mops_len; i++) {
        const struct edn_mop *before = &began->mops[i], *after = &ended->mops[i];
        cr_assert_str_eq(before->f, after->f);
        cr_assert_str_eq(before->key, after->key);
        if (strcmp(after->f, "r") == 0)
            cr_assert(before->is_nil && (is_ok || after->is_nil), "a read is known when it is over");
        else
            cr_assert_eq(before->value, after->value);
    }
}

void edn_check(const struct edn_op *ops, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct edn_op *before = NULL, *after = NULL;
        cr_assert_eq(ops[i].index, (int64_t)i);
        cr_assert(i == 0 || ops[i].time >= ops[i - 1].time, "time goes back at %zu", i);
        for (size_t k = 0; k < len; k++) {
            if (ops[k].process != ops[i].process)
                continue;
            before = k < i ? &ops[k] : before;
            after = k > i && after == NULL ? &ops[k] : after;
        }
        const bool is_invoke = strcmp(ops[i].type, "invoke") == 0;
        if (is_invoke) {
            cr_assert(before == NULL || strcmp(before->type, "ok") == 0 || strcmp(before->type, "fail") == 0,
                      "process %" PRId64 " begins after %s", ops[i].process, before != NULL ? before->type : "");
            cr_assert(after != NULL, "process %" PRId64 " never ends", ops[i].process);
            check_end(&ops[i], after);
        } else {
            cr_assert(before != NULL && strcmp(before->type, "invoke") == 0, "op %zu ends what never began", i);
        }
    }
}
