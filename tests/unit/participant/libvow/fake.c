#include "fake.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- What comes --- */

static void take_parts(struct heard *heard, const struct vow_gtrid *id, const char *participant, const char *text)
{
    heard->id = *id;
    (void)snprintf(heard->participant, sizeof(heard->participant), "%s", participant);
    (void)snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void record(struct fake *fake, const struct vow_msg *msg)
{
    struct heard *heard = &fake->heard[fake->heard_len];

    cr_assert_lt(fake->heard_len, FAKE_HEARD_MAX);
    *heard = (struct heard){.kind = msg->kind, .msg = *msg};
    if (msg->kind == VOW_MSG_COMMIT_REQUEST)
        take_parts(heard, &msg->commit_request.gtrid, "", "");
    if (msg->kind == VOW_MSG_STATUS_REQUEST)
        take_parts(heard, &msg->status_request.gtrid, msg->status_request.participant, "");
    if (msg->kind == VOW_MSG_VOTE)
        take_parts(heard, &msg->vote.header.gtrid, "", msg->vote.text);
    if (msg->kind == VOW_MSG_ACK)
        take_parts(heard, &msg->ack.header.gtrid, "", "");
    if (msg->kind == VOW_MSG_INQUIRY)
        take_parts(heard, &msg->inquiry.header.gtrid, "", "");
    if (msg->kind == VOW_MSG_ONE_PHASE_DONE)
        take_parts(heard, &msg->one_phase_done.header.gtrid, "", msg->one_phase_done.text);
    if (msg->kind == VOW_MSG_STEP_DONE) {
        take_parts(heard, &msg->step_done.gtrid, "", msg->step_done.text);
        (void)snprintf(heard->answer, sizeof(heard->answer), "%.*s", (int)msg->step_done.answer.len,
                       (const char *)msg->step_done.answer.data);
    }
    if (msg->kind == VOW_MSG_SAGA_REQUEST)
        take_parts(heard, &msg->saga_request.gtrid, "", msg->saga_request.steps[0].action);
    if (msg->kind == VOW_MSG_SAGA_QUERY)
        take_parts(heard, &msg->saga_query.gtrid, "", "");
    if (msg->kind == VOW_MSG_SAGA_CANCEL)
        take_parts(heard, &msg->saga_cancel.gtrid, "", "");
    if (msg->kind == VOW_MSG_PUBLISH) {
        take_parts(heard, &msg->publish.event.gtrid, msg->publish.event.source, "");
        (void)snprintf(heard->text, sizeof(heard->text), "%s %s", msg->publish.event.topic, msg->publish.event.key);
    }
    if (msg->kind == VOW_MSG_SUBSCRIBE)
        take_parts(heard, &heard->id, "", msg->subscribe.group);
    if (msg->kind == VOW_MSG_DELIVERED)
        take_parts(heard, &heard->id, msg->delivered.group, msg->delivered.text);
    fake->counts[msg->kind]++;
    fake->heard_len++;
}

static void give_ids(struct fake *fake, uint32_t count)
{
    uint64_t rand[VOW_IDS_MAX];
    struct vow_msg msg = {.kind = VOW_MSG_IDS};

    if (fake->gives_no_ids)
        count = 0;
    for (uint32_t i = 0; i < count; i++)
        rand[i] = 0xabc000 + fake->next_seq + i;
    msg.ids = (struct vow_msg_ids){.epoch = fake->epoch, .first_seq = fake->next_seq, .count = count, .rand = rand};
    fake->next_seq += count;
    fake_send(fake, &msg);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct fake *fake = ctx;

    (void)channel;
    record(fake, msg);
    if (msg->kind == VOW_MSG_IDS_REQUEST)
        give_ids(fake, msg->ids_request.count);
    if (msg->kind == VOW_MSG_COMMIT_REQUEST && fake->commits_all)
        fake_outcome(fake, &msg->commit_request.gtrid, VOW_COMMITTED);
}

static int on_hello(void *ctx, struct vow_channel *channel, const struct vow_msg_hello *hello,
                    struct vow_msg_welcome *welcome, const char **why)
{
    struct fake *fake = ctx;

    (void)channel, (void)why;
    fake->hello = *hello;
    *welcome = (struct vow_msg_welcome){.coord = fake->coord, .epoch = fake->epoch, .name = "fake"};
    return 0;
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    struct fake *fake = ctx;

    (void)welcome;
    fake->channel = channel;
    fake->ups++;
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct fake *fake = ctx;

    (void)detail;
    if (fake->channel == channel)
        fake->channel = NULL;
}

static void woken(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));

    (void)what, (void)ctx, (void)got;
}

/* --- Life --- */

static struct fake *last_opened;

enum vow_loop_kind fake_loop(void)
{
    const char *kind = getenv("VOW_TEST_LOOP");

    return last_opened != NULL && kind != NULL && strcmp(kind, "base") == 0 ? VOW_LOOP_BASE : VOW_LOOP_OWN_THREAD;
}

