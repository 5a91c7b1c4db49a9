#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chaos/proxy/proxy_private.h"

/* Read at once, at most. */
#define CHUNK_BYTES 16384
/* A slow link passes on what comes in a fiftieth of a second at a time. */
#define PARTS_OF_A_SECOND 50

static unsigned way_of(const struct pipe *pipe)
{
    return pipe->i == 0 ? PROXY_FORTH : PROXY_BACK;
}

static const struct proxy_weather *weather_of(const struct pipe *pipe)
{
    return &pipe->conn->proxy->weather[pipe->i];
}

void pipe_init(struct pipe *pipe, struct conn *conn, unsigned i)
{
    *pipe = (struct pipe){.conn = conn, .i = i, .wake_us = PROXY_NEVER};
    pipe->last = &pipe->first;
}

void pipe_note(struct pipe *pipe, enum proxy_fault fault)
{
    if ((pipe->noted & 1u << fault) != 0)
        return;
    pipe->noted |= 1u << fault;
    proxy_count(pipe->conn->proxy, fault, way_of(pipe));
}

static void drop_first(struct pipe *pipe)
{
    struct piece *piece = pipe->first;

    pipe->held -= piece->len - piece->sent;
    pipe->first = piece->next;
    if (pipe->first == NULL)
        pipe->last = &pipe->first;
    free(piece);
}

void pipe_drop(struct pipe *pipe)
{
    while (pipe->first != NULL)
        drop_first(pipe);
}

/* --- What comes --- */

bool pipe_wants_to_read(const struct pipe *pipe)
{
    const struct conn *conn = pipe->conn;

    return conn->fds[pipe->i] >= 0 && !conn->gone[pipe->i] && !pipe->has_ended &&
           (pipe->i == 0 || conn->state == CONN_UP) && pipe->held < conn->proxy->options.buffer_max;
}

static struct piece *new_piece(struct pipe *pipe, const uint8_t *bytes, uint32_t len)
{
    struct proxy *proxy = pipe->conn->proxy;
    const struct proxy_weather *weather = weather_of(pipe);
    struct piece *piece = malloc(sizeof(*piece) + len);

    if (piece == NULL)
        return NULL;
    *piece = (struct piece){.len = len};
    memcpy(piece->bytes, bytes, len);
    piece->due_us = proxy_now_us(proxy) + (uint64_t)weather->delay_ms * 1000 +
                    proxy_draw(proxy, (uint64_t)weather->jitter_ms * 1000);
    if (piece->due_us < pipe->due_us)
        piece->due_us = pipe->due_us;
    pipe->due_us = piece->due_us;
    return piece;
}

/* Without memory the connection cannot go on. */
static void append(struct pipe *pipe, const uint8_t *bytes, uint32_t len)
{
    struct piece *piece = new_piece(pipe, bytes, len);

    if (piece == NULL) {
        conn_reset(pipe->conn);
        return;
    }
    *pipe->last = piece;
    pipe->last = &piece->next;
    pipe->held += len;
}

void pipe_read(struct pipe *pipe)
{
    struct conn *conn = pipe->conn;
    uint8_t bytes[CHUNK_BYTES];
    const size_t room = conn->proxy->options.buffer_max - pipe->held;
    ssize_t got;

    if (!pipe_wants_to_read(pipe))
        return;
    got = recv(conn->fds[pipe->i], bytes, room < sizeof(bytes) ? room : sizeof(bytes), MSG_DONTWAIT);
    if (got > 0)
        append(pipe, bytes, (uint32_t)got);
    else if (got == 0)
        pipe->has_ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        conn->gone[pipe->i] = true;
}

/* --- What passes --- */

