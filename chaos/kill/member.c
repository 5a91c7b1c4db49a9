/* A node, the load or the command of a check, made of its plan: addresses, directory, words written out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "proto/assert.h"
#include "proto/quote.h"

/* In a namespace all ports are free. These are none that the kernel gives to those who dial. */
#define FIRST_PORT 7001U

/* --- Variables --- */

struct scope {
    struct real_run *run;
    const struct real_member *own;
};

static bool is_called(const struct real_node_plan *plan, const char *name, size_t len)
{
    return strlen(plan->name.text) == len && memcmp(plan->name.text, name, len) == 0;
}

static const struct real_member *find(struct real_run *run, const char *name, size_t len)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (is_called(&run->scenario->nodes[i], name, len))
            return &run->members[i];
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        if (is_called(&run->scenario->loads[i], name, len))
            return &run->loads[i];
    return NULL;
}

/* The harness's own. */
static const char *lookup_own(const struct real_run *run, const char *name)
{
    const char *const own[][2] = {{"bin", run->bin}, {"here", run->here}, {"out", run->out}, {"seed", run->seed}};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i][0], name) == 0)
            return own[i][1];
    return NULL;
}

/* Of vars; one knows those before it. */
static const char *lookup_var(const struct real_run *run, const char *name)
{
    for (size_t i = 0; i < run->vars_len; i++)
        if (strcmp(run->scenario->vars[i].name.text, name) == 0)
            return run->vars[i];
    return NULL;
}

/* A node's "PORT", "PORT.port" or "PORT.host". */
static const char *lookup_port(const struct real_member *member, const char *field)
{
    const size_t len = strcspn(field, ".");

    for (size_t i = 0; member->plan != NULL && i < member->plan->ports.len; i++) {
        const char *port = member->plan->ports.of[i].text;
        if (strlen(port) == len && memcmp(port, field, len) == 0)
            return real_address_part(member->ports[i].address, member->host, field + len);
    }
    return NULL;
}

/* real_scenario_check() has refused what this would not find. */
static const char *lookup(void *ctx, const char *name)
{
    const struct scope *scope = ctx;
    struct real_run *run = scope->run;
    const char *dot = strchr(name, '.');

    if (real_scenario_is_own(name))
        return lookup_own(run, name);
    if (real_scenario_var(run->scenario, name) != NULL)
        return lookup_var(run, name);
    if (strncmp(name, "link.", 5) == 0)
        return real_link_address(run, name + 5);
    const struct real_member *member = dot != NULL ? find(run, name, (size_t)(dot - name)) : scope->own;
    const char *field = dot != NULL ? dot + 1 : name;
    if (member == NULL)
        return NULL;
    return strcmp(field, "dir") == 0 ? member->directory : lookup_port(member, field);
}

char *real_write_out(struct real_run *run, const struct real_member *own, const struct real_text *text)
{
    struct scope scope = {.run = run, .own = own};
    char out[REAL_EXPANDED_SIZE], wrong[REAL_VARIABLE_SIZE], quoted[VOW_QUOTE_SIZE];
    const char *why = real_expand(text->text, lookup, &scope, out, wrong);

    if (why == NULL)
        return real_need(strdup(out));
    vow_quote(wrong, strlen(wrong), quoted);
    (void)fprintf(stderr, "vow-chaos run: %s:%u:%u: %s: %s\n", run->scenario->yaml.name, text->place.line,
                  text->place.column, why, quoted);
    return NULL;
}

/* --- The member --- */

static const char *keep(struct real_member *member, char *text)
{
    VOW_ASSERT(member->texts_len < sizeof(member->texts) / sizeof(member->texts[0]));
    return member->texts[member->texts_len++] = text;
}

static int fail(const char *what, int error)
{
    (void)fprintf(stderr, "vow-chaos: %s: %s\n", what, strerror(error));
    return -1;
}

/* All commands live where the harness does. */
static int settle(struct real_run *run, struct real_member *member)
{
    char why[NETNS_WHY_SIZE];

    member->host = REAL_HOST;
    member->netns = run->netns;
    if (run->netns == NULL || member == &run->task)
        return 0;
    if (netns_add(run->netns, &member->place, why) != 0) {
        (void)fprintf(stderr, "vow-chaos: the network of %s: %s\n", member->plan->name.text, why);
        return -1;
    }
    member->host = netns_host(run->netns, member->place);
    return 0;
}

