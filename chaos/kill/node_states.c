/* The table of node.def. */
#include <stddef.h>

#include "chaos/kill/node.h"

const char *real_node_state_text(enum real_node_state state)
{
    static const char *const texts[] = {
#define STATE(name, text) text,
#include "chaos/kill/node.def"
    };

    return texts[state];
}

enum real_node_state real_node_edge(enum real_node_state state, enum real_node_event event)
{
    static const struct {
        enum real_node_state from, to;
        enum real_node_event event;
    } edges[] = {
#define EDGE(from, event, to) {REAL_NODE_##from, REAL_NODE_##to, REAL_NODE_ON_##event},
#include "chaos/kill/node.def"
    };

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        if (edges[i].from == state && edges[i].event == event)
            return edges[i].to;
    return REAL_NODE_STATES;
}

bool real_node_is(const struct real_node *node, enum real_node_state state)
{
    return node->state == state;
}
