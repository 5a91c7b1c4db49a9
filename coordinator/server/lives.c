/*
 * The lives of data files that this coordinator has seen. A participant counts its starts in its file, durably and
 * before it connects, so a file whose count has gone back is an older copy of it: what was committed since is gone,
 * unseen if the transactions have ended, and their tombstones with it (fault F045). Nobody goes on with it before
 * people looked. The journal keeps them over our own restarts; a new file is written at once, a higher count
 * with the next batch, and nobody waits for either.
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
static struct life *add(struct vow_server *server, const char *name, const uint8_t *db_uuid)
{
    struct life *life;
    if (HASH_COUNT(server->lives) >= server->limits.peers_max) {
        life = server->lives;
        HASH_DEL(server->lives, life);
        free(life);
    }
    life = calloc(1, sizeof(*life));
    if (life == NULL)
        return NULL;
    memcpy(life->name, name, strlen(name) + 1);
    memcpy(life->db_uuid, db_uuid, VOW_DB_UUID_BYTES);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that uthash has unlinked the one that went */
    HASH_ADD(hh, server->lives, db_uuid, VOW_DB_UUID_BYTES, life);
    return life;
}

/* A participant of this name had another file. */
static bool is_replacement(const struct vow_server *server, const char *name)
{
    const struct life *life, *next;
    HASH_ITER(hh, server->lives, life, next)
    {
        if (strcmp(life->name, name) == 0)
            return true;
    }
    return false;
}

/* Nobody waits for it. But which files there were should be on disk when one is gone. */
static void write_down(struct vow_server *server, const struct life *life, bool is_new)
{
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_LIFE;
    memcpy(op->op.life.name, life->name, sizeof(life->name));
    memcpy(op->op.life.db_uuid, life->db_uuid, VOW_DB_UUID_BYTES);
    op->op.life.incarnation = life->incarnation;
    op->op.life.since = life->since;
    log_op_push(server, op, is_new);
}

/* What another file in its place held, this one does not know: it has nothing to say of ids that are older (F044). */
void lives_seen(struct vow_server *server, struct session *session)
{
    struct vow_coord_counts counts;
    if (memcmp(session->peer.db_uuid, no_file, sizeof(no_file)) == 0)
        return;
    vow_coord_counts(server->core, &counts);
    struct life *life = life_find(server, session->peer.db_uuid);
    const bool is_new = life == NULL, takes_place = is_new && is_replacement(server, session->name);
    if (is_new && (life = add(server, session->name, session->peer.db_uuid)) != NULL && takes_place)
        life->since = counts.next;
    session->peer.since = life != NULL ? life->since : counts.next;
    if (life == NULL || life->incarnation >= session->peer.incarnation)
        return;
    life->incarnation = session->peer.incarnation;
    write_down(server, life, is_new);
}

void lives_recover(void *ctx, const struct vow_journal_life *recovered)
{
    struct life *life = add(ctx, recovered->name, recovered->db_uuid);
    if (life == NULL)
        return;
    life->incarnation = recovered->incarnation;
    life->since = recovered->since;
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