static int open_port(const struct real_run *run, struct real_member *member, size_t i)
{
    if (run->netns == NULL)
        return real_port_open(&member->ports[i]);
    real_port_of(&member->ports[i], member->host, FIRST_PORT + (unsigned)i);
    return 0;
}

/* In the process that is about to be a life of it. */
static int enter(const void *ctx)
{
    const struct real_member *member = ctx;

    return member->netns != NULL && netns_enter(member->netns, member->place) != 0 ? -1 : real_inside_enter(member);
}

int real_member_prepare(struct real_run *run, struct real_member *member, const struct real_node_plan *plan)
{
    *member = (struct real_member){.plan = plan};
    real_node_init(&member->node);
    for (size_t i = 0; i < REAL_PORTS_MAX; i++)
        member->ports[i].fd = -1;
    if (settle(run, member) != 0)
        return -1;
    (void)snprintf(member->directory, sizeof(member->directory), "%.900s/nodes/%s", run->out, plan->name.text);
    int error = real_directory_make(member->directory);
    for (size_t i = 0; i < plan->ports.len && error == 0; i++)
        error = open_port(run, member, i);
    return error == 0 ? 0 : fail(member->directory, error);
}

static int write_words(struct real_run *run, struct real_member *member)
{
    const struct real_words *words = &member->plan->command;

    for (size_t i = 0; i < words->len; i++) {
        char *text = real_write_out(run, member, &words->of[i]);
        if (text == NULL)
            return -1;
        keep(member, text);
        member->argv[i] = text;
    }
    char *program = real_find_program(run, &words->of[0], member->argv[0], member->plan->has_points);
    if (program == NULL)
        return -1;
    free(member->argv[0]);
    member->argv[0] = member->texts[0] = program;
    return 0;
}

/* Puts a folder before those of a variable that programs or libraries are looked for by. */
static void put_before(struct real_member *member, size_t *len, const char *name, const char *folder)
{
    char value[REAL_EXPANDED_SIZE];
    const char *before = getenv(name);

    if (folder[0] == '\0')
        return;
    for (size_t i = 0; i < *len; i++)
        if (strcmp(member->variables[2 * i], name) == 0)
            before = member->variables[2 * i + 1];
    (void)snprintf(value, sizeof(value), "%s%s%s", folder, before != NULL ? ":" : "", before != NULL ? before : "");
    member->variables[2 * *len] = name;
    member->variables[2 * *len + 1] = keep(member, real_need(strdup(value)));
    *len += 1;
}

/* What a shell of the scenario calls is what the scenario itself would find. And the library with crash points comes
 * before all others: a service that was linked to the installed one dies at points without being built again. */
static void put_ours_first(const struct real_run *run, struct real_member *member, size_t len)
{
    put_before(member, &len, "PATH", run->libexec);
    put_before(member, &len, "PATH", run->bin);
    if (!member->plan->has_points)
        return;
    put_before(member, &len, "PATH", run->points);
    put_before(member, &len, "LD_LIBRARY_PATH", run->points);
}

static int let_inside(const struct real_run *run, struct real_member *member, size_t i)
{
    struct real_inside inside;

    if (real_inside_open(run, member, &inside) != 0)
        return -1;
    for (size_t j = 0; j < REAL_INSIDE_VARIABLES; j++) {
        member->variables[2 * (i + j)] = inside.names[j];
        member->variables[2 * (i + j) + 1] = keep(member, inside.values[j]);
    }
    return 0;
}

static bool has_variable(const struct real_member *member, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(member->variables[2 * i], name) == 0)
            return true;
    return false;
}

/* For the judge. Beside the node's own directory: that is its disk, whose faults are none of a trace. */
static void trace(const struct real_run *run, struct real_member *member, size_t i)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/" JUDGE_TRACES "/%s.jsonl", run->out, member->plan->name.text);
    member->variables[2 * i] = "VOW_TRACE";
    member->variables[2 * i + 1] = keep(member, real_need(strdup(path)));
}

