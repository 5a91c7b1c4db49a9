/*
 * Steps of sagas, from the STEP message to its STEP_DONE. What makes a step happen once is the store's (sqlite_step.c);
 * here a step that is asked for again while the store has it is not handed over twice, and is answered once, for the
 * attempt that came last. What is not answered, because the coordinator has gone or nobody could take it, is asked for
 * again under the same key.
 */
#include "participant/participant_internal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/net/log.h"

/* What may be with the store at once: a coordinator that orders more is told to try again (NOT_YET). */
#define STEPS_BYTES_MAX ((size_t)64 << 20)

struct vow_step_flight {
    struct vow_store_op op; /* first */
    struct vow_store_step step;
    struct vow_step_flight *next; /* of the same bucket */
    uint32_t attempt;             /* that came last */
    size_t size;
    char texts[]; /* the payload, then the handler's name */
};

static struct vow_step_flight **bucket_of(struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    return &participant->steps[vow_gtrid_hash(gtrid) % VOW_STEP_BUCKETS];
}

static struct vow_step_flight *find(struct vow_participant *participant, const struct vow_msg_step *msg)
{
    struct vow_step_flight *flight = *bucket_of(participant, &msg->gtrid);

    while (flight != NULL && (!vow_gtrid_equal(&flight->op.gtrid, &msg->gtrid) || flight->step.step != msg->step ||
                              flight->step.direction != msg->direction))
        flight = flight->next;
    return flight;
}

static bool is_same(const struct vow_step_flight *flight, const struct vow_msg_step *msg)
{
    const struct vow_slice *payload = &flight->step.payload;

    return strcmp(flight->step.handler, msg->handler) == 0 && payload->len == msg->payload.len &&
           (payload->len == 0 || memcmp(payload->data, msg->payload.data, payload->len) == 0);
}

/* ---- answers ---- */

static void answer(struct vow_participant *participant, const struct vow_msg_step_done *done)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE, .step_done = *done};
    const bool is_refused = done->result != VOW_STEP_DONE && done->result != VOW_STEP_NOT_YET;

    participant->steps_done += done->result == VOW_STEP_DONE;
    participant->steps_refused += is_refused;
    vow_participant_tell(participant, 0, &msg);
}

/* Without the store: nothing of it has happened. */
static void decline(struct vow_participant *participant, const struct vow_msg_step *msg, enum vow_step_result result,
                    enum vow_cause cause, const char *text)
{
    answer(participant, &(struct vow_msg_step_done){.gtrid = msg->gtrid,
                                                    .step = msg->step,
                                                    .direction = msg->direction,
                                                    .attempt = msg->attempt,
                                                    .result = result,
                                                    .cause = cause,
                                                    .text = text});
}

/* ---- to the store ---- */

static struct vow_step_flight *flight_new(const struct vow_msg_step *msg)
{
    const size_t handler_size = strlen(msg->handler) + 1;
    const size_t size = sizeof(struct vow_step_flight) + msg->payload.len + handler_size;
    struct vow_step_flight *flight = malloc(size);

    if (flight == NULL)
        return NULL;
    *flight = (struct vow_step_flight){
        .op = {.kind = VOW_STORE_STEP, .gtrid = msg->gtrid, .epoch = msg->epoch, .step = &flight->step},
        .step = {.step = msg->step, .direction = msg->direction, .kind = msg->kind},
        .attempt = msg->attempt,
        .size = size,
    };
    if (msg->payload.len > 0)
        memcpy(flight->texts, msg->payload.data, msg->payload.len);
    memcpy(flight->texts + msg->payload.len, msg->handler, handler_size);
    flight->step.payload = (struct vow_slice){(const uint8_t *)flight->texts, msg->payload.len};
    flight->step.handler = flight->texts + msg->payload.len;
    return flight;
}

static void begin(struct vow_participant *participant, const struct vow_msg_step *msg)
{
    struct vow_step_flight **bucket = bucket_of(participant, &msg->gtrid), *flight = NULL;

    if (participant->steps_len < VOW_STEPS_IN_FLIGHT_MAX && participant->steps_bytes < STEPS_BYTES_MAX)
        flight = flight_new(msg);
    if (flight == NULL) {
        decline(participant, msg, VOW_STEP_NOT_YET, VOW_CAUSE_NO_SPACE, "too many steps at once");
        return;
    }
    flight->next = *bucket;
    *bucket = flight;
    participant->steps_len++;
    participant->steps_bytes += flight->size;
    vow_participant_store_put(participant, &flight->op);
}

/* Only the newest owner of the coordinator's journal knows what has become of the saga since (protocol 2.9). */
static const char *why_ignored(const struct vow_participant *participant, const struct vow_msg_step *msg)
{
    if (participant->coord != 0 && vow_gtrid_coord(&msg->gtrid) != participant->coord)
        return "a saga of a foreign coordinator";
    return msg->epoch < participant->epoch ? "a coordinator of an older epoch" : NULL;
}

void vow_participant_step(struct vow_participant *participant, const struct vow_msg_step *msg)
{
    const char *why = why_ignored(participant, msg);
    struct vow_step_flight *flight = find(participant, msg);
    char id[VOW_GTRID_TEXT_SIZE];

    if (why != NULL) {
        vow_gtrid_to_text(&msg->gtrid, id);
        VOW_LOG(VOW_LOG_WARN, "step_ignored", VOW_STR("name", participant->name), VOW_STR("id", id),
                VOW_STR("why", why));
        return;
    }
    if (flight == NULL)
        begin(participant, msg);
    else if (is_same(flight, msg))
        flight->attempt = msg->attempt;
    else
        decline(participant, msg, VOW_STEP_UNABLE, VOW_CAUSE_CONSTRAINT,
                "another request is under way under the key of this step");
}

/* ---- from the store ---- */

static void leave(struct vow_participant *participant, struct vow_step_flight *flight)
{
    struct vow_step_flight **at = bucket_of(participant, &flight->op.gtrid);

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    participant->steps_len--;
    participant->steps_bytes -= flight->size;
}

void vow_participant_step_done(struct vow_participant *participant, struct vow_store_op *op)
{
    struct vow_step_flight *flight = (struct vow_step_flight *)op;
    const struct vow_store_step *step = &flight->step;
    const bool is_done = step->outcome == VOW_STEP_DONE;

    leave(participant, flight);
    if (!participant->closing)
        answer(participant, &(struct vow_msg_step_done){
                                .gtrid = op->gtrid,
                                .step = step->step,
                                .direction = step->direction,
                                .attempt = flight->attempt,
                                .result = step->outcome,
                                .cause = is_done ? VOW_CAUSE_NONE : op->cause,
                                .text = is_done ? "" : op->text,
                                .answer = {step->answer, is_done ? step->answer_len : 0},
                            });
    free(flight);
}
