/* The scenarios of the storms, which the build makes C of (cmake/Embed.cmake). */
#ifndef VOW_CHAOS_STORM_WORLDS_H
#define VOW_CHAOS_STORM_WORLDS_H

extern const char world_shop[], world_stuck[], world_operator[];

#endif
