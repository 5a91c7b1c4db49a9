/* One setting at a time: its value as text, read and printed. */
#include "coordinator/server/settings.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/server/units.h"
#include "proto/assert.h"
#include "proto/frame.h"
#include "proto/net/log.h"

#define LIVE true
#define START false
const struct vow_setting vow_setting_list[] = {
#define SETTING(field, kind_, key_, flag_, argument_, lowest_, highest_, fallback_, unit_, change, help_)              \
    {.key = (key_),                                                                                                    \
     .flag = (flag_),                                                                                                  \
     .argument = (argument_),                                                                                          \
     .fallback = (fallback_),                                                                                          \
     .unit = (unit_),                                                                                                  \
     .help = (help_),                                                                                                  \
     .kind = VOW_SETTING_##kind_,                                                                                      \
     .offset = offsetof(struct vow_settings, field),                                                                   \
     .size = sizeof(((struct vow_settings *)NULL)->field),                                                             \
     .lowest = (lowest_),                                                                                              \
     .highest = (highest_),                                                                                            \
     .is_live = (change)},
#include "coordinator/server/settings.def"
#undef SETTING
};
const size_t vow_setting_count = sizeof(vow_setting_list) / sizeof(vow_setting_list[0]);
_Static_assert(sizeof(vow_setting_list) / sizeof(vow_setting_list[0]) <= VOW_SETTINGS_MAX,
               "VOW_SETTINGS_MAX is too low");

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static void *field_of(const struct vow_setting *setting, struct vow_settings *settings)
{
    return (char *)settings + setting->offset;
}

static const void *value_of(const struct vow_setting *setting, const struct vow_settings *settings)
{
    return (const char *)settings + setting->offset;
}

/* Decimal digits without leading zeros: what YAML and C take for octal is not guessed at. */
static bool read_number(const struct vow_setting *setting, const char *text, uint32_t *out)
{
    size_t len = strlen(text);
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1))
        return false;
    unsigned long long value = strtoull(text, NULL, 10);
    if (value < setting->lowest || value > setting->highest)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_level(const char *text, uint32_t *level)
{
    for (uint32_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = i + 1;
            return true;
        }
    }
    return false;
}

static bool read_switch(const char *text, bool *value)
{
    const bool is_on = strcmp(text, "on") == 0;
    if (!is_on && strcmp(text, "off") != 0)
        return false;
    *value = is_on;
    return true;
}

static bool read_address(const char *text, struct vow_address *address)
{
    struct vow_address parsed;
    if (vow_address_parse(text, &parsed) != 0)
        return false;
    *address = parsed;
    return true;
}

static bool read_http(const char *text, struct vow_address *address)
{
    if (strcmp(text, "off") != 0)
        return read_address(text, address);
    *address = (struct vow_address){.host = ""};
    return true;
}

static bool read_path(const char *text, char path[VOW_SETTINGS_PATH_SIZE])
{
    size_t len = strlen(text);
    if (len == 0 || len >= VOW_SETTINGS_PATH_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    memcpy(path, text, len + 1);
    return true;
}

static bool read_name(const char *text, char name[VOW_NAME_SIZE])
{
    if (!vow_name_is_valid(text))
        return false;
    memcpy(name, text, strlen(text) + 1);
    return true;
}

bool vow_setting_read(const struct vow_setting *setting, const char *text, struct vow_settings *settings)
{
    void *field = field_of(setting, settings);
    switch (setting->kind) {
    case VOW_SETTING_LISTEN:
        return read_address(text, field);
    case VOW_SETTING_HTTP:
        return read_http(text, field);
    case VOW_SETTING_PATH:
        return read_path(text, field);
    case VOW_SETTING_NAME:
        return read_name(text, field);
    case VOW_SETTING_LEVEL:
        return read_level(text, field);
    case VOW_SETTING_SWITCH:
        return read_switch(text, field);
    case VOW_SETTING_NUMBER:
        return read_number(setting, text, field);
    case VOW_SETTING_DURATION:
        return vow_parse_duration(text, field);
    case VOW_SETTING_BYTES:
        return vow_parse_size(text, field);
    }
    VOW_UNREACHABLE("a setting without a kind");
}

void vow_settings_defaults(struct vow_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        VOW_ASSERT(setting->kind == VOW_SETTING_NAME || vow_setting_read(setting, setting->fallback, settings));
    }
}

