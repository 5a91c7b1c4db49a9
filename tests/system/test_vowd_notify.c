/* What a service manager hears from vowd: the manager is a socket of the test. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk.h"
#include "kit.h"

TestSuite(vowd_notify, .timeout = 60);

static struct cluster cluster;
static int manager;
static char heard[1024]; /* the last datagram */
static struct faults *disk;

/* Takes a name in the abstract space ("@...") or a path, and says so in the environment of what is started. */
static void listen_as(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(manager, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static void hear(void)
{
    ssize_t len = recv(manager, heard, sizeof(heard) - 1, 0);
    cr_assert_gt(len, 0);
    heard[len] = '\0';
}

/* The next datagram that has this line, over all that come before it. */
static void hear_line(const char *line)
{
    do
        hear();
    while (strstr(heard, line) == NULL);
}

static void start(const char *name, const char *watchdog_usec)
{
    cluster_init(&cluster);
    cluster.keeps_log = true;
    listen_as(name);
    setenv("WATCHDOG_USEC", watchdog_usec, 1);
    disk = disk_new(&cluster);
}

static void end(void)
{
    cluster_end(&cluster);
    disk_free(disk);
    close(manager);
}

Test(vowd_notify, ready_reloading_stopping_on_a_path)
{
    char path[64] = "/tmp/vow-notify-XXXXXX";
    cr_assert_not_null(mkdtemp(path));
    char name[80];
    snprintf(name, sizeof(name), "%s/socket", path);
    start(name, "0");
    cluster_run(&cluster, 0, NULL, NULL);
    hear();
    cr_expect_eq(strncmp(heard, "READY=1\nSTATUS=serving: 0 open, 0 unfinished", 44), 0, "%s", heard);
    cr_assert_eq(kill(cluster.vowd.pid, SIGHUP), 0);
    hear();
    static const char reloading[] = "RELOADING=1\nMONOTONIC_USEC=";
    cr_assert_eq(strncmp(heard, reloading, strlen(reloading)), 0, "%s", heard);
    cr_expect_gt(strtoull(heard + strlen(reloading), NULL, 10), 0, "%s", heard);
    hear();
    cr_expect_eq(strncmp(heard, "READY=1\n", 8), 0, "%s", heard);
    cr_expect_eq(process_end(&cluster.vowd), 0);
    hear();
    cr_expect_eq(strncmp(heard, "STOPPING=1\nEXTEND_TIMEOUT_USEC=20000000\nSTATUS=draining", 54), 0, "%s", heard);
    end();
    unlink(name);
    rmdir(path);
}

Test(vowd_notify, an_abstract_name_and_the_watchdog)
{
    char name[64];
    snprintf(name, sizeof(name), "@vow-test-%ld", (long)getpid());
    start(name, "30000");
    cluster_run(&cluster, 0, NULL, NULL);
    hear();
    cr_expect_eq(strncmp(heard, "READY=1\n", 8), 0, "%s", heard);
    for (int i = 0; i < 5; i++) {
        hear_line("WATCHDOG=1\n");
        cr_expect_not_null(strstr(heard, "STATUS=serving"), "%s", heard);
    }
    end();
}

/* A manager that is gone, or a variable that is nonsense, is no reason not to serve. */
Test(vowd_notify, nobody_listens)
{
    static const char *const names[] = {"/nowhere/at/all", "relative", "@", "", "vsock:2:1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        setenv("WATCHDOG_USEC", i % 2 == 0 ? "nonsense" : "10000", 1);
        cluster_start(&cluster, 1, NULL, NULL);
        cluster_expect_alive(&cluster);
        cluster_end(&cluster);
    }
}

static void http_health(char answer[1024])
{
    static const char request[] = "GET /health HTTP/1.0\r\n\r\n";
    size_t len = 0;
    ssize_t got;
    int fd = connect_to(cluster.http);
    cr_assert_eq(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
    while ((got = recv(fd, answer + len, 1023 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
}

/* F119: the disk hangs. The loop goes on and the heartbeats with it, nothing is acknowledged, the manager hears no
 * WATCHDOG=1 and /health says so; when the disk is back, so is vowd. */
Test(vowd_notify, F119_the_disk_hangs)
{
    char name[64], answer[1024];
    struct commit commit;
    snprintf(name, sizeof(name), "@vow-test-%ld", (long)getpid());
    start(name, "1000000");
    const char *const flags[] = {"--http", "127.0.0.1:0", "--journal-stall", "200"};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    hear_line("WATCHDOG=1\n");
    disk_hang(disk, true);
    commit_start(&cluster, &commit, "add");
    do
        http_health(answer);
    while (strstr(answer, "503 Journal stalled") == NULL);
    /* Three times a second it comes round; once it has been silent for the whole period it stays so. */
    unsigned pings = 0;
    for (hear(); strstr(heard, "WATCHDOG=1") != NULL; hear())
        cr_assert_lt(++pings, 100, "it says that it is well for ever");
    for (int i = 0; i < 3; i++) {
        hear();
        cr_expect_null(strstr(heard, "WATCHDOG=1"), "%s", heard);
        cr_expect_not_null(strstr(heard, "STATUS=the journal does not answer"), "%s", heard);
    }
    struct pollfd told = {.fd = commit.events, .events = POLLIN};
    cr_expect_eq(poll(&told, 1, 0), 0, "something was acknowledged");
    disk_hang(disk, false);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    hear_line("WATCHDOG=1\n");
    do
        http_health(answer);
    while (strstr(answer, "200 OK") == NULL);
    cluster_expect_counters(&cluster, 2);
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "event=journal_stalled", "look at the disk"), 1, "%s", log);
    cr_expect_eq(lines_with(log, "event=journal_goes_on", ""), 1, "%s", log);
    free(log);
    end();
}
