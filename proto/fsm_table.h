/*
 * The lists of one machine as data. It is included once for each machine, after these have said which, and so has no
 * guard:
 *
 *   FSM_LIST           its *.def, in quotes
 *   FSM_NAME           what the names of its tables begin with
 *   FSM_TITLE          what it is called in diagrams and documents, in quotes
 *   FSM_STATE(name)    the enumerators of its states
 *   FSM_EVENT(name)    and of its events
 *   FSM_HANDLER        the type of its handlers, and
 *   FSM_EVENTS         how many events there are; both only if there is a function of each name that its edges have
 *
 * It defines FSM_NAME_states, _events, _edges and _cells, and FSM_NAME_fsm of them. With FSM_HANDLER also
 * FSM_NAME_handlers, one for each edge, and FSM_NAME_fill(), which makes the matrix that finds the handler of an event
 * in a state.
 */
#include "proto/assert.h"
#include "proto/fsm.h"

#define FSM_GLUE(name, part) name##_##part
#define FSM_JOIN(name, part) FSM_GLUE(name, part)
#define FSM_OWN(part) FSM_JOIN(FSM_NAME, part)
#define FSM_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const struct vow_fsm_state FSM_OWN(states)[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#include FSM_LIST
};

static const struct vow_fsm_event FSM_OWN(events)[] = {
#define EVENT(name, meaning) {#name, meaning},
#include FSM_LIST
};

static const struct vow_fsm_edge FSM_OWN(edges)[] = {
#define EDGE(from, event, guard, handler, to, rule) \
    {FSM_STATE(from), FSM_EVENT(event), FSM_STATE(to), guard, #handler, rule},
#include FSM_LIST
};

static const struct vow_fsm_cell FSM_OWN(cells)[] = {
#define CELL(state, event, verdict, why) {FSM_STATE(state), FSM_EVENT(event), VOW_FSM_##verdict, why},
#include FSM_LIST
};
/* clang-format on */

static const struct vow_fsm FSM_OWN(fsm) = {
    .name = FSM_TITLE,
    .states = FSM_OWN(states),
    .events = FSM_OWN(events),
    .edges = FSM_OWN(edges),
    .cells = FSM_OWN(cells),
    .states_len = FSM_LENGTH(FSM_OWN(states)),
    .events_len = FSM_LENGTH(FSM_OWN(events)),
    .edges_len = FSM_LENGTH(FSM_OWN(edges)),
    .cells_len = FSM_LENGTH(FSM_OWN(cells)),
};

#ifdef FSM_HANDLER
/* clang-format off */
static FSM_HANDLER *const FSM_OWN(handlers)[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include FSM_LIST
};
/* clang-format on */

static inline void FSM_OWN(fill)(FSM_HANDLER *matrix[][FSM_EVENTS])
{
    for (size_t i = 0; i < FSM_LENGTH(FSM_OWN(edges)); i++) {
        FSM_HANDLER **slot = &matrix[FSM_OWN(edges)[i].from][FSM_OWN(edges)[i].event];

        VOW_ASSERT(*slot == NULL || *slot == FSM_OWN(handlers)[i]);
        *slot = FSM_OWN(handlers)[i];
    }
}
#endif

#undef FSM_GLUE
#undef FSM_JOIN
#undef FSM_OWN
#undef FSM_LENGTH
#undef FSM_LIST
#undef FSM_NAME
#undef FSM_TITLE
#undef FSM_STATE
#undef FSM_EVENT
#undef FSM_HANDLER
#undef FSM_EVENTS