/* How much of that may pass now, before something has to be decided. */
static size_t limit(const struct pipe *pipe, size_t len)
{
    const struct proxy *proxy = pipe->conn->proxy;
    const struct proxy_weather *weather = weather_of(pipe);
    const uint64_t quantum = weather->bytes_per_s / PARTS_OF_A_SECOND + 1;

    if (weather->slice_bytes > 0 && len > weather->slice_bytes)
        len = weather->slice_bytes;
    if (weather->bytes_per_s > 0 && len > quantum)
        len = quantum;
    if (proxy->reset_after[pipe->i] > 0 && len > proxy->reset_after[pipe->i])
        len = proxy->reset_after[pipe->i];
    if ((proxy->tear_nth[pipe->i] > 0 || pipe->is_torn) && len > frames_span(&pipe->frames))
        len = frames_span(&pipe->frames);
    if (pipe->is_torn && !pipe->is_torn_later && len > pipe->tear_left)
        len = pipe->tear_left;
    return len;
}

/* The first byte of a frame has passed. Is it the one? Then where it ends is drawn: in its header, or in its body; only
 * in the body, if it may turn out to be none of Vow's. */
static void begin_frame(struct pipe *pipe)
{
    struct proxy *proxy = pipe->conn->proxy;

    if (proxy->tear_nth[pipe->i] == 0 || --proxy->tear_nth[pipe->i] > 0)
        return;
    pipe->is_torn = true;
    pipe->is_torn_later = !pipe->frames.is_vows || proxy_draw(proxy, 1) == 1;
    pipe->tear_left = (uint32_t)proxy_draw(proxy, 2);
}

/* True: this is where it ends. */
static bool is_end_of_torn(struct pipe *pipe, size_t len)
{
    if (!pipe->is_torn)
        return false;
    if (pipe->frames.is_foreign) {
        pipe->is_torn = false;
        pipe->conn->proxy->tear_nth[pipe->i] = 1; /* still to be met, by another connection */
        return false;
    }
    if (pipe->is_torn_later) {
        if (pipe->frames.header_len < sizeof(pipe->frames.header))
            return false;
        pipe->is_torn_later = false;
        pipe->tear_left = (uint32_t)proxy_draw(pipe->conn->proxy, pipe->frames.body_left - 1);
        return pipe->tear_left == 0;
    }
    pipe->tear_left -= (uint32_t)len;
    return pipe->tear_left == 0;
}

/* These bytes have passed. May end the connection. */
static void passed(struct pipe *pipe, const uint8_t *bytes, size_t len)
{
    struct proxy *proxy = pipe->conn->proxy;
    const bool begins = pipe->frames.header_len == 0 && !pipe->frames.is_foreign;
    uint64_t *left = &proxy->reset_after[pipe->i];
    bool ends;

    proxy->bytes[pipe->i] += len;
    proxy->frames[pipe->i] += frames_pass(&pipe->frames, bytes, len);
    if (begins && proxy->tear_nth[pipe->i] > 0) {
        begin_frame(pipe);
        ends = is_end_of_torn(pipe, 0);
    } else {
        ends = is_end_of_torn(pipe, len);
    }
    if (ends) {
        proxy_count(proxy, PROXY_FAULT_RESET_MID_FRAME, way_of(pipe));
        conn_reset(pipe->conn);
    } else if (*left > 0 && (*left -= len) == 0) {
        proxy_count(proxy, PROXY_FAULT_RESET, way_of(pipe));
        conn_reset(pipe->conn);
    }
}

/* Bytes have passed: when may the next? */
static void pace(struct pipe *pipe, size_t len, bool is_sliced)
{
    const struct proxy_weather *weather = weather_of(pipe);
    const uint64_t now_us = proxy_now_us(pipe->conn->proxy);

    pipe->free_us = now_us;
    if (weather->bytes_per_s > 0)
        pipe->free_us += len * 1000000 / weather->bytes_per_s + 1;
    if (is_sliced && weather->slice_ms > 0 && pipe->free_us < now_us + (uint64_t)weather->slice_ms * 1000)
        pipe->free_us = now_us + (uint64_t)weather->slice_ms * 1000;
}