static int write_variables(struct real_run *run, struct real_member *member)
{
    const struct real_variable *at = member->plan->variables;
    size_t i = 0;

    for (; at[i].name.text != NULL; i++) {
        char *value = real_write_out(run, member, &at[i].value);
        if (value == NULL)
            return -1;
        member->variables[2 * i] = at[i].name.text;
        member->variables[2 * i + 1] = keep(member, value);
    }
    if (run->judge.of != NULL && !has_variable(member, i, "VOW_TRACE"))
        trace(run, member, i++);
    if (member->plan->has_inside && let_inside(run, member, i) != 0)
        return -1;
    put_ours_first(run, member, i + (member->plan->has_inside ? REAL_INSIDE_VARIABLES : 0));
    return 0;
}

static int write_files(struct real_run *run, struct real_member *member)
{
    const struct real_variable *at = member->plan->files;

    for (size_t i = 0; at[i].name.text != NULL; i++) {
        char *text = real_write_out(run, member, &at[i].value);
        if (text == NULL)
            return -1;
        member->files[2 * i] = at[i].name.text;
        member->files[2 * i + 1] = keep(member, text);
    }
    const int error = real_member_write_files(member); /* for the setup, too */
    return error == 0 ? 0 : fail(member->directory, error);
}

static int write_ready(struct real_run *run, struct real_member *member)
{
    const struct real_readiness *ready = &member->plan->ready;
    char *text;

    if (ready->line.text == NULL && ready->http.text == NULL)
        return 0;
    text = real_write_out(run, member, ready->line.text != NULL ? &ready->line : &ready->http);
    if (text == NULL)
        return -1;
    keep(member, text);
    *(ready->line.text != NULL ? &member->node.ready.line : &member->node.ready.http) = text;
    return 0;
}

/* The note lies beside the log: the node's own directory is its disk, on which nobody else writes. */
static int open_log(struct real_run *run, struct real_member *member)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/logs/%s.point", run->out, member->plan->name.text);
    member->node.note = keep(member, real_need(strdup(path)));
    (void)snprintf(path, sizeof(path), "%s/logs/%s.log", run->out, member->plan->name.text);
    member->node.log = fopen(path, "ae");
    return member->node.log != NULL ? 0 : fail(path, errno);
}

int real_member_write_out(struct real_run *run, struct real_member *member)
{
    const struct real_node_plan *plan = member->plan;
    struct real_node *node = &member->node;

    if (write_words(run, member) != 0 || write_variables(run, member) != 0 || write_files(run, member) != 0 ||
        open_log(run, member) != 0)
        return -1;
    node->base = run->base;
    node->name = plan->name.text;
    node->argv = member->argv;
    node->variables = member->variables;
    node->directory = member->directory;
    node->ready = (struct real_readiness_plan){.file = plan->ready.file.text, .within_ms = plan->ready_ms};
    node->end_ms = plan->end_ms;
    node->enter = enter;
    node->enter_ctx = member;
    node->exit_status = plan->exit_status;
    node->watcher = real_watch(run);
    node->zero_us = run->zero_us;
    return write_ready(run, member);
}

void real_member_close(struct real_member *member)
{
    if (member->plan == NULL)
        return;
    real_node_deinit(&member->node);
    real_inside_close(member);
    if (member->node.log != NULL)
        (void)fclose(member->node.log);
    for (size_t i = 0; i < REAL_PORTS_MAX; i++)
        real_port_close(&member->ports[i]);
    for (size_t i = 0; i < member->texts_len; i++)
        free(member->texts[i]);
    member->plan = NULL;
}

int real_member_start(struct real_run *run, struct real_member *member, const char *point)
{
    struct real_node *node = &member->node;
    int error = real_member_write_files(member);

    if (error == 0)
        error = real_node_start(node, point);
    if (error == 0)
        (void)real_inside_begin(member);
    member->was_late = false;
    member->is_unstartable = error != 0;
    run->points_armed += point != NULL;
    if (error == 0)
        real_record_say(&run->record, REAL_MOMENT_STARTED, node->name, "life %u, pid %d%s%s", node->lives,
                        (int)node->child.pid, point != NULL ? ", to die at " : "",
                        point == NULL || run->storm == NULL ? (point != NULL ? point : "") : "a crash point");
    else
        real_record_say(&run->record, REAL_MOMENT_INVALID, node->name, "could not be started: %s", strerror(error));
    return error;
}
