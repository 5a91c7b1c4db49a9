/* The timeline: each fault at its time, and whether it really happened. */
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/run.h"

/* --- One fault --- */

static void arm(struct real_deed *deed)
{
    deed->is_armed = true;
    real_timer_set(deed->timer, deed->fault->delay_ms);
}

/* --- Whose doing it is what goes wrong inside a node --- */

/* What is counted from now on is not its doing any more. */
static void end_inside(struct real_deed *deed, size_t target)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    const struct real_member *member = &run->members[fault->targets[target]];
    const uint64_t hits = real_inside_hits(member, fault->action) - deed->hits[target];

    if (!deed->is_inside[target])
        return;
    deed->is_inside[target] = false;
    deed->is_met[target] = hits > 0;
    if (hits == 0)
        run->members[fault->targets[target]].is_awaited = false;
    if (hits > 0)
        real_record_say(&run->record, REAL_MOMENT_HIT, member->node.name, "%s (line %u), %llu times",
                        real_action_key(fault->action), fault->place.line, (unsigned long long)hits);
}

/* It takes the place of one of its kind, and a repair that of all. */
static void begin_inside(struct real_deed *deed, size_t target)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    const enum faults_kind kind = real_inside_counts_as(fault->action);
    struct real_member *member = &run->members[fault->targets[target]];

    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        struct real_deed *other = &run->deeds[i];
        const enum faults_kind others = real_inside_counts_as(other->fault->action);
        for (size_t j = 0; j < other->fault->targets_len; j++)
            if (other->is_inside[j] && other->fault->targets[j] == fault->targets[target] &&
                (kind == FAULTS_LEN || kind == others))
                end_inside(other, j);
    }
    if (kind == FAULTS_LEN)
        return;
    deed->is_inside[target] = true;
    deed->hits[target] = real_inside_hits(member, fault->action);
    if (fault->ends_with_said.text != NULL) {
        member->is_awaited = true;
        member->awaited = fault->ends_with;
    }
}

static void do_to_node(struct real_deed *deed, size_t target)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    struct real_member *member = &run->members[fault->targets[target]];
    const enum real_node_state state = member->node.state;

    if (real_action_is_inside(fault->action))
        begin_inside(deed, target);
    const int error = real_act(run, fault, member);
    if (error == 0) {
        real_record_say(&run->record, REAL_MOMENT_FAULT, member->node.name, "%s (line %u)",
                        real_action_key(fault->action), fault->place.line);
        return;
    }
    deed->is_hit = false;
    deed->error = error > 0 ? error : deed->error;
    real_record_say(&run->record, REAL_MOMENT_MISSED, member->node.name, "%s (line %u) %s%s",
                    real_action_key(fault->action), fault->place.line, error > 0 ? "" : "finds it ",
                    error > 0 ? strerror(error) : real_node_state_text(state));
}

/* --- Whose doing it is what a link does --- */

/* What ends what was done before: a second delay takes the place of the first, and a reset is over at once. Cuts add
 * up. */
static bool takes_place(enum real_action action)
{
    return action == REAL_DELAY || action == REAL_SLOW || action == REAL_FLAP || action == REAL_RESET ||
           action == REAL_TEAR || action == REAL_RESET_AFTER || action == REAL_SLICE;
}

/* From now on nothing that this link does is any more the doing of faults that `by` has ended. */
static void end_others(struct real_run *run, const struct real_fault *by, uint32_t link)
{
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        const struct real_fault *fault = deed->fault;
        if (!real_action_is_of_links(fault->action) ||
            (by->action != REAL_MEND && (by->action != fault->action || !takes_place(by->action))))
            continue;
        for (size_t j = 0; j < fault->targets_len; j++)
            if (fault->targets[j] == link)
                deed->ways[j] &= by->action == REAL_MEND ? 0 : ~real_link_ways(by);
    }
}

void real_deeds_link(struct real_run *run, uint32_t link, enum proxy_fault kind, unsigned ways)
{
    for (size_t i = 0; run->is_loading && i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        if (!real_action_is_of_links(deed->fault->action) || real_link_counts_as(deed->fault->action) != kind ||
            (run->resetting != NULL && run->resetting != deed))
            continue;
        for (size_t j = 0; j < deed->fault->targets_len; j++)
            if (deed->fault->targets[j] == link && (deed->ways[j] & ways) != 0)
                deed->is_met[j] = true;
    }
}

/* Whether it hits is not known before something comes along the link. */
static void do_to_link(struct real_deed *deed, size_t target)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    const uint32_t index = fault->targets[target];

    end_others(run, fault, index);
    deed->ways[target] = real_link_ways(fault);
    real_record_say(&run->record, REAL_MOMENT_FAULT, run->links[index].plan->name.text, "%s (line %u)",
                    real_action_key(fault->action), fault->place.line);
    run->resetting = fault->action == REAL_RESET ? deed : NULL; /* all that is reset in there is its doing alone */
    real_link_act(run, fault, index);
    run->resetting = NULL;
    if (fault->action == REAL_RESET)
        deed->ways[target] = 0;
}

