#include "participant/advice.h"

#include <stdio.h>
#include <string.h>

static bool is(const struct vow_advice_facts *facts, const char *state)
{
    return strncmp(facts->view->state, state, strlen(state)) == 0;
}

static const char *answer_text(enum vow_wait answer)
{
    switch (answer) {
    case VOW_WAIT_UNDECIDED:
        return "the coordinator has not decided yet";
    case VOW_WAIT_RECOVERING:
        return "the coordinator is reading its journal";
    case VOW_WAIT_NOT_MINE:
        return "the coordinator says that this id is not its own";
    case VOW_WAIT_EXPIRED:
        return "an operator: it is older than the history that the coordinator keeps, which cannot say any more";
    }
    return "the coordinator has not answered yet";
}

static const char *unreachable_waits_for(const struct vow_advice_facts *facts)
{
    if (facts->view->heard_heuristic)
        return "the decision: the coordinator cannot be reached; a peer was ended by hand, which is no outcome";
    if (facts->view->is_blocked)
        return "the decision: the coordinator cannot be reached, and no peer that answers knows the outcome";
    if (facts->view->has_asked_peers)
        return "the decision: the coordinator cannot be reached; its peers are asked";
    return "the decision: the coordinator cannot be reached";
}

static const char *prepared_waits_for(const struct vow_advice_facts *facts)
{
    if (facts->view->is_foreign)
        return "the decision of another coordinator than the one that this participant's data belongs to";
    if (!facts->connected)
        return unreachable_waits_for(facts);
    return answer_text(facts->view->answer);
}

void vow_advice_waits_for(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE])
{
    const char *text = "its store";
    if (is(facts, "PREPARED"))
        text = prepared_waits_for(facts);
    else if (facts->is_stalled)
        text = "room on this participant's disk, or whoever holds its file";
    else if (is(facts, "HEURISTIC_COMMITTED") || is(facts, "HEURISTIC_ABORTED"))
        text = facts->connected ? "the decision, to see whether it agrees"
                                : "the decision: the coordinator cannot be reached";
    else if (is(facts, "DAMAGED"))
        text = "an operator who sees to the damage";
    (void)snprintf(out, VOW_ADVICE_SIZE, "%s", text);
}

/* To end it by hand breaks the transaction if the others end the other way; nobody here can know which way that is. */
static void by_hand(const struct vow_advice_facts *facts, const char *first, char out[VOW_ADVICE_SIZE])
{
    (void)snprintf(
        out, VOW_ADVICE_SIZE,
        "%s; if that will never be: \"vowctl --coordinator ADDRESS-OF-%s commit|abort %s\" ends it here, and "
        "damages the data if the others ended the other way",
        first, facts->self, facts->id);
}

static void prepared(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE])
{
    if (facts->view->is_foreign)
        by_hand(facts, "bring back the coordinator whose id it names, with its own journal", out);
    else if (!facts->connected)
        by_hand(facts, "start vowd with its journal, or mend the way to it: what was decided stands there", out);
    else if (facts->view->answer == VOW_WAIT_NOT_MINE)
        by_hand(facts, "find the coordinator that began it: this one must not presume its end", out);
    else if (facts->view->answer == VOW_WAIT_EXPIRED)
        by_hand(facts, "find out at the other participants what became of it: the coordinator cannot know any more",
                out);
    else if (facts->view->answer == VOW_WAIT_UNDECIDED)
        (void)snprintf(
            out, VOW_ADVICE_SIZE,
            "nothing: it ends when the coordinator has decided; \"vowctl abort %s\" there is safe until then",
            facts->id);
    else
        (void)snprintf(out, VOW_ADVICE_SIZE, "nothing: the coordinator is there, and is asked again by itself");
}

static const char *done_word(enum vow_verdict verdict)
{
    return verdict == VOW_COMMIT ? "committed" : "rolled back";
}

static void damaged(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE])
{
    (void)snprintf(out, VOW_ADVICE_SIZE,
                   "it was %s by hand, and the transaction was %s: mend the data, then \"vowctl forget %s\"",
                   done_word(facts->view->heuristic), done_word(facts->view->decided), facts->id);
}

void vow_advice_safe(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE])
{
    out[0] = '\0';
    if (is(facts, "PREPARED"))
        prepared(facts, out);
    else if (facts->is_stalled)
        (void)snprintf(out, VOW_ADVICE_SIZE, "make room on the disk of %s, or end what holds its file", facts->self);
    else if (is(facts, "DAMAGED"))
        damaged(facts, out);
    else if (is(facts, "HEURISTIC_COMMITTED") || is(facts, "HEURISTIC_ABORTED"))
        (void)snprintf(out, VOW_ADVICE_SIZE,
                       "nothing: it was %s by hand, holds no rows any more, and ends if the decision agrees",
                       done_word(facts->view->heuristic));
    else
        (void)snprintf(out, VOW_ADVICE_SIZE, "nothing: it ends by itself");
}
