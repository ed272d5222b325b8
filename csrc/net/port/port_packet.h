/*
 * port_packet - whole Ethernet frames through a packet socket: received in a ring that the kernel
 * writes (TPACKET_V2), sent by one system call a batch, past the queueing discipline.
 *
 * Threads:  one receives, one sends; they may be the same.
 * Memory:   received frames lie in the kernel's ring until they are released. What is sent is
 *           written into pages of the port and copied by the kernel.
 * Cost:     receiving is a load of the next slot's status. Sending is a system call a flush.
 *
 * The kernel's own stack gets every frame as well, and answers a datagram at a port that nobody
 * opened by an ICMP error. Where it can, a framed port keeps its datagrams from it, and caps.mode
 * says so: "stack bypass" (packet_bypass.h). Framed ports without a VLAN come behind tc ingress, so
 * an impairment there acts on them; all others come before it.
 *
 * A VLAN tag that the kernel took off is put back. A framed port's socket filter keeps frames for
 * other UDP ports out of the ring; they are not counted anywhere. PACKET_STATISTICS, what found the
 * ring full, is added to rx_dropped by rl_port_stats_ask. A frame longer than a slot of the ring
 * arrives cut off and is counted as rx_invalid.
 */
#ifndef RL_NET_PORT_PACKET_H
#define RL_NET_PORT_PACKET_H

#include "net/port/port_open.h"

/*
 * Of config: interface, wait (spin or block), wants_stamps, n_slots (0: 1024), n_bytes_frame (0:
 * what the MTU allows, at most 9 KiB) and, when is_framed, whose UDP port `hears` or `flow` names;
 * frames are whole nevertheless. 0; -errno with a sentence in `why`. Needs CAP_NET_RAW.
 */
int rl_packet_port_open(struct rl_port **port, const struct rl_port_config *config,
                        char why[RL_PORT_WHY]);

#endif
