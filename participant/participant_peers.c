/* Whom a branch in doubt can ask. */
#include "participant/participant_peers.h"

#include <stdlib.h>

#include "participant/participant_internal.h"

struct vow_peer_list {
    struct vow_peer_list *next; /* in its bucket */
    struct vow_gtrid gtrid;
    char *text;
};

static struct vow_peer_list **find(const struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    struct vow_peer_list **at =
        (struct vow_peer_list **)&participant->peer_lists[vow_gtrid_hash(gtrid) % VOW_PEER_LIST_BUCKETS];

    while (*at != NULL && !vow_gtrid_equal(&(*at)->gtrid, gtrid))
        at = &(*at)->next;
    return at;
}

void vow_participant_drop_peers(struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    struct vow_peer_list **at = find(participant, gtrid), *list = *at;

    if (list == NULL)
        return;
    *at = list->next;
    free(list->text);
    free(list);
}

void vow_participant_keep_peers(struct vow_participant *participant, const struct vow_gtrid *gtrid, char *text)
{
    struct vow_peer_list *list;

    vow_participant_drop_peers(participant, gtrid);
    list = text != NULL ? malloc(sizeof(*list)) : NULL;
    if (list == NULL) {
        free(text);
        return;
    }
    *list = (struct vow_peer_list){.gtrid = *gtrid, .text = text};
    *find(participant, gtrid) = list;
}

void vow_participant_drop_all_peers(struct vow_participant *participant)
{
    for (size_t i = 0; i < VOW_PEER_LIST_BUCKETS; i++) {
        while (participant->peer_lists[i] != NULL)
            vow_participant_drop_peers(participant, &participant->peer_lists[i]->gtrid);
    }
}

const char *vow_participant_peers_of(const struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    const struct vow_peer_list *list = *find(participant, gtrid);

    return list != NULL ? list->text : NULL;
}

void vow_participant_ask_peers(struct vow_participant *participant, const struct vow_branches_effect *effect)
{
    const char *at = vow_participant_peers_of(participant, &effect->ask.header.gtrid);
    struct peer_named peer;

    while (peer_list_next(&at, &peer)) {
        struct vow_msg_header header = effect->ask.header;

        header.incarnation = peer.incarnation;
        vow_participant_ask_peer(participant, &peer, &header);
    }
}
