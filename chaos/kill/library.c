#include "chaos/kill/library.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/scenario.h"

#define ENDING ".yaml"

/* VOW_SCENARIOS_FROM_BIN leads from vow-chaos to them as both are installed. */
static bool find_folder(char folder[PATH_MAX])
{
    char self[PATH_MAX], path[PATH_MAX + sizeof(VOW_SCENARIOS_FROM_BIN)];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len < 0)
        return false;
    self[len] = '\0';
    (void)snprintf(path, sizeof(path), "%s/%s", dirname(self), VOW_SCENARIOS_FROM_BIN);
    return realpath(path, folder) != NULL;
}

bool real_library_find(const char *name, char *path, size_t size)
{
    char folder[PATH_MAX];

    if (strchr(name, '/') != NULL || !find_folder(folder))
        return false;
    return (size_t)snprintf(path, size, "%s/%s" ENDING, folder, name) < size && access(path, R_OK) == 0;
}

static int is_scenario(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name), ending = sizeof(ENDING) - 1;

    return len > ending && strcmp(entry->d_name + len - ending, ENDING) == 0;
}

static void print_one(FILE *out, const char *folder, const char *file)
{
    char path[PATH_MAX + NAME_MAX + 2];
    struct real_scenario *scenario;
    struct real_error error;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    if (real_scenario_load(path, NULL, &scenario, &error) != 0) {
        (void)fprintf(stderr, "vow-chaos: %s\n", error.text);
        return;
    }
    (void)fprintf(out, "  %s\n      %s\n", scenario->name, scenario->teaches.text);
    real_scenario_free(scenario);
}

void real_library_print(FILE *out)
{
    char folder[PATH_MAX];
    struct dirent **files;
    const int len = find_folder(folder) ? scandir(folder, &files, is_scenario, alphasort) : 0;

    if (len <= 0)
        return;
    (void)fprintf(out, "scenarios (%s):\n", folder);
    for (int i = 0; i < len; i++) {
        print_one(out, folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
}
