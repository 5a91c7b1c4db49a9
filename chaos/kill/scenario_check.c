/* What a table cannot say: the names that a scenario uses are there, and none is there twice. */
#include <string.h>

#include "chaos/kill/expand.h"
#include "chaos/kill/scenario.h"
#include "chaos/kill/scenario_known.h"
#include "proto/quote.h"

static uint32_t find_node(const struct real_scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->nodes_len; i++)
        if (strcmp(scenario->nodes[i].name.text, name) == 0)
            return i;
    return REAL_NOBODY;
}

static uint32_t find_load(const struct real_scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->loads_len; i++)
        if (strcmp(scenario->loads[i].name.text, name) == 0)
            return REAL_LOAD + i;
    return REAL_NOBODY;
}

static uint32_t find_link(const struct real_scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->links_len; i++)
        if (strcmp(scenario->links[i].name.text, name) == 0)
            return i;
    return REAL_NOBODY;
}

static int fail_node(struct real_scenario *scenario, const struct real_text *name)
{
    char quoted[VOW_QUOTE_SIZE];
    struct real_known known = {.len = 0};

    vow_quote(name->text, strlen(name->text), quoted);
    real_known_nodes(&known, scenario);
    return real_fail(&scenario->yaml, name->place, "there is no node %s; there are %s", quoted, known.text);
}

static int fail_link(struct real_scenario *scenario, const struct real_text *name)
{
    char quoted[VOW_QUOTE_SIZE];
    struct real_known known = {.text = "none", .len = 0};

    vow_quote(name->text, strlen(name->text), quoted);
    real_known_links(&known, scenario, "");
    return real_fail(&scenario->yaml, name->place, "there is no link %s; links has %s", quoted, known.text);
}

/* --- ${...} --- */

/* Whose texts they are. */
struct scope {
    const struct real_scenario *scenario;
    const struct real_node_plan *node; /* NULL = a check's */
    size_t vars_len;                   /* a variable knows those before it */
};

/* What may follow an address: nothing, or one of its parts. */
static bool is_part(const char *text)
{
    return text[0] == '\0' || strcmp(text, ".port") == 0 || strcmp(text, ".host") == 0;
}

static bool has_port(const struct real_node_plan *node, const char *field)
{
    const size_t len = strcspn(field, ".");

    for (size_t i = 0; i < node->ports.len; i++) {
        const char *port = node->ports.of[i].text;
        if (strlen(port) == len && memcmp(port, field, len) == 0)
            return is_part(field + len);
    }
    return false;
}

static bool has_link(const struct real_scenario *scenario, const char *field)
{
    char name[REAL_VARIABLE_SIZE];
    const size_t len = strcspn(field, ".");

    (void)snprintf(name, sizeof(name), "%.*s", (int)len, field);
    return find_link(scenario, name) != REAL_NOBODY && is_part(field + len);
}

static bool knows(const struct scope *scope, const char *name)
{
    const char *dot = strchr(name, '.');
    char node[REAL_VARIABLE_SIZE];

    if (real_scenario_is_own(name))
        return true;
    for (size_t i = 0; i < scope->vars_len; i++)
        if (strcmp(scope->scenario->vars[i].name.text, name) == 0)
            return true;
    if (dot == NULL)
        return strcmp(name, "dir") == 0 && scope->node != NULL;
    (void)snprintf(node, sizeof(node), "%.*s", (int)(dot - name), name);
    if (strcmp(node, "link") == 0)
        return has_link(scope->scenario, dot + 1);
    if (find_load(scope->scenario, node) != REAL_NOBODY)
        return strcmp(dot + 1, "dir") == 0;
    const uint32_t index = find_node(scope->scenario, node);
    return index != REAL_NOBODY && (strcmp(dot + 1, "dir") == 0 || has_port(&scope->scenario->nodes[index], dot + 1));
}

static const char *lookup(void *ctx, const char *name)
{
    return knows(ctx, name) ? "" : NULL;
}

static int fail_variable(struct real_scenario *scenario, const struct scope *scope, struct real_place place,
                         const char *name)
{
    const size_t len = strcspn(name, ".");
    char quoted[VOW_QUOTE_SIZE];
    struct real_known known = {.text = "none", .len = 0};

    vow_quote(name, strlen(name), quoted);
    if (name[len] != '\0') {
        real_known_fields(&known, scenario, name, len);
    } else {
        real_known_vars(&known, scenario, scope->vars_len);
        real_known_own(&known, scope->node != NULL);
    }
    return real_fail(&scenario->yaml, place, "there is no variable: %s; there are %s", quoted, known.text);
}

