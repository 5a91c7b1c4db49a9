/* state-docs DIRECTORY: writes docs/generated from the state tables that run and the settings that vowd reads.
 * `state-docs docs/generated` renews them. */
#include <stdio.h>

#include "chaos/points/points.h"
#include "coordinator/core/coord.h"
#include "coordinator/core/relay/relay.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/server/settings.h"
#include "participant/core/branch.h"
#include "proto/fsm_doc.h"

struct page {
    const char *name, *title, *source, *rules;
    const struct vow_fsm *fsm;
};

static int write_page(const char *directory, const struct page *page)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.md", directory, page->name);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    fprintf(out, "# %s\n\nPrinted from `%s`; do not edit. Rules are defined in [%s](../%s).\n\n", page->title,
            page->source, page->rules, page->rules);
    fprintf(out, "```mermaid\n");
    vow_fsm_print_mermaid(page->fsm, out);
    fprintf(out, "```\n\n");
    vow_fsm_print_markdown(page->fsm, out);
    return fclose(out) == 0 ? 0 : 1;
}

static int write_settings(const char *directory)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/settings.md", directory);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    fprintf(out, "# The settings of vowd\n\nPrinted from `coordinator/server/settings.def`; do not edit. How they are "
                 "given is in [operations.md](../operations.md#configuration).\n\n");
    vow_settings_print_markdown(out);
    return fclose(out) == 0 ? 0 : 1;
}

static int write_points(const char *directory)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/crash-points.md", directory);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    fprintf(out,
            "# Crash points\n\nPrinted from `chaos/points/points.def`; do not edit. `vow-chaos storm --points` dies at "
            "each of them ([chaos.md](../chaos.md#storms)), and holds the last columns against what it has met: where "
            "a kind is not named, the points that are like the one in the last column say below why.\n\n");
    points_print_markdown(out);
    return fclose(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: state-docs DIRECTORY\n");
        return 2;
    }
    const struct page pages[] = {
        {"coordinator", "A transaction at the coordinator", "coordinator/core/coord.def", "protocol.md",
         vow_coord_fsm()},
        {"participant", "A branch at a participant", "participant/core/branch.def", "protocol.md", vow_branches_fsm()},
        {"saga", "A saga at the coordinator", "coordinator/core/saga/saga.def", "sagas.md", vow_saga_fsm()},
        {"step", "A step of a saga", "coordinator/core/saga/step.def", "sagas.md", vow_step_fsm()},
        {"breaker", "The circuit breaker of a participant", "coordinator/core/saga/breaker.def", "sagas.md",
         vow_breaker_fsm()},
        {"group", "A group of consumers at the coordinator", "coordinator/core/relay/group.def", "events.md",
         vow_group_fsm()},
        {"lane", "The events of a key, for a group", "coordinator/core/relay/lane.def", "events.md", vow_lane_fsm()},
    };
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (write_page(argv[1], &pages[i]) != 0)
            return 1;
    return write_settings(argv[1]) || write_points(argv[1]);
}
