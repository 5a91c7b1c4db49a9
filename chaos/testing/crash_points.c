/* The crash points of <vow/testing.h>. */
#include <stdio.h>
#include <vow/testing.h>

#include "proto/message.h"
#include "proto/net/crash.h"

void vow_testing_crash_point(const char *name)
{
    if (vow_crash_hit_named(name))
        vow_crash_now();
}

int vow_testing_crash_at(const char *point)
{
    return vow_crash_arm(point);
}

void vow_testing_on_crash(vow_testing_crash_fn *fn, void *ctx)
{
    vow_crash_set_hook(fn, ctx);
}

void vow_testing_crash_record(int on)
{
    vow_crash_record(on != 0);
}

void vow_testing_crash_points_met(vow_testing_met_fn *fn, void *ctx)
{
    vow_crash_each_met(fn, ctx);
}

/* Messages have one point before and one after, at each end; a DECISION is sent by its verdict. */
static const char *const points[] = {
#define MESSAGE(kind, member, number)                                                                                  \
    "recv.before." #kind, "recv.after." #kind, "send.before." #kind, "send.after." #kind,
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
        "send.before.COMMIT",
    "send.after.COMMIT", "send.before.ABORT", "send.after.ABORT",
    /* the coordinator's records, and its files */
    "log.before.EPOCH", "log.after.EPOCH", "log.before.COMMIT", "log.after.COMMIT", "log.before.END", "log.after.END",
    "log.before.HAZARD", "log.after.HAZARD", "journal.before.LOG_SYNC", "journal.before.WITNESS_SYNC",
    "journal.after.WITNESS_SYNC", "journal.before.CHECKPOINT", "journal.after.CHECKPOINT", "journal.after.CUT",
    "journal.before.CUT_SYNC", "journal.after.CUT_SYNC",
    /* the participant's store */
    "store.before.PREPARE", "store.after.PREPARE", "store.before.COMMIT", "store.mid.COMMIT", "store.after.COMMIT",
    "store.before.ABORT", "store.after.ABORT", "store.before.ONE_PHASE", "store.mid.ONE_PHASE", "store.after.ONE_PHASE",
    "store.before.MEMO", "store.after.MEMO", "store.before.FORGET", "store.after.FORGET", "store.before.WATERMARK",
    "store.after.WATERMARK", "store.mid.LAZY"};

const char *vow_testing_crash_point_name(size_t i)
{
    return i < sizeof(points) / sizeof(points[0]) ? points[i] : NULL;
}
