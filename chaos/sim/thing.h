/*
 * The services' work in a world with events: things that are changed, and each change is told of by one event. A change
 * adds one to the thing's version, leaves a row that says so (told), and publishes, all in one transaction. An event
 * that is handled leaves a row each time (heard), and may lead to the change of a thing of the one who handles it. So
 * who looks at the rows alone can tell what must have been published, and what was done twice or not at all.
 *
 * Which group reacts to what, and what that leads to, is a choreography: choreography.c.
 */
#ifndef VOW_CHAOS_SIM_THING_H
#define VOW_CHAOS_SIM_THING_H

#include "chaos/sim/news.h"
#include "chaos/sim/world.h"
#include "participant/participant_events.h"
#include "participant/store/sqlite.h"

#define SIM_THINGS_MAX 8u

/* The schema, and the first rows, which are there before anything happens. */
extern const char sim_thing_schema[];
int sim_thing_fill(struct sqlite3 *db);

/* What a participant's service remembers over its lives, for the world's sake. */
struct sim_things {
    uint64_t shown[SIM_THINGS_MAX]; /* the newest change that was shown */
    uint64_t made;                  /* changes that were tried */
    uint32_t ordered;               /* local transactions that have committed */
};

/* One change. */
struct sim_wish {
    const char *topic;
    struct vow_gtrid gtrid; /* what it belongs to */
    uint32_t thing, version;
    uint32_t hops; /* of what it follows from, plus one */
    bool is_poison;
};

/*
 * Changes the rows, and says what is to be published of it: event points into text and bytes. Returns an SQLite code.
 */
struct sim_thing_text {
    char key[SIM_THING_KEY_SIZE];
    char headers[VOW_HEADERS_TEXT_SIZE];
    uint8_t payload[SIM_NEWS_BYTES];
};
int sim_thing_change(struct sqlite3 *db, const struct sim_wish *wish, uint64_t tag, struct sim_thing_text *text,
                     struct vow_store_event *event);
/* A handler's row for an event. Returns an SQLite code. */
int sim_thing_hear(struct sqlite3 *db, const struct vow_store_delivery *delivery);

/* Shows what is committed and was not shown (BECAME_TRUE); is_start: and what a dead life has left. */
void sim_thing_show(struct sim_world *world, const struct sim_node *node, struct sqlite3 *db, struct sim_things *things,
                    bool is_start);

/* --- choreography.c --- */

/* The groups of a coordinator's participants; each name has the coordinator's number behind it. */
struct sim_reaction {
    const char *group, *on;
    const char *publishes[2]; /* the second, if the event's number says so; NULL: nothing */
};
#define SIM_REACTIONS 8u
extern const struct sim_reaction sim_reactions[SIM_REACTIONS];
/* Two groups that close a circle: one of them is refused. Nobody publishes what they ask for. */
#define SIM_REACTIONS_REAL 6u

/* The next change that the node's service makes on its own, in a transaction, a step or a local one. */
struct sim_wish sim_wish_draw(const struct sim_world *world, struct sim_rng *luck, const char *topic);

#endif
