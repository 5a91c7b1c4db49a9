/* The coordinator of a small world: what happens to it, and the state that it has then. */
#include "chaos/sim/small/coord_private.h"

#include <string.h>

#include "chaos/sim/small/peers.h"
#include "participant/client_ids.h"
#include "proto/assert.h"

static const struct vow_coord_limits limits = {
    .txns_max = 2,
    .branches_max = 8,
    .peers_max = SMALL_PARTICIPANTS_MAX,
    .keys_max = 1,
    .ended_max = 2,
    .ids_window = VOW_IDS_MAX,
    /* Far apart, so that timers run out in this order; when they do is of no account. */
    .txn_timeout_ms = 24u * 60u * 60u * 1000u,
    .vote_timeout_ms = 60u * 60u * 1000u,
    .ack_timeout_ms = 1,
    .ack_timeout_max_ms = 1,
    .notes = true,
};

/* ---- what happens to it ---- */

/* The joined work that the client was told of; two bits for each participant. */
static uint32_t fill_work(struct vow_msg_work *work, uint32_t ops)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++) {
        if ((ops >> (2 * i) & 3) != 0)
            work[len++] = (struct vow_msg_work){small_peer_name(i), ops >> (2 * i) & 3};
    }
    return len;
}

static void ask(struct run *run, struct small_event event)
{
    const struct small_config *config = &run->nodes->config;
    struct vow_msg_work work[SMALL_PARTICIPANTS_MAX];
    struct vow_msg msg = {0};

    if (event.kind == SMALL_BEGIN) {
        msg.kind = VOW_MSG_BEGIN;
        msg.begin = (struct vow_msg_begin){.gtrid = run->nodes->gtrid, .key = ""};
    } else if (event.kind == SMALL_COMMIT) {
        msg.kind = VOW_MSG_COMMIT_REQUEST;
        msg.commit_request = (struct vow_msg_commit_request){.gtrid = run->nodes->gtrid, .work = work, .key = ""};
        msg.commit_request.work_len = fill_work(work, (uint32_t)event.arg >> 4);
        msg.commit_request.calls = small_calls();
        msg.commit_request.calls_len = config->work == SMALL_JOINED ? 0 : config->participants;
    } else if (event.kind == SMALL_ROLLBACK) {
        msg.kind = VOW_MSG_ROLLBACK_REQUEST;
        msg.rollback_request.gtrid = run->nodes->gtrid;
    } else {
        msg.kind = VOW_MSG_STATUS_REQUEST;
        msg.status_request.gtrid = run->nodes->gtrid;
        msg.status_request.participant = config->work == SMALL_ONE_PHASE ? small_peer_name(0) : "";
    }
    coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_MESSAGE, .session = event.arg & 15, .msg = &msg});
}

/* What the coordinator calls the participant's branch: joined ones are numbered as they come. */
static uint32_t branch_of(const struct run *run, uint32_t peer)
{
    struct vow_coord_txn_view view;

    if (!vow_coord_find(run->core, &run->nodes->gtrid, &view))
        return peer;
    for (uint32_t i = 0; i < view.branches_len; i++) {
        if (strcmp(view.branches[i].participant, small_peer_name(peer)) == 0)
            return view.branches[i].branch;
    }
    return peer;
}

/* A vote counts if the core counts it. */
static void note_read_only(struct run *run)
{
    struct vow_coord_txn_view view;

    run->to.read_only = 0;
    if (!vow_coord_find(run->core, &run->nodes->gtrid, &view))
        return;
    for (uint32_t i = 0; i < view.branches_len; i++) {
        if (view.branches[i].voted && view.branches[i].vote == VOW_VOTE_READ_ONLY)
            run->to.read_only |= (uint8_t)(1u << (view.branches[i].participant[1] - '0'));
    }
}

static void deliver(struct run *run, struct small_event event)
{
    const struct vow_msg msg = small_mail_copy(&run->nodes->mail, event.arg, branch_of(run, event.peer));

    coord_feed(run, (struct vow_coord_event){
                        .kind = VOW_COORD_MESSAGE, .session = SMALL_PEER_SESSION + event.peer, .msg = &msg});
    note_read_only(run);
}

