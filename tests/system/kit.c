#include "kit.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static const char vowd_program[] = VOW_BIN "/vowd";
static const char service_program[] = VOW_TESTS_BIN "/test-service";

/* ---- processes ---- */

/* In the child: its stderr goes to the end of a file. */
static void redirect_stderr(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

/* In the child: a library comes before the sanitizers' own, which would not have it. */
static void preload(const char *library)
{
    char options[512];
    const char *given = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof(options), "%s%sverify_asan_link_order=0", given != NULL ? given : "",
             given != NULL ? ":" : "");
    setenv("ASAN_OPTIONS", options, 1);
    setenv("LD_PRELOAD", library, 1);
}

static void spawn(struct process *process, char *const argv[], const char *crash, const char *log, const char *library)
{
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    process->pid = fork();
    cr_assert_geq(process->pid, 0);
    if (process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDOUT_FILENO);
        if (log != NULL)
            redirect_stderr(log);
        close(pipes[0]);
        close(pipes[1]);
        if (library != NULL)
            preload(library);
        if (crash != NULL)
            setenv("VOW_CRASH_AT", crash, 1);
        else
            unsetenv("VOW_CRASH_AT");
        execv(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(pipes[1]);
    process->out = pipes[0];
}

/* Reads one line of a process; false at its end. */
static bool read_line(const struct process *process, char *line, size_t size)
{
    size_t len = 0;
    while (len + 1 < size) {
        ssize_t n = read(process->out, &line[len], 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        if (line[len] == '\n')
            break;
        len++;
    }
    line[len] = '\0';
    return true;
}

static void forget(struct process *process)
{
    close(process->out);
    process->pid = 0;
}

void process_wait_signal(struct process *process, int signal)
{
    int status;
    cr_assert_eq(waitpid(process->pid, &status, 0), process->pid);
    forget(process);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == signal, "did not die at its crash point: status %x",
              (unsigned)status);
}

void process_wait_killed(struct process *process)
{
    process_wait_signal(process, SIGKILL);
}

void process_kill(struct process *process)
{
    kill(process->pid, SIGKILL);
    process_wait_killed(process);
}

bool process_has_ended(const struct process *process)
{
    siginfo_t about = {.si_pid = 0};
    cr_assert_eq(waitid(P_PID, (id_t)process->pid, &about, WEXITED | WNOHANG | WNOWAIT), 0);
    return about.si_pid != 0;
}

int process_wait(struct process *process)
{
    int status;
    cr_assert_eq(waitpid(process->pid, &status, 0), process->pid);
    forget(process);
    cr_assert(WIFEXITED(status), "ended by a signal: status %x", (unsigned)status);
    return WEXITSTATUS(status);
}

int process_end(struct process *process)
{
    kill(process->pid, SIGTERM);
    return process_wait(process);
}

/* ---- the cluster ---- */

/* From the ready line: "... KEY=VALUE ...". */
static void read_value(const char *line, const char *key, char value[64])
{
    const char *at = strstr(line, key);
    cr_assert_not_null(at, "no %s in the ready line: %s", key, line);
    cr_assert_eq(sscanf(at + strlen(key), "%63s", value), 1);
}

/* For the processes that are started next. */
static void set_trace(const struct cluster *cluster, const char *name)
{
    char path[160];
    if (!cluster->keeps_traces)
        return;
    snprintf(path, sizeof(path), "%s/%s.trace", cluster->directory, name);
    setenv("VOW_TRACE", path, 1);
}

void vowd_start(struct cluster *cluster, const char *crash)
{
    char data[160], log[160], line[512];
    snprintf(data, sizeof(data), "%s/vowd", cluster->directory);
    snprintf(log, sizeof(log), "%s/vowd.log", cluster->directory);
    const char *argv[24] = {vowd_program, "--listen", cluster->address, "--http", "off", "--data", data};
    size_t argc = 7;
    if (!cluster->keeps_log) {
        argv[argc++] = "--log-level";
        argv[argc++] = "error";
    }
    for (size_t i = 0; cluster->vowd_flags[i] != NULL; i++)
        argv[argc++] = cluster->vowd_flags[i];
    set_trace(cluster, "vowd");
    spawn(&cluster->vowd, (char *const *)argv, crash, cluster->keeps_log ? log : NULL, cluster->vowd_preload);
    if (!read_line(&cluster->vowd, line, sizeof(line))) {
        cr_assert_not_null(crash, "vowd did not start");
        return; /* it died on the way: what the crash point was for */
    }
    cr_assert_not_null(strstr(line, cluster->address), "another address: %s", line);
    read_value(line, " http=", cluster->http);
}

void service_spawn(struct cluster *cluster, uint32_t i, const char *crash)
{
    char name[8], path[160], log[160];
    snprintf(name, sizeof(name), "s%u", i);
    const char *other = cluster->programs[i];
    snprintf(path, sizeof(path), "%s/%s%s", cluster->directory, name, other == NULL ? ".db" : "");
    snprintf(log, sizeof(log), "%s/%s.log", cluster->directory, name);
    const char *argv[] = {other != NULL ? other : service_program, name, path, cluster->address, NULL};
    set_trace(cluster, name);
    spawn(&cluster->services[i], (char *const *)argv, crash, cluster->keeps_service_logs ? log : NULL, NULL);
}

void service_wait_ready(struct cluster *cluster, uint32_t i)
{
    char line[128];
    cr_assert(read_line(&cluster->services[i], line, sizeof(line)), "service %u did not start", i);
    cr_assert_str_eq(line, "ready");
}

void service_start(struct cluster *cluster, uint32_t i, const char *crash)
{
    service_spawn(cluster, i, crash);
    service_wait_ready(cluster, i);
}

/* A free port that stays ours: a socket that is bound and does not listen. With SO_REUSEADDR vowd can listen there. */
static void hold_address(struct cluster *cluster)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(self);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&self, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&self, &len), 0);
    snprintf(cluster->address, sizeof(cluster->address), "127.0.0.1:%u", ntohs(self.sin_port));
    cluster->address_hold = fd;
}

