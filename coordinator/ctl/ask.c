#include "coordinator/ctl/ask.h"

#include <event2/event.h>
#include <stdio.h>

#include "coordinator/ctl/fields.h"
#include "proto/net/channel.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

struct question {
    struct event_base *base;
    const struct vow_msg *question;
    json_t *rows;
    struct vow_error_detail *detail;
    bool answered; /* *detail says how it ended */
    enum ask_end end;
};

static void end(struct question *question, int error, const char *text)
{
    question->detail->error = error;
    snprintf(question->detail->text, sizeof(question->detail->text), "%s", text);
    question->answered = true;
    event_base_loopbreak(question->base);
}

/* With an error comes what is true instead: {"why": ...}. */
static void end_refused(struct question *question, const struct vow_msg_admin_reply *reply)
{
    json_t *row = fields_clean(json_loads(reply->json, 0, NULL));
    const char *why = json_string_value(json_object_get(row, "why"));
    question->end = ASK_ANSWERED;
    end(question, reply->error, why != NULL ? why : vow_error_text(reply->error));
    json_decref(row);
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    (void)welcome;
    struct question *question = ctx;
    int error = vow_channel_send(channel, question->question);
    if (error != 0)
        end(question, error, vow_error_text(error));
    else
        question->end = ASK_UNANSWERED;
}

static void take_resolved(struct question *question, const struct vow_msg_resolved *resolved)
{
    const char *done = resolved->verdict == VOW_COMMIT ? "committed" : "rolled back";
    if (resolved->error == 0)
        json_array_append_new(question->rows, json_pack("{s:s}", "done", done));
    question->end = ASK_ANSWERED;
    end(question, resolved->error, resolved->text[0] != '\0' ? resolved->text : vow_error_text(resolved->error));
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    (void)channel;
    struct question *question = ctx;
    if (msg->kind == VOW_MSG_RESOLVED && !question->answered)
        take_resolved(question, &msg->resolved);
    if (msg->kind != VOW_MSG_ADMIN_REPLY || question->answered)
        return;
    const struct vow_msg_admin_reply *reply = &msg->admin_reply;
    if (reply->error != 0 && reply->json[0] != '\0') {
        end_refused(question, reply);
        return;
    }
    if (reply->json[0] != '\0') {
        json_t *row = fields_clean(json_loads(reply->json, 0, NULL));
        if (row == NULL) {
            end(question, VOW_E_MESSAGE, "the coordinator sent a row that is not JSON");
            return;
        }
        json_array_append_new(question->rows, row);
    }
    if (!reply->last)
        return;
    question->end = ASK_ANSWERED;
    end(question, reply->error, vow_error_text(reply->error));
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    (void)channel;
    struct question *question = ctx;
    if (!question->answered)
        end(question, detail->error == VOW_E_DISCONNECTED ? VOW_E_UNREACHABLE : detail->error, detail->text);
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct question *question = ctx;
    if (!question->answered)
        end(question, VOW_E_UNREACHABLE, "no answer in time");
}

static int run(struct question *question, const struct vow_address *coordinator, unsigned timeout_ms)
{
    static const struct vow_channel_ops ops = {.on_up = on_up, .on_message = on_message, .on_down = on_down};
    const struct vow_msg_hello hello = {.version_min = VOW_WIRE_VERSION,
                                        .version_max = VOW_WIRE_VERSION,
                                        .role = VOW_ROLE_ADMIN,
                                        .name = "vowctl",
                                        .software = "vowctl " VOW_SOFTWARE_VERSION};
    struct timeval timeout = vow_clock_delay(timeout_ms);
    struct vow_dialer *dialer;
    if (event_base_once(question->base, -1, EV_TIMEOUT, on_timeout, question, &timeout) != 0 ||
        vow_dialer_new(question->base, coordinator, &vow_channel_defaults, &hello, &ops, question, 1, &dialer) != 0)
        return VOW_E_NO_MEMORY;
    event_base_dispatch(question->base);
    vow_dialer_free(dialer);
    event_base_loop(question->base, EVLOOP_NONBLOCK);
    return question->detail->error;
}

static int ask_message(const struct vow_address *address, const struct vow_msg *msg, unsigned timeout_ms, json_t **rows,
                       struct vow_error_detail *detail, enum ask_end *end)
{
    *rows = NULL;
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    vow_log_set_level(VOW_LOG_ERROR); /* what goes wrong is told by us, once */
    struct question question = {.base = event_base_new(), .question = msg, .rows = json_array(), .detail = detail};
    int error = VOW_E_NO_MEMORY;
    if (question.base != NULL && question.rows != NULL)
        error = run(&question, address, timeout_ms);
    if (question.base != NULL)
        event_base_free(question.base);
    if (error != 0)
        json_decref(question.rows);
    else
        *rows = question.rows;
    *end = question.end;
    return error;
}

int ask(const struct vow_address *coordinator, const struct vow_msg_admin_request *request, unsigned timeout_ms,
        json_t **rows, struct vow_error_detail *detail)
{
    enum ask_end end;
    return ask_order(coordinator, request, timeout_ms, rows, detail, &end);
}

int ask_order(const struct vow_address *coordinator, const struct vow_msg_admin_request *request, unsigned timeout_ms,
              json_t **rows, struct vow_error_detail *detail, enum ask_end *end)
{
    const struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REQUEST, .admin_request = *request};
    return ask_message(coordinator, &msg, timeout_ms, rows, detail, end);
}

int ask_resolve(const struct vow_address *participant, const struct vow_msg_resolve *resolve, unsigned timeout_ms,
                json_t **rows, struct vow_error_detail *detail, enum ask_end *end)
{
    const struct vow_msg msg = {.kind = VOW_MSG_RESOLVE, .resolve = *resolve};
    return ask_message(participant, &msg, timeout_ms, rows, detail, end);
}
