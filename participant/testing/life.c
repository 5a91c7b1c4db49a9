#include "participant/testing/life.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "participant/testing/power.h"

#define TIMEOUT_MS_DEFAULT 30000u
/* A TRY_AGAIN is asked again after this time. */
#define AGAIN_MS 10

/* The life that this process is; NULL = none. The places are in functions that have no context of their own. */
static struct life *self;

/* One call of the resource. Never freed: a second answer must find it. */
struct life_call {
    struct vow_answer_of of; /* first */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct branch_note *branch;
    enum ask ask;
    unsigned answers;
    enum vow_said said;
    enum vow_cause cause;
    struct life_call *next; /* all calls of the life */
};

static struct life_call *calls;

/* ---- places and words ---- */

void life_place(const char *what)
{
    struct board *board = self != NULL ? self->board : NULL;
    if (board == NULL || atomic_fetch_add(&board->places, 1) + 1 != board->kill_at)
        return;
    const size_t len = strlen(board->doing);
    snprintf(board->doing + len, sizeof(board->doing) - len, "%s%s", what[0] != '\0' ? ", before " : "", what);
    raise(SIGKILL);
}

/* Weak: a program may link vow_testing_world as well, which has one of its own. */
__attribute__((weak)) void vow_testing_crash_point(const char *name)
{
    life_place(name);
}

/* Between two calls. */
static void doing(struct life *life, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void doing(struct life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(life->board->doing, sizeof(life->board->doing), format, arguments);
    va_end(arguments);
    life_place("");
}

void life_fail(struct life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(life->board->failure, sizeof(life->board->failure), format, arguments);
    va_end(arguments);
    _exit(1);
}

static uint32_t timeout_ms(const struct life *life)
{
    return life->options->answer_timeout_ms > 0 ? life->options->answer_timeout_ms : TIMEOUT_MS_DEFAULT;
}

static unsigned number(const struct life *life, const struct branch_note *branch)
{
    return (unsigned)(branch - life->board->branches);
}

/* ---- calls ---- */

static int say(struct vow_answer_of *of, uint64_t ticket, enum vow_said said, enum vow_cause cause, const char *why)
{
    struct life_call *call = (struct life_call *)of;
    (void)ticket, (void)why;
    pthread_mutex_lock(&call->lock);
    const bool is_first = call->answers++ == 0;
    if (is_first) {
        call->said = said;
        call->cause = cause;
        pthread_cond_signal(&call->answered);
    }
    pthread_mutex_unlock(&call->lock);
    if (!is_first)
        return VOW_E_STATE;
    return answer_is_allowed(call->ask, said, cause) ? 0 : VOW_E_ARGUMENT;
}

static struct life_call *new_call(struct life *life, struct branch_note *branch, enum ask ask)
{
    struct life_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        life_fail(life, "the test has no memory");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&call->answered, &monotonic);
    pthread_mutex_init(&call->lock, NULL);
    call->of.say = say;
    call->branch = branch;
    call->ask = ask;
    call->next = calls;
    calls = call;
    return call;
}

static void take_returned(struct life *life, struct life_call *call, enum vow_said said)
{
    if (said == VOW_SAID_LATER)
        return;
    pthread_mutex_lock(&call->lock);
    if (call->answers++ == 0)
        call->said = said;
    pthread_mutex_unlock(&call->lock);
    if (!answer_is_allowed(call->ask, said, VOW_CAUSE_NONE))
        life_fail(life, "%s of branch %u returned %d, which is no answer to it (0 is none on purpose)",
                  ask_name(call->ask), number(life, call->branch), (int)said);
}

static void call_resource(struct life *life, struct life_call *call, const struct vow_work *work)
{
    const struct vow_answer answer = {call, 1};
    const struct vow_resource *resource = &life->resource;
    const char *word = call->branch->word;
    alarm(timeout_ms(life) / 1000 + 5); /* a callback that does not return */
    switch (call->ask) {
    case ASK_PREPARE:
        take_returned(life, call, resource->prepare(resource->ctx, word, work, 1, answer));
        break;
    case ASK_COMMIT:
        take_returned(life, call, resource->commit(resource->ctx, word, answer));
        break;
    case ASK_ABORT:
        take_returned(life, call, resource->abort(resource->ctx, word, answer));
        break;
    }
}

struct life_call *life_ask_for(struct life *life, struct branch_note *branch, const struct vow_work *work)
{
    struct life_call *call = new_call(life, branch, ASK_PREPARE);
    doing(life, "before prepare of branch %u", number(life, branch));
    branch->note = NOTE_PREPARING;
    snprintf(life->board->doing, sizeof(life->board->doing), "in prepare of branch %u", number(life, branch));
    call_resource(life, call, work);
    return call;
}

