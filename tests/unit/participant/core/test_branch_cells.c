/*
 * I16: every state of a branch and everything it can be given, as one table that lies beside this test
 * (tests/golden/cells/participant.txt): what is sent, asked of the store and said, and where it leads. A cell that is
 * not listed, or does something else, fails; VOW_REWRITE=1 writes the table anew, for a reader to judge. What may
 * never be is said here apart, by the text of the protocol; and a message that comes twice is as if it had come once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cells.h"
#include "script.h"

/* ---- the table ---- */

static void name_cell(unsigned state, unsigned event, char name[96])
{
    const struct vow_fsm *fsm = vow_branches_fsm();
    snprintf(name, 96, "%s %s", fsm->states[state].name, fsm->events[event].name);
}

static void write_cell(FILE *out, unsigned state, unsigned event)
{
    struct fixture f;
    char name[96];
    cells_start(&f);
    drive(&f, event, bring_to(&f, state));
    name_cell(state, event, name);
    fprintf(out, "%s\n", name);
    script_put_effects(out, &f);
    fixture_stop(&f);
}

static char *write_table(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (unsigned state = 0; state < VOW_BRANCH_STATES; state++) {
        for (unsigned event = 0; event < VOW_BRANCH_EVENTS; event++)
            write_cell(out, state, event);
    }
    fclose(out);
    return text;
}

/* The first line in which they differ, and the cell that it belongs to. */
static void compare(char *wanted, char *got)
{
    char *w = NULL, *g = NULL, *cell = "the first cell";
    for (char *a = strtok_r(wanted, "\n", &w), *b = strtok_r(got, "\n", &g); a != NULL || b != NULL;
         a = strtok_r(NULL, "\n", &w), b = strtok_r(NULL, "\n", &g)) {
        if (b != NULL && b[0] != ' ')
            cell = b;
        cr_assert(a != NULL && b != NULL && strcmp(a, b) == 0, "%s: listed \"%s\", and it is \"%s\"", cell,
                  a != NULL ? a : "(end)", b != NULL ? b : "(end)");
    }
}

Test(branch_cells, I16_every_state_and_every_message_is_listed)
{
    FILE *file = fopen(VOW_CELLS_DIR "/participant.txt", getenv("VOW_REWRITE") != NULL ? "w" : "r");
    char *got = write_table(), *wanted = NULL;
    size_t size = 0;
    cr_assert_not_null(file);
    if (getenv("VOW_REWRITE") != NULL) {
        fputs(got, file);
    } else {
        cr_assert_gt(getdelim(&wanted, &size, '\0', file), 0);
        compare(wanted, got);
    }
    fclose(file);
    free(got);
    free(wanted);
}

/* ---- what may never be ---- */

/* What may have led to something: bit by state, and bit by event. */
struct leave {
    uint32_t states, events;
};

#define S(name) (1u << VOW_BRANCH_##name)
#define E(name) (1u << VOW_BRANCH_EV_##name)
#define ANY UINT32_MAX

/* The first leave is the rule, and the others are what else gives it; up to an empty one. */
static bool may_be(const struct leave *leaves, unsigned state, unsigned event)
{
    for (; leaves->states != 0; leaves++) {
        if ((leaves->states >> state & 1) != 0 && (leaves->events >> event & 1) != 0)
            return true;
    }
    return false;
}

/* YES: when the prepared branch is durable, and again while it is, or when it is committed by hand (mistake 2). */
static const struct leave yes[] = {{S(PREPARING), E(STORE_DONE)},
                                   {S(PREPARED), E(PREPARE) | E(TIMEOUT)},
                                   {S(HEURISTIC_COMMITTED), E(PREPARE)},
                                   {0, 0}};
/* NO: never by who has vowed (mistake 5). */
static const struct leave no[] = {{S(UNKNOWN) | S(ENLISTING) | S(ACTIVE) | S(WORKING) | S(SPOILED) | S(ABORTING),
                                   E(PREPARE) | E(COMMIT_ONE_PHASE) | E(STORE_DONE)},
                                  {S(PREPARING), E(STORE_REFUSED)},
                                  {S(DOOMED), E(PREPARE)},
                                  {0, 0}};
static const struct leave read_only[] = {{S(PREPARING), E(STORE_READ_ONLY)}, {0, 0}};
/* DONE: when the commit is durable (mistake 3), or a tombstone says that it was. */
static const struct leave ack[] = {{S(COMMITTING) | S(RECALLING), E(STORE_DONE)}, {S(UNKNOWN), E(COMMIT)}, {0, 0}};
static const struct leave no_record[] = {
    {S(COMMITTING) | S(RECALLING) | S(HEURISTIC_COMMITTING) | S(HEURISTIC_ABORTING) | S(SETTLING), E(STORE_NO_RECORD)},
    {0, 0}};
/* Heuristics: the coordinator hears what an operator did when it says what it has decided (2.7). */
static const struct leave by_hand[] = {
    {S(SETTLING), E(STORE_DONE)}, {S(DAMAGED), E(COMMIT) | E(ABORT) | E(TIMEOUT)}, {0, 0}};
static const struct leave inquiry[] = {
    {S(PREPARED) | S(HEURISTIC_COMMITTED) | S(HEURISTIC_ABORTED), E(TIMEOUT) | E(WAIT)}, {0, 0}};
