#include "chaos/sim/small/peers.h"

static const char *const names[] = {"p0", "p1", "p2"};

static const struct vow_msg_call calls[] = {{.participant = "p0", .handler = "h"},
                                            {.participant = "p1", .handler = "h"},
                                            {.participant = "p2", .handler = "h"}};

const char *small_peer_name(uint32_t peer)
{
    return names[peer];
}

const struct vow_msg_call *small_calls(void)
{
    return calls;
}
