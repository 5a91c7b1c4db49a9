/*
 * The inbox against a model: a random life of a service's file, with events of one coordinator after the other, records
 * that grow old, restarts, deaths, batches that begin anew, and backups that are restored. What must hold throughout:
 *
 *   nothing takes effect twice in a group (I24, F192), whatever the inbox has forgotten and whoever brings it again;
 *   nothing is answered as done that had no effect in this file (I28), also if another file of this service had it, or
 *   something else was at its offset for another coordinator;
 *   nothing is refused as too old but what lies below a block that had to go, for more are known above it (F209);
 *   a record stays while it is young, or above what the group has done (F212).
 *
 * A failure prints its seed.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_fixture.h"
#include "fault_vfs.h"
#include "proto/net/crash.h"

#define BLOCK 256
#define BLOCKS_MAX 3
#define GROUPS 2
#define EVENTS 160
#define STEPS 200
#define TABLE "CREATE TABLE e (id INTEGER PRIMARY KEY, grp TEXT NOT NULL, n INT NOT NULL);" ROWS

static const char *const group_names[GROUPS] = {"g", "h"};

/* Of an event in a group, in this file. */
struct fate {
    bool is_done, is_old;
};

struct event {
    uint64_t coord, offset;
    bool is_settled[GROUPS]; /* for the coordinator, whatever became of the file */
};

static struct {
    unsigned seed;
    uint64_t random, coord, newest;
    struct event events[EVENTS];
    unsigned events_len, first, repeats_old, too_late, restored; /* first: of this coordinator */
    unsigned told[GROUPS]; /* so many events are settled, as the inbox has heard */
    struct fate fates[GROUPS][EVENTS];
    struct fate kept[GROUPS][EVENTS]; /* as of the backup */
    bool has_backup;
} life;

static uint64_t draw(uint64_t below)
{
    life.random ^= life.random << 13;
    life.random ^= life.random >> 7;
    life.random ^= life.random << 17;
    return below > 1 ? life.random % below : 0;
}

/* ---- the coordinator ---- */

static unsigned publish_one(void)
{
    if (life.events_len == EVENTS)
        return EVENTS - 1;
    life.newest += 1 + draw(draw(4) == 0 ? 2 * BLOCK : 12);
    life.events[life.events_len] = (struct event){.coord = life.coord, .offset = life.newest};
    return life.events_len++;
}

/* How many events there are up to the first that is not settled. */
static unsigned settled_len(unsigned group)
{
    unsigned len = life.first;
    while (len < life.events_len && life.events[len].is_settled[group])
        len++;
    return len;
}

/* ---- what may be ---- */

static bool may_be_too_late(unsigned group, unsigned at)
{
    const uint64_t block = life.events[at].offset / BLOCK;
    uint64_t newest = 0;
    for (unsigned i = life.first; i < life.events_len; i++)
        if (life.fates[group][i].is_old)
            newest = life.events[i].offset / BLOCK;
    for (unsigned i = life.first; i < life.events_len; i++) {
        const uint64_t other = life.events[i].offset / BLOCK;
        if (life.fates[group][i].is_old && other >= block && other + BLOCKS_MAX <= newest)
            return true;
    }
    return false;
}

static unsigned effects_of(unsigned group, unsigned at)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM e WHERE grp = '%s' AND n = %u", group_names[group], at);
    return (unsigned)strtoul(look(sql), NULL, 10);
}

