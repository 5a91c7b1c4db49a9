/* Places, and links between them: what a kernel's TCP makes of packets that are lost on one way. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "chaos/netns/netns.h"

#define PORT 7001

/* The world of a test: somebody who dials from one place, and who listens at another. */
static struct event_base *base;
static struct netns *netns;
static struct netns_link *link_;
static unsigned dialer, target, hits[PROXY_FAULTS_LEN][4];
static int listener, near, far; /* both ends of a connection */

TestSuite(netns, .timeout = 60);

static void on_hit(void *ctx, enum proxy_fault fault, unsigned ways)
{
    (void)ctx;
    hits[fault][ways]++;
}

static void turn(void)
{
    const struct timeval soon = {.tv_usec = 1000};

    (void)event_base_loopexit(base, &soon);
    (void)event_base_dispatch(base);
}

static int socket_at(unsigned place)
{
    cr_assert_eq(netns_enter(netns, place), 0);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(netns_enter(netns, NETNS_HOME), 0);
    cr_assert_geq(fd, 0);
    return fd;
}

static struct sockaddr_in address(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    cr_assert_eq(inet_pton(AF_INET, netns_host(netns, target), &in.sin_addr), 1);
    return in;
}

static void begin(void)
{
    char why[NETNS_WHY_SIZE];

    base = event_base_new();
    cr_assert_eq(netns_open(base, 1, &netns, why), 0, "%s", why);
    cr_assert_eq(netns_add(netns, &dialer, why), 0, "%s", why);
    cr_assert_eq(netns_add(netns, &target, why), 0, "%s", why);
    const struct netns_link_options options = {
        .from = UINT64_C(1) << dialer, .to = target, .port = PORT, .hit = on_hit};
    cr_assert_eq(netns_link_open(netns, &options, &link_), 0);
    const struct sockaddr_in in = address();
    listener = socket_at(target);
    cr_assert_eq(bind(listener, (const struct sockaddr *)&in, sizeof(in)), 0);
    cr_assert_eq(listen(listener, 8), 0);
}

static void dial(unsigned from)
{
    const struct sockaddr_in in = address();

    near = socket_at(from);
    cr_assert(connect(near, (const struct sockaddr *)&in, sizeof(in)) != 0 && errno == EINPROGRESS);
}

