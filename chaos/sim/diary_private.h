/* The files of the diary among themselves. */
#ifndef VOW_CHAOS_SIM_DIARY_PRIVATE_H
#define VOW_CHAOS_SIM_DIARY_PRIVATE_H

#include "chaos/sim/diary.h"
#include "chaos/sim/dump.h"

static inline void diary_first(book_moment *moment, book_moment now)
{
    if (*moment == 0)
        *moment = now;
}

/* A change is committed. */
void diary_change(struct sim_diary *diary, uint8_t node, const struct sim_dump_told *told, book_moment now);
/* The coordinator keeps it: returns the entry of this offset. */
struct diary_event *diary_keep(struct sim_diary *diary, struct diary_event *event, uint64_t lsn, book_moment now);
void diary_raise_key(struct sim_diary *diary, struct diary_event *event, uint64_t key_seq);
/* The group is removed: it is owed nothing any more, and has no dead letters. */
void diary_leave(struct sim_diary *diary, struct diary_group *group, book_moment now);
/* NULL if the event or the group is not known. */
struct diary_share *diary_share_at(struct sim_diary *diary, uint8_t coord, const char *name, uint64_t lsn);

#endif
