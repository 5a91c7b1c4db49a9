/* state-docs DIRECTORY: writes docs/generated from the state tables that run and the settings that vowd reads.
 * `state-docs docs/generated` renews them. */
#include <stdio.h>

#include "coordinator/core/coord.h"
#include "coordinator/core/relay/relay.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/server/settings.h"
#include "participant/core/branch.h"
#include "proto/fsm_doc.h"

static int write_page(const char *directory, const char *name, const char *title, const char *source,
                      const struct vow_fsm *fsm)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.md", directory, name);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    fprintf(out, "# %s\n\nPrinted from `%s`; do not edit. Rules are defined in [protocol.md](../protocol.md).\n\n",
            title, source);
    fprintf(out, "```mermaid\n");
    vow_fsm_print_mermaid(fsm, out);
    fprintf(out, "```\n\n");
    vow_fsm_print_markdown(fsm, out);
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

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: state-docs DIRECTORY\n");
        return 2;
    }
    return write_page(argv[1], "coordinator", "A transaction at the coordinator", "coordinator/core/coord.def",
                      vow_coord_fsm()) ||
           write_page(argv[1], "participant", "A branch at a participant", "participant/core/branch.def",
                      vow_branches_fsm()) ||
           write_page(argv[1], "saga", "A saga at the coordinator", "coordinator/core/saga/saga.def", vow_saga_fsm()) ||
           write_page(argv[1], "step", "A step of a saga", "coordinator/core/saga/step.def", vow_step_fsm()) ||
           write_page(argv[1], "group", "A group of consumers at the coordinator", "coordinator/core/relay/group.def",
                      vow_group_fsm()) ||
           write_page(argv[1], "lane", "The events of a key, for a group", "coordinator/core/relay/lane.def",
                      vow_lane_fsm()) ||
           write_page(argv[1], "breaker", "The circuit breaker of a participant", "coordinator/core/saga/breaker.def",
                      vow_breaker_fsm()) ||
           write_settings(argv[1]);
}
