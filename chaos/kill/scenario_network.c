/*
 * A scenario whose processes live in network namespaces: what its links are there. A link is the packets between those
 * who take its address and a port of a node, so both have to be known before anything runs; what is done to bytes or to
 * connections as a whole is for proxies.
 */
#include <string.h>

#include "chaos/kill/expand.h"
#include "chaos/kill/scenario.h"

unsigned real_scenario_place(const struct real_scenario *scenario, uint32_t index)
{
    return 1 + (index < REAL_LOAD ? index : (uint32_t)scenario->nodes_len + index - REAL_LOAD);
}

/* --- Who takes a link --- */

/* ${link.NAME}, ${link.NAME.port} or ${link.NAME.host} */
static bool names(const struct real_text *text, const struct real_link_plan *link)
{
    static const char begin[] = "${link.";
    const size_t len = strlen(link->name.text);

    for (const char *at = text->text; at != NULL && (at = strstr(at, begin)) != NULL;) {
        at += sizeof(begin) - 1;
        if (strncmp(at, link->name.text, len) == 0 && (at[len] == '}' || at[len] == '.'))
            return true;
    }
    return false;
}

static bool words_name(const struct real_words *words, const struct real_link_plan *link)
{
    for (size_t i = 0; i < words->len; i++)
        if (names(&words->of[i], link))
            return true;
    return false;
}

static bool takes(const struct real_node_plan *plan, const struct real_link_plan *link)
{
    for (const struct real_variable *variable = plan->variables; variable->name.text != NULL; variable++)
        if (names(&variable->value, link))
            return true;
    for (const struct real_variable *file = plan->files; file->name.text != NULL; file++)
        if (names(&file->value, link))
            return true;
    return words_name(&plan->command, link) || names(&plan->ready.line, link) || names(&plan->ready.http, link);
}

static bool is_taken(const struct real_check *commands, size_t len, const struct real_link_plan *link)
{
    for (size_t i = 0; i < len; i++)
        if (words_name(&commands[i].command, link))
            return true;
    return false;
}

static void find_users(const struct real_scenario *scenario, struct real_link_plan *link)
{
    link->users =
        is_taken(scenario->setup, scenario->setup_len, link) || is_taken(scenario->checks, scenario->checks_len, link);
    for (uint32_t i = 0; i < scenario->nodes_len; i++)
        if (takes(&scenario->nodes[i], link))
            link->users |= UINT64_C(1) << real_scenario_place(scenario, i);
    for (uint32_t i = 0; i < scenario->loads_len; i++)
        if (takes(&scenario->loads[i], link))
            link->users |= UINT64_C(1) << real_scenario_place(scenario, REAL_LOAD + i);
}

/* --- Where it leads --- */

static bool is_port(const struct real_text *to, const struct real_node_plan *node, const struct real_text *port)
{
    char text[REAL_VARIABLE_SIZE];

    (void)snprintf(text, sizeof(text), "${%s.%s}", node->name.text, port->text);
    return strcmp(to->text, text) == 0;
}

static int find_target(struct real_scenario *scenario, struct real_link_plan *link)
{
    for (uint32_t i = 0; i < scenario->nodes_len; i++) {
        const struct real_node_plan *node = &scenario->nodes[i];
        for (uint32_t j = 0; j < node->ports.len; j++) {
            if (!is_port(&link->to, node, &node->ports.of[j]))
                continue;
            link->node = i;
            link->port = j;
            return 0;
        }
    }
    return real_fail(&scenario->yaml, link->to.place, "by namespaces, a link leads to a port of a node: ${NODE.PORT}");
}

/* A packet is on one link, or nobody could say whose doing it is that it is lost. */
static int check_apart(struct real_scenario *scenario, size_t index)
{
    const struct real_link_plan *link = &scenario->links[index];

    for (size_t i = 0; i < index; i++) {
        const struct real_link_plan *other = &scenario->links[i];
        if (other->node == link->node && other->port == link->port && (other->users & link->users) != 0)
            return real_fail(&scenario->yaml, link->name.place,
                             "by namespaces, nobody has two links to one address: %s leads there, too",
                             other->name.text);
    }
    return 0;
}

/* --- What is done to it --- */

static int check_action(struct real_scenario *scenario, const struct real_fault *fault)
{
    const enum real_action action = fault->action;

    if (action != REAL_RESET && action != REAL_TEAR && action != REAL_RESET_AFTER && action != REAL_SLICE)
        return 0;
    return real_fail(&scenario->yaml, fault->place,
                     "%s is done to what a connection carries, and namespaces see packets alone; network: proxy can",
                     real_action_key(action));
}

int real_scenario_check_network(struct real_scenario *scenario)
{
    const char *network = scenario->network.text;

    scenario->has_namespaces = network != NULL && strcmp(network, "namespaces") == 0;
    if (network != NULL && !scenario->has_namespaces && strcmp(network, "proxy") != 0)
        return real_fail(&scenario->yaml, scenario->network.place, "network wants proxy or namespaces");
    for (size_t i = 0; scenario->has_namespaces && i < scenario->links_len; i++) {
        find_users(scenario, &scenario->links[i]);
        if (find_target(scenario, &scenario->links[i]) != 0 || check_apart(scenario, i) != 0)
            return -1;
    }
    for (size_t i = 0; scenario->has_namespaces && i < scenario->faults_len; i++)
        if (check_action(scenario, &scenario->faults[i]) != 0)
            return -1;
    return 0;
}

int real_scenario_set_network(struct real_scenario *scenario, const char *network, struct real_error *error)
{
    scenario->yaml.error = error;
    scenario->network = (struct real_text){.text = network, .place = {.line = 1, .column = 1}};
    return real_scenario_check_network(scenario);
}
