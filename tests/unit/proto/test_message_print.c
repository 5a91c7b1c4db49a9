#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "proto/error.h"
#include "proto/message.h"
#include "sample.h"

#define KEY "0123456789 /abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXY"
#define TOPIC "abcdefghijklmnopqrstuvwxyz.0123456789_-.abcdefghijklmnopqrstuvwx"

static void expect_line(const struct vow_msg *msg, const char *wanted)
{
    char line[400];
    cr_expect_eq((size_t)vow_msg_print(msg, line, sizeof(line)), strlen(wanted));
    cr_expect_str_eq(line, wanted);
}

Test(message_print, full_messages)
{
    static const struct {
        enum vow_msg_kind kind;
        const char *line;
    } lines[] = {
        {VOW_MSG_HELLO, "HELLO participant stock versions=1..2 incarnation=18446744073709551615 "
                        "address=[::1]:7421"},
        {VOW_MSG_WELCOME, "WELCOME vowd-1 version=1 epoch=7"},
        {VOW_MSG_REJECT, "REJECT error=VOW_E_VERSION"},
        {VOW_MSG_PING, "PING"},
        {VOW_MSG_PONG, "PONG"},
        {VOW_MSG_IDS_REQUEST, "IDS_REQUEST count=256"},
        {VOW_MSG_IDS, "IDS first=72057594037927679 count=3"},
        {VOW_MSG_BEGIN, "BEGIN key=" KEY},
        {VOW_MSG_COMMIT_REQUEST, "COMMIT_REQUEST calls=2 work=2 key=" KEY},
        {VOW_MSG_ROLLBACK_REQUEST, "ROLLBACK_REQUEST"},
        {VOW_MSG_STATUS_REQUEST, "STATUS_REQUEST of=stock"},
        {VOW_MSG_OUTCOME, "OUTCOME aborted cause=presumed error=VOW_E_FORKED by=stock retry_after_ms=250"},
        {VOW_MSG_ENLIST, "ENLIST b3 attempt=5"},
        {VOW_MSG_ENLISTED, "ENLISTED b3 attempt=5 error=VOW_E_BUSY"},
        {VOW_MSG_PREPARE, "PREPARE b3 attempt=5 calls=2 peers=3 ops=9"},
        {VOW_MSG_VOTE, "VOTE b3 attempt=5 NO cause=lock-conflict"},
        {VOW_MSG_DECISION, "DECISION b3 attempt=5 ABORT"},
        {VOW_MSG_ACK, "ACK b3 attempt=5 NO-RECORD"},
        {VOW_MSG_COMMIT_ONE_PHASE, "COMMIT_ONE_PHASE b3 attempt=5 calls=2 peers=3 ops=9"},
        {VOW_MSG_ONE_PHASE_DONE, "ONE_PHASE_DONE b3 attempt=5 ABORTED cause=constraint"},
        {VOW_MSG_ONE_PHASE_QUERY, "ONE_PHASE_QUERY b3 attempt=5"},
        {VOW_MSG_FORGET, "FORGET b3 attempt=5"},
        {VOW_MSG_INQUIRY, "INQUIRY b3 attempt=5"},
        {VOW_MSG_WAIT, "WAIT b3 attempt=5 NOT-MINE"},
        {VOW_MSG_PEER_INQUIRY, "PEER_INQUIRY b3 attempt=5"},
        {VOW_MSG_PEER_ANSWER, "PEER_ANSWER b3 attempt=5 HEURISTIC-ABORTED"},
        {VOW_MSG_SAGA_REQUEST, "SAGA_REQUEST steps=3 key=order 7"},
        {VOW_MSG_SAGA_QUERY, "SAGA_QUERY follow"},
        {VOW_MSG_SAGA_CANCEL, "SAGA_CANCEL"},
        {VOW_MSG_SAGA_STATE, "SAGA_STATE CLOSED s63 cause=constraint error=VOW_E_BUSY"},
        {VOW_MSG_STEP, "STEP s63 COMPENSATION attempt=4294967295 handler=give_back"},
        {VOW_MSG_STEP_DONE, "STEP_DONE s63 COMPENSATION attempt=4294967295 UNABLE cause=no-such-handler"},
        {VOW_MSG_PUBLISH, "PUBLISH " TOPIC " key=" KEY " seq=18446744073709551615"},
        {VOW_MSG_PUBLISHED, "PUBLISHED key=" KEY " seq=18446744073709551615 @18446744073709551615 error=VOW_E_BUSY"},
        {VOW_MSG_SUBSCRIBE, "SUBSCRIBE shipping on=order.* on=stock.# on=# on=" TOPIC
                            " key=order 7* publishes=payment.done publishes=" TOPIC},
        {VOW_MSG_SUBSCRIBED, "SUBSCRIBED shipping @18446744073709551615 error=VOW_E_REFUSED"},
        {VOW_MSG_DELIVER,
         "DELIVER shipping @18446744073709551615 attempt=4294967295 " TOPIC " key=" KEY " seq=18446744073709551615"},
        {VOW_MSG_DELIVERED, "DELIVERED shipping @18446744073709551615 attempt=4294967295 UNABLE cause=constraint"},
        {VOW_MSG_SEEK, "SEEK shipping @18446744073709551615"},
        {VOW_MSG_RESOLVE, "RESOLVE b3 attempt=5 ABORT who=eva"},
        {VOW_MSG_RESOLVED, "RESOLVED b3 attempt=5 ABORT error=VOW_E_STATE"},
        {VOW_MSG_HEURISTIC_REPORT, "HEURISTIC_REPORT b3 attempt=5 ABORT who=eva"},
        {VOW_MSG_ADMIN_REQUEST, "ADMIN_REQUEST FORGET filter=in-doubt of=stock who=eva"},
        {VOW_MSG_ADMIN_REPLY, "ADMIN_REPLY error=VOW_E_NOT_FOUND last"},
    };
    cr_assert_eq(sizeof(lines) / sizeof(lines[0]), sample_kinds_len, "a kind has no line");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct vow_msg msg = sample_full(lines[i].kind);
        expect_line(&msg, lines[i].line);
    }
}