struct event_base *fake_loop_base(void)
{
    return fake_loop() == VOW_LOOP_BASE ? last_opened->base : NULL;
}

struct fake *fake_open(void)
{
    static const struct vow_channel_ops ops = {
        .on_hello = on_hello, .on_up = on_up, .on_message = on_message, .on_down = on_down};
    struct vow_error_detail detail;
    struct vow_address address;
    struct fake *fake = calloc(1, sizeof(*fake));

    cr_assert_not_null(fake);
    fake->coord = FAKE_COORD;
    fake->epoch = 7;
    fake->next_seq = 1;
    fake->base = event_base_new();
    fake->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fake->wake = event_new(fake->base, fake->wake_fd, EV_READ | EV_PERSIST, woken, fake);
    cr_assert_eq(event_add(fake->wake, NULL), 0);
    cr_assert_eq(vow_address_parse("127.0.0.1:0", &address), 0);
    cr_assert_eq(vow_listener_new(fake->base, &address, &vow_channel_defaults, &ops, fake, &fake->listener, &detail), 0,
                 "%s", detail.text);
    vow_listener_address(fake->listener, &address);
    vow_address_print(&address, fake->address);
    last_opened = fake;
    return fake;
}

void fake_vanish(struct fake *fake)
{
    fake_drop(fake);
    vow_listener_free(fake->listener);
    fake->listener = NULL;
}

void fake_close(struct fake *fake)
{
    fake_vanish(fake);
    event_free(fake->wake);
    (void)event_base_loop(fake->base, EVLOOP_NONBLOCK);
    event_base_free(fake->base);
    close(fake->wake_fd);
    free(fake);
}

void fake_drop(struct fake *fake)
{
    if (fake->channel != NULL)
        vow_channel_close(fake->channel, true);
    fake->channel = NULL;
}

void fake_restart(struct fake *fake)
{
    fake->epoch++;
    fake_drop(fake);
}

/* --- Waiting --- */

void fake_wake(struct fake *fake)
{
    const uint64_t one = 1;

    cr_assert_eq(write(fake->wake_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

void fake_turn(struct fake *fake)
{
    cr_assert_eq(event_base_loop(fake->base, EVLOOP_ONCE), 0);
}

void fake_until(struct fake *fake, const atomic_bool *flag)
{
    while (!atomic_load(flag))
        fake_turn(fake);
}

void fake_until_up(struct fake *fake, unsigned nth)
{
    while (fake->ups < nth)
        fake_turn(fake);
}

const struct heard *fake_hear(struct fake *fake, enum vow_msg_kind kind)
{
    for (;;) {
        while (fake->heard_at == fake->heard_len)
            fake_turn(fake);
        if (fake->heard[fake->heard_at++].kind == kind)
            return &fake->heard[fake->heard_at - 1];
    }
}

/* --- What goes --- */

void fake_send(struct fake *fake, const struct vow_msg *msg)
{
    cr_assert_not_null(fake->channel);
    cr_assert_eq(vow_channel_send(fake->channel, msg), 0);
}

static void send_outcome(struct fake *fake, struct vow_msg_outcome outcome)
{
    struct vow_msg msg = {.kind = VOW_MSG_OUTCOME, .outcome = outcome};

    fake_send(fake, &msg);
}

void fake_outcome(struct fake *fake, const struct vow_gtrid *id, enum vow_outcome outcome)
{
    send_outcome(fake, (struct vow_msg_outcome){.gtrid = *id, .outcome = outcome, .participant = "", .text = ""});
}

void fake_aborted(struct fake *fake, const struct vow_gtrid *id, enum vow_cause cause, const char *participant,
                  const char *text)
{
    send_outcome(fake,
                 (struct vow_msg_outcome){
                     .gtrid = *id, .outcome = VOW_ABORTED, .cause = cause, .participant = participant, .text = text});
}

void fake_unknown(struct fake *fake, const struct vow_gtrid *id, int error)
{
    send_outcome(fake, (struct vow_msg_outcome){
                           .gtrid = *id, .outcome = VOW_UNKNOWN, .error = error, .participant = "", .text = ""});
}

void fake_saga(struct fake *fake, const struct vow_gtrid *id, enum vow_saga_state state, int error)
{
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};

    msg.saga_state =
        (struct vow_msg_saga_state){.gtrid = *id, .state = state, .error = error, .step = VOW_STEP_NONE, .text = ""};
    fake_send(fake, &msg);
}

/* --- Answers --- */

void answer_take(void *ctx, const struct vow_result *result)
{
    struct answer *answer = ctx;
    struct fake *fake = answer->fake;

    answer->result = *result;
    atomic_store(&answer->done, true);
    /* From here on the answer is the test's again. */
    fake_wake(fake);
}

const struct vow_result *answer_await(struct answer *answer)
{
    fake_until(answer->fake, &answer->done);
    return &answer->result;
}