static int check_in(struct real_scenario *scenario, struct scope *scope, const struct real_text *text)
{
    char out[REAL_EXPANDED_SIZE], wrong[REAL_VARIABLE_SIZE], quoted[VOW_QUOTE_SIZE];

    if (text->text == NULL)
        return 0;
    const char *why = real_expand(text->text, lookup, scope, out, wrong);
    if (why == NULL)
        return 0;
    if (why == real_no_variable)
        return fail_variable(scenario, scope, text->place, wrong);
    vow_quote(wrong, strlen(wrong), quoted);
    return real_fail(&scenario->yaml, text->place, "%s: %s", why, quoted);
}

static int check_text(struct real_scenario *scenario, const struct real_node_plan *node, const struct real_text *text)
{
    struct scope scope = {.scenario = scenario, .node = node, .vars_len = scenario->vars_len};

    return check_in(scenario, &scope, text);
}

static int check_vars(struct real_scenario *scenario)
{
    for (size_t i = 0; i < scenario->vars_len; i++) {
        struct scope scope = {.scenario = scenario, .vars_len = i};
        if (!scenario->vars[i].is_set && check_in(scenario, &scope, &scenario->vars[i].value) != 0)
            return -1;
    }
    return 0;
}

static int check_words(struct real_scenario *scenario, const struct real_node_plan *node,
                       const struct real_words *words)
{
    for (size_t i = 0; i < words->len; i++)
        if (check_text(scenario, node, &words->of[i]) != 0)
            return -1;
    return 0;
}

/* --- Nodes --- */

static bool is_point_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

/* NAME or NAME@N, as vowd and libvow take it: what they refuse would end the node at its start. */
static int check_point(struct real_scenario *scenario, const struct real_text *point)
{
    size_t name = 0, digits = 0;
    char quoted[VOW_QUOTE_SIZE];

    if (point->text == NULL)
        return 0;
    while (is_point_char(point->text[name]))
        name++;
    const char *hit = point->text + name;
    if (*hit == '@' && hit[1] != '0')
        digits = strspn(hit + 1, "0123456789");
    if (name > 0 && name < 64 && (*hit == '\0' || (digits > 0 && digits < 10 && hit[1 + digits] == '\0')))
        return 0;
    vow_quote(point->text, strlen(point->text), quoted);
    return real_fail(&scenario->yaml, point->place, "crash_at wants NAME or NAME@N, found %s", quoted);
}

