/* All of libvow. */
#ifndef VOW_VOW_H
#define VOW_VOW_H

#include <vow/client.h>
#include <vow/error.h>
#include <vow/event.h>
#include <vow/participant.h>
#include <vow/resource.h>
#include <vow/saga.h>
#include <vow/sqlite.h>
#include <vow/types.h>

#endif
