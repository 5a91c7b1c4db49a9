/* A broker on a stand: the test is its host, and its publishers and consumers. */
#ifndef VOW_TESTS_STAND_H
#define VOW_TESTS_STAND_H

#include "coordinator/server/broker.h"

#define STAND_EVENTS_MAX 4u /* that the broker takes before one is done */
#define STAND_SAID_MAX 256u

/* What the broker said; texts are copied. */
struct said {
    uint64_t session; /* 0 = ordered(), tag */
    enum vow_msg_kind kind;
    char name[VOW_TEXT_SIZE]; /* the key, or the group */
    char payload[32];
    uint64_t offset, key_seq, tag;
    uint32_t attempt;
    int error;
};

struct stand {
    struct broker *broker;
    const struct stand_ops *ops;
    void *own;
    uint64_t skew_ms; /* how far the test has moved its clock */
    bool is_full;     /* the consumer's connection */
    uint32_t kept;    /* events that were told to be durable */
    struct said said[STAND_SAID_MAX];
    uint32_t said_len, heard_len; /* up to there stand_next() has given them out */
};

struct stand_ops {
    void (*open)(struct stand *stand);
    /* All that is on its way to the disk gets there. */
    void (*settle)(struct stand *stand);
    /* Another life, with what is durable. */
    void (*restart)(struct stand *stand);
    void (*close)(struct stand *stand);
};
extern const struct stand_ops stand_embedded, stand_in_memory;
extern const struct broker_host stand_host; /* its ctx is the stand */

/* Heap memory, for it is large. */
struct stand *stand_new(const struct stand_ops *ops);
void stand_free(struct stand *stand);

/* What was said and not looked at yet, in its order; fails the test if there is nothing, or another kind. */
const struct said *stand_next(struct stand *stand, enum vow_msg_kind kind);
/* Likewise, but of an order. */
const struct said *stand_next_ordered(struct stand *stand);
/* Fails the test if there is something. */
void stand_quiet(struct stand *stand);
/* Moves the clock to what the broker waits for, again and again, until it says something. */
void stand_wait(struct stand *stand);

void stand_publish(struct stand *stand, uint64_t session, const char *key, uint64_t key_seq);
/* Then it settles, and PUBLISHED says that it is durable. Returns the offset. */
uint64_t stand_kept(struct stand *stand, const char *key, uint64_t key_seq);
/* "billing" of "pay", from the oldest on; settles, and hears that it is subscribed. */
void stand_subscribe(struct stand *stand, uint64_t session);
/* Then it settles. */
void stand_ack(struct stand *stand, uint64_t session, const struct said *delivery, enum vow_event_result result);
void stand_seek(struct stand *stand, uint64_t session, const char *group, uint64_t offset);

#endif
