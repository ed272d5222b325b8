/*
 * deaf - the kernel's own IP does not hear the datagrams of one UDP port at an interface, packet
 * sockets do.
 *
 * Who reads datagrams through a packet socket shares them with the kernel, which looks for a
 * socket of its own and answers each with "port unreachable": microseconds a packet, and traffic
 * that nobody asked for. A program at tc ingress says that such a packet is for another host: IP
 * lets it go at once. Packet sockets get it all the same, those of ETH_P_ALL before tc and those of
 * ETH_P_IP behind it, so an impairment table at tc ingress acts on the latter.
 *
 * Held by a tcx link (Linux 6.6): gone with the process. Opened in the namespace of the interface.
 */
#ifndef RL_NET_BPF_DEAF_H
#define RL_NET_BPF_DEAF_H

#include "net/bpf/sys.h"

struct rl_deaf {
    int prog_fd, link_fd;
};

/*
 * 0 or -errno with a sentence: -EINVAL where the kernel has no tcx. Fragments and all else are
 * heard as before.
 */
int rl_deaf_open(struct rl_deaf *deaf, uint32_t ifindex, uint16_t udp_port, char why[RL_BPF_WHY]);
void rl_deaf_close(struct rl_deaf *deaf); /* once; also after an open that failed */

#endif
