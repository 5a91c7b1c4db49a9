/*
 * The diary of a world's events: what the stream of sights has told of each, from the change that it tells of to the
 * groups that have done it. It only remembers; what must not be is for check_event*.c to say. Moments are those of
 * book.h: the first time, 0 = it has not been.
 *
 * An event that is kept once more, for its key was forgotten, has an entry for each offset: what it is by the first,
 * which is found by the tag, and the others, which have nothing but what the coordinator and groups make of them there.
 *
 * An event is told apart by the tag of its change, which is unique in the world (news.h); the name that it has on its
 * way, (data file, key, number), is what is judged.
 */
#ifndef VOW_CHAOS_SIM_DIARY_H
#define VOW_CHAOS_SIM_DIARY_H

#include "chaos/sim/book.h"

/* What a group has made of an event. */
struct diary_share {
    struct diary_share *next; /* of the event */
    struct diary_group *group;
    book_moment sent;     /* DELIVER, first */
    uint32_t attempt;     /* of the last one */
    book_moment heard;    /* done: durable at the participant, as the store or its disk has said */
    bool is_heard_sure;   /* ... and the store has said so, so that no crash may take it back */
    book_moment answered; /* DELIVERED with DONE has come to the coordinator */
    book_moment unable;   /* ... with UNABLE */
    book_moment dead;     /* DEAD is durable, or was found on the disk */
    book_moment revived;  /* REVIVED is, with RETRY or DONE: it may be done out of its turn */
    book_moment dropped;  /* ... with DROP */
    book_moment drop_ordered, retry_ordered;
    bool is_passed;  /* it was over for all others when the group was new, and so not kept for it */
    bool is_letter;  /* it is a dead letter now, perhaps on its way again */
    bool is_going;   /* ... and it is: an operator wants it tried again, and no answer has come yet */
    bool is_on_disk; /* a dead letter on the disk that is being looked at */
};

struct diary_event {
    struct diary_event *next, *by_tag, *by_lsn;
    struct diary_event *first; /* the entry of the first offset; NULL: it is that */
    uint64_t tag;
    uint8_t node;  /* whose change it is */
    uint8_t coord; /* who keeps it */
    uint32_t thing;
    uint64_t number;
    char topic[VOW_TOPIC_SIZE];
    book_moment became_true;  /* the change is committed */
    book_moment left;         /* PUBLISH was sent, first: from then on nothing may take the change back */
    book_moment acknowledged; /* its participant has heard that it is kept */
    book_moment kept;         /* the EVENT record is durable, or was found on the disk */
    bool is_kept_sure;        /* ... and that was said, or a coordinator has come up with it */
    uint64_t lsn;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];        /* of PUBLISH, or of the record */
    uint64_t newest_before, newest_lsn_before; /* of its key, when it was kept */
    struct diary_share *shares;
    /* On the disk that is being looked at. */
    bool is_told, is_in_outbox, is_in_archive, is_in_log;
};

/* The newest of what is published under one key, as its coordinator has it: from a number that it has taken once more
 * it counts on. */
struct diary_key {
    struct diary_key *next;
    uint8_t node, coord;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint32_t thing;
    uint64_t newest, newest_lsn;
};

struct diary_group {
    struct diary_group *next;
    const char *name;
    uint8_t coord, node; /* whose it is: SIM_NODE_NONE if it is none of this world */
    const char *const *patterns;
    uint32_t patterns_len;
    const char *key_filter;
    const struct vow_msg_header_of_event *filters;
    uint32_t filters_len;
    uint32_t attempts_max; /* as asked for; 0 = the default */
    book_moment known;     /* the GROUP record is durable */
    uint64_t start;        /* what comes up to here it is not owed */
    uint64_t passed;       /* and what a SEEK has passed over */
    bool has_begun;        /* its consumer was told where it begins: behind what was cut before */
    uint64_t seek;         /* the furthest that a SEEK has named */
    book_moment sought;    /* the last SEEK */
    uint64_t tried;        /* where the newest GROUP record that was asked for lets it go on */
    bool is_paused;
    book_moment remove_ordered;
    book_moment left; /* it was removed, the last time */
    bool is_gone;     /* ... and is not there again */
    bool is_on_disk;  /* on the one that is being looked at */
};