void vow_setting_wants(const struct vow_setting *setting, char *out, size_t size)
{
    switch (setting->kind) {
    case VOW_SETTING_LISTEN:
        snprintf(out, size, "HOST:PORT, numeric");
        return;
    case VOW_SETTING_HTTP:
        snprintf(out, size, "HOST:PORT, numeric, or off");
        return;
    case VOW_SETTING_PATH:
        snprintf(out, size, "a directory, without control characters, of %d characters at most",
                 VOW_SETTINGS_PATH_SIZE - 1);
        return;
    case VOW_SETTING_NAME:
        snprintf(out, size, "1 to 63 of a-z A-Z 0-9 . _ -");
        return;
    case VOW_SETTING_LEVEL:
        snprintf(out, size, "error, warn, info or debug");
        return;
    case VOW_SETTING_SWITCH:
        snprintf(out, size, "on or off");
        return;
    case VOW_SETTING_NUMBER:
        snprintf(out, size, "%u to %u%s", setting->lowest, setting->highest, setting->unit);
        return;
    case VOW_SETTING_DURATION:
        snprintf(out, size, "a number and s, m, h or d, up to 3650d, or off");
        return;
    case VOW_SETTING_BYTES:
        snprintf(out, size, "a number and K, M, G or T, up to 1024T, or off");
        return;
    }
    VOW_UNREACHABLE("a setting without a kind");
}

void vow_setting_print(const struct vow_setting *setting, const struct vow_settings *settings, char *out, size_t size)
{
    const void *value = value_of(setting, settings);
    char address[VOW_ADDRESS_SIZE] = "off";
    switch (setting->kind) {
    case VOW_SETTING_LISTEN:
    case VOW_SETTING_HTTP:
        if (((const struct vow_address *)value)->host[0] != '\0')
            vow_address_print(value, address);
        snprintf(out, size, "%s", address);
        return;
    case VOW_SETTING_PATH:
    case VOW_SETTING_NAME:
        snprintf(out, size, "%s", (const char *)value);
        return;
    case VOW_SETTING_LEVEL:
        snprintf(out, size, "%s", level_names[*(const uint32_t *)value - 1]);
        return;
    case VOW_SETTING_SWITCH:
        snprintf(out, size, "%s", *(const bool *)value ? "on" : "off");
        return;
    case VOW_SETTING_NUMBER:
        snprintf(out, size, "%u", *(const uint32_t *)value);
        return;
    case VOW_SETTING_DURATION:
        vow_print_duration(*(const uint64_t *)value, out, size);
        return;
    case VOW_SETTING_BYTES:
        vow_print_size(*(const uint64_t *)value, out, size);
        return;
    }
    VOW_UNREACHABLE("a setting without a kind");
}

bool vow_setting_differs(const struct vow_setting *setting, const struct vow_settings *a, const struct vow_settings *b)
{
    char left[VOW_SETTINGS_PATH_SIZE], right[VOW_SETTINGS_PATH_SIZE];
    vow_setting_print(setting, a, left, sizeof(left));
    vow_setting_print(setting, b, right, sizeof(right));
    return strcmp(left, right) != 0;
}

void vow_setting_copy(const struct vow_setting *setting, const struct vow_settings *from, struct vow_settings *to)
{
    memcpy(field_of(setting, to), value_of(setting, from), setting->size);
}

void vow_settings_core_limits(const struct vow_settings *settings, struct vow_coord_limits *limits)
{
    uint32_t branches_max = settings->branches_max != 0 ? settings->branches_max : settings->txns_max * 4;
    *limits = vow_coord_default_limits;
    limits->txns_max = settings->txns_max;
    limits->branches_max = branches_max;
    limits->peers_max = settings->participants_max;
    limits->ended_max = settings->ended_max;
    limits->auto_forget = settings->auto_forget;
    limits->txn_timeout_ms = settings->txn_ms;
    limits->vote_timeout_ms = settings->vote_ms;
    limits->ack_timeout_ms = settings->ack_ms;
    limits->ack_timeout_max_ms = settings->ack_max_ms;
}

/* Who names participants is a client, and who is connected another matter: their names take little. */
void vow_settings_saga_limits(const struct vow_settings *settings, struct vow_sagas_limits *limits)
{
    *limits = vow_sagas_default_limits;
    limits->sagas_max = settings->sagas_max;
    limits->steps_max = settings->saga_steps_max != 0 ? settings->saga_steps_max : settings->sagas_max * 4;
    if (limits->steps_max < VOW_STEPS_MAX)
        limits->steps_max = VOW_STEPS_MAX; /* any order fits into an idle coordinator */
    limits->peers_max = VOW_COORD_PEERS_HIGHEST;
}

void vow_settings_relay_limits(const struct vow_settings *settings, struct vow_relay_limits *limits)
{
    *limits = vow_relay_default_limits;
    limits->events_max = settings->events_max;
    limits->keys_max = settings->event_keys_max;
    limits->groups_max = settings->groups_max;
    limits->dead_max = settings->dlq_max;
}

void vow_settings_channel_options(const struct vow_settings *settings, struct vow_channel_options *options)
{
    *options = vow_channel_defaults;
    options->frame_max = settings->frame_bytes_max;
    options->write_high_water = settings->send_queue_bytes_max;
    options->strangers_max = settings->strangers_max;
    options->handshake_ms = settings->handshake_ms;
    options->heartbeat_ms = settings->heartbeat_ms;
}