static void run_out(struct run *run)
{
    const uint64_t deadline_ms = vow_coord_deadline_ms(run->core);

    if (deadline_ms > run->to.now_ms)
        run->to.now_ms = deadline_ms;
    coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_TIMER});
}

static void peer_up(struct run *run, struct small_event event)
{
    struct vow_coord_event up = {.kind = VOW_COORD_PEER_UP, .session = SMALL_PEER_SESSION + event.peer};

    run->to.sessions |= (uint8_t)(1u << event.peer);
    run->to.lives[event.peer] = (uint8_t)event.arg;
    up.peer.name = up.peer.address = small_peer_name(event.peer);
    up.peer.incarnation = event.arg;
    memset(up.peer.db_uuid, (int)event.peer + 1, sizeof(up.peer.db_uuid));
    coord_feed(run, up);
}

static void crash(struct run *run, uint32_t survivors)
{
    for (uint32_t i = 0; i < survivors && i < run->to.queue_len; i++)
        coord_write_down(run, &run->to.queue[i]);
    run->to.queue_len = 0;
    memset(run->to.lives, 0, sizeof(run->to.lives));
    run->to.up = run->to.has_recovered = false;
    run->to.sessions = run->to.read_only = run->to.state = 0;
    run->to.open = 0;
    run->to.has_timer = false;
}

static void start(struct run *run)
{
    struct vow_coord_identity identity = {.coord = SMALL_COORD, .epoch = ++run->to.disk.epoch, .seed = 1};

    memset(identity.secret, (int)identity.epoch, sizeof(identity.secret));
    run->core = vow_coord_init(run->nodes->coord_block.memory, &limits, &identity);
    run->to.up = true;
    run->to.now_ms = 1;
}

static void recover(struct run *run)
{
    const struct small_journal *disk = &run->to.disk;
    const struct vow_record commit = {.kind = VOW_RECORD_COMMIT,
                                      .gtrid = run->nodes->gtrid,
                                      .epoch = vow_gtrid_epoch(&run->nodes->gtrid),
                                      .branches_len = disk->yes.len,
                                      .branches = disk->yes.members};

    if (coord_is_open(&run->to))
        coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_RECOVERED, .record = &commit});
    coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_RECOVERY_DONE});
    run->to.has_recovered = true;
}

static void happen(struct run *run, struct small_event event)
{
    switch ((int)event.kind) {
    case SMALL_BEGIN:
    case SMALL_COMMIT:
    case SMALL_ROLLBACK:
    case SMALL_STATUS:
        ask(run, event);
        break;
    case SMALL_CLIENT_DOWN:
        coord_feed(run, (struct vow_coord_event){.kind = VOW_COORD_SESSION_DOWN, .session = event.arg});
        break;
    case SMALL_TO_COORD:
        deliver(run, event);
        break;
    case SMALL_JOURNAL_DONE:
        coord_finish_oldest(run);
        break;
    case SMALL_COORD_TIMER:
        run_out(run);
        break;
    case SMALL_SESSION_DOWN:
        run->to.sessions &= (uint8_t) ~(1u << event.peer);
        coord_feed(
            run, (struct vow_coord_event){.kind = VOW_COORD_SESSION_DOWN, .session = SMALL_PEER_SESSION + event.peer});
        break;
    case SMALL_SESSION_UP:
        peer_up(run, event);
        break;
    case SMALL_COORD_CRASH:
        crash(run, event.arg);
        break;
    case SMALL_COORD_START:
        start(run);
        break;
    case SMALL_COORD_RECOVER:
        recover(run);
        break;
    default:
        VOW_UNREACHABLE("not an event of the coordinator");
    }
}

/* ---- the state that follows ---- */

