/* A scenario of real processes. What is taken has no name that leads nowhere; what is not is refused in a line. */
#include <stdio.h>
#include <string.h>

#include "chaos/kill/scenario.h"
#include "target.h"

static void check_refusal(const struct real_error *error)
{
    FUZZ_REQUIRE(error->text[0] != '\0');
    for (const char *c = error->text; *c != '\0'; c++)
        FUZZ_REQUIRE(*c >= ' ' && *c <= '~');
}

static void check_plan(const struct real_node_plan *plan)
{
    FUZZ_REQUIRE(plan->name.text != NULL && plan->command.len > 0 && plan->command.len <= REAL_WORDS_MAX);
    FUZZ_REQUIRE(plan->ports.len <= REAL_PORTS_MAX);
    for (size_t i = 0; i < plan->command.len; i++)
        FUZZ_REQUIRE(strlen(plan->command.of[i].text) > 0);
}

static void check_fault(const struct real_scenario *scenario, const struct real_fault *fault)
{
    const size_t known = real_action_is_of_links(fault->action) ? scenario->links_len : scenario->nodes_len;

    FUZZ_REQUIRE(fault->targets_len > 0 && fault->targets_len <= known);
    for (size_t i = 0; i < fault->targets_len; i++)
        FUZZ_REQUIRE(fault->targets[i] < known);
    FUZZ_REQUIRE(fault->of_node < scenario->nodes_len || fault->of_node == REAL_NOBODY ||
                 (fault->of_node >= REAL_LOAD && fault->of_node < REAL_LOAD + scenario->loads_len));
    FUZZ_REQUIRE((fault->trigger == REAL_AT || fault->trigger == REAL_THEN) == (fault->of_node == REAL_NOBODY));
    FUZZ_REQUIRE(fault != scenario->faults || fault->trigger != REAL_THEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct real_scenario *scenario;
    struct real_error error;

    if (size > REAL_FILE_BYTES_MAX)
        return 0;
    if (real_scenario_parse("x.yaml", (const char *)data, size, NULL, &scenario, &error) != 0) {
        FUZZ_REQUIRE(scenario == NULL);
        check_refusal(&error);
        return 0;
    }
    for (size_t i = 0; i < scenario->nodes_len; i++)
        check_plan(&scenario->nodes[i]);
    FUZZ_REQUIRE(scenario->loads_len > 0 && scenario->loads_len <= REAL_LOADS_MAX);
    for (size_t i = 0; i < scenario->loads_len; i++)
        check_plan(&scenario->loads[i]);
    for (size_t i = 0; i < scenario->faults_len; i++)
        check_fault(scenario, &scenario->faults[i]);
    real_scenario_free(scenario);
    return 0;
}
