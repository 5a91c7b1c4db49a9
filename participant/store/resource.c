/* The resource store: open and close, and the rest of struct vow_store_ops. */
#include "participant/store/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/resource_store.h"
#include "proto/net/clock.h"

/* How long close waits for answers that are missing. */
#define CLOSE_WAIT_MS 5000u

static void identity(void *ctx, struct vow_store_identity *out)
{
    *out = ((struct resource_store *)ctx)->identity;
}

static void stats(void *ctx, struct vow_store_stats *out)
{
    *out = ((struct resource_store *)ctx)->stats;
}

static void wake_with(void *ctx, void (*wake)(void *wake_ctx), void *wake_ctx)
{
    answers_wake_with(((struct resource_store *)ctx)->answers, wake, wake_ctx);
}

static void give_all(struct jobs *from, struct jobs *to)
{
    while (from->first != NULL)
        jobs_add(to, jobs_take(from));
}

/* An answer that comes now is not used: the next open asks again. */
static struct vow_job *give_back(void *ctx)
{
    struct resource_store *store = ctx;
    struct jobs kept;
    answers_await(store->answers, store->close_wait_ms);
    jobs_init(&kept);
    for (struct item *item = store->active; item != NULL; item = item->next) {
        if (item->op != NULL)
            jobs_add(&kept, &item->op->job);
        item->op = NULL;
    }
    give_all(&store->works, &kept);
    give_all(&store->decisions, &kept);
    give_all(&store->lazy, &kept);
    give_all(&store->settles, &kept);
    return kept.first;
}

static void free_store(struct resource_store *store)
{
    items_free(store->active);
    items_free(store->marks);
    resource_forget_peers(store);
    answers_close(store->answers);
    state_file_close(store->file);
    free(store);
}

/* What was committed is written down, so that the resource need not keep it. If that fails, the next open does it. */
static void close_store(void *ctx)
{
    struct resource_store *store = ctx;
    if (!store->failed && store->marks != NULL)
        rows_write(store, vow_clock_ms(), true);
    free_store(store);
}

static const struct vow_store_ops resource_ops = {
    .name = "resource",
    .identity = identity,
    .recover = resource_recover,
    .run = resource_run,
    .give_back = give_back,
    .wake_with = wake_with,
    .stats = stats,
    .close = close_store,
};

/* ---- open ---- */

static int refuse(struct vow_error_detail *detail, const char *why)
{
    detail->error = VOW_E_ARGUMENT;
    snprintf(detail->text, sizeof(detail->text), "options.resource: %s", why);
    return VOW_E_ARGUMENT;
}

/* A caller of an older version has a smaller struct: what it does not know keeps its default. */
static int take_resource(struct vow_resource *own, const struct vow_resource *given, struct vow_error_detail *detail)
{
    if (given->size > sizeof(*own) || given->size < offsetof(struct vow_resource, answers_max))
        return refuse(detail, "size is not sizeof(struct vow_resource)");
    memset(own, 0, sizeof(*own));
    memcpy(own, given, given->size);
    if (own->prepare == NULL || own->commit == NULL || own->abort == NULL || own->recover == NULL ||
        own->forget == NULL)
        return refuse(detail, "all five callbacks are required");
    if (own->answers_max > RESOURCE_ANSWERS_MAX)
        return refuse(detail, "answers_max is over 1024");
    if (own->answers_max == 0)
        own->answers_max = RESOURCE_ANSWERS_DEFAULT;
    return 0;
}

int vow_store_resource_open(const struct vow_resource *resource, const char *path, const struct vow_store_ops **ops,
                            void **out, struct vow_error_detail *detail)
{
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    struct resource_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return VOW_E_NO_MEMORY;
    store->close_wait_ms = CLOSE_WAIT_MS;
    jobs_init(&store->works);
    jobs_init(&store->decisions);
    jobs_init(&store->lazy);
    jobs_init(&store->settles);
    int error = take_resource(&store->resource, resource, detail);
    if (error == 0) {
        store->answers = answers_new(2 * store->resource.answers_max);
        error = store->answers != NULL ? 0 : VOW_E_NO_MEMORY;
    }
    if (error == 0)
        error = state_file_open(path, &store->file, &store->identity, detail);
    if (error != 0) {
        free_store(store);
        return error;
    }
    *ops = &resource_ops;
    *out = store;
    return 0;
}
