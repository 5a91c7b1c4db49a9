/* vowd as an operator meets it: how it starts and refuses to, how it drains, what its HTTP says. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "proto/error.h"

TestSuite(vowd, .timeout = 60);

#define VOWD VOW_BIN "/vowd"

/* ---- flags and starts that are refused ---- */

static void expect_one_line(const struct run *run, const char *word, const char *what)
{
    const char *newline = strchr(run->err, '\n');
    cr_expect(newline != NULL && newline[1] == '\0', "%s: not one line: %s", what, run->err);
    cr_expect_not_null(strstr(run->err, word), "%s: \"%s\" is not in: %s", what, word, run->err);
    cr_expect_str_empty(run->out, "%s: %s", what, run->out);
}

/* Runs vowd, which must not come to serve. */
static void expect_refused(int status, const char *word, const char *const flags[])
{
    static struct run run;
    const char *argv[12] = {VOWD};
    for (size_t i = 0; flags[i] != NULL; i++)
        argv[i + 1] = flags[i];
    run_program(&run, argv);
    cr_expect_eq(run.status, status, "%s: exit status %d: %s", flags[0], run.status, run.err);
    expect_one_line(&run, word, flags[0]);
}

#define REFUSED(status, word, ...) expect_refused(status, word, (const char *const[]){__VA_ARGS__, NULL})

Test(vowd, flags_that_are_wrong)
{
    REFUSED(2, "--listen", "--listen");
    REFUSED(2, "--listen", "--listen", "");
    REFUSED(2, "--listen", "--listen", "example.org:1");
    REFUSED(2, "--listen", "--listen", "127.0.0.1");
    REFUSED(2, "--listen", "--listen", "127.0.0.1:65536");
    REFUSED(2, "--http", "--http", "on");
    REFUSED(2, "--http", "--http", "127.0.0.1:-1");
    REFUSED(2, "--data", "--data", "");
    REFUSED(2, "--name", "--name", "two words");
    REFUSED(2, "--name", "--name", "");
    REFUSED(2, "--txns-max", "--txns-max", "0");
    REFUSED(2, "--txns-max", "--txns-max", "4194305");
    REFUSED(2, "--txns-max", "--txns-max", "-1");
    REFUSED(2, "--retention", "--retention", "7");
    REFUSED(2, "--retention", "--retention", "never");
    REFUSED(2, "--retention-size", "--retention-size", "10");
    REFUSED(2, "--retention-size", "--retention-size", "0G");
    REFUSED(2, "--vote-timeout", "--vote-timeout", "0");
    REFUSED(2, "--vote-timeout", "--vote-timeout", "5s");
    REFUSED(2, "--drain-timeout", "--drain-timeout", "99999999999");
    REFUSED(2, "--drain-timeout", "--drain-timeout", "");
    REFUSED(2, "--log-level", "--log-level", "loud");
    REFUSED(2, "--colour", "--colour");
    REFUSED(2, "--colour", "--colour=red");
    REFUSED(2, "--help", "--help=me");
    REFUSED(2, "-x", "-x");
    REFUSED(2, "serve", "serve");
}

static void expect_printed(const char *flag, const char *word)
{
    static struct run run;
    const char *argv[] = {VOWD, flag, NULL};
    run_program(&run, argv);
    cr_expect_eq(run.status, 0);
    cr_expect_str_empty(run.err);
    cr_expect_not_null(strstr(run.out, word), "%s", run.out);
}

Test(vowd, help_and_version)
{
    expect_printed("--help", "--drain-timeout");
    expect_printed("--version", "vowd " VOW_SOFTWARE_VERSION);
}

/* A vowd with an empty directory of its own, and no services. */
static void start_alone(struct cluster *cluster)
{
    cluster_init(cluster);
    cluster_run(cluster, 0, NULL, NULL);
}

Test(vowd, data_directories_that_cannot_be)
{
    struct cluster cluster;
    char file[160], missing[192];
    cluster_init(&cluster);
    snprintf(file, sizeof(file), "%s/file", cluster.directory);
    snprintf(missing, sizeof(missing), "%s/not/there", cluster.directory);
    fclose(fopen(file, "w"));
    REFUSED(1, file, "--data", file, "--listen", "127.0.0.1:0", "--http", "off");
    REFUSED(1, missing, "--data", missing, "--listen", "127.0.0.1:0", "--http", "off");
    REFUSED(1, "/proc/vow", "--data", "/proc/vow", "--listen", "127.0.0.1:0", "--http",
            "off"); /* nobody writes there */
    cluster_end(&cluster);
}

/* As nobody: root may write everywhere. */
static void become_nobody(const char *directory)
{
    if (geteuid() == 0)
        cr_assert_eq(chown(directory, 65534, 65534) | setgid(65534) | setuid(65534), 0);
}

