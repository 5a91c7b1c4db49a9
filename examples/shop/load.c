/* shop-load: the loop that keeps so many orders in flight until all have a known outcome. */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_AROUND_MS 100

static volatile sig_atomic_t stopped;

uint64_t load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t load_now_ms(void)
{
    return load_now_us() / 1000;
}

bool load_is_stopped(void)
{
    return stopped != 0;
}

static void on_stop(int signal)
{
    (void)signal;
    stopped = 1;
}

uint64_t load_send_again(struct load *load)
{
    const uint64_t now = load_now_ms();
    uint64_t next = now + LOOK_AROUND_MS;

    for (int64_t i = 0; i < load->options.in_flight; i++) {
        struct load_order *slot = &load->slots[i];
        if (slot->state == LOAD_WAITING && slot->resend_ms <= now)
            load_order_send(slot);
        else if (slot->state == LOAD_WAITING && slot->resend_ms < next)
            next = slot->resend_ms;
        else if (load_events_give_up(slot, now))
            load_order_judge(slot);
    }
    return next * 1000;
}

void load_judge_all(struct load *load, uint64_t until_us)
{
    struct load_order *slot = load_mailbox_take_results(load, until_us);

    while (slot != NULL) {
        struct load_order *next = slot->next;
        load_order_judge(slot);
        slot = next;
    }
}

/* As many in flight as there may be. */
static void place_orders(struct load *load)
{
    for (int64_t i = 0; i < load->options.in_flight; i++) {
        struct load_order *slot = &load->slots[i];
        if (slot->state != LOAD_FREE || stopped || load->totals.placed >= load->options.orders)
            continue;
        load_order_begin(slot, ++load->totals.placed);
        load_order_send(slot);
    }
}

static void run_closed(struct load *load)
{
    while (load->totals.done < (stopped ? load->totals.placed : load->options.orders)) {
        place_orders(load);
        load_judge_all(load, load_send_again(load));
        load_show_progress(load);
    }
}

static void run(struct load *load)
{
    load->began_us = load_now_us();
    if (load->options.rate > 0)
        load_run_open(load);
    else
        run_closed(load);
}

static int make_places(struct load *load)
{
    if (load->options.skew < 0)
        return 0;
    if (draw_places_init(&load->items, load->options.items, load->options.skew) == 0 &&
        draw_places_init(&load->accounts, load->options.accounts, load->options.skew) == 0)
        return 0;
    fprintf(stderr, "shop-load: out of memory\n");
    return -1;
}

static struct load_order *make_slots(struct load *load)
{
    const size_t len = (size_t)load->options.in_flight;
    const size_t tries_max = (size_t)load->options.retries + 1;
    struct load_order *slots = calloc(len, sizeof(*slots));
    struct load_try *tries = calloc(len * tries_max, sizeof(*tries));

    if (slots == NULL || tries == NULL) {
        free(slots);
        free(tries);
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        slots[i].load = load;
        slots[i].tries = tries + i * tries_max;
    }
    return slots;
}

static int open_client(struct load *load)
{
    const struct vow_client_options options = {.size = sizeof(options),
                                               .coordinator = load->options.coordinator,
                                               .name = "shop-load",
                                               .timeout_ms = (uint32_t)load->options.timeout_ms};
    struct vow_error_detail detail;

    if (vow_client_open(&options, &load->client, &detail) == 0)
        return 0;
    fprintf(stderr, "shop-load: %s\n", detail.text);
    return -1;
}

static int open_log(struct load *load)
{
    if (load->options.log_path == NULL)
        return 0;
    load->log = fopen(load->options.log_path, "w");
    if (load->log != NULL)
        return 0;
    fprintf(stderr, "shop-load: cannot write %s: %s\n", load->options.log_path, strerror(errno));
    return -1;
}

/* What is not whole may lack an order that was promised. */
static int close_files(const struct load *load)
{
    const int history = shop_close_written(load->history, "shop-load", load->options.history_path);
    const int log = shop_close_written(load->log, "shop-load", load->options.log_path);

    return history == 0 && log == 0 ? 0 : -1;
}

static int load_all(struct load *load)
{
    int status = SHOP_EXIT_FAILED;

    if (open_log(load) != 0 || load_history_open(load) != 0)
        goto err_close_log;
    if (make_places(load) != 0)
        goto err_free_places;
    load->slots = make_slots(load);
    if (load->slots == NULL) {
        fprintf(stderr, "shop-load: out of memory\n");
        goto err_free_places;
    }
    if (open_client(load) != 0)
        goto err_free_slots;
    if (load_mailbox_open(load) != 0)
        goto err_close_client;
    if (load_events_open(load) != 0)
        goto err_close_mailbox;
    run(load);
    for (int64_t i = 0; i < load->options.in_flight; i++)
        vow_saga_free(load->slots[i].saga);
    load_print_totals(load);
    if (load_write_report(load) == 0 && load->totals.unknown == 0)
        status = 0;
    load_events_close(load);
err_close_mailbox:
    load_mailbox_close(load);
err_close_client:
    vow_client_close(load->client);
err_free_slots:
    free(load->slots[0].tries);
    free(load->slots);
err_free_places:
    draw_places_deinit(&load->items);
    draw_places_deinit(&load->accounts);
err_close_log:
    return close_files(load) == 0 ? status : SHOP_EXIT_FAILED;
}

int main(int argc, char **argv)
{
    char run_name[24];
    struct load load = {.options = {.orders = 2000,
                                    .in_flight = 64,
                                    .items = 500,
                                    .accounts = 500,
                                    .seed = 1,
                                    .retries = -1,
                                    .skew = -1,
                                    .timeout_ms = 10000,
                                    .ask_ms = 60000,
                                    .pending_ms = 10000,
                                    .dear = 9,
                                    .run = run_name},
                        .shown_percent = -1};

    snprintf(run_name, sizeof(run_name), "%" PRIx64, (uint64_t)time(NULL));
    load_read_flags(&load.options, argc, argv);
    load.on_terminal = isatty(STDOUT_FILENO) != 0;
    load.random = (uint64_t)load.options.seed;
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);
    return load_all(&load);
}