void cluster_init(struct cluster *cluster)
{
    signal(SIGPIPE, SIG_IGN);
    memset(cluster, 0, sizeof(*cluster));
    snprintf(cluster->directory, sizeof(cluster->directory), "/var/tmp/vow-system-XXXXXX");
    cr_assert_not_null(mkdtemp(cluster->directory));
    hold_address(cluster);
}

void cluster_start(struct cluster *cluster, uint32_t services, const char *vowd_crash, const char *service_crash)
{
    cluster_init(cluster);
    cluster_run(cluster, services, vowd_crash, service_crash);
}

void cluster_run(struct cluster *cluster, uint32_t services, const char *vowd_crash, const char *service_crash)
{
    vowd_start(cluster, vowd_crash);
    cluster->services_len = services;
    for (uint32_t i = 0; i < services; i++)
        service_start(cluster, i, i == 0 ? service_crash : NULL);
    struct vow_client_options options = {.size = sizeof(options), .coordinator = cluster->address, .name = "test"};
    struct vow_error_detail detail;
    cr_assert_eq(vow_client_open(&options, &cluster->client, &detail), 0, "%s", detail.text);
}

/* A kept log hides the reports from CTest, which looks for them. */
static void expect_no_sanitizer_report(char *log)
{
    cr_expect(strstr(log, "Sanitizer") == NULL && strstr(log, "runtime error:") == NULL, "%s", log);
    free(log);
}

void cluster_end(struct cluster *cluster)
{
    vow_client_close(cluster->client);
    /* The coordinator first: it drains while its participants still answer. */
    if (cluster->vowd.pid != 0)
        cr_expect_eq(process_end(&cluster->vowd), 0);
    for (uint32_t i = 0; i < cluster->services_len; i++)
        if (cluster->services[i].pid != 0)
            cr_expect_eq(process_end(&cluster->services[i]), 0);
    if (cluster->keeps_log)
        expect_no_sanitizer_report(cluster_log(cluster));
    for (uint32_t i = 0; i < cluster->services_len && cluster->keeps_service_logs; i++)
        expect_no_sanitizer_report(service_log(cluster, i));
    close(cluster->address_hold);
    remove_directory(cluster->directory);
}

/* ---- transactions ---- */