Test(vowd, data_directories_that_may_not_be_used)
{
    struct cluster cluster;
    char data[160];
    cluster_init(&cluster);
    become_nobody(cluster.directory);
    snprintf(data, sizeof(data), "%s/closed", cluster.directory);
    cr_assert_eq(mkdir(data, 0), 0);
    REFUSED(1, "Permission denied", "--data", data, "--listen", "127.0.0.1:0", "--http", "off");
    cr_assert_eq(chmod(data, 0500), 0); /* read-only */
    REFUSED(1, data, "--data", data, "--listen", "127.0.0.1:0", "--http", "off");
    cr_assert_eq(chmod(data, 0300), 0); /* it may be written and not be read */
    REFUSED(1, "Permission denied", "--data", data, "--listen", "127.0.0.1:0", "--http", "off");
    cr_assert_eq(chmod(data, 0700), 0);
    cr_expect_eq(rmdir(data), 0, "something was left in it");
    cluster_end(&cluster);
}

/* A disk without room, as a limit of the size of files: vowd does not start, and with room it does. */
Test(vowd, F103_a_disk_that_is_full_at_the_start)
{
    struct cluster cluster;
    char data[160];
    struct rlimit limit, small;
    cluster_init(&cluster);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    getrlimit(RLIMIT_FSIZE, &limit);
    for (rlim_t bytes = 1024; bytes <= 8192; bytes *= 2) {
        small = (struct rlimit){.rlim_cur = bytes, .rlim_max = limit.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
        REFUSED(1, data, "--data", data, "--listen", "127.0.0.1:0", "--http", "off");
    }
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cluster_run(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(vowd, F020_a_second_vowd_on_the_same_directory)
{
    struct cluster cluster;
    char data[160], pid[32];
    cluster_start(&cluster, 2, NULL, NULL);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    snprintf(pid, sizeof(pid), "process %ld;", (long)cluster.vowd.pid);
    REFUSED(1, pid, "--data", data, "--listen", "127.0.0.1:0", "--http", "off");
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(vowd, ports_that_are_taken)
{
    struct cluster cluster;
    char data[160];
    start_alone(&cluster);
    snprintf(data, sizeof(data), "%s/second", cluster.directory);
    REFUSED(1, cluster.address, "--data", data, "--listen", cluster.address, "--http", "off");
    REFUSED(1, "--http", "--data", data, "--listen", "127.0.0.1:0", "--http", cluster.address);
    cluster_end(&cluster);
}

/* ---- HTTP ---- */

/* One request; the answer is whole, because vowd is asked to close. */
static void http_ask(const struct cluster *cluster, const char *request_line, char *answer, size_t size)
{
    char request[256];
    size_t len = 0;
    ssize_t got;
    int fd = connect_to(cluster->http);
    int request_len =
        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: vow\r\nConnection: close\r\n\r\n", request_line);
    cr_assert_eq(send(fd, request, (size_t)request_len, MSG_NOSIGNAL), request_len);
    while ((got = recv(fd, answer + len, size - 1 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
}

static void expect_http(const struct cluster *cluster, const char *request_line, const char *status, const char *body)
{
    static char answer[16384];
    http_ask(cluster, request_line, answer, sizeof(answer));
    cr_expect_eq(strncmp(answer + strlen("HTTP/1.1 "), status, strlen(status)), 0, "%s: %s", request_line, answer);
    cr_expect_not_null(strstr(answer, body), "%s: no \"%s\" in: %s", request_line, body, answer);
}

/* The head alone: a body would be taken for the next answer. */
static void expect_head(const struct cluster *cluster, const char *request_line)
{
    static char answer[16384];
    http_ask(cluster, request_line, answer, sizeof(answer));
    const char *end = strstr(answer, "\r\n\r\n");
    cr_assert_not_null(end, "%s: %s", request_line, answer);
    cr_expect_eq(strncmp(answer + strlen("HTTP/1.1 "), "200", 3), 0, "%s: %s", request_line, answer);
    cr_expect_str_empty(end + 4);
}

static void cluster_start_with_http(struct cluster *cluster, uint32_t services, const char *service_crash,
                                    const char *drain_ms)
{
    cluster_init(cluster);
    const char *const flags[] = {"--http", "127.0.0.1:0", "--drain-timeout", drain_ms};
    memcpy(cluster->vowd_flags, flags, sizeof(flags));
    cluster_run(cluster, services, NULL, service_crash);
}

Test(vowd, http_says_how_it_is)
{
    struct cluster cluster;
    cluster_start_with_http(&cluster, 2, NULL, "10000");
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    expect_http(&cluster, "GET /health", "200", "\r\n\r\nok\n");
    expect_http(&cluster, "GET /metrics", "200", "\nvow_transactions_committed_total 1\n");
    expect_http(&cluster, "GET /metrics", "200", "\nvow_protocol_errors_total 0\n");
    expect_head(&cluster, "HEAD /health");
    expect_head(&cluster, "HEAD /metrics");
    expect_http(&cluster, "GET /", "404", "");
    expect_http(&cluster, "POST /health", "501", "");
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* ---- SIGTERM ---- */

Test(vowd, F025_nothing_in_flight)
{
    struct cluster cluster;
    cluster_start(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    cr_expect_eq(process_end(&cluster.vowd), 0);
    cluster_end(&cluster);
}

/* Who has connected and said nothing, or half of something, is nobody to wait for, and leaves nothing behind. */
Test(vowd, F166_strangers_at_the_end)
{
    struct cluster cluster;
    struct peer silent, slow, known;
    start_alone(&cluster);
    peer_connect(&silent, &cluster);
    peer_connect(&slow, &cluster);
    peer_send_frame(&slow, 100, "abc", 3);
    peer_open(&known, &cluster, VOW_ROLE_CLIENT, "known"); /* accepted after the two: they are accepted, too */
    cr_expect_eq(process_end(&cluster.vowd), 0);
    peer_expect_closed(&silent);
    peer_expect_closed(&slow);
    peer_expect_closed(&known);
    peer_close(&silent);
    peer_close(&slow);
    peer_close(&known);
    cluster_end(&cluster);
}

/* The next start goes on with what the last one left. */
static void expect_finished_by_the_next(struct cluster *cluster, const struct vow_gtrid *id)
{
    struct vow_result result;
    cluster->vowd_flags[3] = "10000"; /* its own drain has all the time it needs */
    vowd_start(cluster, NULL);
    service_start(cluster, 0, NULL);
    cluster_expect_counters(cluster, 1);
    while (vow_status(cluster->client, id, NULL, &result) != 0)
        continue;
    cr_expect_eq(result.outcome, VOW_COMMITTED);
    cluster_expect_alive(cluster);
    cluster_end(cluster);
}

Test(vowd, F025_B32_in_doubt_when_the_time_is_over)
{
    struct cluster cluster;
    cluster_start_with_http(&cluster, 2, STRAND_AT, "50");
    struct vow_gtrid id = cluster_strand(&cluster);
    cr_expect_eq(process_end(&cluster.vowd), 3);
    expect_finished_by_the_next(&cluster, &id);
}

static void wait_until_draining(const struct cluster *cluster)
{
    char answer[1024];
    do
        http_ask(cluster, "GET /health", answer, sizeof(answer));
    while (strstr(answer, "503 Draining") == NULL);
}

Test(vowd, F025_a_second_signal_ends_at_once)
{
    struct cluster cluster;
    cluster_start_with_http(&cluster, 2, STRAND_AT, "86400000");
    struct vow_gtrid id = cluster_strand(&cluster);
    kill(cluster.vowd.pid, SIGTERM);
    wait_until_draining(&cluster);
    cr_expect_eq(process_end(&cluster.vowd), 3);
    expect_finished_by_the_next(&cluster, &id);
}

/* While it drains nothing new begins, and who comes back is served: a participant that owes an acknowledgement, too. */
Test(vowd, F025_the_participant_comes_back_in_time)
{
    struct cluster cluster;
    struct peer client;
    cluster_start_with_http(&cluster, 2, STRAND_AT, "86400000");
    cluster_strand(&cluster);
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "old");
    struct vow_gtrid id = peer_take_id(&client);
    kill(cluster.vowd.pid, SIGTERM);
    wait_until_draining(&cluster);
    peer_commit(&client, &id);
    peer_expect_error(&client, &id, VOW_E_SHUTTING_DOWN);
    service_start(&cluster, 0, NULL);
    cr_expect_eq(process_wait(&cluster.vowd), 0);
    cluster_expect_counters(&cluster, 1);
    peer_close(&client);
    cluster_end(&cluster);
}

/* ---- after a restart ---- */

static void expect_status(struct cluster *cluster, const struct vow_gtrid *id, enum vow_outcome outcome)
{
    struct vow_result result;
    for (int again = 0; again < 3; again++) {
        int error;
        while ((error = vow_status(cluster->client, id, NULL, &result)) != 0)
            cr_assert_eq(vow_error_class(error), VOW_CLASS_RETRY, "%s", vow_error_text(error));
        cr_expect_eq(result.outcome, outcome, "%s", vow_outcome_name((int)result.outcome));
    }
}

Test(vowd, F064_what_a_client_hears_after_a_restart)
{
    struct cluster cluster;
    struct commit committed, aborted;
    cluster_start(&cluster, 2, NULL, NULL);
    commit_start(&cluster, &committed, "add");
    cr_assert_eq(commit_wait(&cluster, &committed), VOW_COMMITTED);
    commit_start(&cluster, &aborted, "refuse");
    cr_assert_eq(commit_wait(&cluster, &aborted), VOW_ABORTED);
    for (int life = 0; life < 3; life++) {
        if (life == 1)
            process_kill(&cluster.vowd);
        else
            cr_expect_eq(process_end(&cluster.vowd), 0);
        vowd_start(&cluster, NULL);
        expect_status(&cluster, &committed.result.id, VOW_COMMITTED);
        expect_status(&cluster, &aborted.result.id, VOW_ABORTED);
    }
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}