static int check_ports(struct real_scenario *scenario, const struct real_node_plan *node)
{
    if (node->ports.len > REAL_PORTS_MAX)
        return real_fail(&scenario->yaml, node->ports.of[0].place, "a node has at most %d ports", REAL_PORTS_MAX);
    for (size_t i = 0; i < node->ports.len; i++) {
        const struct real_text *port = &node->ports.of[i];
        if (strspn(port->text, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(port->text) ||
            strlen(port->text) > 32 || strcmp(port->text, "dir") == 0)
            return real_fail(&scenario->yaml, port->place, "a port wants a name of a-z, 0-9 and -, and not dir");
        for (size_t j = 0; j < i; j++)
            if (strcmp(port->text, node->ports.of[j].text) == 0)
                return real_fail(&scenario->yaml, port->place, "there is a port %s already", port->text);
    }
    return 0;
}

/* A path that leads out of the node's directory would be another's. */
static int check_inside(struct real_scenario *scenario, const struct real_text *path)
{
    if (path->text == NULL || (path->text[0] != '/' && strstr(path->text, "..") == NULL))
        return 0;
    return real_fail(&scenario->yaml, path->place,
                     "a path inside the node's directory is wanted, without / first and ..");
}

static int check_plan(struct real_scenario *scenario, const struct real_node_plan *node)
{
    for (size_t i = 0; i < node->databases.len; i++)
        if (check_inside(scenario, &node->databases.of[i]) != 0)
            return -1;
    for (const struct real_variable *variable = node->variables; variable->name.text != NULL; variable++)
        if (check_text(scenario, node, &variable->value) != 0)
            return -1;
    for (const struct real_variable *file = node->files; file->name.text != NULL; file++)
        if (check_inside(scenario, &file->name) != 0 || check_text(scenario, node, &file->value) != 0)
            return -1;
    return check_words(scenario, node, &node->command) != 0 || check_text(scenario, node, &node->ready.http) != 0 ||
                   check_text(scenario, node, &node->ready.line) != 0 ||
                   check_inside(scenario, &node->ready.file) != 0 || check_inside(scenario, &node->needs.file) != 0 ||
                   check_point(scenario, &node->crash_at) != 0
               ? -1
               : 0;
}

/* Names have a folder of the archive each, and one comes before the dot of a variable. */
static int check_own_name(struct real_scenario *scenario, const struct real_text *name)
{
    if (strcmp(name->text, "link") == 0)
        return real_fail(&scenario->yaml, name->place, "load is the load's name, and link is for links");
    if (strncmp(name->text, "check-", 6) == 0 || strncmp(name->text, "setup-", 6) == 0)
        return real_fail(&scenario->yaml, name->place,
                         "check-... and setup-... are names of commands; a node wants another");
    return 0;
}

static int check_nodes(struct real_scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->nodes_len; i++) {
        struct real_node_plan *node = &scenario->nodes[i];
        node->has_points = node->crash_at.text != NULL;
        if (strcmp(node->name.text, "load") == 0)
            return real_fail(&scenario->yaml, node->name.place, "load is the load's name, and link is for links");
        if (check_own_name(scenario, &node->name) != 0)
            return -1;
        if (find_node(scenario, node->name.text) != i)
            return real_fail(&scenario->yaml, node->name.place, "there is a node %s already", node->name.text);
        if (check_ports(scenario, node) != 0)
            return -1;
    }
    for (uint32_t i = 0; i < scenario->nodes_len; i++)
        if (check_plan(scenario, &scenario->nodes[i]) != 0)
            return -1;
    return 0;
}

static int check_loads(struct real_scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->loads_len; i++) {
        const struct real_node_plan *load = &scenario->loads[i];
        if (check_own_name(scenario, &load->name) != 0)
            return -1;
        if (find_load(scenario, load->name.text) != REAL_LOAD + i)
            return real_fail(&scenario->yaml, load->name.place, "there is a load %s already", load->name.text);
        if (find_node(scenario, load->name.text) != REAL_NOBODY)
            return real_fail(&scenario->yaml, load->name.place, "there is a node %s already", load->name.text);
        if (check_plan(scenario, load) != 0)
            return -1;
    }
    return 0;
}

/* --- Links --- */

static int check_links(struct real_scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->links_len; i++) {
        const struct real_link_plan *link = &scenario->links[i];
        if (find_link(scenario, link->name.text) != i)
            return real_fail(&scenario->yaml, link->name.place, "there is a link %s already", link->name.text);
        if (strstr(link->to.text, "${link.") != NULL)
            return real_fail(&scenario->yaml, link->to.place, "a link leads to a node, not to a link");
        if (check_text(scenario, NULL, &link->to) != 0)
            return -1;
    }
    return 0;
}

static int check_weather(struct real_scenario *scenario, const struct real_fault *fault)
{
    const char *way = fault->way.text;

    if (way != NULL && strcmp(way, "forth") != 0 && strcmp(way, "back") != 0 && strcmp(way, "both") != 0)
        return real_fail(&scenario->yaml, fault->way.place, "way wants forth, back or both");
    if (fault->action == REAL_DELAY && fault->by_ms == 0)
        return real_fail(&scenario->yaml, fault->place, "delay wants a time: by");
    if (fault->action == REAL_SLOW && fault->bytes_per_second == 0)
        return real_fail(&scenario->yaml, fault->place, "slow wants bytes_per_second");
    if (fault->action == REAL_FLAP && (fault->up_ms == 0 || fault->down_ms == 0))
        return real_fail(&scenario->yaml, fault->place, "flap wants two times: up and down");
    if ((fault->action == REAL_RESET_AFTER || fault->action == REAL_SLICE) && fault->bytes == 0)
        return real_fail(&scenario->yaml, fault->place, "%s wants bytes", real_action_key(fault->action));
    return 0;
}

