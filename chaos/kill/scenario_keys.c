/* The keys of a scenario, as tables: what there is, how it is read, and what it is for. */
#include <stdio.h>
#include <string.h>

#include "chaos/kill/scenario.h"

#define KEY(name, read, type, field, needed, says)                                                                     \
    {                                                                                                                  \
        name, read, offsetof(type, field), needed, says                                                                \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, NULL, 0, false, NULL                                                                                     \
    }

static real_read_fn read_status, read_words, read_targets, read_ready, read_needs, read_variables, read_on, read_at,
    read_after, read_times, read_ends_with, read_while, read_vars, read_files, read_setup, read_nodes, read_load,
    read_links, read_faults, read_checks;

static const struct real_key ready_keys[] = {
    KEY("line", real_read_text, struct real_readiness, line, false, "a text that a line of its output has in it"),
    KEY("file", real_read_text, struct real_readiness, file, false,
        "a file of its directory that is there and not empty"),
    KEY("http", real_read_text, struct real_readiness, http, false, "HOST:PORT/PATH that answers with 200"), END};

static const struct real_key needs_keys[] = {
    KEY("text", real_read_text, struct real_needs, text, true, "what a line has in it that tells of work done"),
    KEY("times", read_times, struct real_needs, times, true, "at least so many such lines"),
    KEY("file", real_read_text, struct real_needs, file, false, "of this file of its directory; else of its output"),
    END};

static const struct real_key node_keys[] = {
    KEY("name", real_read_name, struct real_node_plan, name, true, "what faults and other nodes call it"),
    KEY("command", read_words, struct real_node_plan, command, true, "a list: the program and its arguments"),
    KEY("ports", read_words, struct real_node_plan, ports, false, "names of addresses of its own: ${NODE.PORT}"),
    KEY("databases", read_words, struct real_node_plan, databases, false,
        "its SQLite files of libvow, in which nothing may stay in doubt"),
    KEY("env", read_variables, struct real_node_plan, variables, false, "variables of its environment"),
    KEY("files", read_files, struct real_node_plan, files, false,
        "PATH: TEXT, files of its directory, written anew before each of its starts"),
    KEY("ready", read_ready, struct real_node_plan, ready, false, "how it tells that it serves; else it does at once"),
    KEY("ready_within", real_read_duration, struct real_node_plan, ready_ms, false, "the time for that (60s)"),
    KEY("crash_at", real_read_value, struct real_node_plan, crash_at, false, "POINT@N: dies there, in its first life"),
    KEY("end_within", real_read_duration, struct real_node_plan, end_ms, false, "the time to end after SIGTERM (60s)"),
    KEY("exit_status", read_status, struct real_node_plan, exit_status, false, "what it then ends with (0)"),
    END};

static const struct real_key load_keys[] = {
    KEY("name", real_read_name, struct real_node_plan, name, false,
        "in a list of loads: what faults and nodes call it"),
    KEY("command", read_words, struct real_node_plan, command, true, "a list: the program and its arguments"),
    KEY("env", read_variables, struct real_node_plan, variables, false, "variables of its environment"),
    KEY("files", read_files, struct real_node_plan, files, false, "PATH: TEXT, files of its directory"),
    KEY("exit_status", read_status, struct real_node_plan, exit_status, false, "what it ends with (0)"),
    KEY("needs", read_needs, struct real_node_plan, needs, false, "what it has to have done; else the run is invalid"),
    END};

static const struct real_key on_keys[] = {
    KEY("died", real_read_name, struct real_fault, of, false, "a node that ended"),
    KEY("ready", real_read_name, struct real_fault, of, false, "a node that got ready again"),
    KEY("says", real_read_name, struct real_fault, of, false, "a node, or load, that wrote a line with `text` in it"),
    KEY("text", real_read_text, struct real_fault, text, false, "what the line has in it"),
    KEY("times", read_times, struct real_fault, times, false, "it counts when it comes for this time (1)"),
    END};

