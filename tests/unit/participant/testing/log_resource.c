#include "log_resource.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EFFECTS 64
#define BRANCHES 256
#define THREADS 1024

struct branch {
    char word[VOW_BRANCH_WORD_SIZE];
    unsigned effect;
    enum vow_found state;
};

struct log_resource {
    struct log_options options;
    int file, directory;
    struct branch branches[BRANCHES];
    unsigned branches_len;
    int effects[EFFECTS];
    bool locked[EFFECTS];
    pthread_t threads[THREADS];
    unsigned threads_len;
};

static bool has(const struct log_resource *log, enum bug bug)
{
    return log->options.bug == bug;
}

/* ---- the tables ---- */

static struct branch *find(struct log_resource *log, const char *word)
{
    for (unsigned i = 0; i < log->branches_len; i++)
        if (strcmp(log->branches[i].word, word) == 0)
            return &log->branches[i];
    return NULL;
}

static void drop(struct log_resource *log, struct branch *branch)
{
    *branch = log->branches[--log->branches_len];
}

static void add(struct log_resource *log, const char *word, unsigned effect)
{
    struct branch *branch = &log->branches[log->branches_len++];
    snprintf(branch->word, sizeof(branch->word), "%s", word);
    branch->effect = effect;
    branch->state = VOW_FOUND_PREPARED;
    log->locked[effect] = !has(log, BUG_NO_LOCKS);
}

/* One record: how it changes the tables, now or when the log is read again. */
static void apply(struct log_resource *log, char kind, const char *word, unsigned effect)
{
    struct branch *branch = find(log, word);
    if (kind == 'P') {
        add(log, word, effect);
        return;
    }
    if (branch == NULL)
        return;
    if (kind == 'C' && (branch->state == VOW_FOUND_PREPARED || has(log, BUG_COMMIT_ADDS_AGAIN))) {
        log->effects[branch->effect]++;
        log->locked[branch->effect] = false;
        branch->state = VOW_FOUND_COMMITTED;
        if (has(log, BUG_COMMIT_KEEPS_NOTHING))
            drop(log, branch);
    } else if (kind == 'A') {
        log->effects[branch->effect] += has(log, BUG_ABORT_COMMITS);
        log->locked[branch->effect] = has(log, BUG_ABORT_KEEPS_LOCK);
        drop(log, branch);
    } else if (kind == 'F') {
        drop(log, branch);
    }
}

static enum vow_said record(struct log_resource *log, char kind, const char *word, unsigned effect, bool is_synced)
{
    char line[128];
    const int len = snprintf(line, sizeof(line), "%c %s %u\n", kind, word, effect);
    if (write(log->file, line, (size_t)len) != len || (is_synced && fdatasync(log->file) != 0))
        return VOW_SAID_BROKEN;
    apply(log, kind, word, effect);
    return VOW_SAID_DONE;
}

/* ---- answers ---- */

struct late {
    struct vow_answer answer;
    enum vow_said said;
};

static void *answer_late(void *ctx)
{
    struct late *late = ctx;
    (void)vow_answer(late->answer, late->said);
    free(late);
    return NULL;
}

static enum vow_said answer_with(struct log_resource *log, struct vow_answer answer, enum vow_said said)
{
    if (has(log, BUG_RETURNS_ZERO))
        return (enum vow_said)0;
    if (has(log, BUG_NEVER_ANSWERS))
        return VOW_SAID_LATER;
    if (has(log, BUG_ANSWERS_TWICE))
        (void)vow_answer(answer, said);
    if (!log->options.answers_by_threads || log->threads_len == THREADS)
        return said;
    struct late *late = malloc(sizeof(*late));
    *late = (struct late){answer, said};
    if (pthread_create(&log->threads[log->threads_len++], NULL, answer_late, late) != 0)
        return VOW_SAID_BROKEN;
    return VOW_SAID_LATER;
}

/* ---- the callbacks ---- */

static enum vow_said vote(struct log_resource *log, const char *word, const struct vow_work *work)
{
    const unsigned effect = work->payload != NULL ? (unsigned)strtoul(work->payload, NULL, 10) : 0;
    if (strcmp(work->handler, "look") == 0) {
        if (has(log, BUG_READ_ONLY_IS_KEPT))
            record(log, 'P', word, effect, true);
        return VOW_SAID_READ_ONLY;
    }
    if (strcmp(work->handler, "refuse") == 0 && !has(log, BUG_REFUSES_LATE))
        return VOW_SAID_NO;
    if (log->locked[effect])
        return VOW_SAID_NO;
    if (has(log, BUG_PREPARE_NOT_WRITTEN)) {
        add(log, word, effect);
        return VOW_SAID_YES;
    }
    if (record(log, 'P', word, effect, !has(log, BUG_PREPARE_NOT_SYNCED)) != VOW_SAID_DONE)
        return VOW_SAID_BROKEN;
    log->effects[effect] += has(log, BUG_VISIBLE_EARLY);
    return VOW_SAID_YES;
}

static enum vow_said prepare(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
                             struct vow_answer answer)
{
    struct log_resource *log = ctx;
    while (has(log, BUG_HANGS))
        pause();
    return answer_with(log, answer, work_len == 1 ? vote(log, branch, work) : VOW_SAID_NO);
}

