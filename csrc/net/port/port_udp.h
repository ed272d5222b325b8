/*
 * port_udp - datagrams through one UDP socket: spinning, sleeping, or polled by the kernel.
 *
 * Threads:  one receives, one sends.
 * Memory:   buffers of its own; received datagrams are copied by the kernel and read in place.
 * Cost:     a system call a datagram, or one for many: batches are sent by one sendmsg with
 *           UDP_SEGMENT when all have one length, else by sendmmsg, and received by recvmmsg once
 *           datagrams are seen to queue up.
 */
#ifndef RL_NET_PORT_UDP_H
#define RL_NET_PORT_UDP_H

#include "net/port/port_open.h"

/* As rl_port_open, inside the namespace wanted. */
int rl_udp_port_open(struct rl_port **port, const struct rl_port_config *config,
                     char why[RL_PORT_WHY]);

#endif
