/*
 * An address for a process that is started again and again: a port that stays ours. A socket is bound to it and does
 * not listen, so no other program gets the port from the kernel; the process binds to it beside us, for which both have
 * SO_REUSEADDR, as every server that can be restarted has.
 */
#ifndef VOW_CHAOS_KILL_PORT_H
#define VOW_CHAOS_KILL_PORT_H

struct real_port {
    int fd;
    char address[32]; /* "127.0.0.1:PORT" */
};

/* 0, or an errno. */
int real_port_open(struct real_port *port);
void real_port_close(struct real_port *port);

#endif
