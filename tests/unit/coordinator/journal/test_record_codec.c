#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/record_codec.h"
#include "kit.h"

static struct vow_record_branch branches[VOW_CALLS_MAX], read_branches[VOW_CALLS_MAX];
static uint8_t bytes[JOURNAL_BODY_MAX];

/* A COMMIT as long as one can be. */
static struct vow_record longest(void)
{
    struct vow_record record = {.kind = VOW_RECORD_COMMIT, .epoch = UINT32_MAX, .cause = VOW_CAUSE_PRESUMED};

    memset(record.who, 'w', VOW_NAME_MAX);
    memset(record.text, 't', VOW_TEXT_MAX);
    for (uint32_t i = 0; i < VOW_CALLS_MAX; i++) {
        memset(&branches[i], 0, sizeof(branches[i]));
        memset(branches[i].name, 'n', VOW_NAME_MAX);
        memset(branches[i].db_uuid, 0xa5, sizeof(branches[i].db_uuid));
        branches[i].branch = UINT32_MAX - i;
        branches[i].incarnation = UINT64_MAX - i;
    }
    record.branches = branches;
    record.branches_len = VOW_CALLS_MAX;
    return record;
}

Test(record_codec, longest_record_comes_back)
{
    struct vow_record record = longest(), read = {.kind = VOW_RECORD_COMMIT};
    size_t len = journal_body_encode(&record, bytes);

    cr_assert_eq(journal_body_decode(bytes, len, &read, read_branches), 0);
    cr_assert_eq(read.epoch, record.epoch);
    cr_assert_eq(read.cause, record.cause);
    cr_assert_str_eq(read.who, record.who);
    cr_assert_str_eq(read.text, record.text);
    expect_same_branches(&read, &record);
}

Test(record_codec, every_truncation_is_damage_or_a_shorter_record)
{
    struct vow_record record = longest(), read;
    size_t len;

    record.branches_len = 3;
    len = journal_body_encode(&record, bytes);
    for (size_t cut = 0; cut < len; cut++) {
        read = (struct vow_record){.kind = VOW_RECORD_COMMIT};
        if (journal_body_decode(bytes, cut, &read, read_branches) == 0)
            cr_assert(read.branches_len > 0 && read.branches_len < 3);
    }
}

/* ---- sagas ---- */

static struct vow_record saga_record(enum vow_record_kind kind)
{
    struct vow_record record = {.kind = kind, .epoch = 7};

    if (kind == VOW_RECORD_SAGA_STEP)
        record.step = (struct vow_record_step){
            .number = VOW_STEPS_MAX - 1, .attempts = UINT32_MAX, .direction = 2, .fate = VOW_FATE_UNDONE};
    if (kind == VOW_RECORD_SAGA_END)
        record.detail = VOW_SAGA_CLOSED;
    if (kind == VOW_RECORD_SAGA_TURN)
        record.detail = VOW_STEPS_MAX - 1;
    return record;
}

static void expect_same_saga(const struct vow_record *a, const struct vow_record *b)
{
    cr_assert_eq(a->detail, b->detail);
    cr_assert_eq(a->cause, b->cause);
    cr_assert_str_eq(a->who, b->who);
    cr_assert_str_eq(a->text, b->text);
    cr_assert_eq(a->step.number, b->step.number);
    cr_assert_eq(a->step.attempts, b->step.attempts);
    cr_assert_eq(a->step.direction, b->step.direction);
    cr_assert_eq(a->step.fate, b->step.fate);
    cr_assert_eq(a->body.len, b->body.len);
    cr_assert(a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
}

/* The longest answer with the longest texts, and an order as large as any message. */
Test(record_codec, records_of_sagas_come_back)
{
    static uint8_t order[JOURNAL_ORDER_MAX];
    static const enum vow_record_kind kinds[] = {VOW_RECORD_SAGA_BEGIN, VOW_RECORD_SAGA_STEP, VOW_RECORD_SAGA_TURN,
                                                 VOW_RECORD_SAGA_RETRY, VOW_RECORD_SAGA_END,  VOW_RECORD_SAGA_KEY};

    memset(order, 0xa5, sizeof(order));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct vow_record record = saga_record(kinds[i]), read = {.kind = kinds[i]};
        size_t len;
        uint8_t *body;

        memset(record.who, 'w', VOW_NAME_MAX);
        memset(record.text, 't', VOW_TEXT_MAX);
        record.cause = VOW_CAUSE_PRESUMED;
        if (kinds[i] == VOW_RECORD_SAGA_BEGIN || kinds[i] == VOW_RECORD_SAGA_STEP)
            record.body =
                (struct vow_slice){order, kinds[i] == VOW_RECORD_SAGA_BEGIN ? JOURNAL_ORDER_MAX : VOW_STEP_ANSWER_MAX};
        len = journal_body_size(&record);
        body = malloc(len);
        cr_assert_eq(journal_body_encode(&record, body), len);
        cr_assert(kinds[i] == VOW_RECORD_SAGA_BEGIN || len <= JOURNAL_BODY_MAX);
        cr_assert_eq(journal_body_decode(body, len, &read, read_branches), 0);
        expect_same_saga(&read, &record);
        cr_assert(read.body.len == 0 || (read.body.data > body && read.body.data + read.body.len == body + len),
                  "it is the caller's bytes that are pointed to");
        free(body);
    }
}

static int decode_saga(struct vow_record record)
{
    struct vow_record read = {.kind = record.kind};
    size_t len = journal_body_encode(&record, bytes);

    return journal_body_decode(bytes, len, &read, read_branches);
}

