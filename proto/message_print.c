/* One line for a message: golden traces, logs. Apart from message.c because it needs stdio, which cores must not. */
#include "proto/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/error.h"

struct out {
    char *text;
    size_t size;
    size_t len; /* wanted so far, as snprintf() counts: may be over size */
};

__attribute__((format(printf, 2, 3))) static void print(struct out *out, const char *format, ...)
{
    const size_t used = out->len < out->size ? out->len : out->size;
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(out->text + used, out->size - used, format, args);
    va_end(args);
    out->len += len > 0 ? (size_t)len : 0;
}

/* The name of an enum's value; names[0] stands for every number that is none. */
static const char *pick(const char *const *names, size_t names_len, unsigned value)
{
    return names[value < names_len ? value : 0];
}
#define PICK(names, value) pick(names, sizeof(names) / sizeof(names)[0], (unsigned)(value))

static const char *const votes[] = {"?", "YES", "READ-ONLY", "NO"};
static const char *const verdicts[] = {"?", "COMMIT", "ABORT"};
static const char *const acks[] = {"?", "DONE", "NO-RECORD", "HEURISTIC-OK", "HEURISTIC-MISMATCH"};
static const char *const waits[] = {"?", "UNDECIDED", "RECOVERING", "NOT-MINE", "EXPIRED"};
static const char *const one_phases[] = {"?", "COMMITTED", "ABORTED", "NO-RECORD"};
static const char *const roles[] = {"?", "client", "participant", "admin", "coordinator"};
static const char *const commands[] = {"?", "STATUS", "LIST", "SHOW", "HISTORY", "PEERS", "COMMIT", "ABORT", "FORGET"};
static const char *const peer_answers[] = {"?",       "COMMITTED",           "ABORTED",          "UNCERTAIN",
                                           "NO-INFO", "HEURISTIC-COMMITTED", "HEURISTIC-ABORTED"};

static const char *const directions[] = {"?", "ACTION", "COMPENSATION"};
static const char *const step_results[] = {"?", "DONE", "REJECTED", "TOO-LATE", "NOT-YET", "UNABLE"};
static const char *const saga_states[] = {
    "?", "RUNNING", "COMPENSATING", "STUCK-FORWARD", "STUCK-COMPENSATING", "COMPLETED", "COMPENSATED", "CLOSED"};

static const char *const event_results[] = {"?", "DONE", "NOT-YET", "UNABLE"};

static void print_header(struct out *out, const struct vow_msg_header *header)
{
    print(out, " b%" PRIu32, header->branch);
    if (header->attempt != 0)
        print(out, " attempt=%" PRIu32, header->attempt);
}

static void print_cause(struct out *out, enum vow_cause cause)
{
    if (cause != VOW_CAUSE_NONE)
        print(out, " cause=%s", vow_cause_name((int)cause));
}

static void print_error(struct out *out, int error)
{
    if (error != 0)
        print(out, " error=%s", vow_error_name(error));
}

static void print_word(struct out *out, const char *key, const char *word)
{
    if (word != NULL && word[0] != '\0')
        print(out, " %s=%s", key, word);
}

static void print_prepare(struct out *out, const struct vow_msg_prepare *m)
{
    print_header(out, &m->header);
    print(out, " calls=%" PRIu32 " peers=%" PRIu32, m->calls_len, m->peers_len);
    if (m->ops != 0)
        print(out, " ops=%" PRIu32, m->ops);
}

static void print_outcome(struct out *out, const struct vow_msg_outcome *m)
{
    print(out, " %s", vow_outcome_name((int)m->outcome));
    print_cause(out, m->cause);
    print_error(out, m->error);
    print_word(out, "by", m->participant);
    if (m->retry_after_ms != 0)
        print(out, " retry_after_ms=%" PRIu32, m->retry_after_ms);
}

static void print_hello(struct out *out, const struct vow_msg_hello *m)
{
    print(out, " %s %s versions=%" PRIu32 "..%" PRIu32, PICK(roles, m->role), m->name, m->version_min, m->version_max);
    if (m->incarnation != 0)
        print(out, " incarnation=%" PRIu64, m->incarnation);
    print_word(out, "address", m->address);
}

static void print_admin_request(struct out *out, const struct vow_msg_admin_request *m)
{
    print(out, " %s", PICK(commands, m->command));
    print_word(out, "filter", m->filter);
    print_word(out, "of", m->participant);
    print_word(out, "who", m->who);
}