static const struct real_key fault_keys[] = {
#define ACTION(name, key, harm, target, text) {key, read_targets, 0, false, text},
#include "chaos/kill/action.def"
#undef ACTION
    KEY("at", read_at, struct real_fault, delay_ms, false, "when: so long after the load was started"),
    {"on", read_on, 0, false, "when: at an event"},
    KEY("after", read_after, struct real_fault, delay_ms, false, "so long after that; alone: after the fault before"),
    KEY("crash_at", real_read_value, struct real_fault, crash_at, false, "of start: POINT@N, dies there in this life"),
    KEY("way", real_read_text, struct real_fault, way, false, "of a link: forth, back or both (both)"),
    KEY("by", real_read_duration, struct real_fault, by_ms, false, "of delay, slow_sync, clock_...: how long"),
    KEY("jitter", real_read_duration, struct real_fault, jitter_ms, false, "of delay: up to so much more"),
    KEY("bytes_per_second", real_read_count, struct real_fault, bytes_per_second, false, "of slow: how many"),
    KEY("up", real_read_duration, struct real_fault, up_ms, false, "of flap: how long it is mended"),
    KEY("down", real_read_duration, struct real_fault, down_ms, false, "of flap: how long it is cut"),
    KEY("bytes", real_read_count, struct real_fault, bytes, false, "of reset_after and slice: how many"),
    KEY("every", real_read_duration, struct real_fault, every_ms, false, "of slice: how long between two"),
    KEY("room", real_read_count, struct real_fault, room, false, "of fill, little_memory: how many bytes are left (0)"),
    KEY("most", real_read_count, struct real_fault, most, false,
        "of few_descriptors, little_memory: up to which there is"),
    {"ends_with", read_ends_with, 0, false, "of what is inside of a node: it ends by itself of it, with this status"},
    END};

static const struct real_key check_keys[] = {
    KEY("name", real_read_text, struct real_check, name, true, "what holds if it holds"),
    KEY("command", read_words, struct real_check, command, true, "a list: the program and its arguments"),
    {"while", read_while, 0, false, "serving: before the nodes end, until it holds; ended: after that (ended)"},
    KEY("within", real_read_duration, struct real_check, within_ms, false, "the time for it (60s)"),
    KEY("exit_status", read_status, struct real_check, exit_status, false, "that it holds with (0)"),
    END};

static const struct real_key setup_keys[] = {
    KEY("command", read_words, struct real_check, command, true, "a list: the program and its arguments"),
    KEY("within", real_read_duration, struct real_check, within_ms, false, "the time for it (60s)"),
    KEY("exit_status", read_status, struct real_check, exit_status, false, "what it ends with (0)"), END};

static const struct real_key link_keys[] = {
    KEY("name", real_read_name, struct real_link_plan, name, true, "what faults call it; ${link.NAME} is its address"),
    KEY("to", real_read_text, struct real_link_plan, to, true, "HOST:PORT that it leads to"), END};

static const struct real_key root_keys[] = {
    KEY("teaches", real_read_text, struct real_scenario, teaches, true, "a sentence: what is learned from it"),
    {"vars", read_vars, 0, false, "variables of its own: ${NAME}; --set NAME=VALUE says another value"},
    KEY("within", real_read_duration, struct real_scenario, within_ms, false, "the time for the load (5m)"),
    KEY("settle_within", real_read_duration, struct real_scenario, settle_ms, false,
        "the time after it until nothing is in doubt (60s)"),
    KEY("seed", real_read_count, struct real_scenario, seed, false, "${seed}, if there is no --seed (1)"),
    KEY("network", real_read_text, struct real_scenario, network, false,
        "what links are: proxy, or namespaces, in which each process has its own network (proxy)"),
    KEY("arms", read_words, struct real_scenario, arms, false, "for vow-chaos compare: the arms it is for (all)"),
    {"setup", read_setup, 0, false, "commands that are run before the nodes start, one after another"},
    {"nodes", read_nodes, 0, true, "the processes, in the order of their starts and ends"},
    {"links", read_links, 0, false, "ways between them that can be cut"},
    {"load", read_load, 0, true, "the process that works them, or a list of them; the run ends after it"},
    {"faults", read_faults, 0, false, "what happens when"},
    {"checks", read_checks, 0, false, "what must hold afterwards"},
    END};

/* --- Lists of texts --- */

static int read_words(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_words *words = into;

    if (real_list_open(yaml, key->name, value, REAL_WORDS_MAX, &words->len) != 0)
        return -1;
    for (size_t i = 0; i < words->len; i++)
        if (real_read_text(yaml, key, real_list_at(yaml, value, i), &words->of[i]) != 0)
            return -1;
    return 0;
}

