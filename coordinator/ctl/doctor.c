#include "coordinator/ctl/doctor.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/ctl/ask.h"
#include "proto/quote.h"

static const char *const health_names[] = {"ok", "warn", "fail", "unknown"};

void diagnosis_add(struct diagnosis *diagnosis, const char *check, enum health health, const char *advice,
                   const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    json_t *said = json_string(what);
    if (said == NULL) { /* a directory's name may be any bytes, and one that was cut ends anywhere */
        vow_text_to_ascii(what);
        said = json_string(what);
    }
    diagnosis->warned = diagnosis->warned || health == HEALTH_WARN;
    diagnosis->failed = diagnosis->failed || health == HEALTH_FAIL;
    diagnosis->unknown = diagnosis->unknown || health == HEALTH_UNKNOWN;
    json_array_append_new(diagnosis->findings, json_pack("{s:s,s:s,s:o,s:s}", "check", check, "status",
                                                         health_names[health], "what", said, "do", advice));
}

/* ---- printing ---- */

static const char *verdict(const struct diagnosis *diagnosis)
{
    return diagnosis->unknown ? "unknown" : diagnosis->failed ? "fail" : diagnosis->warned ? "warn" : "ok";
}

static void print_json(const struct diagnosis *diagnosis, const char *mode)
{
    json_t *all =
        json_pack("{s:s,s:s,s:O}", "mode", mode, "verdict", verdict(diagnosis), "findings", diagnosis->findings);
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

static void print_text(const struct diagnosis *diagnosis)
{
    size_t index;
    const json_t *finding;
    json_array_foreach(diagnosis->findings, index, finding)
    {
        const char *advice = json_string_value(json_object_get(finding, "do"));
        printf("%-7s  %-11s  %s\n", json_string_value(json_object_get(finding, "status")),
               json_string_value(json_object_get(finding, "check")),
               json_string_value(json_object_get(finding, "what")));
        if (advice[0] != '\0')
            printf("%22s-> %s\n", "", advice);
    }
}

/* ---- the two ways ---- */

static void check_place(struct diagnosis *diagnosis, const char *directory)
{
    check_directory(diagnosis, directory);
    check_space(diagnosis, directory);
    check_fsync(diagnosis, directory);
}

/* A stopped daemon's directory. */
static void look_offline(struct diagnosis *diagnosis, const char *directory)
{
    check_directory(diagnosis, directory);
    struct stat about;
    if (stat(directory, &about) != 0 || !S_ISDIR(about.st_mode))
        return;
    check_space(diagnosis, directory);
    check_fsync(diagnosis, directory);
    if (!check_journal(diagnosis, directory))
        return;
    check_sqlite(diagnosis, "this machine", NULL);
    check_clock(diagnosis);
}

static json_t *ask_for(const struct doctor_options *options, enum vow_admin_command command, const char *filter,
                       struct vow_error_detail *detail)
{
    const struct vow_msg_admin_request request = {.command = command, .filter = filter};
    json_t *rows;
    return ask(&options->coordinator, &request, options->timeout_ms, &rows, detail) == 0 ? rows : NULL;
}

/* The directory's lock names the process. */
static bool is_locked_by(const char *directory, long long pid)
{
    char path[PATH_MAX + 16], holder[24] = "";
    snprintf(path, sizeof(path), "%s/lock", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, holder, sizeof(holder) - 1);
    close(fd);
    return len > 0 && strtoll(holder, NULL, 10) == pid;
}

/* The daemon's directory, if it is on this machine: its own process is there, and holds it. The number and the name
 * alone do not say so: 1 and /var/lib/vow are common. */
static void check_its_place(struct diagnosis *diagnosis, const json_t *status)
{
    const char *directory = json_string_value(json_object_get(status, "data"));
    long long pid = (long long)json_integer_value(json_object_get(status, "pid"));
    char link[64];
    struct stat here, there;
    snprintf(link, sizeof(link), "/proc/%lld/root", pid);
    bool is_local = directory != NULL && directory[0] == '/' && stat(link, &there) == 0 && stat("/", &here) == 0 &&
                    here.st_dev == there.st_dev && here.st_ino == there.st_ino && is_locked_by(directory, pid);
    if (is_local)
        check_place(diagnosis, directory);
    else
        diagnosis_add(
            diagnosis, "directory", HEALTH_OK, "",
            "%s is not on this machine, or not for this user to see; run vowctl doctor beside vowd to have it "
            "looked at",
            directory != NULL ? directory : "the data directory");
}

static void look_online(struct diagnosis *diagnosis, const struct doctor_options *options)
{
    struct vow_error_detail detail;
    char address[VOW_ADDRESS_SIZE];
    vow_address_print(&options->coordinator, address);
    json_t *status = ask_for(options, VOW_ADMIN_STATUS, "", &detail);
    if (status == NULL) {
        diagnosis_add(
            diagnosis, "coordinator", HEALTH_UNKNOWN,
            "is vowd running, and is this its --listen? a stopped daemon's directory: vowctl doctor --data DIR",
            "no answer from %s: %s", address, detail.text);
        return;
    }
    const json_t *row = json_array_get(status, 0);
    json_t *peers = ask_for(options, VOW_ADMIN_PEERS, "", &detail);
    json_t *in_doubt = ask_for(options, VOW_ADMIN_LIST, "in-doubt", &detail);
    check_status(diagnosis, row);
    check_http(diagnosis, row);
    check_its_place(diagnosis, row);
    check_clock(diagnosis);
    if (peers != NULL && in_doubt != NULL) {
        check_peers(diagnosis, peers, in_doubt);
        check_in_doubt(diagnosis, in_doubt);
    } else {
        diagnosis_add(diagnosis, "coordinator", HEALTH_UNKNOWN, "ask again", "it stopped answering: %s", detail.text);
    }
    json_decref(status);
    json_decref(peers);
    json_decref(in_doubt);
}

int doctor(const struct doctor_options *options)
{
    struct diagnosis diagnosis = {.findings = json_array()};
    bool is_online = options->directory == NULL;
    if (is_online)
        look_online(&diagnosis, options);
    else
        look_offline(&diagnosis, options->directory);
    if (options->json)
        print_json(&diagnosis, is_online ? "online" : "offline");
    else
        print_text(&diagnosis);
    json_decref(diagnosis.findings);
    /* A warning is for people to read: what rings a bell at night must be broken. */
    return diagnosis.unknown ? 3 : diagnosis.failed ? 1 : 0;
}
