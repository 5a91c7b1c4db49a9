/*
 * What a client was told is there is there for whoever begins after that: of each row the versions that were
 * acknowledged last, and those that were read last. An answer may be read before the line of its write, and a read
 * before the answer: whichever comes, it is held against the others.
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/private.h"
#include "chaos/kill/memory.h"

#define KEPT 64u        /* of each, of a row */
#define ROWS_MAX 65536u /* those that come later are not judged */

/* A version, and until when it was acknowledged, or from when on it was read. */
struct sight {
    uint64_t t_us;
    int64_t version;
    struct judge_line at;
};

struct judge_acked {
    uint64_t row;
    size_t acks_len, reads_len; /* in all; the last KEPT of them are there */
    struct sight acks[KEPT], reads[KEPT];
    UT_hash_handle hh;
};

/* FNV-1a: the row of a key, in this life of the data of its file. */
uint64_t judge_row_number(uint32_t place, const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ place;

    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return hash;
}

static struct judge_acked *find_or_add(struct judge *judge, uint64_t number)
{
    struct judge_acked *row = NULL;

    HASH_FIND(hh, judge->acked, &number, sizeof(number), row);
    if (row != NULL || HASH_COUNT(judge->acked) == ROWS_MAX)
        return row;
    row = real_need(calloc(1, sizeof(*row)));
    row->row = number;
    HASH_ADD(hh, judge->acked, row, sizeof(row->row), row);
    return row;
}

static void compare(struct judge *judge, const struct judge_story *story, const struct sight *ack,
                    const struct sight *read)
{
    if (read->t_us <= ack->t_us)
        return;
    judge->met[JUDGE_SET]++;
    if (read->version < ack->version)
        judge_break(judge, JUDGE_SET, &ack->at, &read->at,
                    "%s: version %lld was acknowledged at %llu us, and version %lld read by what began at %llu us",
                    story->id, (long long)ack->version, (unsigned long long)ack->t_us, (long long)read->version,
                    (unsigned long long)read->t_us);
}

static void add_ack(struct judge *judge, const struct judge_story *story, const struct judge_fact *write,
                    uint64_t told_us)
{
    const struct sight ack = {told_us, write->version, write->at};
    struct judge_acked *row = find_or_add(judge, write->row);

    if (row == NULL)
        return;
    for (size_t i = 0; i < row->reads_len && i < KEPT; i++)
        compare(judge, story, &ack, &row->reads[i]);
    row->acks[row->acks_len++ % KEPT] = ack;
}

static void add_read(struct judge *judge, const struct judge_story *story, const struct judge_fact *read,
                     uint64_t begun_us)
{
    const struct sight sight = {begun_us, read->version, read->at};
    struct judge_acked *row = find_or_add(judge, read->row);

    if (row == NULL)
        return;
    for (size_t i = 0; i < row->acks_len && i < KEPT; i++)
        compare(judge, story, &row->acks[i], &sight);
    row->reads[row->reads_len++ % KEPT] = sight;
}

/* --- Of a story --- */

/* What makes of a write an acknowledged one, and says of a read when it began. */
static bool is_frame_of(const struct judge_fact *frame, const struct judge_fact *access)
{
    if (access->what == MEASURE_WRITE)
        return frame->what == MEASURE_NOTHING && frame->outcome == MEASURE_COMMITTED;
    return access->what == MEASURE_READ && frame->what == MEASURE_BEGIN;
}

static void add(struct judge *judge, const struct judge_story *story, const struct judge_fact *access, uint64_t t_us)
{
    if (access->what == MEASURE_WRITE)
        add_ack(judge, story, access, t_us);
    else
        add_read(judge, story, access, t_us);
}

void judge_acked_fact(struct judge *judge, const struct judge_story *story, const struct judge_fact *fact)
{
    if (!judge->is_isolated)
        return;
    for (size_t i = 0; i + 1 < story->len; i++) {
        const struct judge_fact *before = &story->facts[i];
        if (is_frame_of(fact, before))
            add(judge, story, before, fact->t_us);
        else if (is_frame_of(before, fact))
            add(judge, story, fact, before->t_us);
    }
}

void judge_acked_free(struct judge *judge)
{
    struct judge_acked *row, *next;

    HASH_ITER(hh, judge->acked, row, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
        HASH_DELETE(hh, judge->acked, row);
        free(row);
    }
}
