#include "chaos/measure/timeline.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "chaos/kill/memory.h"

struct reader {
    struct measure_run *run;
    uint64_t zero_us;
    bool is_loading, was_loading;
    uint32_t *nodes; /* who has told that it serves: what a load never does */
    size_t nodes_len;
};

struct moment {
    uint64_t t_us;
    const char *what, *text;
    uint32_t who;
};

static bool is_word(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* "cut forth (line 12)" begins with its action. */
static bool has_action(const char *text, const char *const *actions)
{
    char action[32];
    const size_t len = strcspn(text, " ");

    (void)snprintf(action, sizeof(action), "%.*s", (int)(len < sizeof(action) ? len : 0), text);
    return is_word(action, actions);
}

static void begin(struct reader *reader, const struct moment *moment, bool is_death)
{
    struct measure_fault *fault = measure_run_fault(reader->run, moment->t_us);

    fault->node = moment->who;
    fault->is_death = is_death;
}

/* `who` 0 = all that lasts still. */
static void heal(struct reader *reader, const struct moment *moment, uint32_t who, bool is_death)
{
    for (size_t i = 0; i < reader->run->faults_len; i++) {
        struct measure_fault *fault = &reader->run->faults[i];
        if (fault->healed_us == 0 && fault->is_death == is_death && (who == 0 || fault->node == who))
            fault->healed_us = moment->t_us;
    }
}

static void take_phase(struct reader *reader, const struct moment *moment)
{
    reader->is_loading = strcmp(moment->text, "the load works") == 0;
    if (reader->was_loading && !reader->is_loading)
        heal(reader, moment, 0, false);
    reader->was_loading = reader->is_loading;
}

static bool is_node(const struct reader *reader, uint32_t who)
{
    for (size_t i = 0; i < reader->nodes_len; i++)
        if (reader->nodes[i] == who)
            return true;
    return false;
}

static void take_ready(struct reader *reader, const struct moment *moment)
{
    heal(reader, moment, moment->who, true);
    if (is_node(reader, moment->who))
        return;
    reader->nodes = real_need(realloc(reader->nodes, (reader->nodes_len + 1) * sizeof(*reader->nodes)));
    reader->nodes[reader->nodes_len++] = moment->who;
}

static void take(struct reader *reader, const struct moment *moment)
{
    static const char *const ends[] = {"ended", "crashed", "died", NULL};
    static const char *const harms[] = {"pause", "cut",  "black_hole",  "delay",     "slow",  "flap", "refuse",
                                        "reset", "tear", "reset_after", "half_open", "slice", NULL};
    static const char *const mends[] = {"resume", "mend", NULL};

    if (strcmp(moment->what, "phase") == 0)
        take_phase(reader, moment);
    else if (strcmp(moment->what, "ready") == 0)
        take_ready(reader, moment);
    else if (!reader->is_loading)
        return;
    else if (is_word(moment->what, ends) && is_node(reader, moment->who))
        begin(reader, moment, true);
    else if (strcmp(moment->what, "fault") == 0 && has_action(moment->text, harms))
        begin(reader, moment, false);
    else if (strcmp(moment->what, "fault") == 0 && has_action(moment->text, mends))
        heal(reader, moment, moment->who, false);
}

static int take_line(struct reader *reader, const char *line, char why[MEASURE_ERROR_SIZE])
{
    struct moment moment = {.text = ""};
    const char *who = NULL;
    json_int_t t_us = 0;
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    if (object == NULL || json_unpack_ex(object, &error, 0, "{s:I, s:s, s?s, s?s}", "t_us", &t_us, "what", &moment.what,
                                         "who", &who, "text", &moment.text) != 0) {
        (void)snprintf(why, MEASURE_ERROR_SIZE, "no line of a timeline: %s", error.text);
        json_decref(object);
        return -1;
    }
    moment.t_us = reader->zero_us + (uint64_t)t_us;
    moment.who = measure_name(reader->run->names, who);
    take(reader, &moment);
    json_decref(object);
    return 0;
}

int measure_read_timeline(struct measure_run *run, uint64_t zero_us, FILE *file, const char *name,
                          char why[MEASURE_ERROR_SIZE])
{
    struct reader reader = {.run = run, .zero_us = zero_us};
    char *line = NULL, text[MEASURE_ERROR_SIZE];
    size_t size = 0;
    int error = 0;

    for (unsigned long number = 1; error == 0 && getline(&line, &size, file) > 0; number++) {
        error = take_line(&reader, line, text);
        if (error != 0)
            (void)snprintf(why, MEASURE_ERROR_SIZE, "%.200s:%lu: %.250s", name, number, text);
    }
    free(line);
    free(reader.nodes);
    return error;
}
