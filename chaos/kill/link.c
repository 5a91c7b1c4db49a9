/* The links of a run: proxies between its processes, and what is done to them. */
#include <event2/event.h>
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

int real_links_open(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++) {
        struct real_link *link = &run->links[i];
        *link = (struct real_link){.run = run, .plan = &run->scenario->links[i]};
        const struct proxy_options options = {
            .base = run->base, .seed = run->seed_number + i, .hit = on_hit, .ctx = link};
        char *to = real_write_out(run, NULL, link->plan->to.text);
        const int error = to != NULL ? proxy_open(&options, to, &link->proxy) : VOW_E_ARGUMENT;
        free(to);
        if (error == 0)
            continue;
        (void)fprintf(stderr, "vow-chaos: the link %s: %s\n", link->plan->name.text, vow_error_text(error));
        return -1;
    }
    return 0;
}

void real_links_close(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++) {
        proxy_close(run->links[i].proxy);
        run->links[i].proxy = NULL;
    }
}

const char *real_link_address(const struct real_run *run, const char *field)
{
    const size_t len = strcspn(field, ".");

    for (size_t i = 0; i < run->scenario->links_len; i++) {
        const char *name = run->scenario->links[i].name.text;
        if (strlen(name) == len && memcmp(name, field, len) == 0 && run->links[i].proxy != NULL)
            return real_address_part(proxy_address(run->links[i].proxy), field + len);
    }
    return NULL;
}

static void mend(struct proxy *proxy)
{
    const struct proxy_weather fair = {0};

    proxy_flap(proxy, PROXY_BOTH_WAYS, 0, 0);
    proxy_refuse(proxy, false);
    proxy_reset_after(proxy, PROXY_FORTH, 0);
    proxy_reset_after(proxy, PROXY_BACK, 0);
    proxy_reset_mid_frame(proxy, PROXY_FORTH, 0);
    proxy_reset_mid_frame(proxy, PROXY_BACK, 0);
    proxy_set_weather(proxy, PROXY_BOTH_WAYS, &fair);
}

void real_links_mend(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->links_len; i++)
        mend(run->links[i].proxy);
}

/* --- What is done to one --- */

unsigned real_link_ways(const struct real_fault *fault)
{
    if (fault->way.text == NULL || strcmp(fault->way.text, "both") == 0)
        return PROXY_BOTH_WAYS;
    return strcmp(fault->way.text, "forth") == 0 ? PROXY_FORTH : PROXY_BACK;
}

/* Adds to the weather of each way what the fault says of it. */
static void change(struct proxy *proxy, const struct real_fault *fault)
{
    for (enum proxy_way way = PROXY_FORTH; way <= PROXY_BACK; way++) {
        struct proxy_weather weather;
        if ((real_link_ways(fault) & way) == 0)
            continue;
        proxy_get_weather(proxy, way, &weather);
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
        proxy_set_weather(proxy, way, &weather);
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
    struct proxy *proxy = run->links[index].proxy;

    if (fault->action == REAL_FLAP)
        proxy_flap(proxy, real_link_ways(fault), (uint32_t)fault->up_ms, (uint32_t)fault->down_ms);
    else if (fault->action == REAL_REFUSE)
        proxy_refuse(proxy, true);
    else if (fault->action == REAL_RESET)
        (void)proxy_reset(proxy);
    else if (fault->action == REAL_TEAR || fault->action == REAL_RESET_AFTER)
        lie_in_wait(proxy, fault);
    else if (fault->action == REAL_MEND)
        mend(proxy);
    else
        change(proxy, fault);
}
