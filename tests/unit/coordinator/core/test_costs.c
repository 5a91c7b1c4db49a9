/*
 * The coordinator's share of the published costs: protocol 1.2. N participants of which y vote YES, r READ_ONLY and k
 * NO; the messages are those sent and received, the client's not counted; the notes of the history are no records.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "fixture.h"

struct costs {
    uint32_t messages, forced, records;
    uint64_t token; /* of the last record that is waited for */
};

static void count(struct costs *costs, const struct fixture *f)
{
    for (size_t i = 0; i < f->effects.len; i++) {
        const struct vow_coord_effect *effect = &f->effects.items[i];

        costs->messages += effect->kind == VOW_COORD_SEND && vow_msg_is_counted(effect->msg.kind);
        if (effect->kind == VOW_COORD_LOG && !vow_record_is_note(effect->log.record.kind)) {
            costs->records++;
            costs->forced += effect->log.forced;
            costs->token = effect->log.token;
        }
    }
}

/* Votes come in an order that has the NO voters last, so that all votes are in before the decision. */
static struct costs run(uint32_t yes, uint32_t read_only, uint32_t no)
{
    uint32_t n = yes + read_only + no;
    char names[8][16];
    const char *pointers[8];
    uint64_t sessions[8];
    struct costs costs = {0};
    struct fixture f;
    struct vow_gtrid id;

    fixture_open(&f);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        pointers[i] = names[i];
        sessions[i] = fixture_peer_up(&f, names[i]);
    }
    id = fixture_id(&f, 0);
    fixture_commit(&f, 500, &id, pointers, n);
    count(&costs, &f);
    for (uint32_t i = 0; i < n; i++) {
        struct vow_msg_header header = fixture_header(&f, &id, i, 1);

        /* An abort needs only one NO. The votes that follow it are in all the same, as the row has them. */
        fixture_vote(&f, sessions[i], &header,
                     i < yes               ? VOW_VOTE_YES
                     : i < yes + read_only ? VOW_VOTE_READ_ONLY
                                           : VOW_VOTE_NO);
        costs.messages++;
        count(&costs, &f);
    }
    if (no == 0 && yes > 0) {
        fixture_log_done(&f, costs.token);
        count(&costs, &f);
        for (uint32_t i = 0; i < yes; i++) {
            struct vow_msg_header header = fixture_header(&f, &id, i, 1);

            fixture_ack(&f, sessions[i], &header, VOW_ACK_DONE);
            costs.messages++;
            count(&costs, &f);
        }
        fixture_log_done(&f, costs.token);
    }
    cr_expect_eq(fixture_counts(&f).open, 0);
    fixture_close(&f);
    return costs;
}

Test(costs, every_split_of_votes_costs_what_the_row_says)
{
    static const uint32_t sizes[] = {1, 2, 3, 5, 8};

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (uint32_t y = 0; y <= sizes[s]; y++) {
            for (uint32_t r = 0; y + r <= sizes[s]; r++) {
                uint32_t n = sizes[s], k = n - y - r;
                struct costs costs = run(y, r, k);
                uint32_t commits = k == 0 && y > 0;
                /* With k > 1 the first NO decides: the ABORTs to the other NO voters are on their way before they
                 * vote. */
                uint32_t early = k > 1 ? k - 1 : 0;

                cr_expect_eq(costs.messages, k > 0 ? 2 * n + y + early : 2 * n + 2 * y, "y=%u r=%u k=%u: %u", y, r, k,
                             costs.messages);
                cr_expect_eq(costs.forced, commits, "y=%u r=%u k=%u", y, r, k);
                cr_expect_eq(costs.records, 2 * commits, "y=%u r=%u k=%u", y, r, k);
            }
        }
    }
}

Test(costs, one_phase_costs_two_messages_and_no_forced_write_here)
{
    static const char *const names[] = {"p"};
    struct costs costs = {0};
    struct fixture f;
    struct vow_gtrid id;
    struct vow_msg_header header;
    uint64_t peer;

    fixture_open(&f);
    peer = fixture_peer_up(&f, "p");
    id = fixture_id(&f, VOW_GTRID_ONE_PHASE);
    header = fixture_header(&f, &id, 0, 1);
    fixture_commit(&f, 500, &id, names, 1);
    count(&costs, &f);
    fixture_one_phase_done(&f, peer, &header, VOW_ONE_PHASE_COMMITTED);
    costs.messages++;
    count(&costs, &f);
    cr_expect_eq(costs.messages, 2);
    cr_expect_eq(costs.forced, 0);
    cr_expect_eq(costs.records, 0);
    fixture_close(&f);
}

Test(costs, rollback_before_prepare_costs_one_message_each)
{
    struct costs costs = {0};
    struct fixture f;
    struct vow_gtrid id;
    uint64_t peers[3];

    fixture_open(&f);
    id = fixture_id(&f, 0);
    fixture_request(&f, 500, VOW_MSG_BEGIN, &id);
    for (uint32_t i = 0; i < 3; i++) {
        struct vow_msg_header header = fixture_header(&f, &id, 0, 1);
        char name[16];

        snprintf(name, sizeof(name), "p%u", i);
        peers[i] = fixture_peer_up(&f, name);
        fixture_branch(&f, peers[i], VOW_MSG_ENLIST, &header);
    }
    fixture_request(&f, 500, VOW_MSG_ROLLBACK_REQUEST, &id);
    count(&costs, &f);
    cr_expect_eq(costs.messages, 3);
    cr_expect_eq(costs.records, 0);
    fixture_close(&f);
}
