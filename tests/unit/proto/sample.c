#include "sample.h"

#include <criterion/criterion.h>
#include <string.h>

#include "proto/error.h"

/* clang-format off */
#define MESSAGE(kind, member, number) VOW_MSG_##kind,
const enum vow_msg_kind sample_kinds[] = {VOW_MESSAGES(MESSAGE)};
#undef MESSAGE
/* clang-format on */
const size_t sample_kinds_len = sizeof(sample_kinds) / sizeof(sample_kinds[0]);

/* --- Full: every field differs from what absence means, numbers are as wide as they get --- */

static const struct vow_watermark watermark = {UINT32_MAX, VOW_SEQ_MAX};
static const char longest_name[] = "abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ_012345678";
static const char text[] = "no \xe2\x82\xac left";
static const struct vow_msg_peer peers[] = {
    {"stock", "127.0.0.1:7421", UINT64_MAX},
    {"payment", "[::1]:65535", 1},
    {longest_name, "", 0},
};
static const uint64_t rands[] = {0, 1, UINT64_MAX};
static const struct vow_msg_call calls[] = {
    {"stock", "reserve", {(const uint8_t *)"\0payload\xff", 9}},
    {longest_name, "h", {NULL, 0}},
};

static const struct vow_msg_work work[] = {{"stock", 2}, {longest_name, UINT32_MAX}};
static const char longest_key[] = "0123456789 /abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXY";

static struct vow_gtrid gtrid(void)
{
    return vow_gtrid_make(VOW_COORD_MAX, 7, VOW_SEQ_MAX, VOW_GTRID_ONE_PHASE, UINT64_C(0x0123456789abcdef));
}

static struct vow_msg_header header(void)
{
    return (struct vow_msg_header){gtrid(), 3, UINT64_MAX, UINT32_MAX, 5};
}

static void fill_prepare(struct vow_msg_prepare *m)
{
    *m = (struct vow_msg_prepare){header(), watermark, 9, 3, peers, 2, calls, UINT64_MAX};
}

static void fill_hello(struct vow_msg_hello *m)
{
    *m = (struct vow_msg_hello){1, 2,           VOW_ROLE_PARTICIPANT, "stock", UINT64_MAX, {0}, VOW_COORD_MAX,
                                8, "vow 0.1.0", "[::1]:7421"};
    memset(m->db_uuid, 0xab, sizeof(m->db_uuid));
}

/* What clients, operators and the handshake say. */
static void fill_session(struct vow_msg *m)
{
    switch ((int)m->kind) {
    case VOW_MSG_HELLO:
        fill_hello(&m->hello);
        return;
    case VOW_MSG_WELCOME:
        m->welcome = (struct vow_msg_welcome){1, VOW_COORD_MAX, 7, "vowd-1", watermark, 5000, 65536};
        return;
    case VOW_MSG_REJECT:
        m->reject = (struct vow_msg_reject){VOW_E_VERSION, text};
        return;
    case VOW_MSG_PING:
    case VOW_MSG_PONG:
        m->ping.nonce = UINT64_MAX;
        return;
    case VOW_MSG_IDS_REQUEST:
        m->ids_request.count = VOW_IDS_MAX;
        return;
    case VOW_MSG_IDS:
        m->ids = (struct vow_msg_ids){7, VOW_SEQ_MAX - VOW_IDS_MAX, 3, rands};
        return;
    case VOW_MSG_BEGIN:
        m->begin = (struct vow_msg_begin){gtrid(), UINT32_MAX, longest_key};
        return;
    case VOW_MSG_ROLLBACK_REQUEST:
        m->rollback_request.gtrid = gtrid();
        return;
    case VOW_MSG_COMMIT_REQUEST:
        m->commit_request = (struct vow_msg_commit_request){gtrid(), 2, calls, 2, work, UINT32_MAX, longest_key};
        return;
    case VOW_MSG_STATUS_REQUEST:
        m->status_request = (struct vow_msg_status_request){gtrid(), "stock"};
        return;
    case VOW_MSG_OUTCOME:
        m->outcome = (struct vow_msg_outcome){gtrid(), VOW_ABORTED, VOW_CAUSE_PRESUMED, VOW_E_FORKED, "stock", text,
                                              250,     gtrid()};
        return;
    case VOW_MSG_ADMIN_REQUEST:
        m->admin_request =
            (struct vow_msg_admin_request){VOW_ADMIN_FORGET, gtrid(), "in-doubt", 10, "stock", "eva", text, UINT64_MAX};
        return;
    case VOW_MSG_ADMIN_REPLY:
        m->admin_reply = (struct vow_msg_admin_reply){VOW_E_NOT_FOUND, "{\"a\":1}", true, UINT64_MAX};
        return;
    default:
        cr_assert(sample_fill_saga(m) || sample_fill_event(m), "no sample of kind %d", (int)m->kind);
    }
}

