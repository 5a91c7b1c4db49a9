#include "proto/cause.h"

/* clang-format off */
bool vow_cause_is_valid(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value:
#include "cause.def"
#undef CAUSE
        return true;
    }
    return false;
}

const char *vow_cause_name(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value: return word;
#include "cause.def"
#undef CAUSE
    }
    return "?";
}

const char *vow_cause_text(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value: return text;
#include "cause.def"
#undef CAUSE
    }
    return "?";
}
/* clang-format on */