Test(message_print, bare_messages_are_short)
{
    struct vow_msg msg = sample_bare(VOW_MSG_PREPARE);
    expect_line(&msg, "PREPARE b0 calls=0 peers=0");
    msg = sample_bare(VOW_MSG_VOTE);
    expect_line(&msg, "VOTE b0 YES");
    msg = sample_bare(VOW_MSG_OUTCOME);
    expect_line(&msg, "OUTCOME committed");
    msg = sample_bare(VOW_MSG_ACK);
    expect_line(&msg, "ACK b0 DONE");
    msg = sample_bare(VOW_MSG_ADMIN_REPLY);
    expect_line(&msg, "ADMIN_REPLY");
}

Test(message_print, other_numbers_are_question_marks)
{
    struct vow_msg msg = sample_bare(VOW_MSG_VOTE);
    msg.vote.vote = (enum vow_vote)4;
    expect_line(&msg, "VOTE b0 ?");
    msg.kind = (enum vow_msg_kind)99;
    expect_line(&msg, "?");
}

Test(message_print, absent_words_may_be_NULL)
{
    const struct vow_msg msg = {.kind = VOW_MSG_OUTCOME, .outcome = {.outcome = VOW_UNKNOWN, .error = VOW_E_IN_DOUBT}};
    expect_line(&msg, "OUTCOME unknown error=VOW_E_IN_DOUBT");
}

Test(message_print, cuts_like_snprintf)
{
    const struct vow_msg msg = sample_full(VOW_MSG_PREPARE);
    char whole[200];
    const int len = vow_msg_print(&msg, whole, sizeof(whole));
    for (size_t size = 1; size < (size_t)len + 2; size++) {
        char line[400];
        memset(line, 'x', sizeof(line));
        cr_expect_eq(vow_msg_print(&msg, line, size), len);
        const size_t kept = size <= (size_t)len ? size - 1 : (size_t)len;
        cr_expect_eq(strlen(line), kept);
        cr_expect_eq(memcmp(line, whole, kept), 0);
        cr_expect_eq(line[kept + 1], 'x');
    }
}
