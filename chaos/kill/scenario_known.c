#include "chaos/kill/scenario_known.h"

#include <stdio.h>
#include <string.h>

static void add(struct real_known *known, const char *before, const char *name)
{
    if (known->len < sizeof(known->text))
        known->len += (size_t)snprintf(known->text + known->len, sizeof(known->text) - known->len, "%s%s%s",
                                       known->len > 0 ? ", " : "", before, name);
}

void real_known_nodes(struct real_known *known, const struct real_scenario *scenario)
{
    for (size_t i = 0; i < scenario->nodes_len; i++)
        add(known, "", scenario->nodes[i].name.text);
}

void real_known_links(struct real_known *known, const struct real_scenario *scenario, const char *before)
{
    for (size_t i = 0; i < scenario->links_len; i++)
        add(known, before, scenario->links[i].name.text);
}

static bool is_called(const struct real_node_plan *plan, const char *name, size_t len)
{
    return strlen(plan->name.text) == len && memcmp(plan->name.text, name, len) == 0;
}

static void add_plan(struct real_known *known, const struct real_node_plan *plan)
{
    char before[REAL_VARIABLE_SIZE];

    (void)snprintf(before, sizeof(before), "%s.", plan->name.text);
    for (size_t i = 0; i < plan->ports.len; i++)
        add(known, before, plan->ports.of[i].text);
    add(known, before, "dir");
}

void real_known_fields(struct real_known *known, const struct real_scenario *scenario, const char *name, size_t len)
{
    for (int round = 0; round < 2 && known->len == 0; round++) {
        for (size_t i = 0; i < scenario->nodes_len; i++)
            if (round == 1 || is_called(&scenario->nodes[i], name, len))
                add_plan(known, &scenario->nodes[i]);
        for (size_t i = 0; i < scenario->loads_len; i++)
            if (round == 1 || is_called(&scenario->loads[i], name, len))
                add_plan(known, &scenario->loads[i]);
        if (round == 1 || (len == 4 && memcmp(name, "link", 4) == 0))
            real_known_links(known, scenario, "link.");
    }
}

void real_known_vars(struct real_known *known, const struct real_scenario *scenario, size_t vars_len)
{
    for (size_t i = 0; i < vars_len; i++)
        add(known, "", scenario->vars[i].name.text);
}

void real_known_own(struct real_known *known, bool has_dir)
{
    for (size_t i = 0; real_scenario_own(i) != NULL; i++)
        add(known, "", real_scenario_own(i));
    if (has_dir)
        add(known, "", "dir");
}