/* A prepared branch ends by a decision, a peer's knowledge, or an operator; nothing else (mistake 5). */
static const struct leave drops_a_vow[] = {{S(PREPARED), E(ABORT) | E(PEER_ABORTED)}, {0, 0}};
static const struct leave applies[] = {{S(PREPARED) | S(UNKNOWN), E(COMMIT) | E(PEER_COMMITTED)}, {0, 0}};
/* ABORTED to a peer: by who has not voted and aborts first, or heard it; never for want of a record (2.6). */
static const struct leave peer_aborted[] = {
    {S(ACTIVE) | S(WORKING), E(PEER_ASKS)},
    {S(SPOILED) | S(DOOMED) | S(ABORTING) | S(SETTLING) | S(DAMAGED), E(PEER_ASKS) | E(PEER_ASKS_OLD)},
    {0, 0}};
static const struct leave peer_committed[] = {
    {S(COMMITTING) | S(RECALLING) | S(SETTLING) | S(DAMAGED), E(PEER_ASKS) | E(PEER_ASKS_OLD)}, {0, 0}};

static const struct leave *leaves_of_vote(const struct vow_msg_vote *vote)
{
    return vote->vote == VOW_VOTE_YES ? yes : vote->vote == VOW_VOTE_NO ? no : read_only;
}

static const struct leave *leaves_of_ack(const struct vow_msg_ack *answer)
{
    return answer->ack == VOW_ACK_DONE ? ack : answer->ack == VOW_ACK_NO_RECORD ? no_record : by_hand;
}

/* NULL: it may be anywhere. */
static const struct leave *leaves_of(const struct vow_branches_effect *effect, unsigned state)
{
    if (effect->kind == VOW_BRANCHES_SEND && effect->msg.kind == VOW_MSG_VOTE)
        return leaves_of_vote(&effect->msg.vote);
    if (effect->kind == VOW_BRANCHES_SEND && effect->msg.kind == VOW_MSG_ACK)
        return leaves_of_ack(&effect->msg.ack);
    if (effect->kind == VOW_BRANCHES_SEND && effect->msg.kind == VOW_MSG_INQUIRY)
        return inquiry;
    if (effect->kind == VOW_BRANCHES_STORE && effect->store.op == VOW_STORE_ABORT && state == VOW_BRANCH_PREPARED)
        return drops_a_vow;
    if (effect->kind == VOW_BRANCHES_STORE && effect->store.op == VOW_STORE_COMMIT)
        return applies;
    if (effect->kind == VOW_BRANCHES_ANSWER_PEER && effect->answer.msg.peer_answer.answer == VOW_PEER_ABORTED)
        return peer_aborted;
    if (effect->kind == VOW_BRANCHES_ANSWER_PEER && effect->answer.msg.peer_answer.answer == VOW_PEER_COMMITTED)
        return peer_committed;
    return NULL;
}

static void never(unsigned state, unsigned event)
{
    struct fixture f;
    char name[96];
    cells_start(&f);
    drive(&f, event, bring_to(&f, state));
    name_cell(state, event, name);
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct leave *leaves = leaves_of(&f.effects.items[i], state);
        cr_expect(leaves == NULL || may_be(leaves, state, event), "%s: effect %zu may never be", name, i);
    }
    fixture_stop(&f);
}

Test(branch_cells, I16_what_may_never_be_is_in_no_cell)
{
    for (unsigned state = 0; state < VOW_BRANCH_STATES; state++) {
        for (unsigned event = 0; event < VOW_BRANCH_EVENTS; event++)
            never(state, event);
    }
}

/* ---- twice ---- */

static bool is_message(unsigned event)
{
    const uint32_t messages = E(ENLISTED) | E(NOT_ENLISTED) | E(PREPARE) | E(COMMIT) | E(ABORT) | E(STALE_ABORT) |
                              E(COMMIT_ONE_PHASE) | E(ONE_PHASE_QUERY) | E(FORGET) | E(WAIT) | E(PEER_ASKS) |
                              E(PEER_ASKS_OLD) | E(PEER_COMMITTED) | E(PEER_ABORTED) | E(PEER_STALE_ABORTED) |
                              E(PEER_UNSURE) | E(PEER_HEURISTIC);
    return (messages >> event & 1) != 0;
}

static void twice(unsigned state, unsigned event)
{
    struct fixture f;
    char name[96];
    cells_start(&f);
    const enum vow_store_op_kind op = bring_to(&f, state);
    drive(&f, event, op);
    const uint64_t once = vow_branches_digest(f.core);
    const size_t stores = count_effects(&f, VOW_BRANCHES_STORE);
    const enum vow_store_op_kind first = stores > 0 ? first_effect(&f, VOW_BRANCHES_STORE)->store.op : 0;
    drive(&f, event, op);
    name_cell(state, event, name);
    /* Each question to the store is kept until it is answered. */
    if (first != VOW_STORE_RECALL)
        cr_expect_eq(vow_branches_digest(f.core), once, "%s: the second copy changes the state", name);
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_branches_effect *effect = &f.effects.items[i];
        /* What only reads may be asked again, and what it forgets is forgotten. */
        const bool is_harmless = effect->store.op == first && (first == VOW_STORE_RECALL || first == VOW_STORE_FORGET);
        cr_expect(effect->kind != VOW_BRANCHES_STORE || is_harmless, "%s: the second copy asks the store", name);
    }
    fixture_stop(&f);
}

Test(branch_cells, I16_a_message_that_comes_twice_is_as_one)
{
    for (unsigned state = 0; state < VOW_BRANCH_STATES; state++) {
        for (unsigned event = 0; event < VOW_BRANCH_EVENTS; event++) {
            if (is_message(event))
                twice(state, event);
        }
    }
}
