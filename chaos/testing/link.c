#include "chaos/testing/network.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "proto/bytes.h"
#include "proto/frame.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"

/* Read at once, at most. */
#define CHUNK_BYTES ((int)64 * 1024)

static enum vow_test_way way_of(const struct half *half)
{
    return half->i == 0 ? VOW_TEST_TO_COORDINATOR : VOW_TEST_FROM_COORDINATOR;
}

static int source(const struct half *half)
{
    return half->link->sockets[half->i];
}

static int sink(const struct half *half)
{
    return half->link->sockets[1 - half->i];
}

static bool is_cut(const struct half *half)
{
    return ((half->link->node->cut | half->link->network->all.cut) & (unsigned)way_of(half)) != 0;
}

static uint32_t delay_ms(const struct half *half)
{
    const uint32_t own = half->link->node->delay_ms[half->i], all = half->link->network->all.delay_ms[half->i];

    return own > all ? own : all;
}

/* --- What comes --- */

/* The harm that this message is to have, if its turn has come; 0 = none. */
static enum vow_test_harm take_harm(struct node *node, enum vow_test_way way, enum vow_msg_kind kind)
{
    enum vow_test_harm what = 0;

    for (struct harm **at = &node->harms; *at != NULL;) {
        struct harm *harm = *at;

        if (harm->way == way && harm->kind == kind && --harm->left == 0) {
            what = harm->what;
            *at = harm->next;
            free(harm);
        } else {
            at = &harm->next;
        }
    }
    return what;
}

static void append(struct half *half, struct frame *frame)
{
    *half->last = frame;
    half->last = &frame->next;
}

static struct frame *new_frame(const struct half *half, const uint8_t *bytes, size_t len, enum vow_msg_kind kind)
{
    struct frame *frame = malloc(sizeof(*frame) + len);

    if (frame == NULL)
        return NULL;
    *frame = (struct frame){.due_ms = vow_clock_ms() + delay_ms(half), .kind = kind, .len = len, .limit = len};
    memcpy(frame->bytes, bytes, len);
    return frame;
}

/* A whole frame has come: it is put in line with what is to happen to it. Out of memory, the connection breaks. */
static void take_frame(struct half *half, const uint8_t *bytes, size_t len)
{
    struct link *link = half->link;
    struct vow_msg msg;
    const char *why;
    const bool is_known = vow_msg_decode(link->network->arena, bytes + VOW_FRAME_HEADER_BYTES,
                                         len - VOW_FRAME_HEADER_BYTES, &msg, &why) == 0;
    const enum vow_msg_kind kind = is_known ? msg.kind : 0;
    enum vow_test_harm harm = take_harm(link->node, way_of(half), kind);
    const unsigned copies = harm == VOW_TEST_TWICE ? 2 : 1;

    if (harm == 0)
        harm = take_harm(&link->network->all, way_of(half), kind);
    for (unsigned i = 0; i < copies; i++) {
        struct frame *frame = new_frame(half, bytes, len, kind);

        if (frame == NULL) {
            link->is_broken = true;
            return;
        }
        frame->harm = harm;
        if (harm == VOW_TEST_RESET_INSIDE)
            frame->limit = len / 2;
        append(half, frame);
    }
}

static void take_frames(struct half *half)
{
    uint8_t header[VOW_FRAME_HEADER_BYTES];

    while (evbuffer_copyout(half->in, header, sizeof(header)) == (ev_ssize_t)sizeof(header)) {
        const size_t len = sizeof(header) + (size_t)vow_bytes_take(header, sizeof(header));

        if (evbuffer_get_length(half->in) < len)
            return;
        take_frame(half, evbuffer_pullup(half->in, (ev_ssize_t)len), len);
        (void)evbuffer_drain(half->in, len);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct half *half = ctx;
    struct vow_test_network *network = half->link->network;

    (void)what;
    vow_clock_stir();
    pthread_mutex_lock(&network->lock);
    const int got = evbuffer_read(half->in, fd, CHUNK_BYTES);
    if (got > 0) {
        take_frames(half);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        half->has_ended = true;
        (void)event_del(half->readable);
    }
    link_pump(half->link);
    pthread_mutex_unlock(&network->lock);
}

/* --- What goes --- */

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct half *half = ctx;
    struct vow_test_network *network = half->link->network;

    (void)fd, (void)what;
    vow_clock_stir();
    pthread_mutex_lock(&network->lock);
    link_pump(half->link);
    pthread_mutex_unlock(&network->lock);
}

