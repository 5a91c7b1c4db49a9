#include "coordinator/fold/saga_book.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

static size_t text_size(const struct vow_msg_saga_step *step)
{
    return strlen(step->action) + strlen(step->compensation) + 2 + step->payload.len;
}

size_t saga_book_size(const struct vow_msg_saga_request *request)
{
    size_t size = sizeof(struct saga_order) + request->steps_len * sizeof(struct saga_book_step);
    for (uint32_t i = 0; i < request->steps_len; i++)
        size += text_size(&request->steps[i]);
    return size;
}

static const char *take_text(char **at, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct vow_slice take_bytes(char **at, struct vow_slice from)
{
    struct vow_slice copy = {(const uint8_t *)*at, from.len};
    if (from.len > 0)
        memcpy(*at, from.data, from.len);
    *at += from.len;
    return copy;
}

struct saga_order *saga_book_add(struct saga_book *book, const struct vow_msg_saga_request *request, uint64_t session)
{
    const size_t bytes = saga_book_size(request);
    VOW_ASSERT(saga_book_find(book, &request->gtrid) == NULL);
    struct saga_order *order = malloc(bytes);
    if (order == NULL)
        return NULL;
    *order = (struct saga_order){
        .gtrid = request->gtrid, .session = session, .bytes = bytes, .steps_len = request->steps_len};
    order->stages_len = request->steps[request->steps_len - 1].stage + 1;
    order->steps = (struct saga_book_step *)(order + 1);
    char *at = (char *)(order->steps + request->steps_len);
    for (uint32_t i = 0; i < request->steps_len; i++) {
        const struct vow_msg_saga_step *from = &request->steps[i];
        order->steps[i] = (struct saga_book_step){.action = take_text(&at, from->action)};
        order->steps[i].compensation = take_text(&at, from->compensation);
        order->steps[i].payload = take_bytes(&at, from->payload);
    }
    HASH_ADD(hh, book->orders, gtrid, sizeof(order->gtrid), order);
    book->bytes += bytes;
    return order;
}

struct saga_order *saga_book_find(const struct saga_book *book, const struct vow_gtrid *gtrid)
{
    struct saga_order *order = NULL;
    HASH_FIND(hh, book->orders, gtrid, sizeof(*gtrid), order);
    return order;
}

bool saga_book_answer(struct saga_book *book, const struct vow_gtrid *gtrid, uint32_t step, struct vow_slice answer)
{
    struct saga_order *order = saga_book_find(book, gtrid);
    VOW_ASSERT(order != NULL && step < order->steps_len);
    struct saga_book_step *of = &order->steps[step];
    if (answer.len == 0 || of->answer != NULL)
        return true;
    of->answer = malloc(answer.len);
    if (of->answer == NULL)
        return false;
    memcpy(of->answer, answer.data, answer.len);
    of->answer_len = answer.len;
    order->bytes += answer.len;
    book->bytes += answer.len;
    return true;
}

void saga_book_fill(const struct saga_book *book, struct vow_msg_step *step)
{
    const struct saga_order *order = saga_book_find(book, &step->gtrid);
    VOW_ASSERT(order != NULL && step->step < order->steps_len);
    const struct saga_book_step *of = &order->steps[step->step];
    step->handler = step->direction == VOW_STEP_ACTION ? of->action : of->compensation;
    step->payload = of->payload;
    if (step->direction == VOW_STEP_COMPENSATION)
        step->answer = (struct vow_slice){of->answer, of->answer_len};
}

void saga_book_remove(struct saga_book *book, struct saga_order *order)
{
    if (order == NULL)
        return;
    HASH_DEL(book->orders, order);
    book->bytes -= order->bytes;
    for (uint32_t i = 0; i < order->steps_len; i++)
        free(order->steps[i].answer);
    free(order);
}

void saga_book_free(struct saga_book *book)
{
    struct saga_order *order, *next;
    HASH_ITER(hh, book->orders, order, next)
    saga_book_remove(book, order);
}
