#include <criterion/criterion.h>
#include <stdio.h>
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