struct vow_msg sample_full(enum vow_msg_kind kind)
{
    struct vow_msg m = {.kind = kind};
    switch ((int)kind) {
    case VOW_MSG_ENLISTED:
        m.enlisted = (struct vow_msg_enlisted){header(), VOW_E_BUSY, UINT32_MAX};
        break;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        fill_prepare(&m.prepare);
        break;
    case VOW_MSG_VOTE:
        m.vote = (struct vow_msg_vote){header(), VOW_VOTE_NO, VOW_CAUSE_LOCK_CONFLICT, text};
        break;
    case VOW_MSG_DECISION:
        m.decision = (struct vow_msg_decision){header(), watermark, VOW_ABORT};
        break;
    case VOW_MSG_ACK:
        m.ack = (struct vow_msg_ack){header(), VOW_ACK_NO_RECORD};
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        m.one_phase_done = (struct vow_msg_one_phase_done){header(), VOW_ONE_PHASE_ABORTED, VOW_CAUSE_CONSTRAINT, text};
        break;
    case VOW_MSG_WAIT:
        m.wait = (struct vow_msg_wait){header(), VOW_WAIT_NOT_MINE};
        break;
    case VOW_MSG_ENLIST:
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
    case VOW_MSG_INQUIRY:
    case VOW_MSG_PEER_INQUIRY:
        m.inquiry.header = header();
        break;
    case VOW_MSG_PEER_ANSWER:
        m.peer_answer = (struct vow_msg_peer_answer){header(), VOW_PEER_HEURISTIC_ABORTED};
        break;
    case VOW_MSG_RESOLVE:
        m.resolve = (struct vow_msg_resolve){header(), VOW_ABORT, "eva", text};
        break;
    case VOW_MSG_RESOLVED:
        m.resolved = (struct vow_msg_resolved){header(), VOW_E_STATE, VOW_ABORT, text};
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        m.heuristic_report = (struct vow_msg_heuristic_report){header(), VOW_ABORT, "eva", text, UINT64_MAX};
        break;
    default:
        fill_session(&m);
    }
    return m;
}

/* --- Bare: only what must be there --- */

struct vow_msg sample_bare(enum vow_msg_kind kind)
{
    struct vow_msg m = {.kind = kind};
    const struct vow_msg_header bare = {.gtrid = vow_gtrid_make(0, 0, 0, 0, 1)};
    switch ((int)kind) {
    case VOW_MSG_HELLO:
        m.hello = (struct vow_msg_hello){.role = VOW_ROLE_CLIENT, .name = "c", .software = "", .address = ""};
        break;
    case VOW_MSG_WELCOME:
        m.welcome.name = "v";
        break;
    case VOW_MSG_REJECT:
        m.reject.text = "";
        break;
    case VOW_MSG_BEGIN:
        m.begin = (struct vow_msg_begin){.gtrid = bare.gtrid, .key = ""};
        break;
    case VOW_MSG_ROLLBACK_REQUEST:
        m.rollback_request.gtrid = bare.gtrid;
        break;
    case VOW_MSG_COMMIT_REQUEST:
        m.commit_request = (struct vow_msg_commit_request){.gtrid = bare.gtrid, .key = ""};
        break;
    case VOW_MSG_STATUS_REQUEST:
        m.status_request = (struct vow_msg_status_request){bare.gtrid, ""};
        break;
    case VOW_MSG_OUTCOME:
        m.outcome = (struct vow_msg_outcome){.outcome = VOW_COMMITTED, .participant = "", .text = ""};
        break;
    case VOW_MSG_ENLIST:
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
    case VOW_MSG_INQUIRY:
    case VOW_MSG_PEER_INQUIRY:
        m.inquiry.header = bare;
        break;
    case VOW_MSG_PEER_ANSWER:
        m.peer_answer = (struct vow_msg_peer_answer){bare, VOW_PEER_COMMITTED};
        break;
    case VOW_MSG_RESOLVE:
        m.resolve = (struct vow_msg_resolve){.header = bare, .verdict = VOW_COMMIT, .who = "", .why = ""};
        break;
    case VOW_MSG_RESOLVED:
        m.resolved = (struct vow_msg_resolved){.header = bare, .text = ""};
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        m.heuristic_report =
            (struct vow_msg_heuristic_report){.header = bare, .verdict = VOW_COMMIT, .who = "", .why = ""};
        break;
    case VOW_MSG_ENLISTED:
        m.enlisted.header = bare;
        break;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        m.prepare.header = bare;
        break;
    case VOW_MSG_VOTE:
        m.vote = (struct vow_msg_vote){.header = bare, .vote = VOW_VOTE_YES, .text = ""};
        break;
    case VOW_MSG_DECISION:
        m.decision = (struct vow_msg_decision){.header = bare, .verdict = VOW_COMMIT};
        break;
    case VOW_MSG_ACK:
        m.ack = (struct vow_msg_ack){bare, VOW_ACK_DONE};
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        m.one_phase_done =
            (struct vow_msg_one_phase_done){.header = bare, .result = VOW_ONE_PHASE_COMMITTED, .text = ""};
        break;
    case VOW_MSG_WAIT:
        m.wait = (struct vow_msg_wait){bare, VOW_WAIT_UNDECIDED};
        break;
    case VOW_MSG_ADMIN_REQUEST:
        m.admin_request = (struct vow_msg_admin_request){
            .command = VOW_ADMIN_STATUS, .filter = "", .participant = "", .who = "", .why = ""};
        break;
    case VOW_MSG_ADMIN_REPLY:
        m.admin_reply.json = "";
        break;
    default: /* PING, PONG, IDS_REQUEST, IDS: zeros will do */
        sample_bare_saga(&m);
        sample_bare_event(&m);
        break;
    }
    return m;
}

