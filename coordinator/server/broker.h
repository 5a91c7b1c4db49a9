/*
 * The interface of a broker of events: publish, subscribe, ack, seek, and what belongs to them. vowd has one broker,
 * the embedded relay (relay.h), whose events are records of the journal; sessions, admission, timers, the rows and
 * orders of operators and HTTP know only what stands here, so that another one can take its place. This is its manual;
 * tests/unit/coordinator/server/conformance.c asks each implementation for it.
 *
 * Who calls whom. vowd calls the operations of `ops`; the broker answers through those of its host, `host`, at once or
 * later. All of it on the loop's thread: a broker with threads of its own brings its answers home. An answer may come
 * before the operation that it belongs to returns. A host never calls the broker while the broker calls it.
 *
 * Who owns what. What an operation is given, and what a host is, lives for the call: who needs it longer copies it.
 * Views live until the next operation. The broker is freed by free(), which answers nothing any more.
 *
 * What a broker promises, to each group of consumers (docs/events.md):
 * - PUBLISHED without an error is sent when the event is durable, and not before (B58). What is not answered may be
 *   kept or not: its publisher sends it again.
 * - At least once (I26, I28): an event that a group asks for is delivered until the group acks it, or it is a dead
 *   letter; also over a start of vowd. Nothing that a group has not done is forgotten for its age.
 * - In order (I27): of one key one event at most is under way to a group, and the next comes after it was done or
 *   buried. Keys do not wait for one another, but for room.
 * - An event has a name, (db_uuid, key, key_seq), is taken once, and has an offset, which grows in the order in which
 *   events became durable; so an event comes after all that were published before it under its key.
 * - Bounded (I29): what there is no room for is refused with BUSY, and changes nothing.
 *
 * What `vowctl history ID` needs of it. The events of an id are EVENT records in vowd's journal, with the offset as
 * their LSN. They are the embedded broker's events themselves. One that keeps events elsewhere writes such a record
 * with each, before it says PUBLISHED, and answers next_reaction() by the event and its offset, as long as they are
 * asked for.
 */
#ifndef VOW_COORDINATOR_SERVER_BROKER_H
#define VOW_COORDINATOR_SERVER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/core/relay/views.h"
#include "proto/message.h"

struct broker;

/* A participant's connection: the number is never used twice. The host has seen to it that it is who it says. */
struct broker_peer {
    uint64_t session;
    const char *name;
};

/* What the broker asks of vowd. */
struct broker_host {
    /*
     * PUBLISHED, SUBSCRIBED, DELIVER. What is sent to a connection that is gone, or goes, is lost, and session_gone()
     * follows. False: a DELIVER that was not sent, for much waits for its consumer (F029). That was no attempt; nothing
     * more is delivered there until ready().
     */
    bool (*send)(void *ctx, uint64_t session, const struct vow_msg *msg);
    /* An event of that id, or of none, is durable; wall_us: when it was published. For the trace. */
    void (*kept)(void *ctx, const struct vow_gtrid *gtrid, uint64_t wall_us);
    /* What became of a dead letter is durable: "dead", "retried", "dropped", "done", or "removed" with its group. For
     * the trace; next_group() counts it already. */
    void (*lettered)(void *ctx, const char *group, uint64_t offset, const char *says);
    /* Answers order(), once: 0 when it is done and durable, or why it is not. */
    void (*ordered)(void *ctx, uint64_t tag, int error, const char *text);
    /* The clocks of vowd: monotonic, which deadline_ms() counts by, and the wall's. */
    uint64_t (*now_ms)(void *ctx);
    uint64_t (*wall_us)(void *ctx);
};

/* What there is, and how much of it may be. */
struct broker_counts {
    struct vow_relay_counts of;                           /* what a broker does not count is 0 */
    uint64_t bytes;                                       /* that the events take which some group has not done */
    uint64_t full_bytes;                                  /* PUBLISH was refused because of bytes_max */
    uint64_t events_max, bytes_max, groups_max, dead_max; /* 0 = no limit */
};

