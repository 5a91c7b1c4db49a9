/*
 * The form of a configuration file, before its values are read: YAML that parses, known keys, each once, each with one
 * value; and the line of each, which libcyaml does not tell for a value that is merely out of range. Private to the
 * settings.
 */
#ifndef VOW_COORDINATOR_CONFIG_WALK_H
#define VOW_COORDINATOR_CONFIG_WALK_H

#include "coordinator/server/settings.h"

struct config_lines {
    unsigned of[VOW_SETTINGS_MAX]; /* by setting, from 1; 0 = not in the file */
    bool any;
};

/* Returns 0, or VOW_E_ARGUMENT with the place and what is wrong there. `name` is the file, for the message. */
int config_walk(const char *name, const char *text, size_t len, struct config_lines *lines,
                struct vow_settings_error *error);
/* Writes "name:line: ..." (line 0: "name: ...") and returns VOW_E_ARGUMENT. */
int config_fail(struct vow_settings_error *error, const char *name, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