/* What clients, operators and the handshake say. */
static void print_session_body(struct out *out, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_HELLO:
        print_hello(out, &msg->hello);
        break;
    case VOW_MSG_WELCOME:
        print(out, " %s version=%" PRIu32 " epoch=%" PRIu32, msg->welcome.name, msg->welcome.version,
              msg->welcome.epoch);
        break;
    case VOW_MSG_REJECT:
        print_error(out, msg->reject.error);
        break;
    case VOW_MSG_IDS_REQUEST:
        print(out, " count=%" PRIu32, msg->ids_request.count);
        break;
    case VOW_MSG_IDS:
        print(out, " first=%" PRIu64 " count=%" PRIu32, msg->ids.first_seq, msg->ids.count);
        break;
    case VOW_MSG_BEGIN:
        print_word(out, "key", msg->begin.key);
        break;
    case VOW_MSG_COMMIT_REQUEST:
        print(out, " calls=%" PRIu32, msg->commit_request.calls_len);
        if (msg->commit_request.work_len != 0)
            print(out, " work=%" PRIu32, msg->commit_request.work_len);
        print_word(out, "key", msg->commit_request.key);
        break;
    case VOW_MSG_STATUS_REQUEST:
        print_word(out, "of", msg->status_request.participant);
        break;
    case VOW_MSG_OUTCOME:
        print_outcome(out, &msg->outcome);
        break;
    case VOW_MSG_ADMIN_REQUEST:
        print_admin_request(out, &msg->admin_request);
        break;
    case VOW_MSG_ADMIN_REPLY:
        print_error(out, msg->admin_reply.error);
        print(out, "%s", msg->admin_reply.last ? " last" : "");
        break;
    default:
        break; /* the name says it all */
    }
}

static void print_saga_state(struct out *out, const struct vow_msg_saga_state *m)
{
    if (m->state != 0)
        print(out, " %s", PICK(saga_states, m->state));
    if (m->step != VOW_STEP_NONE)
        print(out, " s%" PRIu32, m->step);
    print_cause(out, m->cause);
    print_error(out, m->error);
}

static void print_step(struct out *out, uint32_t step, enum vow_step_direction direction, uint32_t attempt)
{
    print(out, " s%" PRIu32 " %s attempt=%" PRIu32, step, PICK(directions, direction), attempt);
}

/* What is said of sagas. Returns false if msg is not of that kind. */
static bool print_saga_body(struct out *out, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_SAGA_REQUEST:
        print(out, " steps=%" PRIu32, msg->saga_request.steps_len);
        print_word(out, "key", msg->saga_request.key);
        return true;
    case VOW_MSG_SAGA_QUERY:
        print(out, "%s", msg->saga_query.follow ? " follow" : "");
        return true;
    case VOW_MSG_SAGA_STATE:
        print_saga_state(out, &msg->saga_state);
        return true;
    case VOW_MSG_STEP:
        print_step(out, msg->step.step, msg->step.direction, msg->step.attempt);
        print_word(out, "handler", msg->step.handler);
        return true;
    case VOW_MSG_STEP_DONE:
        print_step(out, msg->step_done.step, msg->step_done.direction, msg->step_done.attempt);
        print(out, " %s", PICK(step_results, msg->step_done.result));
        print_cause(out, msg->step_done.cause);
        return true;
    default:
        return false;
    }
}

/* Where an event is kept, or on its way to be. */
static void print_place(struct out *out, const char *group, uint64_t offset, uint32_t attempt)
{
    print(out, " %s @%" PRIu64 " attempt=%" PRIu32, group, offset, attempt);
}

static void print_event(struct out *out, const struct vow_msg_event *m)
{
    print(out, " %s key=%s seq=%" PRIu64, m->topic, m->key, m->key_seq);
}

static void print_subscribe(struct out *out, const struct vow_msg_subscribe *m)
{
    print(out, " %s", m->group);
    for (uint32_t i = 0; i < m->patterns_len; i++)
        print(out, " on=%s", m->patterns[i]);
    print_word(out, "key", m->key_filter);
    for (uint32_t i = 0; i < m->publishes_len; i++)
        print(out, " publishes=%s", m->publishes[i]);
}

