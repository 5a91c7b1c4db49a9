/* The variables of a scenario: those of its key vars, with what --set puts in their place. */
#include <string.h>

#include "chaos/kill/scenario.h"
#include "chaos/kill/scenario_known.h"
#include "proto/quote.h"

const char *real_scenario_own(size_t i)
{
    static const char *const names[] = {"bin", "here", "out", "seed"};

    return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

bool real_scenario_is_own(const char *name)
{
    for (size_t i = 0; real_scenario_own(i) != NULL; i++)
        if (strcmp(real_scenario_own(i), name) == 0)
            return true;
    return false;
}

const struct real_variable *real_scenario_var(const struct real_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->vars_len; i++)
        if (strcmp(scenario->vars[i].name.text, name) == 0)
            return &scenario->vars[i];
    return NULL;
}

/* Where a single value is read nothing has run yet: it knows these alone, as they stand there. */
static const char *lookup(void *ctx, const char *name)
{
    const struct real_variable *var = real_scenario_var(ctx, name);

    return var != NULL ? var->value.text : NULL;
}

/* A variable may be nothing, if somebody says so: "". A key without a value is a mistake. */
static int read_value(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *node, struct real_text *text)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.length > 0 ||
        node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return real_read_text(yaml, key, node, text);
    *text = (struct real_text){.text = "", .place = real_place_of(node)};
    return 0;
}

static int read_var(struct real_scenario *scenario, const yaml_node_pair_t *pair)
{
    static const struct real_key key = {.name = "vars"};
    struct real_yaml *yaml = &scenario->yaml;
    yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&yaml->document, pair->value);
    struct real_variable var = {.is_set = false};

    if (real_yaml_visit(yaml, name) != 0 || real_yaml_visit(yaml, value) != 0 ||
        real_read_name(yaml, &key, name, &var.name) != 0 || read_value(yaml, &key, value, &var.value) != 0)
        return -1;
    if (real_scenario_is_own(var.name.text) || strcmp(var.name.text, "dir") == 0)
        return real_fail(yaml, var.name.place, "${%s} has a meaning already; a variable wants another name",
                         var.name.text);
    if (real_scenario_var(scenario, var.name.text) != NULL)
        return real_fail(yaml, var.name.place, "there is a variable %s already", var.name.text);
    scenario->vars[scenario->vars_len++] = var;
    return 0;
}

static int read_all(struct real_scenario *scenario, yaml_node_t *value)
{
    struct real_yaml *yaml = &scenario->yaml;

    if (value->type != YAML_MAPPING_NODE)
        return real_fail(yaml, real_place_of(value), "vars wants \"NAME: VALUE\" lines");
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        if (scenario->vars_len == REAL_VARS_MAX)
            return real_fail(yaml, real_place_of(value), "vars has more than %d variables", REAL_VARS_MAX);
        if (read_var(scenario, pair) != 0)
            return -1;
    }
    return 0;
}

static int fail_set(struct real_scenario *scenario, struct real_place place, const char *name, size_t len)
{
    char quoted[VOW_QUOTE_SIZE];
    struct real_known known = {.text = "none", .len = 0};

    real_known_vars(&known, scenario, scenario->vars_len);
    vow_quote(name, len, quoted);
    return real_fail(&scenario->yaml, place, "--set: there is no variable %s; vars has %s", quoted, known.text);
}

static int apply_set(struct real_scenario *scenario, struct real_place place, const char *set)
{
    const size_t len = strcspn(set, "=");

    for (size_t i = 0; i < scenario->vars_len; i++) {
        struct real_variable *var = &scenario->vars[i];
        if (strlen(var->name.text) != len || memcmp(var->name.text, set, len) != 0 || set[len] != '=')
            continue;
        var->value.text = set + len + 1;
        var->is_set = true;
        return 0;
    }
    return fail_set(scenario, place, set, len);
}

int real_scenario_read_vars(struct real_scenario *scenario, yaml_node_t *value)
{
    const struct real_place place = value != NULL ? real_place_of(value) : (struct real_place){.line = 0};

    if (value != NULL && read_all(scenario, value) != 0)
        return -1;
    for (size_t i = 0; scenario->sets != NULL && i < scenario->sets->len; i++)
        if (apply_set(scenario, place, scenario->sets->of[i]) != 0)
            return -1;
    scenario->yaml.lookup = lookup;
    scenario->yaml.lookup_ctx = scenario;
    return 0;
}
