/*
 * port_probe - whether this host, and this user on it, can have a port at all, and why not.
 *
 * Threads:  any. Cost:  some system calls; nothing stays open or attached.
 */
#ifndef RL_NET_PORT_PROBE_H
#define RL_NET_PORT_PROBE_H

#include "net/port/port_open.h"

/*
 * 0 and in `mode` what would be obtained, as far as it is known without an interface; -errno and in
 * `why` what is missing: a right, by its name, or a feature of the kernel.
 */
int rl_backend_probe(enum rl_backend backend, char mode[48], char why[RL_PORT_WHY]);

#endif
