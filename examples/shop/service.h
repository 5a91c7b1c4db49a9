/* The frame of the three services: flags, signals, the line that says they are ready. Nothing about transactions. */
#ifndef SHOP_SERVICE_H
#define SHOP_SERVICE_H

#include <stdint.h>

#include <vow/participant.h>

struct service {
    const char *program; /* "shop-stock" */
    const char
        *fills; /* what the first start fills the database with ("items"), also the flag for how many; NULL = nothing */
    const char *db;
    const char *coordinator; /* NULL = the library's default */
    const char *peer_listen; /* NULL = nowhere */
    int64_t ask_after_ms;    /* how long a branch is in doubt before it asks; 0 = the library's own */
    int64_t rows;            /* how many of `fills` */
    const char *table;       /* whose rows' versions are noted (access.h); NULL = none */
    const char *history;     /* where they are told at the end; NULL = nowhere */
    /* Called a few times a second while the service lives; NULL = nothing to look for. */
    void (*look_around)(const struct service *service);
};

/* Reads the flags and blocks SIGTERM and SIGINT, before there is a thread. Exits: 2 on a bad flag, 0 after --help. */
void service_begin(struct service *service, int argc, char **argv);

/* Waits for the connection, says "ready", and lives until SIGTERM or SIGINT. Ends with a line of statistics. */
void service_live(const struct service *service, struct vow_participant *participant);

/* After the participant is closed: the history, if it is asked for. Returns the exit status. */
int service_tell(const struct service *service);

/* Says on stderr what went wrong and returns the exit status for it. */
int service_failed(const struct service *service, const char *why);

#endif
