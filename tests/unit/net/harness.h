/* Both ends of a channel in one loop, which write down what they see. */
#ifndef VOW_TEST_NET_HARNESS_H
#define VOW_TEST_NET_HARNESS_H

#include <stdbool.h>

#include "capture.h"
#include "loop.h"
#include "proto/net/channel.h"

enum side_callback { ON_NONE = 0, ON_HELLO, ON_UP, ON_MESSAGE, ON_TURN_END, ON_DOWN };
enum { SIDE_OPEN_MAX = 128 };

struct side {
    struct event_base *base;
    struct vow_channel *channel; /* of those open, the one that came up last; NULL if there is none */
    struct vow_channel *open[SIDE_OPEN_MAX];
    unsigned open_len;
    unsigned hellos, ups, messages, turn_ends, downs, drained;
    struct vow_error_detail detail; /* of the last on_down */
    struct vow_msg_welcome welcome;
    uint64_t hello_coord;
    char json[65536]; /* of the last ADMIN_REPLY, the message that these tests send */
    bool is_in_order; /* each ADMIN_REPLY held the number of those before it */
    /* What to do in the callback `act_on`, if any. */
    enum side_callback act_on;
    void (*act)(struct side *side, struct vow_channel *channel);
    void *act_arg;
    int hello_error;
    const char *hello_why;
};

extern const struct vow_channel_ops side_ops;

void side_init(struct side *side, struct event_base *base);
struct vow_channel_options quick_options(void);
struct vow_listener *listen_anywhere(struct side *side, const struct vow_channel_options *options,
                                     struct vow_address *address);
struct vow_dialer *dial(struct side *side, const struct vow_address *address,
                        const struct vow_channel_options *options);
/* Closes the last channel. */
void side_close(struct side *side, bool now);
/* Notes that a channel was closed. */
void side_forget(struct side *side, const struct vow_channel *channel);
int send_text(struct vow_channel *channel, const char *text);
int send_number(struct vow_channel *channel, unsigned number);

/* A listener with one dialer, up. */
struct pair {
    struct event_base *base;
    struct vow_address address;
    struct side server, client;
    struct vow_listener *listener;
    struct vow_dialer *dialer;
};

void pair_open(struct pair *pair, const struct vow_channel_options *options);
/* Sends one message each way and waits for it: the pair is undisturbed. */
void pair_check(struct pair *pair);
/* Gives back all there is and the base, with what still waits in it. */
void pair_close(struct pair *pair);

#endif