/* NAME: VALUE, with any names, up to `max` of them. */
static int read_pairs(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value,
                      struct real_variable *variables, size_t max)
{
    size_t len = 0;

    if (value->type != YAML_MAPPING_NODE)
        return real_fail(yaml, real_place_of(value), "%s wants \"NAME: VALUE\" lines", key->name);
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
        yaml_node_t *text = yaml_document_get_node(&yaml->document, pair->value);
        if (len == max)
            return real_fail(yaml, real_place_of(name), "%s has more than %zu lines", key->name, max);
        if (real_yaml_visit(yaml, name) != 0 || real_yaml_visit(yaml, text) != 0 ||
            real_read_text(yaml, key, name, &variables[len].name) != 0 ||
            real_read_text(yaml, key, text, &variables[len].value) != 0)
            return -1;
        for (size_t i = 0; i < len; i++)
            if (strcmp(variables[i].name.text, variables[len].name.text) == 0)
                return real_fail(yaml, real_place_of(name), "%s was said before, on line %u", variables[i].name.text,
                                 variables[i].name.place.line);
        len++;
    }
    return 0;
}

static int read_variables(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    const struct real_variable *variable = into;

    if (read_pairs(yaml, key, value, into, REAL_VARIABLES_MAX) != 0)
        return -1;
    for (; variable->name.text != NULL; variable++)
        if (strchr(variable->name.text, '=') != NULL)
            return real_fail(yaml, variable->name.place, "a variable's name has no = in it");
    return 0;
}

static int read_files(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    return read_pairs(yaml, key, value, into, REAL_FILES_MAX);
}

/* --- Nodes and the load --- */

static int read_ready(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    const struct real_readiness *ready = into;

    (void)key;
    if (real_read_mapping(yaml, ready_keys, "ready", value, into) != 0)
        return -1;
    if ((ready->line.text != NULL) + (ready->file.text != NULL) + (ready->http.text != NULL) != 1)
        return real_fail(yaml, real_place_of(value), "ready wants one of line, file and http");
    return 0;
}

static int read_needs(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    (void)key;
    return real_read_mapping(yaml, needs_keys, "needs", value, into);
}

static void node_defaults(struct real_node_plan *plan, const yaml_node_t *value)
{
    plan->place = real_place_of(value);
    plan->ready_ms = 60000;
    plan->end_ms = 60000;
}