struct life_call *life_ask(struct life *life, struct branch_note *branch, enum ask ask)
{
    char payload[VOW_TEST_PAYLOAD_SIZE];
    struct vow_work work = {"", NULL, 0};
    if (ask == ASK_PREPARE) {
        life->options->work(life->options->ctx, branch->effect, &work, payload);
        return life_ask_for(life, branch, &work);
    }
    struct life_call *call = new_call(life, branch, ask);
    doing(life, "before %s of branch %u", ask_name(ask), number(life, branch));
    /* What has been done is not undone by asking again. */
    if (branch->note != NOTE_COMMITTED && branch->note != NOTE_ABORTED && branch->note != NOTE_REFUSED)
        branch->note = ask == ASK_COMMIT ? NOTE_COMMITTING : NOTE_ABORTING;
    snprintf(life->board->doing, sizeof(life->board->doing), "in %s of branch %u", ask_name(ask), number(life, branch));
    call_resource(life, call, NULL);
    return call;
}

enum vow_said life_heard(struct life_call *call)
{
    pthread_mutex_lock(&call->lock);
    const enum vow_said said = call->said;
    pthread_mutex_unlock(&call->lock);
    return said;
}

static enum vow_said await_answer(struct life *life, struct life_call *call)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms(life) / 1000 + 1;
    pthread_mutex_lock(&call->lock);
    while (call->answers == 0)
        if (pthread_cond_timedwait(&call->answered, &call->lock, &until) == ETIMEDOUT)
            life_fail(life, "%s of branch %u said that it answers later, and did not within %u ms", ask_name(call->ask),
                      number(life, call->branch), timeout_ms(life));
    const enum vow_said said = call->said;
    const enum vow_cause cause = call->cause;
    pthread_mutex_unlock(&call->lock);
    if (!answer_is_allowed(call->ask, said, cause))
        life_fail(life, "%s of branch %u was answered with %d (cause %d), which is no answer to it",
                  ask_name(call->ask), number(life, call->branch), (int)said, (int)cause);
    if (said == VOW_SAID_BROKEN)
        life_fail(life, "%s of branch %u says that the resource is broken", ask_name(call->ask),
                  number(life, call->branch));
    return said;
}

static void note_answer(struct branch_note *branch, enum vow_said said)
{
    if (said == VOW_SAID_YES)
        branch->note = NOTE_PREPARED;
    else if (said == VOW_SAID_NO || said == VOW_SAID_READ_ONLY)
        branch->note = NOTE_REFUSED;
    else if (said == VOW_SAID_DONE && branch->note == NOTE_COMMITTING)
        branch->note = NOTE_COMMITTED;
    else if (said == VOW_SAID_DONE && branch->note == NOTE_ABORTING)
        branch->note = NOTE_ABORTED;
}

enum vow_said life_await(struct life *life, struct life_call *call)
{
    enum vow_said said = await_answer(life, call);
    for (uint32_t waited = 0; said == VOW_SAID_TRY_AGAIN; waited += AGAIN_MS) {
        if (waited > timeout_ms(life))
            life_fail(life, "%s of branch %u says again and again that it should be asked again", ask_name(call->ask),
                      number(life, call->branch));
        poll(NULL, 0, AGAIN_MS);
        call = life_ask(life, call->branch, call->ask);
        said = await_answer(life, call);
    }
    note_answer(call->branch, said);
    return said;
}

/* ---- what must be ---- */

struct branch_note *life_branch(struct life *life, unsigned effect)
{
    struct board *board = life->board;
    char id[VOW_GTRID_TEXT_SIZE];
    if (board->branches_len == LIFE_BRANCHES_MAX)
        life_fail(life, "the test has no room for another branch");
    struct branch_note *branch = &board->branches[board->branches_len];
    struct vow_gtrid gtrid = {{0x7e, 0x57}};
    gtrid.bytes[sizeof(gtrid.bytes) - 1] = (uint8_t)++board->branches_len;
    vow_gtrid_to_text(&gtrid, id);
    snprintf(branch->word, sizeof(branch->word), "%s-%u", id, 1 + effect % 3);
    branch->effect = effect;
    return branch;
}

static void expect_said(struct life *life, struct life_call *call, enum vow_said expected, const char *name)
{
    const enum ask ask = call->ask;
    struct branch_note *branch = call->branch;
    const enum note before = branch->note;
    const enum vow_said said = life_await(life, call);
    if (said != expected)
        life_fail(life, "%s of branch %u was answered %s, not %s%s", ask_name(ask), number(life, branch),
                  said == VOW_SAID_UNKNOWN ? "UNKNOWN"
                  : said == VOW_SAID_NO    ? "NO"
                                           : "with something else",
                  name, before == NOTE_COMMITTED ? ", though it was DONE before" : "");
}