/* --- Comparing --- */

#define SAME(field) cr_expect_eq(a->field, b->field, #field " differs")
#define SAME_TEXT(field) cr_expect_str_eq(a->field, b->field, #field " differs")
#define SAME_GTRID(field) cr_expect(vow_gtrid_equal(&a->field, &b->field), #field " differs")
#define SAME_WATERMARK(field)                                                                                          \
    do {                                                                                                               \
        SAME(field.epoch);                                                                                             \
        SAME(field.seq);                                                                                               \
    } while (0)

static void same_header(const struct vow_msg_header *a, const struct vow_msg_header *b)
{
    SAME_GTRID(gtrid);
    SAME(branch);
    SAME(incarnation);
    SAME(epoch);
    SAME(attempt);
}

static void same_calls(const struct vow_msg_call *a, const struct vow_msg_call *b, uint32_t len)
{
    for (; len > 0; len--, a++, b++) {
        SAME_TEXT(participant);
        SAME_TEXT(handler);
        SAME(payload.len);
        if (a->payload.len != 0)
            cr_expect_eq(memcmp(a->payload.data, b->payload.data, a->payload.len), 0);
    }
}

static void same_prepare(const struct vow_msg_prepare *a, const struct vow_msg_prepare *b)
{
    SAME_WATERMARK(watermark);
    SAME(ops);
    SAME(ordinal);
    SAME(peers_len);
    SAME(calls_len);
    for (uint32_t i = 0; i < a->peers_len; i++) {
        SAME_TEXT(peers[i].name);
        SAME_TEXT(peers[i].address);
        SAME(peers[i].incarnation);
    }
    same_calls(a->calls, b->calls, a->calls_len);
}

static void same_hello(const struct vow_msg_hello *a, const struct vow_msg_hello *b)
{
    SAME(version_min);
    SAME(version_max);
    SAME(role);
    SAME_TEXT(name);
    SAME(incarnation);
    cr_expect_arr_eq(a->db_uuid, b->db_uuid, VOW_DB_UUID_BYTES);
    SAME(coord);
    SAME(epoch);
    SAME_TEXT(software);
    SAME_TEXT(address);
}

static void same_welcome(const struct vow_msg_welcome *a, const struct vow_msg_welcome *b)
{
    SAME(version);
    SAME(coord);
    SAME(epoch);
    SAME_TEXT(name);
    SAME_WATERMARK(watermark);
    SAME(heartbeat_ms);
    SAME(frame_max);
}

static void same_outcome(const struct vow_msg_outcome *a, const struct vow_msg_outcome *b)
{
    SAME_GTRID(gtrid);
    SAME(outcome);
    SAME(cause);
    SAME(error);
    SAME_TEXT(participant);
    SAME_TEXT(text);
    SAME(retry_after_ms);
    SAME_GTRID(named);
}

static void same_commit_request(const struct vow_msg_commit_request *a, const struct vow_msg_commit_request *b)
{
    SAME_GTRID(gtrid);
    SAME(calls_len);
    same_calls(a->calls, b->calls, a->calls_len);
    SAME(work_len);
    for (uint32_t i = 0; i < a->work_len; i++) {
        SAME_TEXT(work[i].participant);
        SAME(work[i].ops);
    }
    SAME(timeout_ms);
    SAME_TEXT(key);
}

