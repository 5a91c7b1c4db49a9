#include <unistd.h>

#include "coordinator/server/internal.h"
#include "proto/net/log.h"

void *server_need(void *memory)
{
    if (memory != NULL)
        return memory;
    VOW_LOG(VOW_LOG_ERROR, "journal_failed", VOW_STR("error", vow_error_name(VOW_E_NO_MEMORY)),
            VOW_STR("why", "there is no memory for a record of the journal"),
            VOW_STR("do", "give vowd more memory and start it again: it reads from the log what was decided"));
    _exit(VOW_SERVER_EXIT_FAILED);
}
