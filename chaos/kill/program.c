/* The programs of a scenario: where they are looked for, and those with crash points. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"

#ifdef VOW_CRASH_POINTS
static const bool has_points_itself = true; /* and so have all programs of this build */
#else
static const bool has_points_itself = false;
#endif

/* --- Folders --- */

/* VOW_LIBEXEC_FROM_BIN leads from one to the other as they are installed; a build tree has all beside vow-chaos. */

/* "" if it is not there. */
static void find_folder(const char *from, const char *name, char folder[REAL_PATH_SIZE])
{
    char path[REAL_FILE_SIZE], real[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", from, name);
    folder[0] = '\0';
    if (realpath(path, real) != NULL && strlen(real) < REAL_PATH_SIZE - 100)
        (void)snprintf(folder, REAL_PATH_SIZE, "%.1000s", real);
}

int real_find_folders(struct real_run *run)
{
    char self[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len < 0) {
        (void)fprintf(stderr, "vow-chaos: /proc/self/exe: %s\n", strerror(errno));
        return -1;
    }
    self[len] = '\0';
    const char *folder = dirname(self);
    if (strlen(folder) > REAL_PATH_SIZE - 100) {
        (void)fprintf(stderr, "vow-chaos: %s: %s\n", folder, strerror(ENAMETOOLONG));
        return -1;
    }
    (void)snprintf(run->bin, sizeof(run->bin), "%.1000s", folder);
    find_folder(run->bin, VOW_LIBEXEC_FROM_BIN, run->libexec);
    if (run->libexec[0] != '\0')
        find_folder(run->libexec, "testing", run->points);
    return 0;
}

/* --- Programs --- */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool is_in(const char *folder, const char *name, char path[REAL_FILE_SIZE])
{
    (void)snprintf(path, REAL_FILE_SIZE, "%s/%s", folder, name);
    return folder[0] != '\0' && is_program(path);
}

static bool is_on_path(const char *name, char path[REAL_FILE_SIZE])
{
    const char *at = getenv("PATH");

    while (at != NULL && *at != '\0') {
        const size_t len = strcspn(at, ":");
        (void)snprintf(path, REAL_FILE_SIZE, "%.*s/%s", (int)(len < REAL_PATH_SIZE ? len : 0), at, name);
        if (is_program(path))
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

static int fail(const struct real_run *run, const struct real_text *said, const char *name, const char *why)
{
    (void)fprintf(stderr, "vow-chaos: %s:%u:%u: the program %s %s\n", run->scenario->yaml.name, said->place.line,
                  said->place.column, name, why);
    return -1;
}

/* A bare name is looked for among Vow's own programs first: a scenario shall meet those of the same build. */
static int find(const struct real_run *run, const struct real_text *said, const char *name, bool has_points,
                char path[REAL_FILE_SIZE])
{
    if (has_points && is_in(run->points, name, path))
        return 0;
    if (is_in(run->bin, name, path) || is_in(run->libexec, name, path)) {
        if (!has_points || has_points_itself)
            return 0;
        return fail(run, said, name,
                    "has no crash points here: take a build for tests, or install its form for tests beside it "
                    "(docs/chaos.md)");
    }
    return is_on_path(name, path) ? 0 : fail(run, said, name, "is neither beside vow-chaos nor on the PATH");
}

/* Every process has a directory of its own to start from. A link stays one: who is called by another name may be
 * another program by that, as a Python of a virtual environment is. */
static char *absolute(const char *name)
{
    char path[2 * REAL_FILE_SIZE], here[REAL_FILE_SIZE];

    if (name[0] == '/')
        return real_need(strdup(name));
    if (getcwd(here, sizeof(here)) == NULL)
        return NULL;
    (void)snprintf(path, sizeof(path), "%s/%.2000s", here, name);
    return real_need(strdup(path));
}

char *real_find_program(const struct real_run *run, const struct real_text *said, const char *name, bool has_points)
{
    char path[REAL_FILE_SIZE];

    if (strchr(name, '/') == NULL)
        return find(run, said, name, has_points, path) == 0 ? real_need(strdup(path)) : NULL;
    if (is_program(name))
        return absolute(name);
    (void)fail(run, said, name, "is not there");
    return NULL;
}

int real_program_check(const struct real_run *run, const struct real_text *word, bool has_points)
{
    char path[REAL_FILE_SIZE];

    if (strchr(word->text, '/') != NULL || strchr(word->text, '$') != NULL)
        return 0; /* the nodes may make it */
    return find(run, word, word->text, has_points, path);
}
