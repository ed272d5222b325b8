/*
 * port_xdp - whole Ethernet frames through an AF_XDP socket: four rings over one piece of memory
 * (the UMEM) that port and kernel, or port and NIC, hand frames to and fro in.
 *
 * Threads:  one receives, one sends; they may be the same: each direction has frames of its own.
 * Memory:   a received frame lies in the UMEM until it is released; a frame to send is written
 *           there in place. Every frame of the UMEM is in one place at any time.
 * Cost:     receiving is a load of the ring's producer. Sending is a system call a batch, or none
 *           where the NIC reads the UMEM and is awake.
 *
 * An XDP program sends the frames for this port to its socket and leaves all others to the kernel;
 * it is attached by a link and gone when the port is closed or its process ends, however it ends.
 * caps.mode says what was obtained, read back from the kernel. XDP_STATISTICS, what found no
 * frame or no room, are added to rx_dropped by rl_port_stats_ask.
 *
 * Frames carry no stamps of arrival. A VLAN tag that the NIC or the kernel took off before the
 * program is lost to it: such offloads are to be switched off.
 *
 * A flush hands frames over: those that an interface that is down does not take stay in the ring.
 * When no frame is left, reservations are refused (tx_full) until the kernel has given some back.
 */
#ifndef RL_NET_PORT_XDP_H
#define RL_NET_PORT_XDP_H

#include "net/port/port_open.h"

/*
 * Of config: interface, queue, xdp_mode, impair, wait, n_slots (each way; 0: 1024), n_bytes_frame
 * (0: what the MTU allows, at most RL_XDP_FRAME_MAX) and, when is_framed, whose UDP port `hears` or
 * `flow` names; frames are whole nevertheless. 0; -errno with a sentence in `why`. Needs
 * CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF.
 */
int rl_xdp_port_open(struct rl_port **port, const struct rl_port_config *config,
                     char why[RL_PORT_WHY]);

#define RL_XDP_FRAME_MAX (4096 - 256) /* a page, less what the kernel keeps free in front */

#endif
