/* The participant over a resource: from the coordinator's messages to the five callbacks and back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../store/fake_resource.h"
#include "service.h"

static char directory[] = "/tmp/vow-test-XXXXXX";
static char path[64];
static struct fake_resource store;

static void init(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/pages.vow", directory);
    fake_resource_init(&store);
}

static void fini(void)
{
    char file[80];

    fake_resource_join(&store);
    (void)unlink(path);
    (void)snprintf(file, sizeof(file), "%s-wal", path);
    (void)unlink(file);
    (void)rmdir(directory);
}

TestSuite(participant_resource, .timeout = 60, .init = init, .fini = fini);

static struct vow_participant_options options_of(const struct fake *fake)
{
    return (struct vow_participant_options){
        .size = sizeof(struct vow_participant_options),
        .name = "stock",
        .path = path,
        .coordinator = fake->address,
        .store = VOW_STORE_KIND_RESOURCE,
        .resource = &store.resource,
    };
}

static struct vow_participant *start(const struct fake *fake)
{
    const struct vow_participant_options options = options_of(fake);
    struct vow_error_detail detail;
    struct vow_participant *participant;

    cr_assert_eq(vow_participant_open(&options, &participant, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_start(participant), 0);
    return participant;
}

static void work_through(enum fake_mode mode)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    struct vow_gtrid first = service_id(fake, 1), second = service_id(fake, 2);
    struct vow_participant_stats stats;

    store.mode = mode;
    fake_until_up(fake, 1);
    service_vote(fake, &first, "put", "apple", VOW_VOTE_YES);
    cr_assert_eq(store.visible, 0);
    service_commit(fake, &first);
    cr_assert_eq(store.visible, 1);
    cr_assert_str_eq(store.handler, "put");
    cr_assert_str_eq(store.payload, "apple");
    service_one_phase(fake, &second, "put", "pear");
    cr_assert_eq(fake_hear(fake, VOW_MSG_ONE_PHASE_DONE)->msg.one_phase_done.result, VOW_ONE_PHASE_COMMITTED);
    cr_assert_eq(store.visible, 2);
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_eq(stats.committed, 1);
    cr_assert_eq(stats.one_phase, 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_resource, a_branch_is_prepared_and_committed)
{
    work_through(FAKE_NOW);
}

Test(participant_resource, answers_come_from_threads)
{
    work_through(FAKE_THREAD);
}

Test(participant_resource, many_branches_overlap)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    const unsigned branches = 200;

    store.mode = FAKE_THREAD;
    fake_until_up(fake, 1);
    for (unsigned i = 1; i <= branches; i++) {
        struct vow_gtrid id = service_id(fake, i);

        service_prepare(fake, &id, "put", "apple");
    }
    for (unsigned i = 1; i <= branches; i++)
        cr_assert_eq(fake_hear(fake, VOW_MSG_VOTE)->msg.vote.vote, VOW_VOTE_YES);
    for (unsigned i = 1; i <= branches; i++) {
        struct vow_gtrid id = service_id(fake, i);

        service_decide(fake, &id, i % 2 ? VOW_COMMIT : VOW_ABORT);
    }
    for (unsigned i = 1; i <= branches; i += 2)
        cr_assert_eq(fake_hear(fake, VOW_MSG_ACK)->msg.ack.ack, VOW_ACK_DONE);
    vow_participant_close(participant);
    cr_assert_eq(store.visible, branches / 2);
    fake_close(fake);
}

Test(participant_resource, F051_B24_a_commit_of_what_the_resource_has_lost_is_no_acknowledgement)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    struct vow_gtrid id = service_id(fake, 1);

    fake_until_up(fake, 1);
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    store.records_len = 0;
    service_decide(fake, &id, VOW_COMMIT);
    cr_assert_eq(fake_hear(fake, VOW_MSG_ACK)->msg.ack.ack, VOW_ACK_NO_RECORD);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_resource, F034_a_prepared_branch_outlives_the_process_and_asks)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    struct vow_gtrid id = service_id(fake, 1);

    fake_until_up(fake, 1);
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    vow_participant_close(participant);
    participant = start(fake);
    cr_assert(vow_gtrid_equal(&fake_hear(fake, VOW_MSG_INQUIRY)->id, &id));
    cr_assert_eq(fake->hello.incarnation, 2);
    service_commit(fake, &id);
    cr_assert_eq(store.visible, 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_resource, a_no_reaches_the_coordinator)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    struct vow_gtrid id = service_id(fake, 1);

    store.says = VOW_SAID_NO;
    fake_until_up(fake, 1);
    cr_assert_eq(service_vote(fake, &id, "put", "apple", VOW_VOTE_NO)->msg.vote.cause, VOW_CAUSE_HANDLER_REFUSED);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_resource, F105_a_broken_resource_stops_the_process, .exit_code = 70)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start(fake);
    struct vow_gtrid id = service_id(fake, 1);

    store.says = VOW_SAID_BROKEN;
    fake_until_up(fake, 1);
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    vow_participant_close(participant);
}

static int never(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)db, (void)payload, (void)len, (void)ctx;
    return 1;
}

Test(participant_resource, what_a_resource_has_not)
{
    struct fake *fake = fake_open();
    struct vow_participant_options options = options_of(fake);
    struct vow_error_detail detail;
    struct vow_participant *participant, *second;

    options.path = NULL;
    cr_assert_eq(vow_participant_open(&options, &participant, &detail), VOW_E_ARGUMENT);
    options = options_of(fake);
    options.resource = NULL;
    cr_assert_eq(vow_participant_open(&options, &participant, &detail), VOW_E_ARGUMENT);
    cr_assert_not_null(strstr(detail.text, "resource"), "%s", detail.text);
    options = options_of(fake);
    cr_assert_eq(vow_participant_open(&options, &participant, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_handle(participant, "put", never, NULL), VOW_E_STATE);
    cr_assert_null(vow_participant_db(participant));
    cr_assert_eq(vow_participant_open(&options, &second, &detail), VOW_E_LOCKED, "%s", detail.text);
    vow_participant_close(participant);
    fake_close(fake);
}
