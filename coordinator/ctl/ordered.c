#include "coordinator/ctl/ordered.h"

/* Of an error that is the answer. Only a definite no says that nothing was done: whatever leaves it open, is not for
 * answers at all, or is of a newer version, says nothing. */
static enum ordered answered(int error)
{
    if (error == VOW_E_RECOVERING)
        return ORDERED_UNKNOWN;
    switch (vow_error_class(error)) {
    case VOW_CLASS_OK:
        return ORDERED_DONE;
    case VOW_CLASS_RETRY:
        return ORDERED_LATER;
    case VOW_CLASS_USAGE:
    case VOW_CLASS_REFUSED:
        return ORDERED_REFUSED;
    case VOW_CLASS_UNKNOWN:
    case VOW_CLASS_PROTOCOL:
    case VOW_CLASS_FATAL:
        break;
    }
    return ORDERED_UNKNOWN;
}

enum ordered ordered(enum ask_end end, int error)
{
    switch (end) {
    case ASK_NOT_SENT:
        return ORDERED_NOT_GIVEN;
    case ASK_UNANSWERED:
        break;
    case ASK_ANSWERED:
        return answered(error);
    }
    return ORDERED_UNKNOWN;
}

const char *ordered_words(enum ordered what)
{
    switch (what) {
    case ORDERED_DONE:
        return "done";
    case ORDERED_NOT_GIVEN:
        return "nothing was done: the order was not sent";
    case ORDERED_LATER:
        return "refused for now, nothing was done: give the order again";
    case ORDERED_REFUSED:
        return "refused, nothing was done";
    case ORDERED_UNKNOWN:
        break;
    }
    return "it is not known whether it was done";
}
