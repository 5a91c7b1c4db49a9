#include "message.h"

#include "message_event.h"
#include "message_saga.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "target.h"

static const char *const names[] = {"stock", "payment", "order", "nobody"};
static const struct vow_msg_peer peers[] = {{"stock", "127.0.0.1:1", 1}, {"payment", "", 1}, {"order", "[::1]:2", 3}};
static struct vow_msg_call calls[4];
static struct vow_msg_work work[4];
static uint64_t rands[4];
static const struct vow_watermark watermarks[] = {{0, 0}, {1, 1}, {1, 3}, {2, 0}, {UINT32_MAX, VOW_SEQ_MAX}};

static const char *draw_name(struct input *in)
{
    return names[input_below(in, 4)];
}

struct vow_gtrid fuzz_id(struct input *in, const struct fuzz_ids *ids)
{
    const uint32_t choice = input_below(in, FUZZ_IDS_MAX + 2);
    if (choice < ids->len)
        return ids->ids[choice];
    /* Never given: of an older epoch, of another coordinator, or guessed. */
    return vow_gtrid_make(choice % 2 == 0 ? 77 : 78, input_below(in, 4), 1 + input_below(in, 8),
                          input_below(in, 2) != 0 ? VOW_GTRID_ONE_PHASE : 0, input_below(in, 2));
}

static struct vow_msg_header draw_header(struct input *in, const struct fuzz_ids *ids)
{
    struct vow_msg_header header = {.gtrid = fuzz_id(in, ids)};
    header.branch = input_below(in, 4);
    header.incarnation = 1 + input_below(in, 3);
    header.epoch = ids->epoch + input_below(in, 3) - 1;
    header.attempt = input_below(in, 3);
    return header;
}

static struct vow_watermark draw_watermark(struct input *in)
{
    return watermarks[input_below(in, sizeof(watermarks) / sizeof(watermarks[0]))];
}

static void draw_calls(struct input *in, const struct vow_msg_call **out, uint32_t *len)
{
    *len = input_below(in, 5);
    for (uint32_t i = 0; i < *len; i++)
        calls[i] = (struct vow_msg_call){draw_name(in), "do", {(const uint8_t *)"x", 1}};
    *out = calls;
}

static void draw_request(struct input *in, const struct fuzz_ids *ids, struct vow_msg_commit_request *request)
{
    static const char *const keys[] = {"", "order 1", "order 2"};
    *request = (struct vow_msg_commit_request){.gtrid = fuzz_id(in, ids)};
    draw_calls(in, &request->calls, &request->calls_len);
    request->work_len = input_below(in, 4);
    request->work = work;
    for (uint32_t i = 0; i < request->work_len; i++)
        work[i] = (struct vow_msg_work){draw_name(in), input_below(in, 3)};
    request->timeout_ms = (uint32_t)input_number(in, 1) * 50;
    request->key = keys[input_below(in, 3)];
}

static void draw_prepare(struct input *in, const struct fuzz_ids *ids, struct vow_msg_prepare *prepare)
{
    *prepare = (struct vow_msg_prepare){.header = draw_header(in, ids), .watermark = draw_watermark(in)};
    prepare->ops = input_below(in, 3);
    prepare->peers_len = input_below(in, 4);
    prepare->peers = peers;
    draw_calls(in, &prepare->calls, &prepare->calls_len);
    prepare->ordinal = input_below(in, 4);
}

/* What the handshake, the heartbeat and operators say reaches no core; all of it is decoded all the same. */
static void draw_session(struct input *in, struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_HELLO:
        msg->hello = (struct vow_msg_hello){.version_min = 1,
                                            .version_max = VOW_WIRE_VERSION,
                                            .role = VOW_ROLE_PARTICIPANT,
                                            .name = draw_name(in),
                                            .incarnation = 1,
                                            .coord = 77,
                                            .epoch = 1,
                                            .software = "fuzz"};
        break;
    case VOW_MSG_WELCOME:
        msg->welcome = (struct vow_msg_welcome){2, 77, 1, draw_name(in), draw_watermark(in), 5000, 65536};
        break;
    case VOW_MSG_IDS_REQUEST:
        msg->ids_request.count = 1 + input_below(in, 4);
        break;
    case VOW_MSG_IDS:
        msg->ids = (struct vow_msg_ids){1, 1, 1 + input_below(in, 4), rands};
        break;
    case VOW_MSG_ADMIN_REQUEST:
        msg->admin_request.command = (enum vow_admin_command)(1 + input_below(in, 8));
        msg->admin_request.filter = "";
        msg->admin_request.participant = msg->admin_request.who = msg->admin_request.why = "";
        break;
    case VOW_MSG_ADMIN_REPLY:
        msg->admin_reply.json = "{}";
        break;
    default:
        break;
    }
}