/* What is said of events. Returns false if msg is not of that kind. */
static bool print_event_body(struct out *out, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_PUBLISH:
        print_event(out, &msg->publish.event);
        return true;
    case VOW_MSG_PUBLISHED:
        print(out, " key=%s seq=%" PRIu64 " @%" PRIu64, msg->published.key, msg->published.key_seq,
              msg->published.offset);
        print_error(out, msg->published.error);
        return true;
    case VOW_MSG_SUBSCRIBE:
        print_subscribe(out, &msg->subscribe);
        return true;
    case VOW_MSG_SUBSCRIBED:
        print(out, " %s @%" PRIu64, msg->subscribed.group, msg->subscribed.cursor);
        print_error(out, msg->subscribed.error);
        return true;
    case VOW_MSG_DELIVER:
        print_place(out, msg->deliver.group, msg->deliver.offset, msg->deliver.attempt);
        print_event(out, &msg->deliver.event);
        return true;
    case VOW_MSG_DELIVERED:
        print_place(out, msg->delivered.group, msg->delivered.offset, msg->delivered.attempt);
        print(out, " %s", PICK(event_results, msg->delivered.result));
        print_cause(out, msg->delivered.cause);
        return true;
    case VOW_MSG_SEEK:
        print(out, " %s @%" PRIu64, msg->seek.group, msg->seek.offset);
        return true;
    default:
        return false;
    }
}

/* What is said of a branch in doubt, or ended heuristically. Returns false if msg is not of that kind. */
static bool print_termination_body(struct out *out, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_PEER_ANSWER:
        print_header(out, &msg->peer_answer.header);
        print(out, " %s", PICK(peer_answers, msg->peer_answer.answer));
        return true;
    case VOW_MSG_RESOLVE:
        print_header(out, &msg->resolve.header);
        print(out, " %s", PICK(verdicts, msg->resolve.verdict));
        print_word(out, "who", msg->resolve.who);
        return true;
    case VOW_MSG_RESOLVED:
        print_header(out, &msg->resolved.header);
        if (msg->resolved.verdict != 0)
            print(out, " %s", PICK(verdicts, msg->resolved.verdict));
        print_error(out, msg->resolved.error);
        return true;
    case VOW_MSG_HEURISTIC_REPORT:
        print_header(out, &msg->heuristic_report.header);
        print(out, " %s", PICK(verdicts, msg->heuristic_report.verdict));
        print_word(out, "who", msg->heuristic_report.who);
        return true;
    default:
        return false;
    }
}

/* What coordinator and participants say about a branch. Returns false if msg is not of that kind. */
static bool print_branch_body(struct out *out, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_ENLISTED:
        print_header(out, &msg->enlisted.header);
        print_error(out, msg->enlisted.error);
        return true;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        print_prepare(out, &msg->prepare);
        return true;
    case VOW_MSG_VOTE:
        print_header(out, &msg->vote.header);
        print(out, " %s", PICK(votes, msg->vote.vote));
        print_cause(out, msg->vote.cause);
        return true;
    case VOW_MSG_DECISION:
        print_header(out, &msg->decision.header);
        print(out, " %s", PICK(verdicts, msg->decision.verdict));
        return true;
    case VOW_MSG_ACK:
        print_header(out, &msg->ack.header);
        print(out, " %s", PICK(acks, msg->ack.ack));
        return true;
    case VOW_MSG_ONE_PHASE_DONE:
        print_header(out, &msg->one_phase_done.header);
        print(out, " %s", PICK(one_phases, msg->one_phase_done.result));
        print_cause(out, msg->one_phase_done.cause);
        return true;
    case VOW_MSG_WAIT:
        print_header(out, &msg->wait.header);
        print(out, " %s", PICK(waits, msg->wait.reason));
        return true;
    case VOW_MSG_ENLIST:
        print_header(out, &msg->enlist.header);
        return true;
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
    case VOW_MSG_INQUIRY:
    case VOW_MSG_PEER_INQUIRY:
        print_header(out, &msg->inquiry.header);
        return true;
    default:
        return print_termination_body(out, msg);
    }
}

int vow_msg_print(const struct vow_msg *msg, char *text, size_t text_size)
{
    struct out out = {.text = text, .size = text_size};
    print(&out, "%s", vow_msg_name(msg->kind));
    if (!print_branch_body(&out, msg) && !print_saga_body(&out, msg) && !print_event_body(&out, msg))
        print_session_body(&out, msg);
    return (int)out.len;
}