/* False: nothing more of it now. */
static bool send_some(struct pipe *pipe)
{
    struct piece *piece = pipe->first;
    struct conn *conn = pipe->conn;
    const struct proxy_weather *weather = weather_of(pipe);
    const uint8_t *bytes = piece->bytes + piece->sent;
    const size_t rest = piece->len - piece->sent;
    const ssize_t sent = send(conn->fds[1 - pipe->i], bytes, limit(pipe, rest), MSG_DONTWAIT | MSG_NOSIGNAL);
    const bool is_sliced = weather->slice_bytes > 0 && rest > weather->slice_bytes;

    if (sent < 0) {
        pipe->wants_to_send = errno == EAGAIN;
        conn->gone[1 - pipe->i] = errno != EAGAIN && errno != EINTR;
        return errno == EINTR;
    }
    piece->sent += (uint32_t)sent;
    pipe->held -= (uint32_t)sent;
    pace(pipe, (size_t)sent, is_sliced);
    passed(pipe, bytes, (size_t)sent);
    if (conn->state == CONN_OVER)
        return false;
    if (piece->sent == piece->len)
        drop_first(pipe);
    if (is_sliced)
        pipe_note(pipe, PROXY_FAULT_SLICED);
    if (is_sliced && pipe->first != NULL)
        pipe->wake_us = pipe->free_us;
    return !is_sliced;
}

/* Something is there. May it pass? */
static bool may_pass(struct pipe *pipe)
{
    const struct proxy *proxy = pipe->conn->proxy;
    const uint64_t now_us = proxy_now_us(proxy);

    if (pipe->first->due_us > now_us) {
        pipe->wake_us = pipe->first->due_us;
        pipe_note(pipe, PROXY_FAULT_DELAY);
        return false;
    }
    if (proxy_is_cut(proxy, pipe->i)) {
        pipe_note(pipe, PROXY_FAULT_CUT);
        return false;
    }
    if (pipe->free_us > now_us) {
        pipe->wake_us = pipe->free_us;
        if (weather_of(pipe)->bytes_per_s > 0)
            pipe_note(pipe, PROXY_FAULT_SLOW_LINK);
        return false;
    }
    return pipe->conn->state == CONN_UP;
}

static void swallow(struct pipe *pipe)
{
    if (pipe->first == NULL && !pipe->has_ended)
        return;
    pipe_drop(pipe);
    pipe->has_lost = true;
    pipe_note(pipe, PROXY_FAULT_BLACK_HOLE);
}

/* All that its sender sent has passed: the receiver is told that no more comes, if it may hear it. */
static void tell_end(struct pipe *pipe)
{
    const struct proxy_weather *weather = weather_of(pipe);

    if (proxy_is_cut(pipe->conn->proxy, pipe->i) || weather->hides_end) {
        pipe_note(pipe, PROXY_FAULT_HALF_OPEN);
        pipe->was_hidden = weather->hides_end;
        return;
    }
    if (pipe->conn->state != CONN_UP)
        return;
    (void)shutdown(pipe->conn->fds[1 - pipe->i], SHUT_WR);
    pipe->is_told = true;
}

void pipe_pump(struct pipe *pipe)
{
    const struct conn *conn = pipe->conn;

    pipe->wake_us = PROXY_NEVER;
    pipe->wants_to_send = false;
    if (weather_of(pipe)->is_black_hole)
        swallow(pipe);
    else if (conn->gone[1 - pipe->i])
        pipe_drop(pipe); /* nobody is there to read it */
    while (conn->state != CONN_OVER && pipe->first != NULL && may_pass(pipe) && send_some(pipe))
        continue;
    if (conn->state != CONN_OVER && pipe->first == NULL && pipe->has_ended && !pipe->is_told && !pipe->has_lost &&
        !pipe->was_hidden)
        tell_end(pipe);
}