static void carry_out(struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    deed->is_done = deed->is_hit = true;
    deed->done_us = real_clock_us() - deed->run->zero_us;
    for (size_t i = 0; i < fault->targets_len; i++) {
        if (real_action_is_of_links(fault->action))
            do_to_link(deed, i);
        else
            do_to_node(deed, i);
    }
}

/* --- What heals comes after what it is to heal --- */

static bool is_of_one_target(const struct real_fault *a, const struct real_fault *b)
{
    if (real_action_is_of_links(a->action) != real_action_is_of_links(b->action))
        return false;
    for (size_t i = 0; i < a->targets_len; i++)
        for (size_t j = 0; j < b->targets_len; j++)
            if (a->targets[i] == b->targets[j])
                return true;
    return false;
}

/* Events that come at once would heal first, and leave the harm for good. Times that a scenario sets are its own. */
static bool is_early(const struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    if ((fault->action != REAL_MEND && fault->action != REAL_REPAIR) || fault->trigger == REAL_AT)
        return false;
    for (const struct real_deed *above = deed->run->deeds; above < deed; above++)
        if (!above->is_done && real_action_is_harm(above->fault->action) && is_of_one_target(above->fault, fault))
            return true;
    return false;
}

static void on_timer(void *ctx)
{
    struct real_deed *deed = ctx;
    struct real_run *run = deed->run;
    const size_t next = (size_t)(deed - run->deeds) + 1;

    if (!run->is_loading || deed->is_done)
        return;
    deed->is_early = is_early(deed);
    if (deed->is_early)
        return;
    carry_out(deed);
    if (next < run->scenario->faults_len && run->deeds[next].fault->trigger == REAL_THEN)
        arm(&run->deeds[next]);
    for (size_t i = next; i < run->scenario->faults_len; i++)
        if (run->deeds[i].is_early)
            real_timer_set(run->deeds[i].timer, 0);
}

/* --- The timeline --- */

void real_deeds_begin(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        *deed = (struct real_deed){.fault = &run->scenario->faults[i], .run = run};
        deed->timer = real_timer_new(run->base, on_timer, deed);
        if (deed->fault->trigger == REAL_AT)
            arm(deed);
    }
    run->is_loading = true;
}

void real_deeds_event(struct real_run *run, enum real_trigger trigger, uint32_t member, const char *line)
{
    for (size_t i = 0; run->is_loading && i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        const struct real_fault *fault = deed->fault;
        if (deed->is_armed || fault->trigger != trigger || fault->of_node != member)
            continue;
        if (line != NULL && strstr(line, fault->text.text) == NULL)
            continue;
        if (++deed->events == fault->times)
            arm(deed);
    }
}

static void count_met(struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;
    const bool is_inside = real_action_is_inside(fault->action);

    if (!deed->is_done || !(is_inside || real_action_is_of_links(fault->action)) || !real_action_is_harm(fault->action))
        return;
    for (size_t i = 0; is_inside && i < fault->targets_len; i++)
        end_inside(deed, i);
    for (size_t i = 0; i < fault->targets_len; i++)
        if (!deed->is_met[i])
            deed->is_hit = false;
}

static const char *why_missed(const struct real_deed *deed)
{
    if (!deed->is_done)
        return "did not happen before the load ended";
    if (deed->error != 0)
        return strerror(deed->error);
    if (real_action_is_inside(deed->fault->action))
        return "met nothing inside its node";
    return real_action_is_of_links(deed->fault->action) ? "met nothing on its link" : "found its node in another state";
}

/* What was planned and has not hit makes the run worth less than it says (I31). What only helps may come too late. */
static void judge(struct real_run *run, const struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    if (run->is_interrupted || deed->is_hit || (!deed->is_done && !real_action_is_harm(fault->action)))
        return;
    real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "line %u: %s%s %s", fault->place.line,
                    real_action_key(fault->action), deed->error != 0 ? ":" : "", why_missed(deed));
}

void real_deeds_end(struct real_run *run)
{
    run->is_loading = false;
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        count_met(&run->deeds[i]);
        judge(run, &run->deeds[i]);
        real_timer_free(run->deeds[i].timer);
        run->deeds[i].timer = NULL;
    }
    if (run->points_met < run->points_armed && !run->is_interrupted && run->storm == NULL)
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL,
                        "%u of %u crash points were not met while the load ran; is it a build that has them (preset "
                        "dev)?",
                        run->points_armed - run->points_met, run->points_armed);
}
