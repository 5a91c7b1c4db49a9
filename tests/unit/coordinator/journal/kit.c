#include "kit.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct vow_record_branch yes_list[2] = {
    {.name = "stock", .branch = 0, .incarnation = 7, .db_uuid = {1, 2, 3}},
    {.name = "payment", .branch = 1, .incarnation = 9, .db_uuid = {4, 5, 6}},
};

/* In memory, if the machine has such a file system: a suite syncs thousands of times, and power does not fail in it. */
static const char *usual_parent(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

void bed_make(struct bed *bed)
{
    bed_make_in(bed, usual_parent());
}

void bed_make_in(struct bed *bed, const char *parent)
{
    memset(bed, 0, sizeof(*bed));
    (void)snprintf(bed->directory, sizeof(bed->directory), "%s/vow-journal-XXXXXX", parent);
    cr_assert_not_null(mkdtemp(bed->directory));
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void bed_remove(struct bed *bed)
{
    bed_close(bed);
    cr_assert_eq(nftw(bed->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int bed_open(struct bed *bed)
{
    struct vow_journal_options options = {
        .directory = bed->directory, .name = "alpha", .vfs = bed->vfs, .event_keys_max = bed->event_keys_max};

    return vow_journal_sqlite_open(&options, &bed->ops, &bed->engine, &bed->detail);
}

void bed_start(struct bed *bed)
{
    cr_assert_eq(bed_open(bed), 0, "%s", bed->detail.text);
    cr_assert_eq(bed->ops->takeover(bed->engine, &bed->identity, &bed->detail), 0, "%s", bed->detail.text);
}

void bed_close(struct bed *bed)
{
    if (bed->engine != NULL)
        bed->ops->close(bed->engine);
    bed->engine = NULL;
}

void bed_restart(struct bed *bed)
{
    bed_close(bed);
    bed_start(bed);
}

void bed_retain(struct bed *bed, uint64_t age_ms)
{
    struct vow_journal_retention retention = {.age_ms = age_ms};

    bed->ops->retain(bed->engine, &retention);
}

void bed_rest(struct bed *bed)
{
    struct vow_journal_stats before, after;

    do {
        before = bed_stats(bed);
        bed->ops->idle(bed->engine);
        after = bed_stats(bed);
    } while (after.cut_lsn != before.cut_lsn || after.snapshot_lsn != before.snapshot_lsn || !after.is_proved);
}

void bed_make_filled(struct bed *bed, unsigned count)
{
    bed_make(bed);
    bed_start(bed);
    for (unsigned seq = 1; seq <= count; seq++)
        cr_assert_eq(bed_decide(bed, seq), VOW_JOURNAL_WON);
}

struct vow_gtrid bed_gtrid(uint64_t seq)
{
    return vow_gtrid_make(4711, 1, seq, 0, seq * 0x9e3779b97f4a7c15U);
}

static void op_fill(struct vow_journal_op *op, const struct bed *bed, enum vow_record_kind kind, uint64_t seq)
{
    memset(op, 0, sizeof(*op));
    op->kind = VOW_JOURNAL_APPEND;
    op->token = seq;
    op->gtrid = bed_gtrid(seq);
    op->record.kind = kind;
    op->record.gtrid = op->gtrid;
    op->record.epoch = bed->identity.epoch;
}

void op_decide(struct vow_journal_op *op, const struct bed *bed, uint64_t seq)
{
    op_fill(op, bed, VOW_RECORD_COMMIT, seq);
    op->kind = VOW_JOURNAL_DECIDE;
    op->record.branches = yes_list;
    op->record.branches_len = 2;
}

void op_decide_long(struct vow_journal_op *op, const struct bed *bed, uint64_t seq)
{
    static struct vow_record_branch branches[VOW_CALLS_MAX];

    for (unsigned i = 0; i < VOW_CALLS_MAX; i++)
        (void)snprintf(branches[i].name, sizeof(branches[i].name), "participant-number-%u", i);
    op_decide(op, bed, seq);
    op->record.branches = branches;
    op->record.branches_len = VOW_CALLS_MAX;
}

void op_end(struct vow_journal_op *op, const struct bed *bed, uint64_t seq)
{
    op_fill(op, bed, VOW_RECORD_END, seq);
    op->kind = VOW_JOURNAL_END;
}

void op_append(struct vow_journal_op *op, const struct bed *bed, enum vow_record_kind kind, uint64_t seq)
{
    op_fill(op, bed, kind, seq);
    if (kind == VOW_RECORD_ABORTED) {
        op->record.cause = VOW_CAUSE_VOTE_TIMEOUT;
        (void)snprintf(op->record.who, sizeof(op->record.who), "stock");
        (void)snprintf(op->record.text, sizeof(op->record.text), "no answer for five seconds");
    }
}

void op_get(struct vow_journal_op *op, uint64_t seq)
{
    memset(op, 0, sizeof(*op));
    op->kind = VOW_JOURNAL_GET;
    op->gtrid = bed_gtrid(seq);
}

struct vow_journal_op *op_link(struct vow_journal_op *ops, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ops[i].job.next = i + 1 < count ? &ops[i + 1].job : NULL;
    return ops;
}

void expect_same_branches(const struct vow_record *a, const struct vow_record *b)
{
    cr_assert_eq(a->branches_len, b->branches_len);
    for (uint32_t i = 0; i < a->branches_len; i++) {
        cr_assert_str_eq(a->branches[i].name, b->branches[i].name);
        cr_assert_eq(a->branches[i].branch, b->branches[i].branch);
        cr_assert_eq(a->branches[i].incarnation, b->branches[i].incarnation);
        cr_assert_arr_eq(a->branches[i].db_uuid, b->branches[i].db_uuid, VOW_DB_UUID_BYTES);
    }
}

enum vow_journal_result bed_decide(struct bed *bed, uint64_t seq)
{
    struct vow_journal_op op;

    op_decide(&op, bed, seq);
    bed->ops->commit(bed->engine, &op);
    return op.result;
}

enum vow_journal_result bed_end(struct bed *bed, uint64_t seq)
{
    struct vow_journal_op op;

    op_end(&op, bed, seq);
    bed->ops->commit(bed->engine, &op);
    return op.result;
}

enum vow_journal_result bed_append(struct bed *bed, enum vow_record_kind kind, uint64_t seq)
{
    struct vow_journal_op op;

    op_append(&op, bed, kind, seq);
    bed->ops->commit(bed->engine, &op);
    return op.result;
}

int bed_get(struct bed *bed, uint64_t seq, struct vow_journal_op *op)
{
    op_get(op, seq);
    bed->ops->commit(bed->engine, op);
    return op->error;
}

struct vow_journal_stats bed_stats(const struct bed *bed)
{
    struct vow_journal_stats stats;

    bed->ops->stats(bed->engine, &stats);
    return stats;
}

static int count_one(void *ctx, const struct vow_journal_event *event)
{
    (void)event;
    ++*(int *)ctx;
    return 0;
}

int bed_count_open(struct bed *bed)
{
    int count = 0;

    cr_assert_eq(bed->ops->scan(bed->engine, count_one, &count, &bed->detail), 0, "%s", bed->detail.text);
    return count;
}

void file_path(const struct bed *bed, const char *file, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", bed->directory, file);
}

unsigned char *file_read(const struct bed *bed, const char *file, size_t *len)
{
    char path[128];
    FILE *in;
    unsigned char *bytes;

    file_path(bed, file, path);
    in = fopen(path, "rb");
    if (in == NULL)
        return NULL;
    cr_assert_eq(fseek(in, 0, SEEK_END), 0);
    *len = (size_t)ftell(in);
    rewind(in);
    bytes = malloc(*len + 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, *len, in), *len);
    fclose(in);
    return bytes;
}

void file_write(const struct bed *bed, const char *file, const void *bytes, size_t len)
{
    char path[128];
    FILE *out;

    file_path(bed, file, path);
    out = fopen(path, "wb");
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(bytes, 1, len, out), len);
    cr_assert_eq(fclose(out), 0);
}

void file_truncate(const struct bed *bed, const char *file, size_t len)
{
    char path[128];

    file_path(bed, file, path);
    cr_assert_eq(truncate(path, (off_t)len), 0);
}

void file_remove(const struct bed *bed, const char *file)
{
    char path[128];

    file_path(bed, file, path);
    cr_assert_eq(unlink(path), 0);
}

void file_flip(const struct bed *bed, const char *file, size_t offset)
{
    size_t len;
    unsigned char *bytes = file_read(bed, file, &len);

    cr_assert_not_null(bytes);
    cr_assert_lt(offset, len);
    bytes[offset] ^= 0xff;
    file_write(bed, file, bytes, len);
    free(bytes);
}

long file_find(const struct bed *bed, const char *file, const void *bytes, size_t len, unsigned nth)
{
    size_t size;
    unsigned char *all = file_read(bed, file, &size);
    const unsigned char *at = all;
    long offset = -1;

    cr_assert_not_null(all);
    while (nth > 0 && (at = memmem(at, size - (size_t)(at - all), bytes, len)) != NULL) {
        offset = --nth == 0 ? (long)(at - all) : -1;
        at++;
    }
    free(all);
    return offset;
}

void file_copy(const struct bed *from, const struct bed *to, const char *file)
{
    size_t len;
    unsigned char *bytes = file_read(from, file, &len);

    cr_assert_not_null(bytes, "%s", file);
    file_write(to, file, bytes, len);
    free(bytes);
}

void bed_copy(const struct bed *from, struct bed *to)
{
    bed_copy_in(from, to, usual_parent());
}

void bed_copy_in(const struct bed *from, struct bed *to, const char *parent)
{
    struct dirent *entry;
    DIR *directory = opendir(from->directory);

    cr_assert_not_null(directory);
    bed_make_in(to, parent);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.')
            file_copy(from, to, entry->d_name);
    }
    closedir(directory);
}

void bed_sql(const struct bed *bed, const char *sql)
{
    char path[128];
    sqlite3 *db;

    file_path(bed, "journal.db", path);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

/* Every file of `a` but the lock is in `b` with the same content. */
static bool has_all_files(const struct bed *a, const struct bed *b)
{
    struct dirent *entry;
    DIR *directory = opendir(a->directory);
    bool same = true;

    cr_assert_not_null(directory);
    while (same && (entry = readdir(directory)) != NULL) {
        size_t a_len = 0, b_len = 0;
        unsigned char *in_a, *in_b;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0)
            continue;
        in_a = file_read(a, entry->d_name, &a_len);
        in_b = file_read(b, entry->d_name, &b_len);
        same = in_a != NULL && in_b != NULL && a_len == b_len && memcmp(in_a, in_b, a_len) == 0;
        free(in_a);
        free(in_b);
    }
    closedir(directory);
    return same;
}

void bed_expect_refused(struct bed *bed, int error, const char *words)
{
    struct bed before;

    bed_copy(bed, &before);
    /* Twice: the first one must have let go of the lock. */
    for (int i = 0; i < 2; i++) {
        int got = bed_open(bed);

        cr_assert_eq(got, error, "%s instead of %s: %s", vow_error_name(got), vow_error_name(error), bed->detail.text);
        cr_assert_eq(bed->detail.error, error);
        cr_assert_not_null(strstr(bed->detail.text, words), "no \"%s\" in: %s", words, bed->detail.text);
    }
    cr_assert(has_all_files(bed, &before) && has_all_files(&before, bed), "a refused open changed a file");
    bed_remove(&before);
}