static void let_inside(struct real_node_plan *node, enum real_action action)
{
    node->has_inside = true;
    node->has_little = node->has_little || action == REAL_LITTLE_MEMORY;
}

static int check_inside_fault(struct real_scenario *scenario, const struct real_fault *fault)
{
    const enum real_action action = fault->action;

    if ((action == REAL_SLOW_SYNC || action == REAL_CLOCK_AHEAD || action == REAL_CLOCK_BEHIND) && fault->by_ms == 0)
        return real_fail(&scenario->yaml, fault->place, "%s wants a time: by", real_action_key(action));
    if (action == REAL_FEW_DESCRIPTORS && fault->most == 0)
        return real_fail(&scenario->yaml, fault->place, "few_descriptors wants a number: most");
    if (action == REAL_LITTLE_MEMORY && fault->most > 0 && fault->room > 0)
        return real_fail(&scenario->yaml, fault->place, "little_memory wants one of most and room");
    if (fault->ends_with_said.text != NULL && (!real_action_is_inside(action) || action == REAL_REPAIR))
        return real_fail(&scenario->yaml, fault->ends_with_said.place, "ends_with goes with a fault inside of a node");
    for (size_t i = 0; real_action_is_inside(action) && i < fault->targets_len; i++)
        let_inside(&scenario->nodes[fault->targets[i]], action);
    return 0;
}

/* --- Faults --- */

static int find_target(struct real_scenario *scenario, struct real_fault *fault, const struct real_text *name)
{
    const bool is_link = real_action_is_of_links(fault->action);
    const uint32_t index = is_link ? find_link(scenario, name->text) : find_node(scenario, name->text);

    if (index == REAL_NOBODY)
        return is_link ? fail_link(scenario, name) : fail_node(scenario, name);
    for (size_t i = 0; i < fault->targets_len; i++)
        if (fault->targets[i] == index)
            return real_fail(&scenario->yaml, name->place, "%s is in this list already", name->text);
    fault->targets[fault->targets_len++] = index;
    return 0;
}

static int find_event(struct real_scenario *scenario, struct real_fault *fault)
{
    fault->of_node = REAL_NOBODY;
    if (fault->of.text == NULL)
        return 0;
    fault->of_node = find_node(scenario, fault->of.text);
    if (fault->trigger == REAL_SAYS && fault->of_node == REAL_NOBODY)
        fault->of_node = find_load(scenario, fault->of.text);
    return fault->of_node != REAL_NOBODY ? 0 : fail_node(scenario, &fault->of);
}

static int check_fault(struct real_scenario *scenario, struct real_fault *fault)
{
    for (size_t i = 0; i < fault->targets_said.len; i++)
        if (find_target(scenario, fault, &fault->targets_said.of[i]) != 0)
            return -1;
    for (size_t i = 0; i < fault->targets_len && fault->crash_at.text != NULL; i++)
        scenario->nodes[fault->targets[i]].has_points = true;
    return find_event(scenario, fault) != 0 || check_weather(scenario, fault) != 0 ||
                   check_inside_fault(scenario, fault) != 0
               ? -1
               : check_point(scenario, &fault->crash_at);
}

/* A verdict tells of a check by its name. */
static int check_check(struct real_scenario *scenario, size_t index)
{
    const struct real_text *name = &scenario->checks[index].name;

    for (size_t i = 0; i < index; i++)
        if (strcmp(scenario->checks[i].name.text, name->text) == 0)
            return real_fail(&scenario->yaml, name->place, "there is a check of this name already, on line %u",
                             scenario->checks[i].name.place.line);
    return check_words(scenario, NULL, &scenario->checks[index].command);
}

int real_scenario_check(struct real_scenario *scenario)
{
    if (check_vars(scenario) != 0 || check_nodes(scenario) != 0 || check_loads(scenario) != 0 ||
        check_links(scenario) != 0)
        return -1;
    for (size_t i = 0; i < scenario->faults_len; i++)
        if (check_fault(scenario, &scenario->faults[i]) != 0)
            return -1;
    for (size_t i = 0; i < scenario->setup_len; i++)
        if (check_words(scenario, NULL, &scenario->setup[i].command) != 0)
            return -1;
    for (size_t i = 0; i < scenario->checks_len; i++)
        if (check_check(scenario, i) != 0)
            return -1;
    return real_scenario_check_network(scenario);
}