struct sim_diary {
    struct sim_memory *memory;
    const struct sim_book *book;
    bool is_on;                          /* there are events in this world */
    uint32_t dead_max[SIM_NODES_MAX];    /* of coordinators */
    uint32_t keys_max[SIM_NODES_MAX];    /* likewise: keys whose newest number is known; 0 = of all */
    uint32_t dead_len[SIM_NODES_MAX];    /* likewise: dead letters now */
    uint32_t archive_max[SIM_NODES_MAX]; /* participants: events that were sent, in the archive; 0 = there is none */
    bool was_full[SIM_NODES_MAX];        /* likewise: its disk has had no room at some time */
    bool forgets[SIM_NODES_MAX];         /* participants: their inboxes, in the course of a world */
    struct diary_event *events, **events_last;
    struct diary_event **tags, **lsns;
    struct diary_key *keys;
    struct diary_group *groups;
};

void sim_diary_init(struct sim_diary *diary, struct sim_memory *memory, const struct sim_book *book);
/* Enters a sight, but for a DISK, once it is judged. */
void sim_diary_see(struct sim_diary *diary, const struct sim_sight *sight);
/*
 * A DISK is entered before it is judged, and marked on each event: it only adds, what a crash in the middle of a commit
 * has left there after all. What it takes back is entered by sim_diary_settle(), when that was judged.
 */
void sim_diary_read(struct sim_diary *diary, const struct sim_sight *sight);
void sim_diary_settle(struct sim_diary *diary, const struct sim_sight *sight);

/* NULL if it was never seen. */
struct diary_event *sim_diary_find(const struct sim_diary *diary, uint64_t tag);
struct diary_event *sim_diary_at(const struct sim_diary *diary, uint8_t coord, uint64_t lsn);
/* The one that its participant published under this name, or is about to. */
struct diary_event *sim_diary_named(const struct sim_diary *diary, uint8_t node, const char *key, uint64_t key_seq);
/* Of the payload of an event: 0 if it is none of ours. */
uint64_t sim_event_tag(const struct vow_msg_event *event);
struct diary_group *sim_diary_group(const struct sim_diary *diary, uint8_t coord, const char *name);
struct diary_key *sim_diary_key(const struct sim_diary *diary, uint8_t node, const uint8_t *db_uuid, uint32_t thing);
/* Never NULL. */
struct diary_share *sim_event_share(struct sim_diary *diary, struct diary_event *event, struct diary_group *group);

/* The group has done it, at whatever offset it was delivered. */
bool sim_event_is_heard(const struct sim_diary *diary, const struct diary_event *event,
                        const struct diary_group *group);
/* A coordinator may know this key no more: so many others were published under since, and nothing of it waits. */
bool sim_diary_may_forget(struct sim_diary *diary, const struct diary_key *key);

/* Its disk has been harmed, so that it may not hold what was durable: nothing is said of what it publishes or does. */
bool sim_diary_is_harmed(const struct sim_diary *diary, uint8_t node);
/* Its inbox may not know for good what was handled. */
static inline bool sim_diary_forgets(const struct sim_diary *diary, uint8_t node)
{
    return node < SIM_NODES_MAX && diary->forgets[node];
}
/* Its subscription is for such. */
bool sim_event_is_asked_for(const struct diary_event *event, const struct diary_group *group);
/* The group is to do it: it is kept, and no subscription or seek has passed it over. */
bool sim_event_is_owed(const struct diary_event *event, const struct diary_group *group);
/* Done, a dead letter, or given up by an operator, as far as the coordinator can know. */
static inline bool sim_share_is_over(const struct diary_share *share)
{
    return share->answered != 0 || share->dead != 0 || share->dropped != 0;
}

#endif
