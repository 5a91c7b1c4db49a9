/* The links of a run: proxies between its processes, or packets between their namespaces; and what is done to them. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/run.h"
#include "proto/error.h"

static void on_hit(void *ctx, enum proxy_fault fault, unsigned ways)
{
    const struct real_link *link = ctx;

    real_deeds_link(link->run, (uint32_t)(link - link->run->links), fault, ways);
    real_record_say(&link->run->record, REAL_MOMENT_HIT, link->plan->name.text, "%s%s", proxy_fault_name(fault),
                    ways == PROXY_FORTH  ? " forth"
                    : ways == PROXY_BACK ? " back"
                                         : "");
}

static int open_proxy(struct real_run *run, struct real_link *link)
{
    const struct proxy_options options = {
        .base = run->base, .seed = run->seed_number + (uint64_t)(link - run->links), .hit = on_hit, .ctx = link};
    char *to = real_write_out(run, NULL, &link->plan->to);
    const int error = to != NULL ? proxy_open(&options, to, &link->proxy) : VOW_E_ARGUMENT;

    free(to);
    return error;
}

static const char *target_of(const struct real_run *run, const struct real_link *link)
{
    return run->members[link->plan->node].ports[link->plan->port].address;
}

static int open_lane(struct real_run *run, struct real_link *link)
{
    const char *port = real_address_part(target_of(run, link), NULL, ".port");
    const struct netns_link_options options = {.from = link->plan->users,
                                               .to = run->members[link->plan->node].place,
                                               .port = (uint16_t)strtoul(port, NULL, 10),
                                               .hit = on_hit,
                                               .ctx = link};

    return netns_link_open(run->netns, &options, &link->lane);
}

int real_links_open(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++) {
        struct real_link *link = &run->links[i];
        *link = (struct real_link){.run = run, .plan = &run->scenario->links[i]};
        const int error = run->netns != NULL ? open_lane(run, link) : open_proxy(run, link);
        if (error == 0)
            continue;
        (void)fprintf(stderr, "vow-chaos run: %s:%u:%u: the link %s: %s\n", run->scenario->yaml.name,
                      link->plan->to.place.line, link->plan->to.place.column, link->plan->name.text,
                      vow_error_text(error));
        return -1;
    }
    return 0;
}

void real_links_close(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++) {
        struct real_link *link = &run->links[i];
        proxy_close(link->proxy);
        if (link->lane != NULL)
            netns_link_close(link->lane);
        link->proxy = NULL;
        link->lane = NULL;
    }
}

const char *real_link_address(const struct real_run *run, const char *field)
{
    const size_t len = strcspn(field, ".");

    for (size_t i = 0; i < run->scenario->links_len; i++) {
        const struct real_link *link = &run->links[i];
        const char *name = run->scenario->links[i].name.text;
        if (strlen(name) != len || memcmp(name, field, len) != 0)
            continue;
        if (link->lane != NULL)
            return real_address_part(target_of(run, link), run->members[link->plan->node].host, field + len);
        return link->proxy != NULL ? real_address_part(proxy_address(link->proxy), REAL_HOST, field + len) : NULL;
    }
    return NULL;
}

/* --- What both kinds can --- */

static void set_weather(struct real_link *link, unsigned ways, const struct proxy_weather *weather)
{
    if (link->lane != NULL)
        netns_link_set_weather(link->lane, ways, weather);
    else
        proxy_set_weather(link->proxy, ways, weather);
}

static void get_weather(const struct real_link *link, enum proxy_way way, struct proxy_weather *weather)
{
    if (link->lane != NULL)
        netns_link_get_weather(link->lane, way, weather);
    else
        proxy_get_weather(link->proxy, way, weather);
}

static void flap(struct real_link *link, unsigned ways, uint64_t up_ms, uint64_t down_ms)
{
    if (link->lane != NULL)
        netns_link_flap(link->lane, ways, (uint32_t)up_ms, (uint32_t)down_ms);
    else
        proxy_flap(link->proxy, ways, (uint32_t)up_ms, (uint32_t)down_ms);
}

static void refuse(struct real_link *link, bool refuses)
{
    if (link->lane != NULL)
        netns_link_refuse(link->lane, refuses);
    else
        proxy_refuse(link->proxy, refuses);
}

