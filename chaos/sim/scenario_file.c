/* A scenario of a seed, and as a file: written, and read back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/scenario.h"
#include "chaos/sim/seen.h"

void sim_scenario_of_seed(struct sim_scenario *scenario, uint64_t seed)
{
    sim_scenario_of_world(scenario, seed, SIM_PROTOCOL_2PC);
}

void sim_scenario_of_world(struct sim_scenario *scenario, uint64_t seed, enum sim_protocol protocol)
{
    memset(scenario, 0, sizeof(*scenario));
    sim_options_draw_for(&scenario->options, seed, protocol);
    sim_plan_draw(&scenario->plan, &scenario->options);
}

static void print_options(const struct sim_options *options, FILE *out)
{
    const struct sim_option *option;
    struct sim_options drawn;

    sim_options_draw(&drawn, options->seed);
    for (uint32_t i = 0; (option = sim_option_at(i)) != NULL; i++) {
        const uint32_t value = sim_option_get(options, option);

        if (value != sim_option_get(&drawn, option))
            (void)fprintf(out, "option %s %u\n", option->name, value);
    }
}

static void print_action(const struct sim_action *action, FILE *out)
{
    (void)fprintf(out, "action %u %s %u ", action->number, sim_action_name(action->kind), action->node);
    if (action->peer == SIM_NODE_NONE)
        (void)fprintf(out, "-");
    else
        (void)fprintf(out, "%u", action->peer);
    (void)fprintf(out, " %" PRIu64 " %" PRId64 "\n", action->at_us, action->amount);
}

static void print_left_out(const struct sim_plan *plan, FILE *out)
{
    for (uint32_t client = 0; client < SIM_CLIENTS_MAX; client++) {
        for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++) {
            if ((plan->skipped[client] >> i & 1) != 0)
                (void)fprintf(out, "skip %u %u\n", client, i);
        }
    }
    if (plan->is_listed)
        (void)fprintf(out, "noise listed\n");
    for (uint32_t i = 0; plan->is_listed && i < plan->noise.len; i++) {
        const struct sim_noise_item *item = &plan->noise.items[i];

        if (item->is_commit)
            (void)fprintf(out, "commit %u %u %" PRIu64 "\n", item->node, item->life, item->number);
        else
            (void)fprintf(out, "frame %" PRIu64 "\n", item->number);
    }
}

void sim_scenario_print(const struct sim_scenario *scenario, FILE *out)
{
    (void)fprintf(out, "vow-scenario %d\nseed %" PRIu64 "\n", SIM_SCENARIO_VERSION, scenario->options.seed);
    if (scenario->failed[0] != '\0')
        (void)fprintf(out, "failed %s\n", scenario->failed);
    print_options(&scenario->options, out);
    for (uint32_t i = 0; i < scenario->plan.len; i++)
        print_action(&scenario->plan.actions[i], out);
    print_left_out(&scenario->plan, out);
    if (scenario->has_hash)
        (void)fprintf(out, "hash %016" PRIx64 "\n", scenario->hash);
    (void)fprintf(out, "end\n");
}

bool sim_scenario_load(struct sim_scenario *scenario, const char *path, struct sim_scenario_error *error)
{
    FILE *in = fopen(path, "re");
    char *text = malloc(SIM_SCENARIO_BYTES_MAX + 1);
    size_t len;
    bool is_read, ok;

    *error = (struct sim_scenario_error){.line = 0};
    (void)snprintf(error->text, sizeof(error->text), "cannot be read: %m");
    if (in == NULL || text == NULL) {
        free(text);
        if (in != NULL)
            (void)fclose(in);
        return false;
    }
    len = fread(text, 1, SIM_SCENARIO_BYTES_MAX + 1, in);
    is_read = ferror(in) == 0;
    (void)fclose(in);
    ok = is_read && sim_scenario_parse(scenario, text, len, error);
    free(text);
    return ok;
}
