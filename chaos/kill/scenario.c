#include "chaos/kill/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/quote.h"

enum target { NODE, INSIDE, LINK };

static const struct {
    const char *key, *text;
    bool is_harm;
    enum target target;
} actions[REAL_ACTIONS] = {
#define ACTION(name, key, harm, target, text) {key, text, harm, target},
#include "chaos/kill/action.def"
#undef ACTION
};

const char *real_action_key(enum real_action action)
{
    return actions[action].key;
}

const char *real_action_text(enum real_action action)
{
    return actions[action].text;
}

bool real_action_is_harm(enum real_action action)
{
    return actions[action].is_harm;
}

bool real_action_is_of_links(enum real_action action)
{
    return actions[action].target == LINK;
}

bool real_action_is_inside(enum real_action action)
{
    return actions[action].target == INSIDE;
}

const struct real_node_plan *real_scenario_plan(const struct real_scenario *scenario, uint32_t index)
{
    return index >= REAL_LOAD ? &scenario->loads[index - REAL_LOAD] : &scenario->nodes[index];
}

/* "chaos/scenarios/x.yaml" is "x". */
static void name_of(const char *path, char name[128])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const size_t len = dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base);

    (void)snprintf(name, 128, "%.*s", (int)(len < 127 ? len : 127), base);
    vow_text_to_ascii(name); /* it is in the verdict, which is JSON */
}

static void defaults(struct real_scenario *scenario, const char *name)
{
    name_of(name, scenario->name);
    scenario->within_ms = 300000;
    scenario->settle_ms = 60000;
    scenario->seed = 1;
}

int real_scenario_parse(const char *name, const char *text, size_t len, const struct real_sets *sets,
                        struct real_scenario **out, struct real_error *error)
{
    struct real_scenario *scenario = calloc(1, sizeof(*scenario));

    *out = NULL;
    if (scenario == NULL) {
        *error = (struct real_error){.text = "out of memory", .is_of_text = false};
        return -1;
    }
    defaults(scenario, name);
    scenario->sets = sets;
    if (real_yaml_parse(&scenario->yaml, name, text, len, error) != 0) {
        free(scenario);
        return -1;
    }
    if (real_scenario_read(scenario) != 0 || real_scenario_check(scenario) != 0) {
        real_scenario_free(scenario);
        return -1;
    }
    scenario->sets = NULL;
    *out = scenario;
    return 0;
}

void real_scenario_free(struct real_scenario *scenario)
{
    if (scenario == NULL)
        return;
    real_yaml_close(&scenario->yaml);
    free(scenario->bytes);
    free(scenario);
}

void real_scenario_tell(const char *command, const struct real_error *error)
{
    if (error->is_of_text)
        (void)fprintf(stderr,
                      "%s: %s\nvow-chaos run --keys lists all keys; docs/chaos.md, \"A scenario\", explains them "
                      "(installed: share/doc/vow/docs/chaos.md)\n",
                      command, error->text);
    else
        (void)fprintf(stderr, "%s: %s; see %s --help\n", command, error->text, command);
}

/* --- The file --- */

static int fail_file(struct real_error *error, const char *path, const char *what, int number)
{
    *error = (struct real_error){.is_of_text = false};
    (void)snprintf(error->text, sizeof(error->text), "%.200s: %s%s%s", path, what, number != 0 ? ": " : "",
                   number != 0 ? strerror(number) : "");
    return -1;
}

static int read_all(int fd, char *bytes, size_t *len)
{
    ssize_t got;

    *len = 0;
    do {
        got = read(fd, bytes + *len, REAL_FILE_BYTES_MAX + 1 - *len);
        *len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && *len <= REAL_FILE_BYTES_MAX) || (got < 0 && errno == EINTR));
    return got < 0 ? -1 : 0;
}

/* O_NONBLOCK: a pipe that nobody writes to must not hang the start. */
static int read_file(const char *path, char *bytes, size_t *len, struct real_error *error)
{
    struct stat about;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int result = 0;

    if (fd < 0)
        return fail_file(error, path, "cannot be opened", errno);
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        result = fail_file(error, path, "is not a file", 0);
    else if (read_all(fd, bytes, len) != 0)
        result = fail_file(error, path, "cannot be read", errno);
    else if (*len > REAL_FILE_BYTES_MAX)
        result = fail_file(error, path, "is larger than a scenario can be (256 KiB)", 0);
    close(fd);
    return result;
}

int real_scenario_load(const char *path, const struct real_sets *sets, struct real_scenario **scenario,
                       struct real_error *error)
{
    char *bytes = malloc(REAL_FILE_BYTES_MAX + 1);
    size_t len;

    *scenario = NULL;
    if (bytes == NULL)
        return fail_file(error, path, "out of memory", 0);
    if (read_file(path, bytes, &len, error) != 0 || real_scenario_parse(path, bytes, len, sets, scenario, error) != 0) {
        free(bytes);
        return -1;
    }
    (*scenario)->bytes = bytes; /* the tree has copies; the archive wants the file as it was read */
    bytes[len] = '\0';
    return 0;
}
