#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "proto/fsm.h"

/* A door, good as it is. Each test breaks one thing and names the fault that must be found. */
enum { NONE, SHUT, OPEN, GONE, STATES };
enum { BUILD, PUSH, BREAK, EVENTS };

struct door {
    struct vow_fsm_state states[STATES];
    struct vow_fsm_event events[EVENTS];
    struct vow_fsm_edge edges[8];
    struct vow_fsm_cell cells[16];
    struct vow_fsm fsm;
    char why[160];
};

static void build(struct door *door)
{
    *door = (struct door){
        .states = {{"NONE", VOW_FSM_INITIAL, ""}, {"SHUT", 0, ""}, {"OPEN", 0, ""}, {"GONE", VOW_FSM_FINAL, ""}},
        .events = {{"BUILD", ""}, {"PUSH", ""}, {"BREAK", ""}},
        .edges = {{NONE, BUILD, SHUT, "", "on_build", "1"},
                  {SHUT, PUSH, OPEN, "unlocked", "on_push", "2"},
                  {SHUT, PUSH, SHUT, "locked", "on_push", "2"},
                  {OPEN, BREAK, GONE, "", "on_break", "3"}},
        .cells = {{NONE, PUSH, VOW_FSM_PROTOCOL_ERROR, "no door"},
                  {NONE, BREAK, VOW_FSM_PROTOCOL_ERROR, "no door"},
                  {SHUT, BUILD, VOW_FSM_IGNORE, "there is one"},
                  {SHUT, BREAK, VOW_FSM_IGNORE, "too strong"},
                  {OPEN, BUILD, VOW_FSM_IGNORE, "there is one"},
                  {OPEN, PUSH, VOW_FSM_IGNORE, "it is open"},
                  {GONE, BUILD, VOW_FSM_IGNORE, "too late"},
                  {GONE, PUSH, VOW_FSM_IGNORE, "too late"},
                  {GONE, BREAK, VOW_FSM_IGNORE, "too late"}},
    };
    door->fsm = (struct vow_fsm){
        .name = "door",
        .states = door->states,
        .events = door->events,
        .edges = door->edges,
        .cells = door->cells,
        .states_len = STATES,
        .events_len = EVENTS,
        .edges_len = 4,
        .cells_len = 9,
    };
}

static void expect_fault(struct door *door, const char *fault)
{
    const char *why = vow_fsm_check(&door->fsm, door->why, sizeof(door->why));
    cr_assert_not_null(why, "not found: %s", fault);
    cr_expect_str_eq(why, fault);
}

Test(fsm, good_table_passes)
{
    struct door door;
    build(&door);
    cr_expect_null(vow_fsm_check(&door.fsm, door.why, sizeof(door.why)), "%s", door.why);
}

Test(fsm, has_edge_is_exact)
{
    struct door door;
    build(&door);
    for (unsigned from = 0; from < STATES + 1; from++) {
        for (unsigned event = 0; event < EVENTS + 1; event++) {
            for (unsigned to = 0; to < STATES + 1; to++) {
                bool wanted = false;
                for (size_t i = 0; i < 4; i++)
                    wanted |= door.edges[i].from == from && door.edges[i].event == event && door.edges[i].to == to;
                cr_expect_eq(vow_fsm_has_edge(&door.fsm, from, event, to), wanted);
            }
        }
    }
    cr_expect_not(vow_fsm_has_edge(&door.fsm, 256 + NONE, BUILD, SHUT), "numbers are not cut");
}

Test(fsm, counts_the_edge_that_is_taken_and_no_other)
{
    struct door door;
    uint64_t hits[4] = {0};

    build(&door);
    vow_fsm_count(&door.fsm, hits, SHUT, PUSH, OPEN);
    vow_fsm_count(&door.fsm, hits, SHUT, PUSH, SHUT);
    vow_fsm_count(&door.fsm, hits, SHUT, PUSH, OPEN);
    cr_expect(hits[0] == 0 && hits[1] == 2 && hits[2] == 1 && hits[3] == 0);
}

Test(fsm, a_move_without_an_edge_ends_the_process, .signal = SIGABRT)
{
    struct door door;
    uint64_t hits[4] = {0};

    build(&door);
    vow_fsm_count(&door.fsm, hits, OPEN, PUSH, SHUT);
}

Test(fsm, tells_the_cell_of_an_event_that_no_edge_takes)
{
    struct door door;

    build(&door);
    for (size_t i = 0; i < 9; i++)
        cr_expect_eq(vow_fsm_cell_of(&door.fsm, door.cells[i].state, door.cells[i].event), &door.cells[i]);
}