static int read_nodes(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;

    if (real_list_open(yaml, key->name, value, REAL_NODES_MAX, &scenario->nodes_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->nodes_len; i++) {
        yaml_node_t *item = real_list_at(yaml, value, i);
        node_defaults(&scenario->nodes[i], item);
        if (real_read_mapping(yaml, node_keys, "a node", item, &scenario->nodes[i]) != 0)
            return -1;
    }
    return 0;
}

/* One, which is called load; or a list, of which each has its name. */
static int read_load(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;
    const bool is_list = value->type == YAML_SEQUENCE_NODE;

    scenario->loads_len = 1;
    if (is_list && real_list_open(yaml, key->name, value, REAL_LOADS_MAX, &scenario->loads_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->loads_len; i++) {
        struct real_node_plan *load = &scenario->loads[i];
        yaml_node_t *item = is_list ? real_list_at(yaml, value, i) : value;
        node_defaults(load, item);
        if (real_read_mapping(yaml, load_keys, "a load", item, load) != 0)
            return -1;
        if (load->name.text == NULL && is_list)
            return real_fail(yaml, load->place, "a load of a list wants a key name");
        if (load->name.text == NULL)
            load->name = (struct real_text){"load", load->place};
    }
    return 0;
}

static int read_setup(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;

    if (real_list_open(yaml, key->name, value, REAL_SETUP_MAX, &scenario->setup_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->setup_len; i++) {
        yaml_node_t *item = real_list_at(yaml, value, i);
        scenario->setup[i].place = real_place_of(item);
        scenario->setup[i].within_ms = 60000;
        if (real_read_mapping(yaml, setup_keys, "a command of the setup", item, &scenario->setup[i]) != 0)
            return -1;
    }
    return 0;
}

static int read_links(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;

    if (real_list_open(yaml, key->name, value, REAL_LINKS_MAX, &scenario->links_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->links_len; i++)
        if (real_read_mapping(yaml, link_keys, "a link", real_list_at(yaml, value, i), &scenario->links[i]) != 0)
            return -1;
    return 0;
}

/* --- Faults --- */

static int read_targets(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_fault *fault = into;

    if (fault->is_said)
        return real_fail(yaml, real_place_of(value), "a fault has one action; %s and %s are two",
                         real_action_key(fault->action), key->name);
    fault->is_said = true;
    fault->action = (enum real_action)(key - fault_keys);
    if (value->type == YAML_SEQUENCE_NODE)
        return read_words(yaml, key, value, &fault->targets_said);
    fault->targets_said.len = 1;
    return real_read_text(yaml, key, value, &fault->targets_said.of[0]);
}

static int read_at(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_fault *fault = (struct real_fault *)(void *)((char *)into - key->offset);

    fault->has_at = true;
    return real_read_duration(yaml, key, value, into);
}

static int read_after(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_fault *fault = (struct real_fault *)(void *)((char *)into - key->offset);

    fault->has_after = true;
    return real_read_duration(yaml, key, value, into);
}

static int read_times(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    uint32_t *times = into;

    if (real_read_count(yaml, key, value, into) != 0)
        return -1;
    return *times > 0 ? 0 : real_fail(yaml, real_place_of(value), "times wants 1 or more");
}

/* What no process ends with would be waited for in vain. */
static int read_status(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    uint32_t *status = into;

    if (real_read_count(yaml, key, value, into) != 0)
        return -1;
    return *status <= 255 ? 0 : real_fail(yaml, real_place_of(value), "%s wants a number up to 255", key->name);
}

static int read_ends_with(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_fault *fault = into;

    fault->ends_with_said = (struct real_text){key->name, real_place_of(value)};
    return read_status(yaml, key, value, &fault->ends_with);
}

/* The event is the one of died, ready and says that the mapping has. */
static int read_on(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    static const enum real_trigger triggers[] = {REAL_DIED, REAL_READY, REAL_SAYS};
    struct real_fault *fault = into;
    size_t events = 0;

    (void)key;
    fault->has_on = true;
    fault->times = 1;
    if (real_read_mapping(yaml, on_keys, "on", value, into) != 0)
        return -1;
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
        for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
            if (strcmp((const char *)name->data.scalar.value, on_keys[i].name) == 0) {
                fault->trigger = triggers[i];
                events++;
            }
        }
    }
    if (events != 1)
        return real_fail(yaml, real_place_of(value), "on wants one of died, ready and says");
    if ((fault->trigger == REAL_SAYS) != (fault->text.text != NULL))
        return real_fail(yaml, real_place_of(value), "on says wants a text, and nothing else has one");
    return 0;
}

#define WITH(action) (UINT64_C(1) << (action))
_Static_assert(REAL_ACTIONS <= 64, "a bit for each");

/* What a key would change of an action that does not know it is nothing, and whoever has written it believes more. */
static const struct {
    const char *key, *with;
    uint64_t actions;
} companions[] = {
    {"crash_at", "start", WITH(REAL_START)},
    {"way", "cut, black_hole, delay, slow, flap, tear, reset_after, half_open and slice",
     WITH(REAL_CUT) | WITH(REAL_BLACK_HOLE) | WITH(REAL_DELAY) | WITH(REAL_SLOW) | WITH(REAL_FLAP) | WITH(REAL_TEAR) |
         WITH(REAL_RESET_AFTER) | WITH(REAL_HALF_OPEN) | WITH(REAL_SLICE)},
    {"by", "delay, slow_sync, clock_ahead and clock_behind",
     WITH(REAL_DELAY) | WITH(REAL_SLOW_SYNC) | WITH(REAL_CLOCK_AHEAD) | WITH(REAL_CLOCK_BEHIND)},
    {"jitter", "delay", WITH(REAL_DELAY)},
    {"bytes_per_second", "slow", WITH(REAL_SLOW)},
    {"up", "flap", WITH(REAL_FLAP)},
    {"down", "flap", WITH(REAL_FLAP)},
    {"bytes", "reset_after and slice", WITH(REAL_RESET_AFTER) | WITH(REAL_SLICE)},
    {"every", "slice", WITH(REAL_SLICE)},
    {"room", "fill and little_memory", WITH(REAL_FILL) | WITH(REAL_LITTLE_MEMORY)},
    {"most", "few_descriptors and little_memory", WITH(REAL_FEW_DESCRIPTORS) | WITH(REAL_LITTLE_MEMORY)},
};

static int check_companions(struct real_yaml *yaml, const yaml_node_t *value, enum real_action action)
{
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
        for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++)
            if (strcmp((const char *)name->data.scalar.value, companions[i].key) == 0 &&
                (companions[i].actions & WITH(action)) == 0)
                return real_fail(yaml, real_place_of(name), "%s goes with %s, not with %s", companions[i].key,
                                 companions[i].with, real_action_key(action));
    }
    return 0;
}

