#include "proto/error.h"

/* Each list is a switch, so a value that is used twice does not compile. */
/* clang-format off */
enum vow_error_class vow_error_class(int error)
{
    switch (error) {
#define ERROR(name, value, class, text, conclusion) case value: return VOW_CLASS_##class;
#include "error.def"
#undef ERROR
    }
    return VOW_CLASS_FATAL;
}

const char *vow_error_name(int error)
{
    switch (error) {
#define ERROR(name, value, class, text, conclusion) case value: return "VOW_E_" #name;
#include "error.def"
#undef ERROR
    }
    return "VOW_E_?";
}

const char *vow_error_text(int error)
{
    switch (error) {
#define ERROR(name, value, class, text, conclusion) case value: return text;
#include "error.def"
#undef ERROR
    }
    return "an error that this version does not know";
}

const char *vow_error_conclusion(int error)
{
    switch (error) {
#define ERROR(name, value, class, text, conclusion) case value: return conclusion;
#include "error.def"
#undef ERROR
    }
    return "close the object; nothing may be presumed";
}
/* clang-format on */
