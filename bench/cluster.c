/* The processes that are measured: started here, ended here, by their pids. */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow/vow.h>

#include "bench/bench.h"
#include "coordinator/ctl/ask.h"

int make_directory(char path[256])
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, 256, "%s/vow-bench-XXXXXX", parent != NULL ? parent : "/var/tmp");
    if (mkdtemp(path) != NULL)
        return 0;
    fprintf(stderr, "vow-bench: %s: %s\n", path, strerror(errno));
    return -1;
}

void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char name[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) != 0 && errno == EISDIR)
            remove_directory(name);
    }
    if (directory != NULL)
        closedir(directory);
    rmdir(path);
}

void participant_name(uint32_t i, char name[16])
{
    snprintf(name, 16, "p%u", i);
}

/* --- vowd --- */

static int exec_vowd(const char *directory, int out)
{
    char self[PATH_MAX], path[PATH_MAX + 8], data[300];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0)
        return 127;
    self[len] = '\0';
    snprintf(path, sizeof(path), "%s/vowd", dirname(self));
    snprintf(data, sizeof(data), "%s/vowd", directory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execl(path, "vowd", "--listen", "127.0.0.1:0", "--http", "off", "--data", data, "--log-level", "error",
          (char *)NULL);
    fprintf(stderr, "vow-bench: %s: %s\n", path, strerror(errno));
    return 127;
}

static int read_ready(int fd, struct cluster *cluster)
{
    char line[1024] = "";
    FILE *in = fdopen(fd, "r");
    const char *listen = in != NULL && fgets(line, sizeof(line), in) != NULL ? strstr(line, "listen=") : NULL;
    int fields = listen != NULL ? sscanf(listen, "listen=%63s", cluster->address) : 0;
    if (in != NULL)
        fclose(in);
    if (fields == 1)
        return 0;
    fprintf(stderr, "vow-bench: vowd did not get ready\n");
    return -1;
}

int cluster_start_vowd(struct cluster *cluster)
{
    int pipes[2];
    if (pipe(pipes) != 0)
        return -1;
    cluster->vowd = fork();
    if (cluster->vowd == 0) {
        close(pipes[0]);
        _exit(exec_vowd(cluster->directory, pipes[1]));
    }
    close(pipes[1]);
    return cluster->vowd > 0 ? read_ready(pipes[0], cluster) : -1;
}

/* --- participants --- */

/* One of the service's statements, made at its first use. */
struct counter {
    const char *sql;
    sqlite3_stmt *statement;
};

static int change(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch;
    struct counter *counter = ctx;
    uint32_t id;
    if (len != sizeof(id))
        return VOW_E_ARGUMENT;
    memcpy(&id, payload, sizeof(id));
    if (counter->statement == NULL &&
        sqlite3_prepare_v3(db, counter->sql, -1, SQLITE_PREPARE_PERSISTENT, &counter->statement, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    sqlite3_bind_int64(counter->statement, 1, id);
    int rc = sqlite3_step(counter->statement);
    sqlite3_reset(counter->statement);
    return rc == SQLITE_DONE ? 0 : VOW_E_DATABASE;
}

static int run_participant(const struct bench_options *options, const struct cluster *cluster, uint32_t i, int ready)
{
    char name[16], path[300];
    participant_name(i, name);
    snprintf(path, sizeof(path), "%s/%s.db", cluster->directory, name);
    struct vow_participant_options participant_options = {
        .size = sizeof(participant_options),
        .name = name,
        .path = path,
        .coordinator = cluster->address,
        .store = options->store == BENCH_STORE_NULL ? VOW_STORE_KIND_NULL : VOW_STORE_KIND_SQLITE,
        .lock_policy = options->fail_fast ? VOW_LOCK_FAIL_FAST : VOW_LOCK_WAIT_DIE,
        .schema = BENCH_SCHEMA ";"
                               "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 100000)"
                               "INSERT OR IGNORE INTO counter SELECT i, 0 FROM n"};
    struct vow_participant *participant;
    struct vow_error_detail detail = {.text = ""};
    struct counter up = {.sql = BENCH_UPDATE}, down = {.sql = BENCH_UNDO};
    sigset_t signals;
    int signal_number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (vow_participant_open(&participant_options, &participant, &detail) != 0 ||
        vow_participant_handle(participant, "count", change, &up) != 0 ||
        vow_participant_handle(participant, "count_back", change, &down) != 0 ||
        (options->protocol == BENCH_CHOREOGRAPHY && react_open(participant, i, change, &up) != 0) ||
        vow_participant_start(participant) != 0 || vow_participant_wait(participant, 10000) != 0) {
        fprintf(stderr, "vow-bench: participant %s: %s\n", name, detail.text);
        return 1;
    }
    if (write(ready, "r", 1) != 1)
        return 1;
    sigwait(&signals, &signal_number);
    /* The handlers' statements live on the store's connection; the process ends here, so the store is left as after a
     * crash. */
    return 0;
}

static int start_participant(const struct bench_options *options, struct cluster *cluster, uint32_t i)
{
    int pipes[2];
    char byte;
    if (pipe(pipes) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(run_participant(options, cluster, i, pipes[1]));
    }
    close(pipes[1]);
    cluster->participants[cluster->participants_len++] = pid;
    int ok = pid > 0 && read(pipes[0], &byte, 1) == 1;
    close(pipes[0]);
    return ok ? 0 : -1;
}

/* --- the whole --- */

int cluster_start(const struct bench_options *options, struct cluster *cluster)
{
    *cluster = (struct cluster){.vowd = -1};
    if (make_directory(cluster->directory) != 0 || cluster_start_vowd(cluster) != 0)
        return -1;
    for (uint32_t i = 0; i < options->participants; i++)
        if (start_participant(options, cluster, i) != 0)
            return -1;
    return 0;
}

int cluster_status(const struct cluster *cluster, json_t **status)
{
    struct vow_address address;
    struct vow_error_detail detail;
    struct vow_msg_admin_request request = {.command = VOW_ADMIN_STATUS, .filter = ""};
    json_t *rows;
    *status = NULL;
    if (vow_address_parse(cluster->address, &address) != 0 || ask(&address, &request, 10000, &rows, &detail) != 0)
        return -1;
    *status = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return *status != NULL ? 0 : -1;
}

static void end_process(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

void cluster_stop(struct cluster *cluster)
{
    end_process(cluster->vowd);
    for (uint32_t i = 0; i < cluster->participants_len; i++)
        end_process(cluster->participants[i]);
    if (cluster->directory[0] != '\0')
        remove_directory(cluster->directory);
}

int in_process(int (*child)(const void *ctx, struct bench_round *round), const void *ctx, struct bench_round *round)
{
    int pipes[2], status;
    if (pipe(pipes) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[0]);
        memset(round, 0, sizeof(*round));
        int error = child(ctx, round);
        FILE *out = fdopen(pipes[1], "w");
        size_t written = error == 0 && out != NULL ? fwrite(round, sizeof(*round), 1, out) : 0;
        _exit(written == 1 && fclose(out) == 0 ? 0 : 1);
    }
    close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    size_t read = pid > 0 && in != NULL ? fread(round, sizeof(*round), 1, in) : 0;
    if (in != NULL)
        fclose(in);
    waitpid(pid, &status, 0);
    return read == 1 ? 0 : -1;
}