static uint64_t digest_of(const struct run *run)
{
    const struct small_coord *to = &run->to;
    uint64_t digest = to->up ? vow_coord_digest(run->core) : 1;

    digest = small_mix(digest, to->disk.epoch | (uint64_t)to->disk.kinds << 32);
    digest = small_mix(digest, coord_mask_of(&to->disk.yes));
    digest = small_mix(digest, (uint64_t)to->up | (uint64_t)to->has_recovered << 1 | (uint64_t)to->sessions << 8 |
                                   (uint64_t)to->read_only << 16 | (uint64_t)to->state << 24);
    for (uint32_t i = 0; i < to->disk.yes.len; i++)
        digest = small_mix(digest, to->disk.yes.members[i].incarnation << 8 | to->disk.yes.members[i].branch);
    for (uint32_t i = 0; i < to->queue_len; i++) {
        digest = small_mix(digest, to->queue[i].kind | (uint64_t)(to->queue[i].token != 0) << 8);
        digest = small_mix(digest, to->queue[i].session << 8 | coord_mask_of(&to->queue[i].yes));
        digest =
            small_mix(digest, (uint64_t)to->queue[i].question.is_inquiry << 32 | to->queue[i].question.header.branch);
        digest = small_mix(digest, to->queue[i].question.header.incarnation);
    }
    return digest;
}

static void look(struct run *run)
{
    struct vow_coord_counts counts;
    struct vow_msg welcome = {.kind = VOW_MSG_WELCOME};

    vow_coord_counts(run->core, &counts);
    run->to.open = counts.open;
    run->to.has_timer = vow_coord_deadline_ms(run->core) != UINT64_MAX;
    welcome.welcome.epoch = run->to.disk.epoch;
    welcome.welcome.watermark = counts.watermark;
    run->to.welcome = small_mail_number(&run->nodes->mail, &welcome);
}

static uint32_t keep(struct run *run)
{
    struct small_nodes *nodes = run->nodes;
    const uint64_t digest = digest_of(run);
    uint32_t number;

    if (run->to.up) {
        look(run);
        small_block_scan(&nodes->coord_block);
    }
    if (small_map_find(&nodes->coord_memo.state_of, digest, &number))
        return number;
    run->to.image = run->to.up ? small_block_save(&nodes->coord_block) : (struct small_image){0};
    run->to.queue = small_room(run->to.queue_len, sizeof(*run->to.queue));
    memcpy(run->to.queue, run->queue, run->to.queue_len * sizeof(*run->to.queue));
    nodes->coords = small_room_grow(nodes->coords, &nodes->coords_room, nodes->coords_len + 1, sizeof(run->to));
    nodes->coords[nodes->coords_len] = run->to;
    small_map_put(&nodes->coord_memo.state_of, digest, (uint32_t)nodes->coords_len);
    return (uint32_t)nodes->coords_len++;
}

void small_coord_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step)
{
    struct run run = {
        .nodes = nodes, .step = step, .to = nodes->coords[from], .core = (void *)nodes->coord_block.memory};

    memcpy(run.queue, run.to.queue, run.to.queue_len * sizeof(run.queue[0]));
    run.to.queue = run.queue;
    if (run.to.up)
        small_block_load(&nodes->coord_block, &run.to.image);
    happen(&run, event);
    step->to = keep(&run);
}

/* ---- the first state ---- */

static void draw_id(struct run *run)
{
    const struct vow_msg msg = {.kind = VOW_MSG_IDS_REQUEST, .ids_request = {1}};
    const struct vow_coord_event event = {
        .kind = VOW_COORD_MESSAGE, .now_ms = run->to.now_ms, .session = SMALL_CLIENT_SESSION, .msg = &msg};
    struct vow_coord_effects effects;
    const struct vow_msg_ids *ids;
    const bool is_one_phase = run->nodes->config.work == SMALL_ONE_PHASE;

    vow_coord_step(run->core, &event, &effects);
    ids = &effects.items[0].msg.ids;
    run->nodes->gtrid =
        vow_gtrid_make(SMALL_COORD, ids->epoch, ids->first_seq, is_one_phase ? VOW_GTRID_ONE_PHASE : 0, ids->rand[0]);
    small_block_set_base(&run->nodes->coord_block, effects.items,
                         vow_coord_edge_hits(run->core) + vow_coord_fsm()->edges_len);
}

void small_coord_first(struct small_nodes *nodes)
{
    struct small_step step = {0};
    struct run run = {.nodes = nodes, .step = &step};

    run.to.queue = run.queue;
    small_block_init(&nodes->coord_block, vow_coord_size(&limits));
    start(&run);
    recover(&run);
    draw_id(&run);
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        peer_up(&run, (struct small_event){.peer = (uint8_t)i, .arg = 1});
    (void)keep(&run);
}
