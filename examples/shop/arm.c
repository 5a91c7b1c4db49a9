#include "arm.h"

#include <stddef.h>
#include <string.h>

static const char *const names[SHOP_ARMS] = {
    [SHOP_ARM_UNSET] = "",
    [SHOP_ARM_NONE] = "none",
    [SHOP_ARM_SEMANTIC_LOCK] = "semantic-lock",
    [SHOP_ARM_COMMUTATIVE] = "commutative",
    [SHOP_ARM_PESSIMISTIC_VIEW] = "pessimistic-view",
    [SHOP_ARM_REREAD] = "reread",
    [SHOP_ARM_VERSION_FILE] = "version-file",
    [SHOP_ARM_BY_VALUE] = "by-value",
};

const char *shop_arm_name(enum shop_arm arm)
{
    return names[arm];
}

int shop_arm_parse(const char *name, enum shop_arm *arm)
{
    for (size_t i = SHOP_ARM_NONE; name != NULL && i < SHOP_ARMS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *arm = (enum shop_arm)i;
            return 0;
        }
    }
    return -1;
}