static void on_result(void *ctx, const struct vow_result *result)
{
    struct commit *commit = ctx;
    commit->result = *result;
    uint64_t one = 1;
    cr_assert_eq(write(commit->events, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void start(struct cluster *cluster, struct commit *commit, const char *handler, const char *last,
                  const struct vow_commit_options *options)
{
    memset(commit, 0, sizeof(*commit));
    commit->events = eventfd(0, 0);
    for (uint32_t i = 0; i < cluster->services_len; i++) {
        snprintf(commit->names[i], sizeof(commit->names[i]), "s%u", i);
        commit->calls[i].participant = commit->names[i];
        commit->calls[i].handler = i + 1 == cluster->services_len ? last : handler;
    }
    cr_assert_eq(
        vow_commit_with_async(cluster->client, options, commit->calls, cluster->services_len, on_result, commit), 0);
}

void commit_start(struct cluster *cluster, struct commit *commit, const char *last)
{
    start(cluster, commit, "add", last, NULL);
}

void commit_start_all(struct cluster *cluster, struct commit *commit, const char *only)
{
    start(cluster, commit, only, only, NULL);
}

void commit_start_with(struct cluster *cluster, struct commit *commit, const struct vow_commit_options *options)
{
    start(cluster, commit, "add", "add", options);
}

void commit_start_open(struct commit *commit, struct vow_txn *txn)
{
    memset(commit, 0, sizeof(*commit));
    commit->events = eventfd(0, 0);
    cr_assert_eq(vow_txn_commit_async(txn, NULL, 0, on_result, commit), 0);
}

enum vow_outcome commit_wait(struct cluster *cluster, struct commit *commit)
{
    uint64_t value;
    cr_assert_eq(read(commit->events, &value, sizeof(value)), (ssize_t)sizeof(value));
    close(commit->events);
    while (commit->result.outcome != VOW_COMMITTED && commit->result.outcome != VOW_ABORTED) {
        struct vow_gtrid id = commit->result.id;
        int error = vow_status(cluster->client, &id, commit->result.participant, &commit->result);
        cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "status: %s", vow_error_text(error));
        commit->result.id = id;
        if (error != 0)
            commit->result.outcome = VOW_UNKNOWN;
    }
    return commit->result.outcome;
}

struct vow_gtrid cluster_strand(struct cluster *cluster)
{
    struct commit commit;
    commit_start(cluster, &commit, "add");
    process_wait_killed(&cluster->services[0]);
    cr_assert_eq(commit_wait(cluster, &commit), VOW_COMMITTED);
    return commit.result.id;
}

/* ---- the databases ---- */

int64_t service_number(const struct cluster *cluster, uint32_t i, const char *sql)
{
    char path[160];
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    snprintf(path, sizeof(path), "%s/s%u.db", cluster->directory, i);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static bool is_quiet(const struct cluster *cluster, uint32_t i)
{
    return service_number(cluster, i,
                          "SELECT (SELECT count(*) FROM vow_branch WHERE changeset IS NOT NULL) + "
                          "(SELECT count(*) FROM vow_lock)") == 0;
}

void cluster_expect_counter(struct cluster *cluster, uint32_t i, int64_t expected)
{
    while (!is_quiet(cluster, i))
        poll(NULL, 0, 1); /* the suite's time-out is the bound */
    int64_t value = service_number(cluster, i, "SELECT value FROM counter WHERE id = 1");
    cr_expect_eq(value, expected, "s%u has %lld and should have %lld", i, (long long)value, (long long)expected);
}

void cluster_expect_counters(struct cluster *cluster, int64_t each)
{
    for (uint32_t i = 0; i < cluster->services_len; i++)
        cluster_expect_counter(cluster, i, each);
}

void cluster_expect_alive(struct cluster *cluster)
{
    for (;;) {
        struct commit commit;
        commit_start(cluster, &commit, "add");
        if (commit_wait(cluster, &commit) == VOW_COMMITTED)
            return;
        /* A branch of the transaction before may not have ended everywhere yet, or a process may still be on its way
         * back. */
        cr_assert(commit.result.cause == VOW_CAUSE_LOCK_CONFLICT ||
                      commit.result.cause == VOW_CAUSE_PARTICIPANT_UNAVAILABLE ||
                      commit.result.cause == VOW_CAUSE_PARTICIPANT_LOST || commit.result.cause == VOW_CAUSE_PRESUMED ||
                      commit.result.error != 0,
                  "aborted: %s", vow_cause_text((int)commit.result.cause));
    }
}
