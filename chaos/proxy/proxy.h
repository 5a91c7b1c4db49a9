/*
 * A link between two real processes: a TCP proxy that listens on a port of its own, passes what it is sent on to a
 * target, and does harm when it is told to. One link for each pair of dialer and target, so that a fault meets
 * that pair alone. Needs no rights: the processes are given its address in place of the target's.
 *
 * TCP loses and reorders nothing, nor does this: a cut holds bytes back, a black hole ends with the connection. What is
 * under way is bounded; beyond the bound the sender has to wait, as it would for a reader that does not read.
 *
 * All of it belongs to the thread of the event base, blocks never, and keeps nothing outside the link.
 */
#ifndef VOW_CHAOS_PROXY_PROXY_H
#define VOW_CHAOS_PROXY_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct proxy;

/* What the dialer sends goes forth, what the target sends comes back. */
enum proxy_way { PROXY_FORTH = 1, PROXY_BACK = 2, PROXY_BOTH_WAYS = 3 };

enum proxy_fault {
#define FAULT(name, text) PROXY_FAULT_##name,
#include "chaos/proxy/fault.def"
#undef FAULT
    PROXY_FAULTS_LEN
};

/* "CUT", and the sentence of fault.def. */
const char *proxy_fault_name(enum proxy_fault fault);
const char *proxy_fault_text(enum proxy_fault fault);

struct proxy_options {
    struct event_base *base; /* outlives the link */
    uint64_t seed;           /* of jitter, of flapping, of where a frame is torn */
    uint32_t buffer_max;     /* bytes under way, for each connection and way; 0 = 64 KiB */
    uint32_t conns_max;      /* 0 = 1,024; beyond it dialers wait in the backlog */
    /* A fault has done something (fault.def says when), on these ways. Must not call back into the link. NULL =
     * none. */
    void (*hit)(void *ctx, enum proxy_fault fault, unsigned ways);
    void *ctx;
    /* Monotonic microseconds. NULL = the system's; otherwise time is the caller's, who calls proxy_tick() after moving
     * it. */
    uint64_t (*now_us)(void *ctx);
};

/* Listens on 127.0.0.1, on a port that is free. Target: "127.0.0.1:7420"; nobody needs to be there yet. Returns 0,
 * VOW_E_ADDRESS, VOW_E_NO_MEMORY or VOW_E_SYSTEM. */
int proxy_open(const struct proxy_options *options, const char *target, struct proxy **out);
/* Resets what is connected. Not from inside hit(). NULL is allowed. */
void proxy_close(struct proxy *proxy);
/* "127.0.0.1:PORT", the same for its life. */
const char *proxy_address(const struct proxy *proxy);
/* For connections to come. Returns 0 or VOW_E_ADDRESS. */
int proxy_set_target(struct proxy *proxy, const char *target);

/* How it is on one way until that is changed; all zero = fair. */
struct proxy_weather {
    /* Nothing passes: bytes, the news that an end has gone, and new connections wait, and come when it is mended. */
    bool is_cut;
    /* Bytes are taken and lost, and new connections lead nowhere. A connection that lost something cannot go on: it is
     * reset when this ends. */
    bool is_black_hole;
    /* The receiver does not hear that the sender has gone, as when a machine loses power; when this ends, a reset tells
     * it. */
    bool hides_end;
    uint32_t delay_ms, jitter_ms; /* what comes waits for delay_ms and up to jitter_ms more; order stays */
    uint64_t bytes_per_s;         /* 0 = as fast as it goes */
    uint32_t slice_bytes;         /* passed on at a time, at most; 0 = as they come */
    uint32_t slice_ms;            /* between two slices; 0 = the loop's next turn */
};

void proxy_set_weather(struct proxy *proxy, unsigned ways, const struct proxy_weather *weather);
void proxy_get_weather(const struct proxy *proxy, enum proxy_way way, struct proxy_weather *weather);
/* Beside the weather: cut at once and mended in turn, each for a time between half and three halves of what is given
 * (1 to 3,600,000 ms); down_ms 0 = no more, mended. */
void proxy_flap(struct proxy *proxy, unsigned ways, uint32_t up_ms, uint32_t down_ms);
/* New connections are reset at once; a dialer that has seen its connection made sees that, for the kernel makes
 * it before anybody is asked. What is connected stays. */
void proxy_refuse(struct proxy *proxy, bool refuses);

/* A reset at both ends of all that is connected now. Returns of how many connections. */
unsigned proxy_reset(struct proxy *proxy);
/* The connection by which the last of so many more bytes passes on that way is reset then. 0 = of none. */
void proxy_reset_after(struct proxy *proxy, enum proxy_way way, uint64_t bytes);
/* Of the nth of Vow's frames (proto/frame.h) from now on that way, a part is passed on, then its connection is
 * reset. 0 = of none. A connection that speaks something else never meets it. */
void proxy_reset_mid_frame(struct proxy *proxy, enum proxy_way way, uint32_t nth);

uint64_t proxy_hits(const struct proxy *proxy, enum proxy_fault fault);

struct proxy_stats {
    uint64_t accepted;  /* connections taken from dialers */
    uint64_t connected; /* those that got to the target */
    uint32_t open;
    uint64_t bytes[2], frames[2]; /* passed on: forth, back; frames as far as they are Vow's */
    uint64_t held[2];             /* bytes under way now */
};

void proxy_get_stats(const struct proxy *proxy, struct proxy_stats *stats);

/* Does what has become due; only where time is the caller's. */
void proxy_tick(struct proxy *proxy);
/* When something becomes due, UINT64_MAX = never unless something comes. */
uint64_t proxy_deadline_us(const struct proxy *proxy);

#endif
