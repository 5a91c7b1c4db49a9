/*
 * Connections to peers, made when somebody is to be asked and closed when nobody has been for a while. What cannot be
 * asked now is asked in the branch's next round, so nothing is kept for longer than a connection needs to come up.
 */
#include <stdlib.h>
#include <string.h>

#include "participant/participant_internal.h"
#include "participant/participant_peers.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* After the last question: time to come up, and to answer. */
#define IDLE_MS 10000u
#define CONNECT_MS 3000u
#define RECONNECT_MIN_MS 500u
#define RECONNECT_MAX_MS 10000u
/* Questions that wait for a connection. */
#define WAITING_MAX 1024u

struct vow_peer_link {
    struct vow_peer_link *next;
    struct vow_participant *participant;
    char name[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE];
    struct vow_dialer *dialer;
    struct vow_channel *channel; /* NULL = it is not up */
    struct vow_timer idle;
    struct vow_msg_header *waiting;
    uint32_t waiting_len, waiting_room;
};

/* --- The end --- */

static void free_link(void *ctx)
{
    struct vow_peer_link *link = ctx;

    free(link->waiting);
    free(link);
}

/* Not within a callback of its channel's. */
static void close_link(struct vow_peer_link *link)
{
    struct vow_participant *participant = link->participant;
    struct vow_peer_link **at = &participant->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    participant->links_len--;
    vow_dialer_free(link->dialer);
    vow_timer_finalize(&link->idle, free_link);
}

static void is_idle(void *ctx)
{
    close_link(ctx);
}

void vow_participant_close_links(struct vow_participant *participant)
{
    while (participant->links != NULL)
        close_link(participant->links);
}

/* --- Questions and answers --- */

static void send_question(struct vow_peer_link *link, const struct vow_msg_header *header)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PEER_INQUIRY, .peer_inquiry.header = *header};

    VOW_CRASH("send", "before", "PEER_INQUIRY");
    (void)vow_channel_send(link->channel, &msg);
    if (vow_crash_hit("send", "after", "PEER_INQUIRY")) {
        vow_channel_flush(link->channel);
        vow_crash_now();
    }
}

/* Behind an address there may be anybody by now (fault F091). */
static bool is_whom_we_want(const struct vow_peer_link *link, const struct vow_msg_welcome *welcome)
{
    if (strcmp(welcome->name, link->name) == 0 && welcome->coord == link->participant->coord)
        return true;
    VOW_LOG(VOW_LOG_WARN, "peer_is_another", VOW_STR("name", link->participant->name), VOW_STR("peer", link->address),
            VOW_STR("wanted", link->name), VOW_STR("found", welcome->name));
    return false;
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    struct vow_peer_link *link = ctx;

    if (!is_whom_we_want(link, welcome)) {
        vow_channel_close(channel, true);
        return;
    }
    link->channel = channel;
    for (uint32_t i = 0; i < link->waiting_len; i++)
        send_question(link, &link->waiting[i]);
    link->waiting_len = 0;
}

/* Only who was named with the transaction may tell its outcome. */
static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct vow_peer_link *link = ctx;
    struct vow_participant *participant = link->participant;
    struct peer_named peer;

    if (msg->kind != VOW_MSG_PEER_ANSWER) {
        VOW_LOG(VOW_LOG_WARN, "peer_breaks_protocol", VOW_STR("name", participant->name), VOW_STR("peer", link->name),
                VOW_STR("message", vow_msg_name(msg->kind)));
        link->channel = NULL;
        vow_channel_close(channel, true);
        return;
    }
    if (!peer_list_find(vow_participant_peers_of(participant, &msg->peer_answer.header.gtrid), link->name, &peer))
        return; /* the branch has ended meanwhile, or it is none of this peer's */
    VOW_CRASH("recv", "before", "PEER_ANSWER");
    vow_participant_peer(participant, 0, msg);
}

static void on_turn_end(void *ctx, struct vow_channel *channel)
{
    const struct vow_peer_link *link = ctx;

    (void)channel;
    vow_participant_turn_end(link->participant);
}

/* The dialer tries again, for as long as there are questions. */
static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct vow_peer_link *link = ctx;

    (void)channel, (void)detail;
    link->channel = NULL;
}

static const struct vow_channel_ops ops = {
    .on_up = on_up, .on_message = on_message, .on_turn_end = on_turn_end, .on_down = on_down};

/* --- The beginning --- */

static int start_dialer(struct vow_peer_link *link)
{
    struct vow_participant *participant = link->participant;
    struct vow_channel_options options = vow_channel_defaults;
    const struct vow_msg_hello hello = vow_participant_hello(participant);
    struct vow_address address;
    uint64_t seed;

    options.timers = participant->loop.timers;
    options.handshake_ms = CONNECT_MS;
    options.reconnect_min_ms = RECONNECT_MIN_MS;
    options.reconnect_max_ms = RECONNECT_MAX_MS;
    if (vow_address_parse(link->address, &address) != 0)
        return VOW_E_ADDRESS;
    if (vow_random_bytes(&seed, sizeof(seed)) != 0)
        return VOW_E_SYSTEM;
    return vow_dialer_new(participant->loop.base, &address, &options, &hello, &ops, link, seed, &link->dialer);
}

static struct vow_peer_link *open_link(struct vow_participant *participant, const struct peer_named *peer)
{
    struct vow_peer_link *link = participant->links_len < VOW_PEER_LINKS_MAX ? calloc(1, sizeof(*link)) : NULL;

    if (link == NULL)
        return NULL;
    link->participant = participant;
    memcpy(link->name, peer->name, sizeof(link->name));
    memcpy(link->address, peer->address, sizeof(link->address));
    if (start_dialer(link) != 0) {
        free(link);
        return NULL;
    }
    vow_timer_init(&link->idle, participant->loop.base, participant->loop.timers, is_idle, link);
    link->next = participant->links;
    participant->links = link;
    participant->links_len++;
    return link;
}

static struct vow_peer_link *find_link(const struct vow_participant *participant, const struct peer_named *peer)
{
    struct vow_peer_link *link = participant->links;

    while (link != NULL && (strcmp(link->name, peer->name) != 0 || strcmp(link->address, peer->address) != 0))
        link = link->next;
    return link;
}

/* Until it is up; one that finds no room is asked the next time. */
static void let_wait(struct vow_peer_link *link, const struct vow_msg_header *header)
{
    if (link->waiting_len == link->waiting_room && link->waiting_room < WAITING_MAX) {
        const uint32_t room = link->waiting_room > 0 ? 2 * link->waiting_room : 16;
        struct vow_msg_header *waiting = realloc(link->waiting, room * sizeof(*waiting));

        if (waiting == NULL)
            return;
        link->waiting = waiting;
        link->waiting_room = room;
    }
    if (link->waiting_len < link->waiting_room)
        link->waiting[link->waiting_len++] = *header;
}

void vow_participant_ask_peer(struct vow_participant *participant, const struct peer_named *peer,
                              const struct vow_msg_header *header)
{
    struct vow_peer_link *link = find_link(participant, peer);

    if (link == NULL)
        link = open_link(participant, peer);
    if (link == NULL)
        return;
    vow_timer_arm(&link->idle, IDLE_MS);
    if (link->channel != NULL)
        send_question(link, header);
    else
        let_wait(link, header);
}
