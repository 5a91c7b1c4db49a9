/*
 * One life of a process that uses a resource: forked, it opens the resource, plays its part, and ends or is killed at a
 * place. What it did and heard is on the board, which the lives of one trial and the parent share.
 */
#ifndef VOW_TESTING_LIFE_H
#define VOW_TESTING_LIFE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <vow/testing.h>

#include "participant/store/resource_handles.h"

#define LIFE_BRANCHES_MAX 64

/* What is known of a branch: who reads it after a kill knows what was promised. */
enum note {
    NOTE_NONE,
    NOTE_PREPARING, /* asked, not answered */
    NOTE_PREPARED,  /* YES was said */
    NOTE_REFUSED,   /* NO or READ_ONLY was said */
    NOTE_COMMITTING,
    NOTE_COMMITTED,
    NOTE_ABORTING,
    NOTE_ABORTED,
    NOTE_FORGETTING,
};

struct branch_note {
    char word[VOW_BRANCH_WORD_SIZE];
    enum note note;
    unsigned effect;
    enum vow_found listed; /* by recover of this life; 0 = not */
};

struct board {
    unsigned kill_at; /* the number of the place, from 1; 0 = never */
    atomic_uint places;
    char doing[128]; /* for the words about it */
    char failure[1024];
    unsigned branches_len;
    struct branch_note branches[LIFE_BRANCHES_MAX];
    unsigned strangers; /* words that recover listed and nobody knows */
};

struct life {
    const struct vow_test_resource_options *options;
    const char *directory;
    struct board *board;
    struct vow_resource resource;
};

/* A place where this process may be killed. Does nothing in a process that is no life. */
void life_place(const char *what);

enum life_end { LIFE_ENDED, LIFE_KILLED, LIFE_FAILED };
typedef void life_play_fn(struct life *life);

/* Forks a life that opens the resource and calls `play`; waits for its end. board->failure says why it failed. */
enum life_end life_run(const struct vow_test_resource_options *options, const char *directory, const char *notes,
                       struct board *board, life_play_fn *play);

/* ---- in a life ---- */

_Noreturn void life_fail(struct life *life, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A new branch about effect i, not asked for yet. */
struct branch_note *life_branch(struct life *life, unsigned effect);

/* A call under way. */
struct life_call;
struct life_call *life_ask(struct life *life, struct branch_note *branch, enum ask ask);
/* To prepare another work than that of the branch's effect. */
struct life_call *life_ask_for(struct life *life, struct branch_note *branch, const struct vow_work *work);
/* The answer, if it has come; else 0. */
enum vow_said life_heard(struct life_call *call);
/* Waits for it, notes it, checks that it is one. TRY_AGAIN is asked again. */
enum vow_said life_await(struct life *life, struct life_call *call);

/* Asks, waits, and fails if the answer is another. */
void life_prepare(struct life *life, struct branch_note *branch);
void life_commit(struct life *life, struct branch_note *branch);
void life_abort(struct life *life, struct branch_note *branch);
void life_forget(struct life *life, struct branch_note *branch);
/* Fails if the effect is not visible so often. */
void life_expect_seen(struct life *life, unsigned effect, int times, const char *when);

/* What recover has listed is what was promised; then every branch is ended, the undecided ones by their number. */
void life_judge(struct life *life);

#endif
