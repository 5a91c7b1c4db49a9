/* vow-chaos run. */
#ifndef VOW_CHAOS_KILL_COMMAND_H
#define VOW_CHAOS_KILL_COMMAND_H

/* argv[0] is "run". Returns the exit status. */
int real_command(int argc, char **argv);

#endif