static enum vow_said commit(void *ctx, const char *branch, struct vow_answer answer)
{
    struct log_resource *log = ctx;
    const struct branch *found = find(log, branch);
    if (found == NULL)
        return answer_with(log, answer, has(log, BUG_UNKNOWN_IS_DONE) ? VOW_SAID_DONE : VOW_SAID_UNKNOWN);
    if (found->state == VOW_FOUND_COMMITTED && !has(log, BUG_COMMIT_ADDS_AGAIN))
        return answer_with(log, answer, VOW_SAID_DONE);
    vow_testing_crash_point("commit.record");
    return answer_with(log, answer, record(log, 'C', branch, 0, !has(log, BUG_COMMIT_NOT_SYNCED)));
}

static enum vow_said abort_branch(void *ctx, const char *branch, struct vow_answer answer)
{
    struct log_resource *log = ctx;
    if (find(log, branch) == NULL)
        return answer_with(log, answer, VOW_SAID_DONE);
    return answer_with(log, answer, record(log, 'A', branch, 0, false));
}

static void replay_line(struct log_resource *log, const char *line)
{
    char word[VOW_BRANCH_WORD_SIZE];
    const size_t len = strcspn(line + 2, " ");
    if (len >= sizeof(word))
        return;
    memcpy(word, line + 2, len);
    word[len] = '\0';
    apply(log, line[0], word, (unsigned)strtoul(line + 2 + len, NULL, 10));
}

/* Reads the log; a last line that is not whole was never answered. */
static void replay(struct log_resource *log)
{
    static char text[1 << 20];
    const ssize_t len = pread(log->file, text, sizeof(text) - 1, 0);
    char *line = text;
    text[len > 0 ? len : 0] = '\0';
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        replay_line(log, line);
    (void)!ftruncate(log->file, line - text);
}

static int recover(void *ctx, struct vow_recovery *recovery)
{
    struct log_resource *log = ctx;
    unsigned missed = 0;
    int error = 0;
    replay(log);
    if (!has(log, BUG_RECOVER_NOT_SYNCED) && fdatasync(log->file) != 0)
        return VOW_E_IO;
    if (!has(log, BUG_NAME_NOT_SYNCED) && fsync(log->directory) != 0)
        return VOW_E_IO;
    for (unsigned i = 0; i < log->branches_len && error == 0; i++) {
        const struct branch *branch = &log->branches[i];
        if (has(log, BUG_RECOVER_MISSES_ONE) && branch->state == VOW_FOUND_PREPARED && missed++ == 0)
            continue;
        if (has(log, BUG_RECOVER_HIDES_COMMITTED) && branch->state == VOW_FOUND_COMMITTED)
            continue;
        error = vow_recovered(recovery, branch->word, branch->state);
        if (has(log, BUG_RECOVER_LISTS_TWICE) && error == 0)
            error = vow_recovered(recovery, branch->word, branch->state);
        if (has(log, BUG_RECOVER_DROPS_LOCKS))
            log->locked[branch->effect] = false;
    }
    return error;
}

static void forget(void *ctx, const char *branch)
{
    struct log_resource *log = ctx;
    if (find(log, branch) != NULL && !has(log, BUG_FORGET_DOES_NOTHING))
        record(log, 'F', branch, 0, false);
}

/* ---- for the test ---- */

static int open_log(void *ctx, const char *directory, struct vow_resource *resource)
{
    struct log_resource *log = calloc(1, sizeof(*log));
    log->options = *(const struct log_options *)ctx;
    log->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    log->file = openat(log->directory, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    *resource = (struct vow_resource){sizeof(*resource), log, prepare, commit, abort_branch, recover, forget, 0};
    return log->directory < 0 || log->file < 0;
}

static void close_log(void *ctx, struct vow_resource *resource)
{
    struct log_resource *log = resource->ctx;
    (void)ctx;
    for (unsigned i = 0; i < log->threads_len; i++)
        pthread_join(log->threads[i], NULL);
    close(log->file);
    close(log->directory);
    free(log);
}

static void describe(void *ctx, unsigned i, struct vow_work *work, char *payload)
{
    (void)ctx;
    snprintf(payload, VOW_TEST_PAYLOAD_SIZE, "%u", i);
    *work = (struct vow_work){"make", payload, strlen(payload) + 1};
}

static int seen(void *ctx, const struct vow_resource *resource, const char *directory, unsigned i)
{
    (void)ctx, (void)directory;
    return ((const struct log_resource *)resource->ctx)->effects[i];
}

static void describe_read_only(void *ctx, struct vow_work *work, char *payload)
{
    (void)ctx, (void)payload;
    *work = (struct vow_work){"look", NULL, 0};
}

static void describe_refused(void *ctx, struct vow_work *work, char *payload)
{
    (void)ctx, (void)payload;
    *work = (struct vow_work){"refuse", NULL, 0};
}

static long kept(void *ctx, const struct vow_resource *resource, const char *directory)
{
    (void)ctx, (void)directory;
    return ((const struct log_resource *)resource->ctx)->branches_len;
}

struct vow_test_resource_options log_resource_test(struct log_options *options)
{
    return (struct vow_test_resource_options){
        .size = sizeof(struct vow_test_resource_options),
        .ctx = options,
        .open = open_log,
        .close = close_log,
        .work = describe,
        .seen = seen,
        .read_only = describe_read_only,
        .refused = describe_refused,
        .kept = kept,
    };
}
