/*
 * packet_bypass - keeps the kernel's own IP stack from handling what a packet socket receives.
 *
 * It would look for a socket at the port, find none and answer every datagram with an ICMP error:
 * on the same core, some microseconds each. A program at tc ingress tells the stack that a frame is
 * for another host; packet sockets of ETH_P_IP, which come after it, take it nevertheless. It drops
 * nothing and decides nothing, so other programs there see every frame, before or behind it.
 */
#ifndef RL_NET_PACKET_BYPASS_H
#define RL_NET_PACKET_BYPASS_H

#include "net/frame.h"

#define RL_PACKET_BYPASS_MARK 0x726C7062U /* on frames that are ours and were told so */

/*
 * For untagged datagrams to the addresses and the port of `hears`, until the returned descriptor is
 * closed. -errno where it cannot be had: it needs CAP_BPF, CAP_NET_ADMIN and Linux 6.6.
 */
int rl_packet_bypass_open(uint32_t ifindex, const struct rl_flow_filter *hears);

#endif
