/*
 * The lives of data files that this coordinator has seen. A participant counts its starts in its file, durably and
 * before it connects, so a file whose count has gone back is an older copy of it: what was committed since is gone,
 * unseen if the transactions have ended, and their tombstones with it (fault F045). Nobody goes on with it before
 * people looked. The journal keeps them over our own restarts; a higher count is durable with the next batch, and
 * nobody waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/log.h"

static const uint8_t no_file[VOW_DB_UUID_BYTES]; /* the null store has none */

static struct life *life_find(const struct vow_server *server, const uint8_t *db_uuid)
{
    struct life *life = NULL;
    HASH_FIND(hh, server->lives, db_uuid, VOW_DB_UUID_BYTES, life);
    return life;
}

/* Beyond the limit the first one goes: uthash keeps them in the order they came in. Without memory one is not known. */
static struct life *intern(struct vow_server *server, const uint8_t *db_uuid)
{
    struct life *life = life_find(server, db_uuid);
    if (life != NULL)
        return life;
    if (HASH_COUNT(server->lives) >= server->limits.peers_max) {
        life = server->lives;
        HASH_DEL(server->lives, life);
        free(life);
    }
    life = calloc(1, sizeof(*life));
    if (life == NULL)
        return NULL;
    memcpy(life->db_uuid, db_uuid, VOW_DB_UUID_BYTES);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that uthash has unlinked the one that went */
    HASH_ADD(hh, server->lives, db_uuid, VOW_DB_UUID_BYTES, life);
    return life;
}

void lives_seen(struct vow_server *server, const struct session *session)
{
    if (memcmp(session->peer.db_uuid, no_file, sizeof(no_file)) == 0)
        return;
    struct life *life = intern(server, session->peer.db_uuid);
    if (life == NULL || life->incarnation >= session->peer.incarnation)
        return;
    life->incarnation = session->peer.incarnation;
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_LIFE;
    memcpy(op->op.life.db_uuid, life->db_uuid, VOW_DB_UUID_BYTES);
    op->op.life.incarnation = life->incarnation;
    log_op_push(server, op, false);
}

void lives_recover(void *ctx, const struct vow_journal_life *recovered)
{
    struct life *life = intern(ctx, recovered->db_uuid);
    if (life != NULL)
        life->incarnation = recovered->incarnation;
}

int lives_judge(struct vow_server *server, const struct vow_msg_hello *hello, const char **why)
{
    struct life *life = life_find(server, hello->db_uuid);
    if (life == NULL || hello->incarnation >= life->incarnation)
        return 0;
    *why =
        "a later life of this participant's data file was here before: was it restored from a backup, or does a second "
        "process use it? See \"went back\" in docs/operations.md";
    /* It asks again and again; one line for each life is enough. */
    if (life->alarmed_about != hello->incarnation)
        VOW_LOG(VOW_LOG_ERROR, "alarm",
                VOW_STR("what", "a participant's data file went back: commits may be lost (F045)"),
                VOW_STR("participant", hello->name), VOW_NUM("incarnation", hello->incarnation),
                VOW_NUM("seen", life->incarnation));
    life->alarmed_about = hello->incarnation;
    return VOW_E_IDENTITY;
}

void lives_free(struct vow_server *server)
{
    struct life *life, *next;
    HASH_ITER(hh, server->lives, life, next)
    {
        HASH_DEL(server->lives, life); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
        free(life);
    }
}
