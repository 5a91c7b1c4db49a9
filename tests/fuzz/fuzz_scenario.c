/* A saved scenario. What is taken prints as a file that means the same; what is not is refused with its line. */
#include <string.h>

#include "chaos/sim/scenario.h"
#include "target.h"

static struct sim_scenario scenario, again;

static void check_refusal(const struct sim_scenario_error *error)
{
    FUZZ_REQUIRE(error->text[0] != '\0');
    for (const char *c = error->text; *c != '\0'; c++)
        FUZZ_REQUIRE(*c >= ' ' && *c <= '~');
}

/* What a world is made of stays within its bounds, for nobody looks at it again. */
static void check_bounds(void)
{
    const struct sim_options *o = &scenario.options;
    const uint32_t nodes = o->coordinators + o->participants + o->clients;
    FUZZ_REQUIRE(o->coordinators >= 1 && o->participants >= o->coordinators && o->clients >= 1);
    FUZZ_REQUIRE(nodes <= SIM_NODES_OF_SCENARIO_MAX && o->clients <= SIM_CLIENTS_MAX);
    FUZZ_REQUIRE(scenario.plan.len <= SIM_ACTIONS_MAX && scenario.plan.noise.len <= SIM_NOISE_MAX);
    for (uint32_t i = 0; i < scenario.plan.len; i++)
        FUZZ_REQUIRE(scenario.plan.actions[i].node < nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_scenario_error error;
    char *printed = NULL;
    size_t printed_len = 0;
    if (!sim_scenario_parse(&scenario, (const char *)data, size, &error)) {
        check_refusal(&error);
        return 0;
    }
    check_bounds();
    FILE *out = open_memstream(&printed, &printed_len);
    FUZZ_REQUIRE(out != NULL);
    sim_scenario_print(&scenario, out);
    fclose(out);
    FUZZ_REQUIRE(sim_scenario_parse(&again, printed, printed_len, &error));
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-*): the parser clears all of both, padding too */
    FUZZ_REQUIRE(memcmp(&scenario, &again, sizeof(scenario)) == 0);
    free(printed);
    return 0;
}
