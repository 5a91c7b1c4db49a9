/* The table of branch.def is whole, and every one of its cells does what it says when it is driven through step(). */
#include <stdio.h>

#include <criterion/criterion.h>

#include "cells.h"

Test(branch_table, is_whole)
{
    char why[256];
    const char *fault = vow_fsm_check(vow_branches_fsm(), why, sizeof(why));
    cr_assert_null(fault, "%s", fault);
}

/* --- every cell --- */

static const struct vow_fsm_cell *cell_at(unsigned state, unsigned event)
{
    const struct vow_fsm *fsm = vow_branches_fsm();
    for (size_t i = 0; i < fsm->cells_len; i++) {
        if (fsm->cells[i].state == state && fsm->cells[i].event == event)
            return &fsm->cells[i];
    }
    return NULL;
}

/* A cell without an edge leaves everything as it is, but for one count (and an alarm if it is a violation). */
static void check_cell(struct fixture *f, const struct vow_fsm_cell *cell, const struct vow_branches_counts *before,
                       const char *name)
{
    const struct vow_branches_counts after = counts_of(f);
    const bool is_error = cell->verdict == VOW_FSM_PROTOCOL_ERROR;
    /* No timer runs that such a cell could meet, so there is nothing that could be counted. */
    const bool is_counted = cell->event != VOW_BRANCH_EV_TIMEOUT && cell->event != VOW_BRANCH_EV_DISCONNECTED;
    cr_expect_eq(count_effects(f, VOW_BRANCHES_ALARM), f->effects.len, "%s: says something", name);
    cr_expect_eq(f->effects.len, is_error ? 1 : 0, "%s: alarms", name);
    cr_expect_eq(after.protocol_errors, before->protocol_errors + is_error, "%s: protocol errors", name);
    cr_expect_eq(after.ignored, before->ignored + (!is_error && is_counted), "%s: ignored", name);
    cr_expect_eq(after.open, before->open, "%s: open", name);
    cr_expect_eq(after.in_doubt, before->in_doubt, "%s: in doubt", name);
}

static void check_edge(struct fixture *f, unsigned state, unsigned event, const char *name)
{
    const struct vow_branches_effect *trace = first_effect(f, VOW_BRANCHES_TRACE);
    cr_assert_eq(count_effects(f, VOW_BRANCHES_TRACE), 1, "%s: moves once", name);
    cr_expect_eq(trace->trace.from, state, "%s: from", name);
    cr_expect_eq(trace->trace.event, event, "%s: event", name);
    cr_expect(vow_fsm_has_edge(vow_branches_fsm(), state, event, trace->trace.to), "%s: edge", name);
    cr_expect_eq(counts_of(f).open, trace->trace.to != VOW_BRANCH_UNKNOWN, "%s: open", name);
    cr_expect_eq(counts_of(f).in_doubt, trace->trace.to == VOW_BRANCH_PREPARED, "%s: in doubt", name);
}

static void try_cell(unsigned state, unsigned event)
{
    const struct vow_fsm *fsm = vow_branches_fsm();
    struct fixture f;
    char name[64];
    snprintf(name, sizeof(name), "%s x %s", fsm->states[state].name, fsm->events[event].name);
    cells_start(&f);
    const enum vow_store_op_kind op = bring_to(&f, state);
    const struct vow_branches_counts before = counts_of(&f);
    cr_assert_eq(before.protocol_errors + before.ignored, 0, "%s: the way there", name);
    drive(&f, event, op);
    const struct vow_fsm_cell *cell = cell_at(state, event);
    if (cell != NULL)
        check_cell(&f, cell, &before, name);
    else
        check_edge(&f, state, event, name);
    fixture_stop(&f);
}

Test(branch_table, every_cell_does_what_it_says)
{
    for (unsigned state = 0; state < VOW_BRANCH_STATES; state++) {
        for (unsigned event = 0; event < VOW_BRANCH_EVENTS; event++)
            try_cell(state, event);
    }
}
