#include "chaos/measure/read.h"

#include <stdlib.h>
#include <string.h>

typedef int parse_fn(struct measure_run *run, uint32_t node, const char *line, char why[MEASURE_ERROR_SIZE]);

static int parse_op(struct measure_run *run, uint32_t node, const char *line, char why[MEASURE_ERROR_SIZE])
{
    (void)node;
    return measure_parse_op(run, line, why);
}

/* A bad line that may turn out to be one that a death has cut. */
struct suspect {
    unsigned long number; /* 0 = none */
    char why[MEASURE_ERROR_SIZE];
};

static int fail(const char *name, unsigned long number, const char *what, char why[MEASURE_ERROR_SIZE])
{
    char text[MEASURE_ERROR_SIZE];

    (void)snprintf(text, sizeof(text), "%.200s:%lu: %.250s", name, number, what);
    memcpy(why, text, sizeof(text));
    return -1;
}

static bool begins_a_life(const struct measure_run *run, size_t records_before)
{
    return run->records_len > records_before && run->records[run->records_len - 1].what == MEASURE_LIFE;
}

static int read_lines(struct measure_run *run, uint32_t node, FILE *file, const char *name, parse_fn *parse,
                      char why[MEASURE_ERROR_SIZE])
{
    struct suspect suspect = {.number = 0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool has_end = true;
    int error = 0;

    for (unsigned long number = 1; error == 0 && (len = getline(&line, &size, file)) > 0; number++) {
        const size_t before = run->records_len;
        has_end = line[len - 1] == '\n';
        if (has_end)
            line[len - 1] = '\0';
        const int result = parse(run, node, line, why);
        const bool is_bad = result != 0;
        if (result < 0)
            error = fail(name, number, why, why);
        else if (suspect.number > 0 && (is_bad || !begins_a_life(run, before)))
            error = fail(name, suspect.number, suspect.why, why);
        suspect.number = is_bad ? number : 0;
        memcpy(suspect.why, why, sizeof(suspect.why));
    }
    free(line);
    if (error == 0 && ferror(file))
        error = fail(name, 0, "cannot be read", why);
    if (error == 0 && suspect.number > 0 && has_end)
        error = fail(name, suspect.number, suspect.why, why);
    return error;
}

int measure_read_trace(struct measure_run *run, const char *node, FILE *file, const char *name,
                       char why[MEASURE_ERROR_SIZE])
{
    return read_lines(run, measure_name(run->names, node), file, name, measure_parse_record, why);
}

int measure_read_history(struct measure_run *run, FILE *file, const char *name, char why[MEASURE_ERROR_SIZE])
{
    return read_lines(run, 0, file, name, parse_op, why);
}