static void take(void)
{
    do {
        turn();
        far = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (far < 0);
}

static void end(void)
{
    close(near);
    close(far);
    close(listener);
    netns_link_close(link_);
    netns_close(netns);
    event_base_free(base);
}

static void say(int fd, char word)
{
    cr_assert_eq(write(fd, &word, 1), 1);
}

/* What has come: a byte, 0 = nothing yet, EOF = the end. */
static int heard(int fd)
{
    char word;
    const ssize_t len = read(fd, &word, 1);

    return len == 1 ? word : len == 0 ? EOF : 0;
}

static void expect(int fd, int word)
{
    int got;

    while ((got = heard(fd)) == 0)
        turn();
    cr_expect_eq(got, word);
}

static void weather(unsigned ways, struct proxy_weather is)
{
    netns_link_set_weather(link_, ways, &is);
}

/* Until a packet of the link has met it. */
static void wait_for_hit(enum proxy_fault fault, enum proxy_way way)
{
    while (hits[fault][way] == 0)
        turn();
}

Test(netns, packets_pass)
{
    begin();
    dial(dialer);
    take();
    say(near, 'a');
    expect(far, 'a');
    say(far, 'b');
    expect(near, 'b');
    close(near);
    expect(far, EOF);
    near = -1;
    end();
}

/* What the dialer says is lost and what it hears is not: the target's bytes come, though it cannot acknowledge them. */
Test(netns, F073_a_cut_forth_leaves_the_way_back)
{
    begin();
    dial(dialer);
    take();
    weather(PROXY_FORTH, (struct proxy_weather){.is_cut = true});
    say(near, 'a');
    wait_for_hit(PROXY_FAULT_CUT, PROXY_FORTH);
    say(far, 'b');
    expect(near, 'b');
    cr_expect_eq(heard(far), 0);
    cr_expect_eq(hits[PROXY_FAULT_CUT][PROXY_BACK], 0);
    weather(PROXY_FORTH, (struct proxy_weather){.is_cut = false});
    expect(far, 'a');
    end();
}

Test(netns, F072_a_cut_back_leaves_the_way_forth)
{
    begin();
    dial(dialer);
    take();
    weather(PROXY_BACK, (struct proxy_weather){.is_cut = true});
    say(far, 'b');
    wait_for_hit(PROXY_FAULT_CUT, PROXY_BACK);
    say(near, 'a');
    expect(far, 'a');
    cr_expect_eq(heard(near), 0);
    cr_expect_eq(hits[PROXY_FAULT_CUT][PROXY_FORTH], 0);
    weather(PROXY_BACK, (struct proxy_weather){.is_cut = false});
    expect(near, 'b');
    end();
}

/* The link is of one dialer: from home the target is reached all the same. */
Test(netns, a_cut_is_of_its_link_alone)
{
    begin();
    weather(PROXY_BOTH_WAYS, (struct proxy_weather){.is_cut = true});
    dial(NETNS_HOME);
    take();
    say(near, 'a');
    expect(far, 'a');
    close(near);
    close(far);
    dial(dialer);
    wait_for_hit(PROXY_FAULT_CUT, PROXY_FORTH);
    cr_expect_lt(accept4(listener, NULL, NULL, 0), 0);
    weather(PROXY_BOTH_WAYS, (struct proxy_weather){.is_cut = false});
    take();
    end();
}

Test(netns, a_black_hole_and_a_flapping_link_lose_packets)
{
    begin();
    dial(dialer);
    take();
    weather(PROXY_FORTH, (struct proxy_weather){.is_black_hole = true});
    say(near, 'a');
    wait_for_hit(PROXY_FAULT_BLACK_HOLE, PROXY_FORTH);
    weather(PROXY_FORTH, (struct proxy_weather){.is_black_hole = false});
    expect(far, 'a');
    netns_link_flap(link_, PROXY_BOTH_WAYS, 50, 50);
    say(near, 'b');
    while (hits[PROXY_FAULT_FLAP][PROXY_FORTH] + hits[PROXY_FAULT_FLAP][PROXY_BACK] == 0)
        turn(); /* perhaps the acknowledgement of what came before it */
    expect(far, 'b');
    netns_link_flap(link_, PROXY_BOTH_WAYS, 0, 0);
    end();
}

/* An RST that the kernel takes for one: connect() fails at once. */
Test(netns, who_is_refused_hears_so)
{
    int error = EINPROGRESS;
    socklen_t len = sizeof(error);

    begin();
    netns_link_refuse(link_, true);
    dial(dialer);
    wait_for_hit(PROXY_FAULT_REFUSED, PROXY_FORTH);
    do {
        turn();
        cr_assert_eq(getsockopt(near, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    } while (error == 0);
    cr_expect_eq(error, ECONNREFUSED);
    netns_link_refuse(link_, false);
    close(near);
    dial(dialer);
    take();
    end();
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Nothing comes sooner than it may; how much later is the machine's. */
Test(netns, what_is_late_is_as_late_as_was_said)
{
    begin();
    dial(dialer);
    take();
    weather(PROXY_BACK, (struct proxy_weather){.delay_ms = 30, .jitter_ms = 20});
    const uint64_t before_ms = now_ms();
    say(far, 'a');
    expect(near, 'a');
    cr_expect_geq(now_ms() - before_ms, 30);
    cr_expect_eq(hits[PROXY_FAULT_DELAY][PROXY_BACK], 1);
    cr_expect_eq(hits[PROXY_FAULT_DELAY][PROXY_FORTH], 0);
    end();
}

Test(netns, a_slow_link_is_as_slow_as_was_said)
{
    static char bytes[20000];
    size_t got = 0;
    char word[4096];

    begin();
    dial(dialer);
    take();
    weather(PROXY_FORTH, (struct proxy_weather){.bytes_per_s = 100000});
    const uint64_t before_ms = now_ms();
    cr_assert_eq(write(near, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    while (got < sizeof(bytes)) {
        const ssize_t len = read(far, word, sizeof(word));
        got += len > 0 ? (size_t)len : 0;
        turn();
    }
    cr_expect_geq(now_ms() - before_ms, 200);
    cr_expect_eq(hits[PROXY_FAULT_SLOW_LINK][PROXY_FORTH], 1);
    end();
}

Test(netns, an_end_that_is_hidden_comes_when_it_is_not)
{
    begin();
    dial(dialer);
    take();
    weather(PROXY_FORTH, (struct proxy_weather){.hides_end = true});
    say(near, 'a');
    expect(far, 'a');
    close(near);
    near = -1;
    wait_for_hit(PROXY_FAULT_HALF_OPEN, PROXY_FORTH);
    cr_expect_eq(heard(far), 0);
    weather(PROXY_FORTH, (struct proxy_weather){.hides_end = false});
    expect(far, EOF);
    end();
}

/* --- Nothing is left --- */

static void own(char name[64])
{
    const ssize_t len = readlink("/proc/thread-self/ns/net", name, 63);

    name[len > 0 ? len : 0] = '\0';
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int len = 0;

    while (readdir(folder) != NULL)
        len++;
    closedir(folder);
    return len;
}

Test(netns, nothing_is_left)
{
    char before[64], after[64], home[64], why[NETNS_WHY_SIZE];
    const int had = descriptors();

    own(before);
    begin();
    own(home);
    cr_expect_str_neq(home, before);
    near = far = -1;
    end();
    own(after);
    cr_expect_str_eq(after, before);
    cr_expect_eq(descriptors(), had);
    base = event_base_new();
    cr_assert_eq(netns_open(base, 1, &netns, why), 0);
    unsigned place = 0;
    while (netns_add(netns, &place, why) == 0)
        continue;
    cr_expect_str_eq(why, "a network has at most 64 places");
    cr_expect_eq(place, 63);
    netns_close(netns);
    event_base_free(base);
    cr_expect_eq(descriptors(), had);
}
