/* The files of the book among themselves. */
#ifndef VOW_CHAOS_SIM_BOOK_PAGES_H
#define VOW_CHAOS_SIM_BOOK_PAGES_H

#include "chaos/sim/book.h"

/* Finds or makes. NULL for no id. */
struct book_txn *book_find_txn(struct sim_book *book, const struct vow_gtrid *gtrid);
struct book_share *book_find_share(struct sim_book *book, struct book_txn *txn, uint8_t node);

static inline void book_first(book_moment *moment, book_moment now)
{
    if (*moment == 0)
        *moment = now;
}

/* From now on the participant must not do the branch's work any more, as long as it remembers. */
static inline void book_gone(struct book_share *share, const struct book_node *node)
{
    share->gone_life = node->life;
    share->gone_heard = node->heard;
}

/* A participant has heard of an epoch and a watermark. */
void book_epoch(struct book_node *node, uint32_t epoch, struct vow_watermark watermark);
/* If the sight is an input of the node's core, remembers it as the newest. */
void book_note_input(struct book_node *node, const struct sim_sight *sight);
void book_message(struct sim_book *book, struct book_node *node, const struct sim_sight *sight);
void book_looked_up(struct sim_book *book, const struct sim_sight *sight);
void book_log(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight);
void book_store(struct sim_book *book, struct book_node *node, const struct sim_sight *sight);
void book_worked(struct sim_book *book, const struct sim_sight *sight);
void book_disk(struct sim_book *book, struct book_node *node, const struct sim_sight *sight);
void book_disk_settle(struct sim_book *book, const struct sim_sight *sight);

#endif
