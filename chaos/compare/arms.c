#include "chaos/compare/arms.h"

#include <stdio.h>
#include <string.h>

#define KIND(...) __VA_ARGS__

static const struct compare_arm arms_of[COMPARE_ARMS] = {
#define ARM(name, word, protocol, countermeasure, peers, record, kind, text)                                           \
    [COMPARE_##name] = {word, protocol, countermeasure, peers, record, text, {KIND kind}},
#include "chaos/compare/arm.def"
#undef ARM
};

const struct compare_arm *compare_arm(enum compare_arm_name name)
{
    return &arms_of[name];
}

struct compare_arms compare_arms_all(void)
{
    struct compare_arms arms = {.len = COMPARE_ARMS};

    for (int i = 0; i < COMPARE_ARMS; i++)
        arms.of[i] = (enum compare_arm_name)i;
    return arms;
}

int compare_arms_add(struct compare_arms *arms, const char *word)
{
    for (size_t i = 0; i < arms->len; i++)
        if (strcmp(arms_of[arms->of[i]].word, word) == 0)
            return -1;
    for (int i = 0; i < COMPARE_ARMS; i++) {
        if (strcmp(arms_of[i].word, word) != 0)
            continue;
        arms->of[arms->len++] = (enum compare_arm_name)i;
        return 0;
    }
    return -1;
}

int compare_arms_parse(const char *list, struct compare_arms *arms, char wrong[64])
{
    *arms = (struct compare_arms){.len = 0};
    for (const char *at = list;; at++) {
        const size_t len = strcspn(at, ",");
        (void)snprintf(wrong, 64, "%.*s", (int)(len < 63 ? len : 63), at);
        if (compare_arms_add(arms, wrong) != 0)
            return -1;
        at += len;
        if (*at == '\0')
            return 0;
    }
}
