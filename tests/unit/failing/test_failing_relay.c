/*
 * F142: what the records of events add up to, without memory. A batch of them is written whole or not at all, a row
 * that is there is as it was sealed, and no group or letter outlives its removal because a name could not be copied.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fail.h"
#include "kit.h"

enum { GROUP_NEW, CURSOR, DEAD, RETRIED, DROPPED, DONE, REMOVED, EVENT, OPS };

static struct bed bed;
static struct vow_journal_op ops[OPS];

static const int memory_errors[] = {VOW_E_NO_MEMORY, 0};

/* ---- writing ---- */

static struct vow_journal_op *op_of(unsigned index, enum vow_record_kind kind, const char *who, uint64_t lsn)
{
    struct vow_journal_op *op = &ops[index];
    struct vow_record *record = &op->record;

    op_append(op, &bed, kind, 1);
    record->gtrid = (struct vow_gtrid){{0}};
    record->text[0] = '\0';
    memcpy(record->who, who, strlen(who) + 1);
    record->cause = VOW_CAUSE_NONE;
    record->relay.lsn = lsn;
    return op;
}

static void group_of(unsigned index, const char *name)
{
    struct vow_record *record = &op_of(index, VOW_RECORD_GROUP, name, 0)->record;

    memcpy(record->text, "billing", 8);
    record->body = (struct vow_slice){(const uint8_t *)"subscription", 12};
}

static void dead_of(unsigned index, const char *name, uint64_t lsn)
{
    struct vow_record *record = &op_of(index, VOW_RECORD_DEAD, name, lsn)->record;

    record->cause = VOW_CAUSE_CONSTRAINT;
    memcpy(record->text, "no stock", 9);
}

static int commit(unsigned count)
{
    bed.ops->commit(bed.engine, op_link(ops, count));
    for (unsigned i = 1; i < count; i++)
        cr_assert_eq(ops[i].error, ops[0].error);
    return ops[0].error;
}

/* Group `stays` has three dead letters, `goes` has one. */
static void make_groups(void *ctx)
{
    (void)ctx;
    bed_make_in(&bed, fail_parent());
    bed_start(&bed);
    group_of(0, "stays");
    group_of(1, "goes");
    dead_of(2, "stays", 1);
    dead_of(3, "stays", 2);
    dead_of(4, "stays", 3);
    dead_of(5, "goes", 1);
    cr_assert_eq(commit(6), 0);
    bed_restart(&bed); /* no statement is prepared yet but those of a decision */
}

/* One of each kind; of the letters of `stays` one is to be delivered again, one is dropped, one is done. */
static int write_batch(void *ctx)
{
    (void)ctx;
    group_of(GROUP_NEW, "new");
    op_of(CURSOR, VOW_RECORD_CURSOR, "stays", 1)->record.body = (struct vow_slice){NULL, 0};
    dead_of(DEAD, "new", 4);
    op_of(RETRIED, VOW_RECORD_REVIVED, "stays", 3)->record.detail = VOW_REVIVAL_RETRY;
    op_of(DROPPED, VOW_RECORD_REVIVED, "stays", 2)->record.detail = VOW_REVIVAL_DROP;
    op_of(DONE, VOW_RECORD_REVIVED, "stays", 1)->record.detail = VOW_REVIVAL_DONE;
    op_of(REMOVED, VOW_RECORD_REMOVED, "goes", 0);
    op_of(EVENT, VOW_RECORD_EVENT, "", 0)->record.body = (struct vow_slice){(const uint8_t *)"order", 5};
    ops[EVENT].key = (struct vow_journal_key){.db_uuid = {7}, .key = "order 1", .key_seq = 1};
    return commit(OPS);
}

/* ---- reading ---- */

struct seen {
    unsigned keys, news, stays, goes, dead, retried, dropped;
};

static int see_key(void *ctx, const struct vow_journal_key *key)
{
    cr_assert_str_eq(key->key, "order 1");
    ((struct seen *)ctx)->keys++;
    return 0;
}

static int see_group(void *ctx, const struct vow_journal_group *group)
{
    struct seen *seen = ctx;

    seen->news += strcmp(group->name, "new") == 0;
    seen->stays += strcmp(group->name, "stays") == 0;
    seen->goes += strcmp(group->name, "goes") == 0;
    return 0;
}

static int see_dead(void *ctx, const struct vow_journal_dead *dead)
{
    struct seen *seen = ctx;

    cr_assert_str_eq(dead->text, "no stock");
    seen->dead++;
    seen->retried += dead->is_retried;
    seen->dropped += dead->is_dropped;
    return 0;
}

static int see_event(void *ctx, const struct vow_journal_event *event)
{
    (void)ctx, (void)event;
    return 0;
}

static struct seen look(void)
{
    struct seen seen = {0};
    const struct vow_journal_relay relay = {
        .ctx = &seen, .keys_max = 100, .key = see_key, .group = see_group, .dead = see_dead, .event = see_event};

    cr_assert_eq(bed.ops->relay(bed.engine, &relay, &bed.detail), 0, "%s", bed.detail.text);
    return seen;
}

static void is_whole(void *ctx, int error)
{
    struct seen seen;

    bed_restart(&bed);
    seen = look();
    if (error != 0 && seen.news == 0) {
        cr_assert(seen.keys == 0 && seen.stays == 1 && seen.goes == 1 && seen.dead == 4 && seen.retried == 0);
        cr_assert_eq(write_batch(ctx), 0);
        seen = look();
    }
    cr_assert(seen.keys == 1 && seen.news == 1 && seen.stays == 1 && seen.goes == 0);
    cr_assert(seen.dead == 3 && seen.retried == 1 && seen.dropped == 1, "%u letters", seen.dead);
    bed_remove(&bed);
}

Test(failing_relay, F142_batch)
{
    const struct fail_case batch = {
        .before = make_groups, .run = write_batch, .after = is_whole, .errors = memory_errors, .why = bed.detail.text};

    fail_sweep(FAIL_MEMORY, &batch, NULL);
}
