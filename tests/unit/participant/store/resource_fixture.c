#include "resource_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bed bed;

void bed_init(void)
{
    memset(&bed, 0, sizeof(bed));
    snprintf(bed.dir, sizeof(bed.dir), "/tmp/vow-resource-XXXXXX");
    cr_assert_not_null(mkdtemp(bed.dir));
    snprintf(bed.path, sizeof(bed.path), "%s/state.vow", bed.dir);
    fake_resource_init(&bed.fake);
}

void bed_fini(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    bed_close();
    fake_resource_join(&bed.fake);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", bed.path, ends[i]);
        unlink(path);
    }
    rmdir(bed.dir);
}

static int recovered(void *ctx, const struct vow_branches_recovered *found)
{
    (void)ctx;
    cr_expect_eq(found->branch, 1);
    cr_expect_eq(found->epoch, EPOCH);
    if (found->heuristic != 0) {
        bed.recovered_heuristics++;
        snprintf(bed.last_who, sizeof(bed.last_who), "%s", found->who);
        return 0;
    }
    bed.recovered++;
    bed.last_recovered = found->gtrid;
    snprintf(bed.last_peers, sizeof(bed.last_peers), "%s", found->peers != NULL ? found->peers : "");
    return 0;
}

int bed_open(void)
{
    void *store;
    bed.recovered = bed.recovered_heuristics = 0;
    int error = vow_store_resource_open(&bed.fake.resource, bed.path, &bed.ops, &store, &bed.detail);
    if (error != 0)
        return error;
    bed.store = store;
    error = bed.ops->recover(store, recovered, NULL, &bed.detail);
    if (error != 0)
        bed_close();
    return error;
}

void bed_start(void)
{
    cr_assert_eq(bed_open(), 0, "%s", bed.detail.text);
}

void bed_close(void)
{
    if (bed.store != NULL)
        bed.ops->close(bed.store);
    bed.store = NULL;
}

void bed_crash(void)
{
    bed.store->failed = true; /* so that close writes nothing */
    bed.fake.held_len = 0;
    bed_close();
    bed_start();
}

struct vow_gtrid id_of(uint64_t seq)
{
    return vow_gtrid_make(COORD, EPOCH, seq, 0, seq * 7919);
}

const char *word_of(uint64_t seq)
{
    static char word[VOW_BRANCH_WORD_SIZE];
    const struct vow_gtrid id = id_of(seq);
    word_make(&id, 1, false, word);
    return word;
}

const char *one_phase_word_of(uint64_t seq)
{
    static char word[VOW_BRANCH_WORD_SIZE];
    const struct vow_gtrid id = id_of(seq);
    word_make(&id, 1, true, word);
    return word;
}

struct vow_store_op op_of(enum vow_store_op_kind kind, uint64_t seq)
{
    static struct vow_msg_call call = {"pages", "put", {(const uint8_t *)"apple", 5}};
    return (struct vow_store_op){
        .kind = kind, .gtrid = id_of(seq), .branch = 1, .epoch = EPOCH, .calls_len = 1, .calls = &call};
}

struct vow_job *bed_run(struct vow_store_op *op)
{
    struct vow_job *jobs = op != NULL ? &op->job : NULL;
    if (op != NULL)
        op->job.next = NULL;
    cr_assert_eq(bed.ops->run(bed.store, &jobs, &bed.detail), 0, "%s", bed.detail.text);
    return jobs;
}

void bed_run_breaks(struct vow_store_op *op, int error)
{
    struct vow_job *jobs = op != NULL ? &op->job : NULL;
    cr_assert_eq(bed.ops->run(bed.store, &jobs, &bed.detail), error, "%s", bed.detail.text);
    /* And for ever: nothing that it says later may be used. */
    jobs = NULL;
    cr_assert_eq(bed.ops->run(bed.store, &jobs, &bed.detail), error);
}

enum vow_store_result one(enum vow_store_op_kind kind, uint64_t seq)
{
    bed.refusal = op_of(kind, seq);
    struct vow_job *done = bed_run(&bed.refusal);
    while (done == NULL) {
        poll(NULL, 0, 1); /* the suite's time-out is the bound */
        done = bed_run(NULL);
    }
    cr_assert_eq(done, &bed.refusal.job);
    cr_assert_null(done->next);
    return bed.refusal.result;
}

void run_until_forgotten(unsigned forgets)
{
    while (bed.fake.forgets < forgets) {
        poll(NULL, 0, 1);
        cr_assert_null(bed_run(NULL));
    }
}