/* What the core would take on trust at recovery is judged here. */
Test(record_codec, bodies_that_no_saga_has_are_damage)
{
    static const uint8_t order[8];
    struct vow_record begin = saga_record(VOW_RECORD_SAGA_BEGIN), step = saga_record(VOW_RECORD_SAGA_STEP);
    struct vow_record turn = saga_record(VOW_RECORD_SAGA_TURN), end = saga_record(VOW_RECORD_SAGA_END), bad;

    cr_assert_eq(decode_saga(begin), VOW_E_DAMAGED, "a saga has an order");
    begin.body = (struct vow_slice){order, sizeof(order)};
    cr_assert_eq(decode_saga(begin), 0);
    cr_assert_eq(decode_saga(step), 0);
    bad = step;
    bad.step.number = VOW_STEPS_MAX;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    bad = step;
    bad.step.direction = 0;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    bad = step;
    bad.step.direction = 3;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    bad = step;
    bad.step.fate = VOW_FATE_NONE; /* an attempt that failed */
    cr_assert_eq(decode_saga(bad), 0);
    bad = step;
    bad.step.fate = VOW_FATE_STUCK + 1;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    bad = step;
    bad.cause = (enum vow_cause)99;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    bad = turn;
    bad.detail = VOW_STEPS_MAX;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED);
    cr_assert_eq(decode_saga(end), 0);
    bad = end;
    bad.detail = VOW_SAGA_RUNNING;
    cr_assert_eq(decode_saga(bad), VOW_E_DAMAGED, "an END says how it ended");
}

/* Adds bytes of any length to a body that has none. */
static size_t add_bytes(size_t len, size_t add)
{
    bytes[len] = 8 << 3 | 2;
    bytes[len + 1] = (uint8_t)(add & 0x7f) | 0x80;
    bytes[len + 2] = (uint8_t)(add >> 7);
    memset(bytes + len + 3, 0xa5, add);
    return len + 3 + add;
}

Test(record_codec, answer_that_is_too_long_is_damage)
{
    struct vow_record step = saga_record(VOW_RECORD_SAGA_STEP), read = {.kind = VOW_RECORD_SAGA_STEP};
    size_t len = journal_body_encode(&step, bytes);

    cr_assert_eq(journal_body_decode(bytes, add_bytes(len, VOW_STEP_ANSWER_MAX), &read, read_branches), 0);
    cr_assert_eq(journal_body_decode(bytes, add_bytes(len, VOW_STEP_ANSWER_MAX + 1), &read, read_branches),
                 VOW_E_DAMAGED);
}

/* Bytes where none belong, a STEP without a step, an order that is not at the end. */
Test(record_codec, bytes_out_of_place_are_damage)
{
    static const uint8_t order[8];
    struct vow_record begin = saga_record(VOW_RECORD_SAGA_BEGIN), end = saga_record(VOW_RECORD_SAGA_END);
    struct vow_record read = {.kind = VOW_RECORD_SAGA_TURN};
    size_t len;

    begin.body = (struct vow_slice){order, sizeof(order)};
    len = journal_body_encode(&begin, bytes);
    cr_assert_eq(journal_body_decode(bytes, len, &read, read_branches), VOW_E_DAMAGED);
    bytes[len] = 0x30; /* detail = 1 */
    bytes[len + 1] = 1;
    read.kind = VOW_RECORD_SAGA_BEGIN;
    cr_assert_eq(journal_body_decode(bytes, len + 2, &read, read_branches), VOW_E_DAMAGED);
    len = journal_body_encode(&end, bytes);
    read.kind = VOW_RECORD_SAGA_STEP;
    cr_assert_eq(journal_body_decode(bytes, len, &read, read_branches), VOW_E_DAMAGED, "no step is named");
}

static int decode_as(struct vow_record *record, enum vow_record_kind kind)
{
    struct vow_record read = {.kind = kind};
    size_t len = journal_body_encode(record, bytes);

    return journal_body_decode(bytes, len, &read, read_branches);
}

Test(record_codec, what_no_record_can_be_is_damage)
{
    struct vow_record end = {.kind = VOW_RECORD_END, .epoch = 1};
    struct vow_record bad_cause = {.kind = VOW_RECORD_ABORTED, .cause = (enum vow_cause)99};
    struct vow_record bad_name = longest();

    cr_assert_eq(decode_as(&end, VOW_RECORD_END), 0);
    cr_assert_eq(decode_as(&end, VOW_RECORD_COMMIT), VOW_E_DAMAGED, "a COMMIT needs its yes-list");
    cr_assert_eq(decode_as(&bad_cause, VOW_RECORD_ABORTED), VOW_E_DAMAGED, "an ABORTED needs a cause of the list");
    cr_assert_eq(decode_as(&end, (enum vow_record_kind)5), VOW_E_DAMAGED);
    cr_assert_eq(decode_as(&end, (enum vow_record_kind)14), VOW_E_DAMAGED);
    cr_assert_eq(decode_as(&end, VOW_RECORD_NOTES), VOW_E_DAMAGED);
    (void)snprintf(branches[0].name, sizeof(branches[0].name), "not a name");
    cr_assert_eq(decode_as(&bad_name, VOW_RECORD_COMMIT), VOW_E_DAMAGED);
}

/* Memory for decoding is bounded: a body of nothing but unknown fields is refused, not unpacked (fault F163). */
Test(record_codec, unknown_fields_cannot_take_memory)
{
    struct vow_record read = {.kind = VOW_RECORD_END};

    for (size_t i = 0; i < sizeof(bytes); i += 3)
        memcpy(bytes + i, "\xf8\x01\x01", i + 3 <= sizeof(bytes) ? 3 : sizeof(bytes) - i);
    cr_assert_eq(journal_body_decode(bytes, sizeof(bytes) / 3 * 3, &read, read_branches), VOW_E_DAMAGED);
}
