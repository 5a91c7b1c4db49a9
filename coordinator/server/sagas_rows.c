/* What vowctl is told of sagas in memory: one row of JSON each. */
#include <string.h>

#include "coordinator/server/rows.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u

const char *saga_state_name(uint32_t state)
{
    return vow_saga_state_name((int)state);
}

static json_t *step_object(const struct vow_saga_step_view *view, const struct saga_book_step *book, uint32_t number,
                           uint64_t now_ms)
{
    json_t *row = json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:b}", "step", json_u64(number), "participant",
                            view->participant, "action", book->action, "kind", step_kind_name(view->kind), "state",
                            view->state, "fate", view->fate, "stage", json_u64(view->stage), "attempts",
                            json_u64(view->attempts), "connected", (int)view->connected);
    if (row != NULL && book->compensation[0] != '\0')
        json_object_set_new(row, "compensation", json_string(book->compensation));
    if (row != NULL) {
        json_object_set_new(row, "breaker", json_string(view->breaker));
        json_object_set_new(row, "budget", json_u64(view->budget));
    }
    if (row != NULL && view->next_ms != UINT64_MAX)
        json_object_set_new(row, "next_in_ms", json_u64(view->next_ms > now_ms ? view->next_ms - now_ms : 0));
    return row;
}

static char *row_saga(const struct vow_server *server, const struct vow_saga_view *view)
{
    const struct saga_order *order = saga_book_find(&server->sagas.book, &view->gtrid);
    const uint64_t now_ms = vow_clock_ms();
    char id[VOW_GTRID_TEXT_SIZE];
    json_t *steps = json_array();
    vow_gtrid_to_text(&view->gtrid, id);
    for (uint32_t i = 0; order != NULL && i < view->steps_len; i++)
        json_array_append_new(steps, step_object(&view->steps[i], &order->steps[i], i, now_ms));
    json_t *row = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "id", id, "state", vow_saga_state_name((int)view->told), "at",
                            view->state, "age_ms", json_u64(now_ms - view->begun_ms + view->earlier_ms), "in_state_ms",
                            json_u64(now_ms - view->state_since_ms), "steps", steps);
    if (row != NULL && view->cause != VOW_CAUSE_NONE)
        json_object_set_new(row, "cause", json_string(vow_cause_name((int)view->cause)));
    if (row != NULL && view->failed_step != VOW_STEP_NONE)
        json_object_set_new(row, "failed_step", json_u64(view->failed_step));
    return row_finish(row);
}

static bool filter_takes(const char *filter, const struct vow_saga_view *view)
{
    if (strcmp(filter, "all") == 0)
        return true;
    if (view->told == VOW_SAGA_STUCK_FORWARD || view->told == VOW_SAGA_STUCK_COMPENSATING)
        return true;
    return filter[0] == '\0' && (view->told == VOW_SAGA_RUNNING || view->told == VOW_SAGA_COMPENSATING);
}

void sagas_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct answer answer = {.server = server, .session = session, .tag = request->tag};
    const uint32_t limit = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    uint32_t cursor = 0, rows = 0;
    struct vow_saga_view view;
    if (request->filter[0] != '\0' && strcmp(request->filter, "stuck") != 0 && strcmp(request->filter, "all") != 0) {
        admin_reply(server, session, request->tag, VOW_E_ARGUMENT, "", true);
        return;
    }
    while (vow_sagas_next(server->sagas.core, &cursor, &view)) {
        if (!filter_takes(request->filter, &view))
            continue;
        if (rows++ < limit)
            (void)answer_row(&answer, row_saga(server, &view));
        else
            answer.left_out++;
    }
    answer_end(&answer, 0);
}

bool sagas_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct vow_saga_view view;
    if (!vow_sagas_find(server->sagas.core, &request->gtrid, &view))
        return false;
    admin_reply_row(server, session, request->tag, row_saga(server, &view), true);
    return true;
}