Test(fsm, an_event_that_an_edge_takes_has_no_cell, .signal = SIGABRT)
{
    struct door door;

    build(&door);
    (void)vow_fsm_cell_of(&door.fsm, SHUT, PUSH);
}

Test(fsm, finds_each_cell_that_is_not_filled)
{
    for (size_t missing = 0; missing < 9; missing++) {
        struct door door;
        build(&door);
        const struct vow_fsm_cell cell = door.cells[missing];
        door.cells[missing] = door.cells[--door.fsm.cells_len];
        char fault[80];
        snprintf(fault, sizeof(fault), "door: %s x %s: not filled", door.states[cell.state].name,
                 door.events[cell.event].name);
        expect_fault(&door, fault);
    }
}

Test(fsm, finds_a_cell_filled_twice)
{
    struct door door;
    build(&door);
    door.cells[door.fsm.cells_len++] = (struct vow_fsm_cell){OPEN, PUSH, VOW_FSM_IGNORE, "again"};
    expect_fault(&door, "door: OPEN x PUSH: filled more than once");
}

Test(fsm, finds_a_cell_beside_an_edge)
{
    struct door door;
    build(&door);
    door.cells[door.fsm.cells_len++] = (struct vow_fsm_cell){SHUT, PUSH, VOW_FSM_IGNORE, "or not"};
    expect_fault(&door, "door: SHUT x PUSH: filled more than once");
}

Test(fsm, finds_two_handlers_in_one_cell)
{
    struct door door;
    build(&door);
    door.edges[2].handler = "on_push_of_a_locked_door";
    expect_fault(&door, "door: SHUT x PUSH: edges with different handlers");
}

Test(fsm, finds_a_way_out_of_a_final_state)
{
    struct door door;
    build(&door);
    door.cells[6] = door.cells[--door.fsm.cells_len];
    door.edges[door.fsm.edges_len++] = (struct vow_fsm_edge){GONE, BUILD, SHUT, "", "on_build", "4"};
    expect_fault(&door, "door: GONE x BUILD: leaves a final state");
    door.edges[4].to = GONE;
    cr_expect_null(vow_fsm_check(&door.fsm, door.why, sizeof(door.why)), "an edge to itself does not leave");
    door.edges[4].to = SHUT;
    door.states[GONE].flags |= VOW_FSM_INITIAL;
    cr_expect_null(vow_fsm_check(&door.fsm, door.why, sizeof(door.why)), "an initial state may be left");
}

Test(fsm, finds_a_state_that_is_not_reached)
{
    struct door door;
    build(&door);
    door.edges[3].to = OPEN;
    expect_fault(&door, "door: GONE: not reached from an initial state");
    build(&door);
    door.states[NONE].flags = 0;
    expect_fault(&door, "door: NONE: not reached from an initial state");
}

Test(fsm, reaches_states_in_any_order_of_edges)
{
    struct door door;
    build(&door);
    const struct vow_fsm_edge first = door.edges[0];
    door.edges[0] = door.edges[3];
    door.edges[3] = first;
    cr_expect_null(vow_fsm_check(&door.fsm, door.why, sizeof(door.why)), "%s", door.why);
}

Test(fsm, finds_what_is_out_of_range)
{
    struct door door;
    build(&door);
    door.edges[1].to = STATES;
    expect_fault(&door, "door: edge: names a state or an event that is not there");
    build(&door);
    door.edges[1].event = EVENTS;
    expect_fault(&door, "door: edge: names a state or an event that is not there");
    build(&door);
    door.edges[1].from = STATES;
    expect_fault(&door, "door: edge: names a state or an event that is not there");
    build(&door);
    door.cells[1].state = STATES;
    expect_fault(&door, "door: cell: names a state or an event that is not there");
    build(&door);
    door.cells[1].event = EVENTS;
    expect_fault(&door, "door: cell: names a state or an event that is not there");
    build(&door);
    door.cells[1].verdict = (enum vow_fsm_verdict)0;
    expect_fault(&door, "door: NONE x BREAK: no such verdict");
    build(&door);
    door.fsm.states_len = 0;
    expect_fault(&door, "door: table: no states, too many states or no events");
}

Test(fsm, why_is_cut_to_its_buffer)
{
    struct door door;
    build(&door);
    door.fsm.cells_len--;
    for (size_t size = 1; size < 20; size++) {
        memset(door.why, 'x', sizeof(door.why));
        cr_assert_eq(vow_fsm_check(&door.fsm, door.why, size), door.why);
        cr_expect_eq(strlen(door.why), size - 1);
        cr_expect_eq(door.why[size], 'x');
    }
}
