/* What a test does to nodes of the network, and asks of them. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "chaos/testing/network.h"

void vow_test_network_cut(struct vow_test_network *network, const char *name, enum vow_test_way ways)
{
    pthread_mutex_lock(&network->lock);
    struct node *node = node_find(network, name);
    if (node != NULL)
        node->cut |= (unsigned)ways;
    pthread_mutex_unlock(&network->lock);
}

void vow_test_network_heal(struct vow_test_network *network, const char *name)
{
    pthread_mutex_lock(&network->lock);
    struct node *node = node_find(network, name);
    if (node != NULL)
        node->cut = 0;
    network_wake(network);
    pthread_mutex_unlock(&network->lock);
}

void vow_test_network_delay(struct vow_test_network *network, const char *name, enum vow_test_way ways, uint32_t ms)
{
    pthread_mutex_lock(&network->lock);
    struct node *node = node_find(network, name);
    if (node != NULL && ((unsigned)ways & VOW_TEST_TO_COORDINATOR) != 0)
        node->delay_ms[0] = ms;
    if (node != NULL && ((unsigned)ways & VOW_TEST_FROM_COORDINATOR) != 0)
        node->delay_ms[1] = ms;
    pthread_mutex_unlock(&network->lock);
}

void vow_test_network_reset(struct vow_test_network *network, const char *name)
{
    struct link *link;

    pthread_mutex_lock(&network->lock);
    DL_FOREACH(network->links, link)
    {
        if (name == NULL || strcmp(link->node->name, name) == 0)
            link->is_broken = true;
    }
    network_wake(network);
    pthread_mutex_unlock(&network->lock);
}

/* 0 = there is none of that name. */
static enum vow_msg_kind kind_of(const char *message)
{
#define MESSAGE(kind, member, number)                                                                                  \
    if (strcmp(message, #kind) == 0)                                                                                   \
        return VOW_MSG_##kind;
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    return 0;
}

static bool is_one_way(enum vow_test_way way)
{
    return way == VOW_TEST_TO_COORDINATOR || way == VOW_TEST_FROM_COORDINATOR;
}

int vow_test_network_harm(struct vow_test_network *network, const char *name, enum vow_test_way way,
                          const char *message, unsigned nth, enum vow_test_harm what)
{
    const enum vow_msg_kind kind = message != NULL ? kind_of(message) : 0;
    struct harm *harm;
    struct node *node;

    if (kind == 0 || nth == 0 || !is_one_way(way) || what < VOW_TEST_CUT_BEFORE || what > VOW_TEST_TWICE)
        return VOW_E_ARGUMENT;
    harm = malloc(sizeof(*harm));
    if (harm == NULL)
        return VOW_E_NO_MEMORY;
    *harm = (struct harm){.way = way, .kind = kind, .left = nth, .what = what};
    pthread_mutex_lock(&network->lock);
    node = node_find(network, name);
    if (node != NULL)
        LL_APPEND(node->harms, harm);
    pthread_mutex_unlock(&network->lock);
    if (node == NULL)
        free(harm);
    return node != NULL ? 0 : VOW_E_NO_MEMORY;
}

static unsigned passed(struct vow_test_network *network, const char *name, enum vow_test_way way, const char *message)
{
    const enum vow_msg_kind kind = kind_of(message);
    const struct node *node = node_find(network, name);
    unsigned count = 0;

    if (node == NULL)
        return 0;
    if (((unsigned)way & VOW_TEST_TO_COORDINATOR) != 0)
        count += node->passed[0][kind];
    if (((unsigned)way & VOW_TEST_FROM_COORDINATOR) != 0)
        count += node->passed[1][kind];
    return count;
}

unsigned vow_test_network_passed(struct vow_test_network *network, const char *name, enum vow_test_way way,
                                 const char *message)
{
    pthread_mutex_lock(&network->lock);
    const unsigned count = kind_of(message) != 0 ? passed(network, name, way, message) : 0;
    pthread_mutex_unlock(&network->lock);
    return count;
}

void vow_test_network_await(struct vow_test_network *network, const char *name, enum vow_test_way way,
                            const char *message, unsigned wanted)
{
    pthread_mutex_lock(&network->lock);
    while (kind_of(message) != 0 && passed(network, name, way, message) < wanted)
        pthread_cond_wait(&network->passed, &network->lock);
    pthread_mutex_unlock(&network->lock);
}
