#include "proto/net/channel_private.h"

#include <signal.h>
#include <stdlib.h>

#include "proto/assert.h"

const struct vow_channel_options vow_channel_defaults = {
    .frame_max = 64 * 1024,
    .write_high_water = 1024 * 1024,
    .strangers_max = 1024,
    .handshake_ms = 5000,
    .heartbeat_ms = 2000,
    .reconnect_min_ms = 50,
    .reconnect_max_ms = 5000,
};

/* Decoded, a message may be larger than its frame: the codec's own default proportion. */
#define ARENA_BYTES_PER_FRAME_BYTE 4

static size_t arena_size(uint32_t frame_max)
{
    return (size_t)frame_max * ARENA_BYTES_PER_FRAME_BYTE;
}

/*
 * libevent writes with writev(), which has no MSG_NOSIGNAL: a peer that closes must not end the process. A program that
 * has chosen another answer to SIGPIPE keeps it.
 */
static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

struct channel_home *channel_home_new(struct event_base *base, const struct vow_channel_options *options,
                                      const struct vow_channel_ops *ops, void *ctx)
{
    VOW_ASSERT(options->frame_max > 0 && options->frame_max <= VOW_FRAME_MAX_HIGHEST);
    VOW_ASSERT(options->handshake_ms > 0 && options->heartbeat_ms > 0);
    struct channel_home *home = calloc(1, sizeof(*home));
    if (home == NULL)
        return NULL;
    home->arena = vow_arena_new(arena_size(options->frame_max));
    if (home->arena == NULL) {
        free(home);
        return NULL;
    }
    home->refs = 1;
    home->base = base;
    home->options = *options;
    home->ops = *ops;
    home->ctx = ctx;
    home->arena_frame_max = options->frame_max;
    ignore_sigpipe();
    return home;
}

void channel_home_unref(struct channel_home *home)
{
    VOW_ASSERT(home->refs > 0);
    if (--home->refs > 0)
        return;
    vow_arena_free(home->arena);
    free(home);
}

int channel_home_fit(struct channel_home *home, uint32_t frame_max)
{
    if (frame_max <= home->arena_frame_max)
        return 0;
    struct vow_arena *larger = vow_arena_new(arena_size(frame_max));
    if (larger == NULL)
        return VOW_E_NO_MEMORY;
    vow_arena_free(home->arena);
    home->arena = larger;
    home->arena_frame_max = frame_max;
    return 0;
}
