/*
 * F142 and F146: clients and participants on each kind of loop, when memory, a descriptor or a thread cannot be had.
 * Opening is all or nothing, with a clean error; the caller's base is left as it was.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>

#include <vow/vow.h>

#include "fail.h"
#include "proto/error.h"

TestSuite(failing_loop, .timeout = 240);

static const int errors[] = {VOW_E_NO_MEMORY, VOW_E_SYSTEM, 0};

struct subject {
    enum vow_loop_kind loop;
    struct event_base *base;
    struct vow_client *client;
    struct vow_participant *participant;
    struct vow_error_detail detail;
};

static void make_base(void *ctx)
{
    struct subject *subject = ctx;

    subject->client = NULL;
    subject->participant = NULL;
    subject->base = subject->loop == VOW_LOOP_BASE ? event_base_new() : NULL;
}

static void free_base(struct subject *subject)
{
    if (subject->base == NULL)
        return;
    cr_assert_eq(event_base_get_num_events(subject->base, EVENT_BASE_COUNT_ADDED), 0, "something is left on the base");
    event_base_free(subject->base);
}

/* --- Clients --- */

static int open_client(void *ctx)
{
    struct subject *subject = ctx;
    const struct vow_client_options options = {.size = sizeof(options),
                                               .coordinator = "127.0.0.1:1",
                                               .in_flight_max = 16,
                                               .loop = subject->loop,
                                               .base = subject->base};
    int error = vow_client_open(&options, &subject->client, &subject->detail);

    cr_assert_eq(error != 0, subject->client == NULL);
    return error;
}

static void close_client(void *ctx, int error)
{
    struct subject *subject = ctx;

    if (error != 0)
        cr_assert_eq(open_client(subject), 0, "%s", subject->detail.text);
    vow_client_close(subject->client);
    free_base(subject);
}

/* --- Participants --- */

static int open_participant(void *ctx)
{
    struct subject *subject = ctx;
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "stock",
                                                    .store = VOW_STORE_KIND_NULL,
                                                    .coordinator = "127.0.0.1:1",
                                                    .loop = subject->loop,
                                                    .base = subject->base};
    int error = vow_participant_open(&options, &subject->participant, &subject->detail);

    cr_assert_eq(error != 0, subject->participant == NULL);
    if (error != 0)
        return error;
    error = vow_participant_start(subject->participant);
    if (error != 0) {
        /* It may be started again, or closed. */
        vow_participant_close(subject->participant);
        subject->participant = NULL;
    }
    return error;
}

static void close_participant(void *ctx, int error)
{
    struct subject *subject = ctx;

    if (error != 0)
        cr_assert_eq(open_participant(subject), 0, "%s", subject->detail.text);
    vow_participant_close(subject->participant);
    free_base(subject);
}

/* --- Each way --- */

static void sweep(enum fail_kind kind, enum vow_loop_kind loop)
{
    struct subject subject = {.loop = loop};
    const struct fail_case client = {
        .before = make_base, .run = open_client, .after = close_client, .errors = errors, .why = subject.detail.text};
    const struct fail_case participant = {.before = make_base,
                                          .run = open_participant,
                                          .after = close_participant,
                                          .errors = errors,
                                          .why = subject.detail.text};

    fail_sweep(kind, &client, &subject);
    fail_sweep(kind, &participant, &subject);
}

/*
 * Here alone the loop runs while memory fails, so what the first attempt to connect needs fails, too, if its thread
 * gets that far before the end: hence the crash that this test met in some runs and not in others. It was
 * bufferevent_setwatermark() on that thread, in evbuffer_cb_set_flags(): libevent does not look whether it got the
 * callback that it adds for a high-water mark. We set none any more (tests/mutants/net-watermark-without-memory.patch).
 */
Test(failing_loop, F142_on_a_thread_of_its_own)
{
    sweep(FAIL_MEMORY, VOW_LOOP_OWN_THREAD);
}

Test(failing_loop, F146_on_a_thread_of_its_own)
{
    sweep(FAIL_SYSTEM, VOW_LOOP_OWN_THREAD);
}

Test(failing_loop, F142_on_the_callers_base)
{
    sweep(FAIL_MEMORY, VOW_LOOP_BASE);
}

Test(failing_loop, F146_on_the_callers_base)
{
    sweep(FAIL_SYSTEM, VOW_LOOP_BASE);
}

Test(failing_loop, F142_behind_a_descriptor)
{
    sweep(FAIL_MEMORY, VOW_LOOP_FD);
}

Test(failing_loop, F146_behind_a_descriptor)
{
    sweep(FAIL_SYSTEM, VOW_LOOP_FD);
}
