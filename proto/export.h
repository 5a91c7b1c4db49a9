/*
 * What every public header needs: how a function is marked as part of the library.
 *
 * The library is compiled with hidden visibility. A function that users may call says VOW_EXPORT, and is listed in
 * packaging/vow.symbols; nothing else can be seen from outside.
 */
#ifndef VOW_PROTO_EXPORT_H
#define VOW_PROTO_EXPORT_H

#if defined(__GNUC__)
/* A function of the library that its users call. */
#define VOW_EXPORT __attribute__((visibility("default")))
/* A result that must not be ignored. */
#define VOW_MUST_USE __attribute__((warn_unused_result))
#else
#define VOW_EXPORT
#define VOW_MUST_USE
#endif

#endif