void life_prepare(struct life *life, struct branch_note *branch)
{
    expect_said(life, life_ask(life, branch, ASK_PREPARE), VOW_SAID_YES, "YES");
}

void life_commit(struct life *life, struct branch_note *branch)
{
    expect_said(life, life_ask(life, branch, ASK_COMMIT), VOW_SAID_DONE, "DONE");
}

void life_abort(struct life *life, struct branch_note *branch)
{
    expect_said(life, life_ask(life, branch, ASK_ABORT), VOW_SAID_DONE, "DONE");
}

void life_forget(struct life *life, struct branch_note *branch)
{
    doing(life, "before forget of branch %u", number(life, branch));
    branch->note = NOTE_FORGETTING;
    snprintf(life->board->doing, sizeof(life->board->doing), "in forget of branch %u", number(life, branch));
    life->resource.forget(life->resource.ctx, branch->word);
}

void life_expect_seen(struct life *life, unsigned effect, int times, const char *when)
{
    const int seen = life->options->seen(life->options->ctx, &life->resource, life->directory, effect);
    if (seen != times)
        life_fail(life, "effect %u is visible %d times, not %d, %s", effect, seen, times, when);
}

/* ---- the frame ---- */

struct listing {
    struct vow_recovery handle; /* first */
    struct life *life;
};

static int list(struct vow_recovery *handle, const char *word, enum vow_found found)
{
    struct life *life = ((struct listing *)handle)->life;
    struct board *board = life->board;
    for (unsigned i = 0; i < board->branches_len; i++) {
        if (strcmp(board->branches[i].word, word) != 0)
            continue;
        if (board->branches[i].listed != 0)
            life_fail(life, "recover has listed branch %u twice", i);
        board->branches[i].listed = found;
        return 0;
    }
    life_fail(life, "recover has listed \"%s\", which is no branch of the test", word);
}

static void expect_whole(struct life *life)
{
    const struct vow_resource *resource = &life->resource;
    if (resource->size < offsetof(struct vow_resource, answers_max) || resource->prepare == NULL ||
        resource->commit == NULL || resource->abort == NULL || resource->recover == NULL || resource->forget == NULL)
        life_fail(life, "open has not filled the struct: size and all five callbacks are required");
}

static void expect_single_answers(struct life *life)
{
    for (struct life_call *call = calls; call != NULL; call = call->next) {
        pthread_mutex_lock(&call->lock);
        const unsigned answers = call->answers;
        pthread_mutex_unlock(&call->lock);
        if (answers > 1)
            life_fail(life, "%s of branch %u was answered %u times", ask_name(call->ask), number(life, call->branch),
                      answers);
    }
}

static _Noreturn void live(struct life *life, const char *notes, life_play_fn *play)
{
    struct listing listing = {{list}, life};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    self = life;
    if (notes != NULL)
        power_watch(life->directory, notes);
    alarm(timeout_ms(life) / 1000 + 5);
    snprintf(life->board->doing, sizeof(life->board->doing), "in open");
    int error = life->options->open(life->options->ctx, life->directory, &life->resource);
    if (error != 0)
        life_fail(life, "open returned %d", error);
    expect_whole(life);
    for (unsigned i = 0; i < life->board->branches_len; i++)
        life->board->branches[i].listed = 0;
    snprintf(life->board->doing, sizeof(life->board->doing), "in recover");
    error = life->resource.recover(life->resource.ctx, &listing.handle);
    if (error != 0)
        life_fail(life, "recover returned %d", error);
    play(life);
    doing(life, "before close");
    life->options->close(life->options->ctx, &life->resource);
    expect_single_answers(life);
    _exit(0);
}

enum life_end life_run(const struct vow_test_resource_options *options, const char *directory, const char *notes,
                       struct board *board, life_play_fn *play)
{
    int status;
    board->failure[0] = '\0';
    atomic_store(&board->places, 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        live(&(struct life){.options = options, .directory = directory, .board = board}, notes, play);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child < 0) {
        snprintf(board->failure, sizeof(board->failure), "fork: %s", strerror(errno));
        return LIFE_FAILED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return LIFE_ENDED;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && board->kill_at > 0)
        return LIFE_KILLED;
    if (WIFSIGNALED(status))
        snprintf(board->failure, sizeof(board->failure), "%s, %s", board->doing,
                 WTERMSIG(status) == SIGALRM ? "it does not return" : strsignal(WTERMSIG(status)));
    else if (board->failure[0] == '\0')
        snprintf(board->failure, sizeof(board->failure), "%s, the process ended with status %d", board->doing,
                 WEXITSTATUS(status));
    return LIFE_FAILED;
}
