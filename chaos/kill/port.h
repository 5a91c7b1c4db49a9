/*
 * An address for a process that is started again and again: a port that stays ours. A socket is bound to it and does
 * not listen, so no other program gets the port from the kernel; the process binds to it beside us, for which both have
 * SO_REUSEADDR, as every server that can be restarted has.
 */
#ifndef VOW_CHAOS_KILL_PORT_H
#define VOW_CHAOS_KILL_PORT_H

#define REAL_HOST "127.0.0.1" /* of every address that we give, but for namespaces */

struct real_port {
    int fd;
    char address[32]; /* "127.0.0.1:PORT" */
};

/* 0, or an errno. */
int real_port_open(struct real_port *port);
/* The same of a host that is the process's alone: no socket is needed. */
void real_port_of(struct real_port *port, const char *host, unsigned number);
void real_port_close(struct real_port *port);

/* Of an address "HOST:PORT": all of it for "", the number alone for ".port", the host for ".host"; else NULL. */
const char *real_address_part(const char *address, const char *host, const char *part);

#endif