/* Not 0 ends the walk with that. */
typedef int broker_topic_fn(void *ctx, const struct vow_relay_topic_view *view);

struct broker_ops {
    /*
     * The event is the peer's own (source, db_uuid). Answered by PUBLISHED, to the connection that published it last:
     *   0            it is durable, now or since an earlier PUBLISH; offset 0: nobody knows any more where
     *   BUSY         there is no room, or no new work is taken: nothing was kept, come again
     *   STATE        the one before it of its key is missing: a gap (F204). Nothing was kept
     *   REFUSED      it is no event that could ever be kept (vow_event_fault())
     */
    void (*publish)(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_event *event);
    /*
     * The peer's connection is the one that its group is delivered to from now on. A group that is new begins where it
     * says, one that is there goes on where it is. Answered by SUBSCRIBED, before the first DELIVER:
     *   0            it is durable, with its place, `cursor`: all up to there is done
     *   BUSY         too many groups, or an earlier subscription is on its way to the disk: nothing changed, come again
     *   REFUSED      it is another participant's group, or the subscription would close a circle (F213)
     */
    void (*subscribe)(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_subscribe *subscribe);
    /*
     * What became of a delivery; not answered. DONE is heeded however late, from the group's own connection; NOT_YET
     * and UNABLE of the attempt that is waited for. NOT_YET, no answer in time and a lost connection are tried again,
     * after a back-off, so often as the subscription says; then, and after UNABLE, it is a dead letter, and its key
     * goes on when that is durable. What is acknowledged need not be durable: after a start it may come again.
     */
    void (*ack)(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_delivered *delivered);
    /*
     * The peer's group goes on with what comes after an offset. What is under way is not waited for. Answered by
     * SUBSCRIBED: 0, when its place is durable; BUSY; NOT_FOUND: that connection has no such group.
     */
    void (*seek)(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_seek *seek);

    /* The connection is gone: what is under way there failed, and what is published waits. */
    void (*session_gone)(struct broker *broker, uint64_t session);
    /* It can take more: what send() did not send is sent, and what comes after it. */
    void (*ready)(struct broker *broker, uint64_t session);
    /* When to call timer() next, by the host's clock; UINT64_MAX = not before some other call. */
    uint64_t (*deadline_ms)(const struct broker *broker);
    void (*timer)(struct broker *broker);
    /* PUBLISH is refused with BUSY, or no longer. Deliveries go on. */
    void (*shed)(struct broker *broker, bool on);
    /* vowd goes down: the same, for good. */
    void (*drain)(struct broker *broker);
    void (*free)(struct broker *broker);

    /* --- operators --- */

    void (*counts)(const struct broker *broker, struct broker_counts *counts);
    /* Walks the groups, the dead letters, and what the groups make of an event: *at from 0; false after the last. */
    bool (*next_group)(struct broker *broker, uint32_t *at, struct vow_relay_group_view *view);
    bool (*next_dead)(struct broker *broker, uint32_t *at, struct vow_relay_dead_view *view);
    bool (*next_reaction)(struct broker *broker, uint32_t *at, const struct vow_msg_event *event, uint64_t offset,
                          struct vow_relay_reaction *reaction);
    /* The topics of which something waits, by their names. */
    int (*topics)(struct broker *broker, broker_topic_fn *each, void *ctx);
    /* Of what came up to there some may be cut off that every group had done. */
    uint64_t (*cut)(const struct broker *broker);
    /*
     * An operator's order, which is in the history already. Answered by ordered(): NOT_FOUND: no such group or dead
     * letter; STATE: not now, the text says why; REFUSED: this broker cannot do that.
     */
    void (*order)(struct broker *broker, const char *group, uint64_t offset, enum vow_relay_order order, uint64_t tag);
};

/* The beginning of what each implementation has for itself. */
struct broker {
    const struct broker_ops *ops;
    const struct broker_host *host;
    void *host_ctx;
};

#endif