static void mend(struct real_link *link)
{
    const struct proxy_weather fair = {0};

    flap(link, PROXY_BOTH_WAYS, 0, 0);
    refuse(link, false);
    for (enum proxy_way way = PROXY_FORTH; way <= PROXY_BACK && link->proxy != NULL; way++) {
        proxy_reset_after(link->proxy, way, 0);
        proxy_reset_mid_frame(link->proxy, way, 0);
    }
    set_weather(link, PROXY_BOTH_WAYS, &fair);
}

void real_links_mend(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++)
        mend(&run->links[i]);
}

/* --- What is done to one --- */

unsigned real_link_ways(const struct real_fault *fault)
{
    if (fault->way.text == NULL || strcmp(fault->way.text, "both") == 0)
        return PROXY_BOTH_WAYS;
    return strcmp(fault->way.text, "forth") == 0 ? PROXY_FORTH : PROXY_BACK;
}

/* Adds to the weather of each way what the fault says of it. */
static void change(struct real_link *link, const struct real_fault *fault)
{
    for (enum proxy_way way = PROXY_FORTH; way <= PROXY_BACK; way++) {
        struct proxy_weather weather;
        if ((real_link_ways(fault) & way) == 0)
            continue;
        get_weather(link, way, &weather);
        weather.is_cut = weather.is_cut || fault->action == REAL_CUT;
        weather.is_black_hole = weather.is_black_hole || fault->action == REAL_BLACK_HOLE;
        if (fault->action == REAL_DELAY) {
            weather.delay_ms = (uint32_t)fault->by_ms;
            weather.jitter_ms = (uint32_t)fault->jitter_ms;
        }
        if (fault->action == REAL_SLOW)
            weather.bytes_per_s = fault->bytes_per_second;
        weather.hides_end = weather.hides_end || fault->action == REAL_HALF_OPEN;
        if (fault->action == REAL_SLICE) {
            weather.slice_bytes = fault->bytes;
            weather.slice_ms = (uint32_t)fault->every_ms;
        }
        set_weather(link, way, &weather);
    }
}

/* On each of its ways: a reset that waits for something to pass. */
static void lie_in_wait(struct proxy *proxy, const struct real_fault *fault)
{
    for (enum proxy_way way = PROXY_FORTH; way <= PROXY_BACK; way++) {
        if ((real_link_ways(fault) & way) == 0)
            continue;
        if (fault->action == REAL_TEAR)
            proxy_reset_mid_frame(proxy, way, 1);
        else
            proxy_reset_after(proxy, way, fault->bytes);
    }
}

enum proxy_fault real_link_counts_as(enum real_action action)
{
    static const struct {
        enum real_action action;
        enum proxy_fault fault;
    } counts[] = {{REAL_CUT, PROXY_FAULT_CUT},           {REAL_BLACK_HOLE, PROXY_FAULT_BLACK_HOLE},
                  {REAL_DELAY, PROXY_FAULT_DELAY},       {REAL_SLOW, PROXY_FAULT_SLOW_LINK},
                  {REAL_FLAP, PROXY_FAULT_FLAP},         {REAL_REFUSE, PROXY_FAULT_REFUSED},
                  {REAL_RESET, PROXY_FAULT_RESET},       {REAL_TEAR, PROXY_FAULT_RESET_MID_FRAME},
                  {REAL_RESET_AFTER, PROXY_FAULT_RESET}, {REAL_HALF_OPEN, PROXY_FAULT_HALF_OPEN},
                  {REAL_SLICE, PROXY_FAULT_SLICED}};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i].action == action)
            return counts[i].fault;
    return PROXY_FAULTS_LEN;
}

void real_link_act(struct real_run *run, const struct real_fault *fault, uint32_t index)
{
    struct real_link *link = &run->links[index];

    if (fault->action == REAL_FLAP)
        flap(link, real_link_ways(fault), fault->up_ms, fault->down_ms);
    else if (fault->action == REAL_REFUSE)
        refuse(link, true);
    else if (fault->action == REAL_RESET)
        (void)proxy_reset(link->proxy);
    else if (fault->action == REAL_TEAR || fault->action == REAL_RESET_AFTER)
        lie_in_wait(link->proxy, fault);
    else if (fault->action == REAL_MEND)
        mend(link);
    else
        change(link, fault);
}
