/* vow-chaos sim. */
#ifndef VOW_CHAOS_SIM_COMMAND_H
#define VOW_CHAOS_SIM_COMMAND_H

/* argv[0] is "sim". Returns the exit status. */
int sim_command(int argc, char **argv);

#endif