static void on_due(void *ctx)
{
    on_writable(-1, 0, ctx);
}

static void count(struct half *half, enum vow_msg_kind kind)
{
    struct vow_test_network *network = half->link->network;

    half->link->node->passed[half->i][kind]++;
    network->all.passed[half->i][kind]++;
    (void)pthread_cond_broadcast(&network->passed);
}

/* The first frame has gone, or as much of it as is to pass. */
static void finish_first(struct half *half)
{
    struct frame *frame = half->first;

    half->first = frame->next;
    if (half->first == NULL)
        half->last = &half->first;
    if (frame->limit == frame->len)
        count(half, frame->kind);
    if (frame->harm == VOW_TEST_CUT_AFTER)
        half->link->node->cut = VOW_TEST_BOTH_WAYS;
    if (frame->harm == VOW_TEST_RESET_AFTER || frame->harm == VOW_TEST_RESET_INSIDE)
        half->link->is_broken = true;
    free(frame);
}

/* Writes on; false if the socket takes no more now. */
static bool write_first(struct half *half)
{
    struct frame *frame = half->first;

    while (frame->sent < frame->limit) {
        const ssize_t sent = send(sink(half), frame->bytes + frame->sent, frame->limit - frame->sent, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            (void)event_add(half->writable, NULL);
            return false;
        }
        if (sent < 0) {
            half->link->is_broken = true;
            return false;
        }
        frame->sent += (size_t)sent;
    }
    return true;
}

/* What is to happen before a frame. False if it must wait, or never comes. */
static bool may_pass(struct half *half)
{
    struct frame *frame = half->first;
    const uint64_t now_ms = vow_clock_ms();

    if (frame->harm == VOW_TEST_CUT_BEFORE) {
        frame->harm = 0;
        half->link->node->cut = VOW_TEST_BOTH_WAYS;
    }
    if (is_cut(half))
        return false;
    if (frame->harm == VOW_TEST_RESET_BEFORE) {
        half->link->is_broken = true;
        return false;
    }
    if (frame->due_ms > now_ms) {
        vow_timer_arm(&half->timer, frame->due_ms - now_ms);
        return false;
    }
    return true;
}

static void pump(struct half *half)
{
    while (!half->link->is_broken && half->first != NULL && may_pass(half) && write_first(half))
        finish_first(half);
    /* The end of a connection travels like a frame. */
    if (half->has_ended && half->first == NULL && !is_cut(half))
        half->link->is_broken = true;
}

void link_pump(struct link *link)
{
    for (unsigned i = 0; i < 2; i++)
        pump(&link->halves[i]);
    /* Not here: a callback of this link's may be on the stack. */
    if (link->is_broken)
        network_wake(link->network);
}

/* --- Life --- */

static int open_half(struct half *half)
{
    struct vow_test_network *network = half->link->network;

    vow_timer_init(&half->timer, network->base, network->timers, on_due, half);
    half->in = evbuffer_new();
    half->readable = event_new(network->base, source(half), EV_READ | EV_PERSIST, on_readable, half);
    half->writable = event_new(network->base, sink(half), EV_WRITE, on_writable, half);
    if (half->in == NULL || half->readable == NULL || half->writable == NULL || event_add(half->readable, NULL) != 0)
        return VOW_E_NO_MEMORY;
    return 0;
}

int link_open(struct link *link)
{
    int error = 0;

    link->is_open = true;
    for (unsigned i = 0; i < 2; i++) {
        if (open_half(&link->halves[i]) != 0)
            error = VOW_E_NO_MEMORY;
    }
    return error;
}

static void close_half(struct half *half)
{
    if (half->readable != NULL)
        event_free(half->readable);
    if (half->writable != NULL)
        event_free(half->writable);
    if (half->in != NULL)
        evbuffer_free(half->in);
    if (half->link->is_open)
        vow_timer_deinit(&half->timer);
    while (half->first != NULL) {
        struct frame *frame = half->first;

        half->first = frame->next;
        free(frame);
    }
}

void link_free(struct link *link)
{
    DL_DELETE(link->network->links, link);
    for (unsigned i = 0; i < 2; i++)
        close_half(&link->halves[i]);
    for (unsigned i = 0; i < 2; i++)
        close(link->sockets[i]);
    free(link);
}
