/*
 * A coordinator for the tests of libvow that says what the test tells it to say. It lives in the test's own thread: the
 * loop runs while the test waits for something, and stands still otherwise, so a test reads as the script of what
 * happens and nothing happens behind its back. Nothing sleeps; the suite's timeout is the bound of every wait.
 */
#ifndef VOW_TEST_LIBVOW_FAKE_H
#define VOW_TEST_LIBVOW_FAKE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <vow/client.h>

#include "proto/address.h"
#include "proto/message.h"
#include "proto/net/channel.h"

#define FAKE_COORD 0x00c0ffee

/* What has come, with copies of the parts that tests look at. */
struct heard {
    enum vow_msg_kind kind;
    struct vow_gtrid id;
    struct vow_msg msg; /* its pointers are dead */
    char participant[VOW_NAME_SIZE];
    char text[VOW_TEXT_SIZE];
    char answer[64]; /* of a STEP_DONE, as a text, cut */
};

#define FAKE_HEARD_MAX 4096

struct fake {
    struct event_base *base;
    struct event *wake; /* on wake_fd, written by other threads */
    int wake_fd;
    struct vow_listener *listener;
    char address[VOW_ADDRESS_SIZE];
    uint64_t coord;
    uint32_t epoch;
    bool gives_no_ids; /* answers IDS_REQUEST with none */
    bool commits_all;  /* answers COMMIT_REQUEST by itself */
    uint64_t next_seq;
    struct vow_channel *channel; /* the last one that came up; NULL = none */
    struct vow_msg_hello hello;  /* its HELLO; the strings are dead */
    unsigned ups;
    unsigned counts[128]; /* messages heard, by kind */
    struct heard heard[FAKE_HEARD_MAX];
    unsigned heard_len, heard_at;
};

struct fake *fake_open(void);
/*
 * Where clients and participants of this run live: VOW_TEST_LOOP=base in the environment puts them on the loop of the
 * fake that was opened last, so that all the same tests prove that kind of loop, too.
 */
enum vow_loop_kind fake_loop(void);
struct event_base *fake_loop_base(void);
void fake_close(struct fake *fake);
/* Nobody listens any more, on any connection. */
void fake_vanish(struct fake *fake);
/* The connection breaks; the other side may connect again. */
void fake_drop(struct fake *fake);
/* It breaks because the coordinator starts again. */
void fake_restart(struct fake *fake);

/* Wake the loop, from any thread, so that it looks at what it waits for. */
void fake_wake(struct fake *fake);
/* Runs the loop once: waits until something happens. */
void fake_turn(struct fake *fake);
/* Runs the loop until *flag. */
void fake_until(struct fake *fake, const atomic_bool *flag);
/* Runs the loop until there is a connection that is the nth, from 1. */
void fake_until_up(struct fake *fake, unsigned nth);
/* Runs the loop until a message of this kind has come that no earlier call has returned. */
const struct heard *fake_hear(struct fake *fake, enum vow_msg_kind kind);

void fake_send(struct fake *fake, const struct vow_msg *msg);
void fake_outcome(struct fake *fake, const struct vow_gtrid *id, enum vow_outcome outcome);
void fake_aborted(struct fake *fake, const struct vow_gtrid *id, enum vow_cause cause, const char *participant,
                  const char *text);
/* OUTCOME unknown, with an error that says why. */
void fake_unknown(struct fake *fake, const struct vow_gtrid *id, int error);

/* SAGA_STATE; without a state (VOW_SAGA_UNKNOWN) it is the error that is told. */
void fake_saga(struct fake *fake, const struct vow_gtrid *id, enum vow_saga_state state, int error);

/* Where the result of an asynchronous commit goes. */
struct answer {
    struct fake *fake;
    atomic_bool done;
    struct vow_result result;
};
/* A vow_result_fn; ctx is a struct answer. */
void answer_take(void *ctx, const struct vow_result *result);
const struct vow_result *answer_await(struct answer *answer);

#endif