static void draw_client(struct input *in, const struct fuzz_ids *ids, struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_BEGIN:
        msg->begin = (struct vow_msg_begin){fuzz_id(in, ids), (uint32_t)input_number(in, 1) * 50,
                                            input_below(in, 2) != 0 ? "order 1" : ""};
        break;
    case VOW_MSG_COMMIT_REQUEST:
        draw_request(in, ids, &msg->commit_request);
        break;
    case VOW_MSG_ROLLBACK_REQUEST:
        msg->rollback_request.gtrid = fuzz_id(in, ids);
        break;
    case VOW_MSG_STATUS_REQUEST:
        msg->status_request =
            (struct vow_msg_status_request){fuzz_id(in, ids), input_below(in, 2) ? draw_name(in) : ""};
        break;
    case VOW_MSG_OUTCOME:
        msg->outcome.gtrid = fuzz_id(in, ids);
        msg->outcome.outcome = VOW_COMMITTED;
        break;
    default:
        draw_session(in, msg);
        break;
    }
}

/* What is said when the coordinator is away, or an operator has had enough. */
static void draw_after_failure(struct input *in, const struct fuzz_ids *ids, struct vow_msg *msg)
{
    const struct vow_msg_header header = draw_header(in, ids);
    const enum vow_verdict verdict = 1 + input_below(in, 2);
    switch ((int)msg->kind) {
    case VOW_MSG_PEER_ANSWER:
        msg->peer_answer = (struct vow_msg_peer_answer){header, 1 + input_below(in, 6)};
        break;
    case VOW_MSG_RESOLVE:
        msg->resolve = (struct vow_msg_resolve){header, verdict, "ann", "it blocks the shop"};
        break;
    case VOW_MSG_RESOLVED:
        msg->resolved = (struct vow_msg_resolved){header, 0, verdict, ""};
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        msg->heuristic_report = (struct vow_msg_heuristic_report){header, verdict, "ann", "it blocks the shop", 1};
        break;
    default:
        msg->peer_inquiry.header = header;
        break;
    }
}

static void draw(struct input *in, const struct fuzz_ids *ids, struct vow_msg *msg)
{
    /* Every message of the commit protocol begins with its header. */
    switch ((int)msg->kind) {
    case VOW_MSG_ENLIST ... VOW_MSG_ENLISTED:
    case VOW_MSG_ONE_PHASE_QUERY ... VOW_MSG_INQUIRY:
        msg->inquiry.header = draw_header(in, ids);
        break;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        draw_prepare(in, ids, &msg->prepare);
        break;
    case VOW_MSG_VOTE:
        msg->vote = (struct vow_msg_vote){draw_header(in, ids), 1 + input_below(in, 3), VOW_CAUSE_NONE, ""};
        if (msg->vote.vote == VOW_VOTE_NO)
            msg->vote.cause = VOW_CAUSE_HANDLER_REFUSED;
        break;
    case VOW_MSG_DECISION:
        msg->decision = (struct vow_msg_decision){draw_header(in, ids), draw_watermark(in), 1 + input_below(in, 2)};
        break;
    case VOW_MSG_ACK:
        msg->ack = (struct vow_msg_ack){draw_header(in, ids), 1 + input_below(in, 4)};
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        msg->one_phase_done =
            (struct vow_msg_one_phase_done){draw_header(in, ids), 1 + input_below(in, 3), VOW_CAUSE_NONE, ""};
        if (msg->one_phase_done.result == VOW_ONE_PHASE_ABORTED)
            msg->one_phase_done.cause = VOW_CAUSE_CONSTRAINT;
        break;
    case VOW_MSG_WAIT:
        msg->wait = (struct vow_msg_wait){draw_header(in, ids), 1 + input_below(in, 3)};
        break;
    case VOW_MSG_PEER_INQUIRY ... VOW_MSG_HEURISTIC_REPORT:
        draw_after_failure(in, ids, msg);
        break;
    case VOW_MSG_SAGA_REQUEST ... VOW_MSG_STEP_DONE: {
        const struct vow_gtrid gtrid = fuzz_id(in, ids);

        fuzz_draw_saga(in, &gtrid, msg);
        break;
    }
    case VOW_MSG_PUBLISH ... VOW_MSG_SEEK: {
        const struct vow_gtrid gtrid = fuzz_id(in, ids);

        fuzz_draw_event(in, &gtrid, msg);
        break;
    }
    default:
        draw_client(in, ids, msg);
        break;
    }
}

bool fuzz_message(struct input *in, const struct fuzz_ids *ids, enum vow_msg_kind kind, struct vow_msg *msg)
{
    static uint8_t frame[VOW_FRAME_HEADER_BYTES + 16384];
    static struct vow_arena *arena;
    struct vow_msg drawn = {.kind = kind};
    const char *why;
    if (arena == NULL)
        arena = vow_arena_new(0);
    draw(in, ids, &drawn);
    const size_t len = vow_msg_encode(&drawn, 16384, frame, sizeof(frame));
    FUZZ_REQUIRE(len > VOW_FRAME_HEADER_BYTES);
    return vow_msg_decode(arena, frame + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES, msg, &why) == 0;
}
