/* A way through a small world in words, one line for each thing that happens. */
#include <inttypes.h>

#include "chaos/sim/small/peers.h"
#include "chaos/sim/small/world.h"

static void print_message(const struct small_nodes *nodes, struct small_event event, const struct small_names *names,
                          FILE *trace)
{
    const struct vow_msg msg = small_mail_copy(&nodes->mail, event.arg, names->of[event.peer]);
    char text[256];

    (void)vow_msg_print(&msg, text, sizeof(text));
    if (event.kind == SMALL_TO_COORD)
        (void)fprintf(trace, "%s -> coordinator: %s", small_peer_name(names->of[event.peer]), text);
    else if (nodes->mail.from[event.arg] != 0)
        (void)fprintf(trace, "%s -> %s: %s", small_peer_name(names->of[nodes->mail.from[event.arg] - 1u]),
                      small_peer_name(names->of[event.peer]), text);
    else
        (void)fprintf(trace, "coordinator -> %s: %s", small_peer_name(names->of[event.peer]), text);
    (void)fprintf(trace, " (epoch %" PRIu32 ", life %" PRIu64 ")", msg.enlist.header.epoch,
                  msg.enlist.header.incarnation);
}

static const char *answer_name(uint32_t result)
{
    static const char *const names[] = {"?", "DONE", "READ-ONLY", "REFUSED", "NO-RECORD"};

    return names[result < 5 ? result : 0];
}

static const char *words_of(enum small_event_kind kind)
{
    switch (kind) {
    case SMALL_BEGIN:
        return "client: BEGIN";
    case SMALL_COMMIT:
        return "client: COMMIT_REQUEST";
    case SMALL_ROLLBACK:
        return "client: ROLLBACK_REQUEST";
    case SMALL_STATUS:
        return "client: STATUS_REQUEST";
    case SMALL_CLIENT_DOWN:
        return "client: its connection breaks";
    case SMALL_JOURNAL_DONE:
        return "coordinator: its journal has done the oldest thing";
    case SMALL_COORD_TIMER:
        return "coordinator: a timer runs out";
    case SMALL_COORD_CRASH:
        return "coordinator: CRASHES";
    case SMALL_COORD_START:
        return "coordinator: starts";
    case SMALL_COORD_RECOVER:
        return "coordinator: has read its log";
    case SMALL_SESSION_DOWN:
        return "coordinator: sees the connection break";
    case SMALL_SESSION_UP:
        return "coordinator: is connected";
    case SMALL_JOIN:
        return "joins";
    case SMALL_STORE_DONE:
        return "its store answers";
    case SMALL_PART_TIMER:
        return "a timer runs out";
    case SMALL_PART_LATE:
        return "all short timers run out";
    case SMALL_COORD_DOWN:
        return "sees the connection break";
    case SMALL_COORD_UP:
        return "is connected";
    case SMALL_PART_CRASH:
        return "CRASHES";
    case SMALL_PART_START:
        return "starts";
    case SMALL_CONNECT:
        return "connects";
    case SMALL_TO_COORD:
    case SMALL_TO_PART:
        break;
    }
    return "?";
}

static void print_event(const struct small_nodes *nodes, struct small_event event, const struct small_names *names,
                        FILE *trace)
{
    if (event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART) {
        print_message(nodes, event, names, trace);
        return;
    }
    if (event.kind >= SMALL_JOIN)
        (void)fprintf(trace, "%s: ", small_peer_name(names->of[event.peer]));
    (void)fputs(words_of((enum small_event_kind)event.kind), trace);
    if (event.kind == SMALL_SESSION_DOWN)
        (void)fprintf(trace, " to %s", small_peer_name(names->of[event.peer]));
    if (event.kind == SMALL_STORE_DONE)
        (void)fprintf(trace, " %s", answer_name((uint32_t)event.arg >> 8));
    if ((event.kind == SMALL_COORD_CRASH || event.kind == SMALL_PART_CRASH) && event.arg > 0)
        (void)fprintf(trace, " (unsynced writes that survive: %u)", event.arg);
}

static const char *coord_state(const struct small_nodes *nodes, const struct small_world *world)
{
    const struct small_coord *coord = &nodes->coords[world->coord];

    return coord->up ? vow_coord_fsm()->states[coord->state].name : "down";
}

static const char *part_state(const struct small_nodes *nodes, const struct small_world *world, uint32_t peer)
{
    const struct small_part *part = &nodes->parts[world->parts[peer]];

    return part->up ? vow_branches_fsm()->states[part->state].name : "down";
}

void small_print(const struct small_nodes *nodes, const struct small_world *world, struct small_event event,
                 const struct small_names *names, FILE *trace)
{
    (void)fputs("  ", trace);
    print_event(nodes, event, names, trace);
    (void)fprintf(trace, "   [coordinator %s", coord_state(nodes, world));
    for (uint32_t name = 0; name < nodes->config.participants; name++) {
        uint32_t peer = 0;

        while (names->of[peer] != name)
            peer++;
        (void)fprintf(trace, ", %s %s", small_peer_name(name), part_state(nodes, world, peer));
    }
    (void)fputs("]\n", trace);
}
