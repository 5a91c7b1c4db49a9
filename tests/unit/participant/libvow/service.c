#include "service.h"

#include <criterion/criterion.h>
#include <string.h>

uint32_t service_lock_wait_ms;

struct vow_gtrid service_id(const struct fake *fake, uint64_t seq)
{
    return vow_gtrid_make(FAKE_COORD, fake->epoch, seq, 0, seq * 7919);
}

struct vow_participant *service_open(const struct fake *fake, const char *path)
{
    const struct vow_participant_options options = {
        .size = sizeof(options),
        .name = "stock",
        .path = path,
        .coordinator = fake->address,
        .store = path != NULL ? VOW_STORE_KIND_SQLITE : VOW_STORE_KIND_NULL,
        .schema = "CREATE TABLE IF NOT EXISTS item(name TEXT PRIMARY KEY NOT NULL, stock INTEGER NOT NULL)",
        .lock_wait_ms = service_lock_wait_ms,
        .loop = fake_loop(),
        .base = fake_loop_base(),
    };
    struct vow_error_detail detail;
    struct vow_participant *participant;

    cr_assert_eq(vow_participant_open(&options, &participant, &detail), 0, "%s", detail.text);
    return participant;
}

static void send_work(struct fake *fake, enum vow_msg_kind kind, const struct vow_gtrid *id, const char *handler,
                      const char *payload)
{
    const struct vow_msg_call call = {"stock", handler, {(const uint8_t *)payload, strlen(payload)}};
    const struct vow_msg_peer peers[] = {{"stock", "", 1}};
    const struct vow_msg msg = {.kind = kind,
                                .prepare = {.header = {.gtrid = *id, .epoch = fake->epoch},
                                            .peers_len = 1,
                                            .peers = peers,
                                            .calls_len = 1,
                                            .calls = &call}};

    fake_send(fake, &msg);
}

void service_prepare(struct fake *fake, const struct vow_gtrid *id, const char *handler, const char *payload)
{
    send_work(fake, VOW_MSG_PREPARE, id, handler, payload);
}

void service_one_phase(struct fake *fake, const struct vow_gtrid *id, const char *handler, const char *payload)
{
    send_work(fake, VOW_MSG_COMMIT_ONE_PHASE, id, handler, payload);
}

void service_decide(struct fake *fake, const struct vow_gtrid *id, enum vow_verdict verdict)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_DECISION,
        .decision = {.header = {.gtrid = *id, .epoch = fake->epoch}, .verdict = verdict},
    };

    fake_send(fake, &msg);
}

const struct heard *service_vote(struct fake *fake, const struct vow_gtrid *id, const char *handler,
                                 const char *payload, enum vow_vote vote)
{
    const struct heard *heard;

    service_prepare(fake, id, handler, payload);
    heard = fake_hear(fake, VOW_MSG_VOTE);
    cr_assert(vow_gtrid_equal(&heard->id, id));
    cr_assert_eq(heard->msg.vote.vote, vote, "cause %d: %s", heard->msg.vote.cause, heard->text);
    return heard;
}

void service_commit(struct fake *fake, const struct vow_gtrid *id)
{
    const struct heard *heard;

    service_decide(fake, id, VOW_COMMIT);
    heard = fake_hear(fake, VOW_MSG_ACK);
    cr_assert(vow_gtrid_equal(&heard->id, id));
    cr_assert_eq(heard->msg.ack.ack, VOW_ACK_DONE);
}