static void same_session(const struct vow_msg *a, const struct vow_msg *b)
{
    switch ((int)a->kind) {
    case VOW_MSG_HELLO:
        same_hello(&a->hello, &b->hello);
        return;
    case VOW_MSG_WELCOME:
        same_welcome(&a->welcome, &b->welcome);
        return;
    case VOW_MSG_REJECT:
        SAME(reject.error);
        SAME_TEXT(reject.text);
        return;
    case VOW_MSG_PING:
    case VOW_MSG_PONG:
        SAME(ping.nonce);
        return;
    case VOW_MSG_IDS_REQUEST:
        SAME(ids_request.count);
        return;
    case VOW_MSG_IDS:
        SAME(ids.epoch);
        SAME(ids.first_seq);
        SAME(ids.count);
        for (uint32_t i = 0; i < a->ids.count; i++)
            SAME(ids.rand[i]);
        return;
    case VOW_MSG_BEGIN:
        SAME_GTRID(begin.gtrid);
        SAME(begin.timeout_ms);
        SAME_TEXT(begin.key);
        return;
    case VOW_MSG_ROLLBACK_REQUEST:
        SAME_GTRID(rollback_request.gtrid);
        return;
    case VOW_MSG_COMMIT_REQUEST:
        same_commit_request(&a->commit_request, &b->commit_request);
        return;
    case VOW_MSG_STATUS_REQUEST:
        SAME_GTRID(status_request.gtrid);
        SAME_TEXT(status_request.participant);
        return;
    case VOW_MSG_OUTCOME:
        same_outcome(&a->outcome, &b->outcome);
        return;
    case VOW_MSG_ADMIN_REQUEST:
        SAME(admin_request.command);
        SAME_GTRID(admin_request.gtrid);
        SAME_TEXT(admin_request.filter);
        SAME(admin_request.limit);
        SAME_TEXT(admin_request.participant);
        SAME_TEXT(admin_request.who);
        SAME_TEXT(admin_request.why);
        SAME(admin_request.tag);
        return;
    case VOW_MSG_ADMIN_REPLY:
        SAME(admin_reply.error);
        SAME_TEXT(admin_reply.json);
        SAME(admin_reply.last);
        SAME(admin_reply.tag);
        return;
    default:
        cr_assert(sample_same_saga(a, b) || sample_same_event(a, b), "messages of kind %d are not compared",
                  (int)a->kind);
    }
}

static bool is_of_a_branch(enum vow_msg_kind kind)
{
    return (unsigned)kind >= VOW_MSG_ENLIST && (unsigned)kind <= VOW_MSG_HEURISTIC_REPORT;
}

void sample_expect_same(const struct vow_msg *a, const struct vow_msg *b)
{
    SAME(kind);
    if (!is_of_a_branch(a->kind)) {
        same_session(a, b);
        return;
    }
    /* Every message about a branch begins with its header. */
    same_header(&a->inquiry.header, &b->inquiry.header);
    switch ((int)a->kind) {
    case VOW_MSG_ENLISTED:
        SAME(enlisted.error);
        SAME(enlisted.left_ms);
        break;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        same_prepare(&a->prepare, &b->prepare);
        break;
    case VOW_MSG_VOTE:
        SAME(vote.vote);
        SAME(vote.cause);
        SAME_TEXT(vote.text);
        break;
    case VOW_MSG_DECISION:
        SAME_WATERMARK(decision.watermark);
        SAME(decision.verdict);
        break;
    case VOW_MSG_ACK:
        SAME(ack.ack);
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        SAME(one_phase_done.result);
        SAME(one_phase_done.cause);
        SAME_TEXT(one_phase_done.text);
        break;
    case VOW_MSG_WAIT:
        SAME(wait.reason);
        break;
    case VOW_MSG_PEER_ANSWER:
        SAME(peer_answer.answer);
        break;
    case VOW_MSG_RESOLVE:
        SAME(resolve.verdict);
        SAME_TEXT(resolve.who);
        SAME_TEXT(resolve.why);
        break;
    case VOW_MSG_RESOLVED:
        SAME(resolved.error);
        SAME(resolved.verdict);
        SAME_TEXT(resolved.text);
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        SAME(heuristic_report.verdict);
        SAME_TEXT(heuristic_report.who);
        SAME_TEXT(heuristic_report.why);
        SAME(heuristic_report.wall_us);
        break;
    default: /* nothing but a header */
        break;
    }
}
