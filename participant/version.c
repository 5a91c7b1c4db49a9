#include <vow/types.h>

const char *vow_version(void)
{
    return VOW_SOFTWARE_VERSION;
}