/* Of each there is one effect if it is done, and a record if it is young, or above what is settled. */
static void check(void)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM e) || ' ' || (SELECT count(*) FROM (SELECT DISTINCT grp, n"
                              " FROM e)) || ' ' || (SELECT count(*) FROM e LEFT JOIN vow_inbox AS i ON i.grp = e.grp"
                              " AND i.agg_key = 'k' || e.n WHERE i.grp IS NULL AND (e.id NOT IN (SELECT id FROM"
                              " grown_old) OR e.n >= CASE e.grp WHEN 'g' THEN %u ELSE %u END))";
    char text[sizeof(sql) + 24], wanted[48];
    unsigned done = 0;
    for (unsigned group = 0; group < GROUPS; group++)
        for (unsigned at = 0; at < life.events_len; at++)
            done += life.fates[group][at].is_done;
    snprintf(text, sizeof(text), sql, life.told[0], life.told[1]);
    snprintf(wanted, sizeof(wanted), "%u %u 0", done, done);
    cr_assert_str_eq(look(text), wanted, "seed %u: effects, different ones, records that have gone too early: %s",
                     life.seed, look(text));
}

/* ---- deliveries ---- */

struct delivery {
    unsigned group, at;
    char key[8], sql[96];
    struct delivering delivering;
};

static void fill(struct delivery *delivery, unsigned group, unsigned at)
{
    const struct event *event = &life.events[at];
    delivery->group = group;
    delivery->at = at;
    snprintf(delivery->key, sizeof(delivery->key), "k%u", at);
    snprintf(delivery->sql, sizeof(delivery->sql), "INSERT INTO e (grp, n) VALUES ('%s', %u)", group_names[group], at);
    delivery->delivering = delivering_of(group_names[group], event->offset, delivery->key, 1, delivery->sql);
    const unsigned settled = life.told[group] = settled_len(group);
    delivery->delivering.delivery.done_to = settled > life.first ? life.events[settled - 1].offset : 0;
    delivery->delivering.work.op.coord = event->coord;
}

/* The next one that is not settled, a new one, or any that was there before. */
static void choose(struct delivery *delivery)
{
    const unsigned group = (unsigned)draw(GROUPS);
    unsigned at = settled_len(group);
    if (at == life.events_len || draw(4) == 0)
        at = publish_one();
    if (draw(3) == 0)
        at = life.first + (unsigned)draw(life.events_len - life.first);
    fill(delivery, group, at);
}

static void judge(const struct delivery *delivery, const struct vow_store_op *op)
{
    const struct vow_store_delivery *done = op->delivery;
    struct fate *fate = &life.fates[delivery->group][delivery->at];
    life.events[delivery->at].is_settled[delivery->group] = true;
    if (done->outcome == VOW_EVENT_UNABLE) {
        cr_assert_eq(op->cause, VOW_CAUSE_TOO_LATE, "seed %u: %s", life.seed, op->text);
        cr_assert(may_be_too_late(delivery->group, delivery->at), "seed %u: event %u is not too old", life.seed,
                  delivery->at);
        life.too_late++;
        return;
    }
    cr_assert_eq(done->outcome, VOW_EVENT_DONE, "seed %u: %s", life.seed, op->text);
    cr_assert_eq(done->is_repeat, fate->is_done, "seed %u: event %u at %u", life.seed, delivery->at,
                 (unsigned)life.events[delivery->at].offset);
    life.repeats_old += done->is_old;
    fate->is_done = true;
}

static void deliver_one(void)
{
    struct delivery delivery;
    choose(&delivery);
    cr_assert_eq(run_delivering(&delivery.delivering), 0, "%s", service.detail.text);
    judge(&delivery, &delivery.delivering.work.op);
}

/* The first one ends the transaction of the batch, which begins anew without it. */
static void deliver_behind_a_bad_one(void)
{
    struct delivery bad, good;
    struct work works[2];
    choose(&bad);
    choose(&good);
    if (bad.at == good.at || life.fates[bad.group][bad.at].is_done)
        return;
    snprintf(bad.sql, sizeof(bad.sql), "UPDATE OR ROLLBACK t SET v = -1");
    bad.delivering.delivery.event.payload.len = strlen(bad.sql) + 1;
    works[0] = bad.delivering.work;
    works[1] = good.delivering.work;
    works[0].op.delivery = &bad.delivering.delivery;
    works[1].op.delivery = &good.delivering.delivery;
    cr_assert_eq(run_batch(works, 2), 0, "%s", service.detail.text);
    cr_assert_neq(works[0].op.delivery->outcome, VOW_EVENT_DONE, "seed %u", life.seed);
    judge(&good, &works[1].op);
}

/* ---- the file ---- */

static void grow_old(uint64_t upto)
{
    char sql[320];
    snprintf(sql, sizeof(sql),
             "INSERT OR IGNORE INTO grown_old SELECT id FROM e WHERE n < %u OR n IN (SELECT CAST(substr(agg_key, 2) AS "
             "INT) FROM vow_inbox WHERE event_offset - (SELECT value FROM vow_meta WHERE key = 'inbox_base') <= %llu)",
             life.first, (unsigned long long)upto);
    cr_assert_eq(outside(sql), SQLITE_OK);
    cr_assert_eq(outside("UPDATE vow_inbox SET wall_us = 1 WHERE EXISTS (SELECT 1 FROM grown_old JOIN e USING (id) "
                         "WHERE e.grp = vow_inbox.grp AND 'k' || e.n = vow_inbox.agg_key)"),
                 SQLITE_OK);
    for (unsigned group = 0; group < GROUPS; group++)
        for (unsigned at = 0; at < life.events_len; at++)
            life.fates[group][at].is_old |=
                life.fates[group][at].is_done && (at < life.first || life.events[at].offset <= upto);
    events_restart();
}

static void die_at(const char *point, struct delivery *delivery)
{
    setenv("VOW_CRASH_AT", point, 1);
    events_restart();
    if (vow_crash_init() == 0)
        (void)run_delivering(&delivery->delivering);
    _exit(1);
}

/* Killed in a batch that may have purged, and may be the first of another coordinator. */
static void die(void)
{
    static const char *const points[] = {"store.before.EVENT", "store.mid.EVENT", "store.after.EVENT"};
    const unsigned point = (unsigned)draw(3);
    struct delivery delivery;
    int status;
    choose(&delivery);
    service_close();
    const pid_t child = fork();
    if (child == 0)
        die_at(points[point], &delivery);
    cr_assert_eq(waitpid(child, &status, 0), child);
    events_restart();
    struct fate *fate = &life.fates[delivery.group][delivery.at];
    const unsigned effects = effects_of(delivery.group, delivery.at);
    if (WIFSIGNALED(status) && !fate->is_done)
        cr_assert(effects == 0 || point == 2, "seed %u: %s", life.seed, points[point]);
    fate->is_done = effects > 0;
}

/* All that is settled goes, and nothing new comes before another coordinator does. */
static void forget_all(void)
{
    struct delivery delivery;
    grow_old(life.newest);
    for (unsigned group = 0; group < GROUPS; group++) {
        unsigned at = life.first;
        while (at < life.events_len && !life.fates[group][at].is_done)
            at++;
        if (at == life.events_len)
            continue;
        fill(&delivery, group, at);
        cr_assert_eq(run_delivering(&delivery.delivering), 0, "%s", service.detail.text);
        judge(&delivery, &delivery.delivering.work.op);
    }
}

/* The file is let go of its coordinator, and another one's. */
static void change_coordinator(void)
{
    if (draw(2) == 0)
        forget_all();
    life.coord++;
    life.newest = 0;
    life.first = life.events_len;
    events_restart();
    (void)publish_one();
}

static void path_of(char path[128], const char *suffix)
{
    snprintf(path, 128, "%s%s", service.path, suffix);
}

static void remove_backup(void)
{
    char path[128];
    path_of(path, ".kept");
    (void)unlink(path);
}

static void back_up(void)
{
    char path[128], sql[160];
    remove_backup();
    path_of(path, ".kept");
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", path);
    cr_assert_eq(outside(sql), SQLITE_OK);
    memcpy(life.kept, life.fates, sizeof(life.kept));
    life.has_backup = true;
}

/* Of what came since, the file knows nothing, and the coordinator has it settled. */
static void restore(void)
{
    char from[128], path[128];
    if (!life.has_backup)
        return;
    service_close();
    path_of(path, "-wal");
    (void)unlink(path);
    path_of(path, "-shm");
    (void)unlink(path);
    path_of(from, ".kept");
    cr_assert_eq(rename(from, service.path), 0);
    events_restart();
    memcpy(life.fates, life.kept, sizeof(life.kept));
    life.has_backup = false;
    life.restored++;
}

static void step(void)
{
    const uint64_t what = draw(32);
    if (what < 6)
        grow_old(life.newest - draw(life.newest < 400 ? life.newest + 1 : 400));
    else if (what == 6)
        back_up();
    else if (what == 7)
        restore();
    else if (what == 8 && draw(2) == 0 && life.events_len < EVENTS)
        change_coordinator();
    else if (what == 9)
        die();
    else if (what < 13)
        deliver_behind_a_bad_one();
    else
        deliver_one();
}

TestSuite(store_inbox_random, .init = service_of_events, .fini = service_fini, .timeout = 120);

static unsigned seeds[] = {1, 2, 3, 4};

ParameterizedTestParameters(store_inbox_random, I28_nothing_is_lost_and_nothing_done_twice)
{
    return cr_make_param_array(unsigned, seeds, sizeof(seeds) / sizeof(seeds[0]), NULL);
}

ParameterizedTest(unsigned *seed, store_inbox_random, I28_nothing_is_lost_and_nothing_done_twice)
{
    life.seed = *seed;
    life.random = *seed * UINT64_C(0x9e3779b97f4a7c15);
    life.coord = 1;
    service.options.vfs = fault_vfs_register();
    fault_vfs.no_syncs = true;
    service.options.inbox_known_max = BLOCKS_MAX * BLOCK;
    events_start(TABLE "CREATE TABLE grown_old (id INTEGER PRIMARY KEY);");
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        check();
    }
    remove_backup();
    cr_assert_gt(life.repeats_old, 2, "seed %u: hardly anything was forgotten", life.seed);
    cr_assert_gt(life.restored, 0, "seed %u", life.seed);
}