static int read_fault(struct real_yaml *yaml, yaml_node_t *value, struct real_fault *fault, bool is_first)
{
    fault->place = real_place_of(value);
    if (real_read_mapping(yaml, fault_keys, "a fault", value, fault) != 0)
        return -1;
    if (!fault->is_said)
        return real_fail(yaml, fault->place, "a fault wants an action: kill, pause, resume, term, start, ...");
    if (fault->has_at && (fault->has_on || fault->has_after))
        return real_fail(yaml, fault->place, "at is alone: it is a time since the load was started");
    if (!fault->has_at && !fault->has_on && !fault->has_after)
        return real_fail(yaml, fault->place, "a fault wants a time: at, on, or after the fault before");
    if (!fault->has_at && !fault->has_on && is_first)
        return real_fail(yaml, fault->place, "there is no fault before the first; say at or on");
    if (!fault->has_on)
        fault->trigger = fault->has_at ? REAL_AT : REAL_THEN;
    return check_companions(yaml, value, fault->action);
}

static int read_faults(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;

    if (real_list_open(yaml, key->name, value, REAL_FAULTS_MAX, &scenario->faults_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->faults_len; i++)
        if (read_fault(yaml, real_list_at(yaml, value, i), &scenario->faults[i], i == 0) != 0)
            return -1;
    return 0;
}

/* --- Checks --- */

static int read_while(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_check *check = into;
    struct real_text text;

    if (real_read_text(yaml, key, value, &text) != 0)
        return -1;
    check->is_serving = strcmp(text.text, "serving") == 0;
    if (!check->is_serving && strcmp(text.text, "ended") != 0)
        return real_fail(yaml, text.place, "while wants serving or ended");
    return 0;
}

static int read_checks(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_scenario *scenario = into;

    if (real_list_open(yaml, key->name, value, REAL_CHECKS_MAX, &scenario->checks_len) != 0)
        return -1;
    for (size_t i = 0; i < scenario->checks_len; i++) {
        struct real_check *check = &scenario->checks[i];
        yaml_node_t *item = real_list_at(yaml, value, i);
        check->place = real_place_of(item);
        check->within_ms = 60000;
        if (real_read_mapping(yaml, check_keys, "a check", item, check) != 0)
            return -1;
    }
    return 0;
}

/* --- The whole --- */

/* real_scenario_read() has read them before the others, which use them. */
static int read_vars(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    (void)yaml;
    (void)key;
    (void)value;
    (void)into;
    return 0;
}

static yaml_node_t *find_vars(struct real_scenario *scenario)
{
    yaml_document_t *document = &scenario->yaml.document;
    const yaml_node_t *root = scenario->yaml.root;

    if (root->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, "vars") == 0)
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

int real_scenario_read(struct real_scenario *scenario)
{
    if (real_scenario_read_vars(scenario, find_vars(scenario)) != 0)
        return -1;
    return real_read_mapping(&scenario->yaml, root_keys, "a scenario", scenario->yaml.root, scenario);
}

static void print_table(FILE *out, const char *title, const struct real_key keys[])
{
    (void)fprintf(out, "%s\n", title);
    for (; keys->name != NULL; keys++)
        (void)fprintf(out, "  %-14s %s%s\n", keys->name, keys->says, keys->is_needed ? " (needed)" : "");
}

void real_scenario_print_keys(FILE *out)
{
    print_table(out, "a scenario:", root_keys);
    print_table(out, "a command of the setup:", setup_keys);
    print_table(out, "a node:", node_keys);
    print_table(out, "ready:", ready_keys);
    print_table(out, "a link:", link_keys);
    print_table(out, "the load:", load_keys);
    print_table(out, "needs:", needs_keys);
    print_table(out, "a fault:", fault_keys);
    print_table(out, "on:", on_keys);
    print_table(out, "a check:", check_keys);
}
