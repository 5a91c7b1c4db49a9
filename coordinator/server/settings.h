/*
 * What vowd can be told: by a configuration file, and by flags that win over it. settings.def lists every setting once;
 * flags, file, help, the sample file and the manual are made from that list.
 *
 * Nothing here touches a running server. A load gives either all settings, checked, or an error with its place.
 */
#ifndef VOW_COORDINATOR_SETTINGS_H
#define VOW_COORDINATOR_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "coordinator/core/coord.h"
#include "coordinator/core/relay/relay.h"
#include "coordinator/core/saga/saga.h"
#include "proto/address.h"
#include "proto/net/channel.h"

#define VOW_SETTINGS_PATH_SIZE 1024

struct vow_settings {
    struct vow_address listen;
    struct vow_address http;           /* host "" = no HTTP */
    char data[VOW_SETTINGS_PATH_SIZE]; /* the data directory */
    char name[VOW_NAME_SIZE];          /* "" = the directory's own, "vowd" in a new one */
    uint32_t log_level;                /* enum vow_log_level */
    bool auto_forget;
    uint64_t retention_ms, retention_bytes, space_bytes_min; /* 0 = no limit */
    uint32_t txns_max, branches_max, participants_max, ended_max;
    uint32_t sagas_max, saga_steps_max;
    uint64_t saga_bytes_max; /* 0 = no limit */
    uint32_t events_max, event_keys_max, groups_max, dlq_max;
    uint64_t event_bytes_max; /* 0 = no limit */
    uint32_t sessions_max, clients_max, admins_max, strangers_max, in_flight_max, journal_queue_max, memory_mib;
    uint32_t frame_bytes_max, send_queue_bytes_max;
    uint32_t txn_ms, vote_ms, ack_ms, ack_max_ms, drain_ms, journal_stall_ms, handshake_ms, heartbeat_ms;
};

enum vow_setting_kind {
    VOW_SETTING_LISTEN = 1, /* HOST:PORT */
    VOW_SETTING_HTTP,       /* HOST:PORT or off */
    VOW_SETTING_PATH,
    VOW_SETTING_NAME,
    VOW_SETTING_LEVEL,
    VOW_SETTING_SWITCH,   /* bool, on or off */
    VOW_SETTING_NUMBER,   /* uint32_t from lowest to highest */
    VOW_SETTING_DURATION, /* uint64_t milliseconds, see units.h */
    VOW_SETTING_BYTES,    /* uint64_t, see units.h */
};

struct vow_setting {
    const char *key;      /* "limits.txns_max" */
    const char *flag;     /* "txns-max" */
    const char *argument; /* what the help calls its value: "N" */
    const char *fallback; /* as text */
    const char *unit;     /* " bytes", " milliseconds" or "" */
    const char *help;
    enum vow_setting_kind kind;
    size_t offset, size; /* in struct vow_settings */
    uint32_t lowest, highest;
    bool is_live; /* SIGHUP changes it */
};

extern const struct vow_setting vow_setting_list[];
extern const size_t vow_setting_count;
/* At least vow_setting_count. */
#define VOW_SETTINGS_MAX 64

/* Why settings were not taken: one line, with its place first: "vowd.yaml:7: limits.txns_max: wants ..." */
struct vow_settings_error {
    char text[512];
};

void vow_settings_defaults(struct vow_settings *settings);
/* Reads one value. False if it is not one of this setting: *settings is unchanged, see vow_setting_wants(). */
bool vow_setting_read(const struct vow_setting *setting, const char *text, struct vow_settings *settings);
/* "1 to 1048576", "HOST:PORT, numeric". */
void vow_setting_wants(const struct vow_setting *setting, char *out, size_t size);
/* The value as a file or a flag would say it. */
void vow_setting_print(const struct vow_setting *setting, const struct vow_settings *settings, char *out, size_t size);
bool vow_setting_differs(const struct vow_setting *setting, const struct vow_settings *a, const struct vow_settings *b);
/* Copies one value. */
void vow_setting_copy(const struct vow_setting *setting, const struct vow_settings *from, struct vow_settings *to);

/* Where settings come from; kept for as long as they may be loaded again. */
struct vow_settings_source {
    const char *file;                    /* NULL = none */
    const char *flags[VOW_SETTINGS_MAX]; /* values by setting, each of which was read once; NULL = not given */
};
/* Defaults, then the file, then the flags, then what must hold between them. Returns 0, or VOW_E_ARGUMENT: *settings is
 * unchanged and *error says what is wrong and where. Reads the file and nothing else. */
int vow_settings_load(const struct vow_settings_source *source, struct vow_settings *settings,
                      struct vow_settings_error *error);

/* What the server's parts are told. */
void vow_settings_core_limits(const struct vow_settings *settings, struct vow_coord_limits *limits);
void vow_settings_saga_limits(const struct vow_settings *settings, struct vow_sagas_limits *limits);
void vow_settings_relay_limits(const struct vow_settings *settings, struct vow_relay_limits *limits);
void vow_settings_channel_options(const struct vow_settings *settings, struct vow_channel_options *options);

/* All settings as a configuration file; with the meaning of each as a comment, or as bare as can be. */
void vow_settings_print_file(const struct vow_settings *settings, bool with_help, FILE *out);
/* The table of the manual. */
void vow_settings_print_markdown(FILE *out);
/* The lines of --help. */
void vow_settings_print_flags(FILE *out);

#endif
