#include "chaos/sim/isolation.h"

#include <string.h>

struct isolation_row *isolation_row(struct sim_judge *judge, uint8_t node, enum sim_table table, uint64_t key)
{
    uint64_t hash = (key * 31 + (uint64_t)table) * 37 + node;
    struct isolation_row **bucket, *row;

    if (judge->isolation == NULL)
        judge->isolation = sim_memory_take(&judge->memory, sizeof(*judge->isolation));
    bucket = &judge->isolation->rows[hash % ISOLATION_BUCKETS];
    for (row = *bucket; row != NULL; row = row->next) {
        if (row->node == node && row->table == table && row->key == key)
            return row;
    }
    row = sim_memory_take(&judge->memory, sizeof(*row));
    row->node = node;
    row->table = table;
    row->key = key;
    row->next = *bucket;
    *bucket = row;
    return row;
}

static void make_room(struct sim_judge *judge, struct sim_isolation *all, uint32_t index)
{
    uint32_t room = all->edges_room > 0 ? all->edges_room : 128;
    struct isolation_edge **edges;

    if (index < all->edges_room)
        return;
    while (room <= index)
        room *= 2;
    edges = sim_memory_take(&judge->memory, room * sizeof(struct isolation_edge *));
    if (all->edges_room > 0)
        memcpy(edges, all->edges, all->edges_room * sizeof(struct isolation_edge *));
    all->edges = edges;
    all->edges_room = room;
}

void isolation_add_edge(struct sim_judge *judge, struct book_txn *from, struct book_txn *to,
                        const struct isolation_row *row)
{
    struct isolation_edge *edge;

    if (from == NULL || to == NULL || from == to)
        return;
    make_room(judge, judge->isolation, from->index);
    edge = sim_memory_take(&judge->memory, sizeof(*edge));
    edge->to = to;
    edge->row = row;
    edge->next = judge->isolation->edges[from->index];
    judge->isolation->edges[from->index] = edge;
}

/* ---- circles ---- */

enum colour { WHITE, GREY, BLACK };

struct search {
    struct sim_judge *judge;
    const struct sim_sight *sight;
    uint8_t *colours;                 /* by index */
    const struct isolation_edge **at; /* the next edge of each that is grey */
    struct book_txn **stack;
    uint32_t depth;
};

/* Locks of a branch that was ended by hand were free before the transaction was decided. */
static bool counts(const struct book_txn *txn)
{
    if (sim_txn_has_heuristic(txn))
        return false;
    return sim_txn_is_committed(txn) || (txn->read_only != 0 && txn->aborted == 0);
}

static const struct isolation_edge *edges_of(const struct search *search, const struct book_txn *txn)
{
    const struct sim_isolation *all = search->judge->isolation;

    return txn->index < all->edges_room ? all->edges[txn->index] : NULL;
}

static void push(struct search *search, struct book_txn *txn)
{
    search->colours[txn->index] = GREY;
    search->at[search->depth] = edges_of(search, txn);
    search->stack[search->depth++] = txn;
}

/* Depth first, without recursion: a chain may be as long as the world. */
static void walk(struct search *search, struct book_txn *root)
{
    push(search, root);
    while (search->depth > 0) {
        const struct isolation_edge *edge = search->at[search->depth - 1];

        if (edge == NULL) {
            search->colours[search->stack[--search->depth]->index] = BLACK;
            continue;
        }
        search->at[search->depth - 1] = edge->next;
        if (!counts(edge->to) || search->colours[edge->to->index] == BLACK)
            continue;
        if (search->colours[edge->to->index] == GREY) {
            judge_fail(search->judge, search->sight, "I15", &edge->to->gtrid,
                       "no order of the transactions explains what they read: a circle through row %llu at %s",
                       (unsigned long long)edge->row->key, judge_name(search->judge, edge->row->node));
            return;
        }
        push(search, edge->to);
    }
}

void isolation_find_circle(struct sim_judge *judge, const struct sim_sight *sight)
{
    uint32_t len = judge->book.txns_len;
    struct search search = {.judge = judge, .sight = sight};

    if (judge->isolation == NULL || len == 0)
        return;
    search.colours = sim_memory_take(&judge->memory, len);
    search.at = sim_memory_take(&judge->memory, (len + 1) * sizeof(const struct isolation_edge *));
    search.stack = sim_memory_take(&judge->memory, (len + 1) * sizeof(struct book_txn *));
    for (struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (search.colours[txn->index] == WHITE && counts(txn) && judge->violation.invariant == NULL)
            walk(&search, txn);
    }
}
