/*
 * A process under the harness: started, watched, ended, through as many lives as it is given. The load and the commands
 * of checks are such processes, too. What happens to it is told to its watcher, from the event loop and never from
 * inside a call.
 */
#ifndef VOW_CHAOS_KILL_NODE_H
#define VOW_CHAOS_KILL_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "chaos/kill/spawn.h"

#define REAL_NODE_VARIABLES_MAX 16

struct event;
struct event_base;
struct real_lines;
struct real_probe;
struct real_timer;

enum real_node_state {
#define STATE(name, text) REAL_NODE_##name,
#include "chaos/kill/node.def"
    REAL_NODE_STATES
};

enum real_node_event {
#define EVENT(name, text) REAL_NODE_ON_##name,
#include "chaos/kill/node.def"
    REAL_NODE_EVENTS
};

/* How a life ended. */
enum real_ending {
    REAL_ENDED_BY_US,    /* by SIGKILL, or after SIGTERM, as it was told, with the status that was wanted */
    REAL_ENDED_AT_POINT, /* at the crash point that it was started with */
    REAL_ENDED_BADLY,    /* in any other way: `why` has it */
    REAL_ENDED_ITSELF,   /* by itself, in whatever way; for the load and for checks */
};

struct real_node;

struct real_watcher {
    void (*ready)(void *ctx, struct real_node *node);
    /* It did not get ready within its time: it goes on. */
    void (*late)(void *ctx, struct real_node *node);
    void (*ended)(void *ctx, struct real_node *node, enum real_ending ending);
    void (*line)(void *ctx, struct real_node *node, const char *line);
    void *ctx;
};

struct real_readiness_plan {
    const char *line, *file, *http; /* one of them, written out; all NULL = ready at once */
    uint64_t within_ms;
};

struct real_node {
    struct event_base *base;
    const char *name;
    char **argv;
    const char *const *variables; /* pairs, NULL-ended: name, value */
    const char *directory;
    struct real_readiness_plan ready;
    const char *note; /* the file in which a process writes which crash point it dies at (proto/net/crash.h), */
    const char *met;  /* and the one in which it writes which it comes to; NULL = nobody wants to know */
    int (*enter)(const void *ctx); /* as struct real_command has it */
    const void *enter_ctx;
    uint64_t end_ms;
    uint32_t exit_status; /* wanted after SIGTERM, as real_node_status() has it */
    bool ends_itself;     /* the load and checks */
    struct real_watcher watcher;
    FILE *log;
    uint64_t zero_us;
    uint32_t index; /* the watcher's */

    enum real_node_state state;
    struct real_child child;
    uint32_t lives;
    uint64_t life_us;  /* when this life began */
    const char *point; /* the crash point of this life, several with commas, or NULL; the caller's */
    char died_at[64];  /* the one of them that the last life died at; "" = none */
    bool was_told;     /* SIGTERM or SIGKILL came from us */
    bool is_overdue;   /* SIGKILL came from us because SIGTERM did not help */
    char why[160];     /* how the last life ended */
    int status;        /* as waitpid() has it */
    struct event *exit_event;
    struct real_lines *out, *err;
    struct real_probe *probe;
    struct real_timer *end_timer;
};

/* The fields before `state` are filled by the caller, who keeps what they point at. */
void real_node_init(struct real_node *node);
/* Ends what runs, without a word to the watcher. */
void real_node_deinit(struct real_node *node);

/* Starts a life; `point` is a crash point or NULL. 0, or an errno. Only in state DOWN. */
int real_node_start(struct real_node *node, const char *point);
/* Each: false if the state has no edge for it, and nothing was done. */
bool real_node_kill(struct real_node *node);
bool real_node_pause(struct real_node *node);
bool real_node_resume(struct real_node *node);
/* SIGTERM; SIGKILL, which is a bad ending, when its time is over. */
bool real_node_term(struct real_node *node);

/* How the last life ended, as shells have it: the exit status, or 128 and the signal. */
uint32_t real_node_status(const struct real_node *node);

bool real_node_is(const struct real_node *node, enum real_node_state state);
const char *real_node_state_text(enum real_node_state state);
/* The state that an event leads to, or REAL_NODE_STATES if there is no edge. */
enum real_node_state real_node_edge(enum real_node_state state, enum real_node_event event);

#endif
