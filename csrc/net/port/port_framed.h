/*
 * port_framed - datagrams over any port of Ethernet frames: headers written in front, read and
 * taken off behind, and everything that is not for us counted by reason.
 *
 * Threads:  as any port: one receives, one sends. Any may read the counters.
 * Memory:   its own pages for its state; frames stay those of the port below, in both directions.
 * Cost:     rl_frame_read a frame received, rl_frame_write a frame sent, one more indirect call.
 *
 * A frame that is refused never reaches the caller; when a burst had nothing else, it is given back
 * to the port below at once, so that a flood of them cannot fill its ring.
 */
#ifndef RL_NET_PORT_FRAMED_H
#define RL_NET_PORT_FRAMED_H

#include "net/frame.h"
#include "net/port/port.h"
#include "net/port/port_open.h" /* RL_PORT_WHY */

/*
 * 0: `*port` owns `raw` and closes it. On failure, -errno with a sentence in `why`, it stays the
 * caller's. rx == NULL: hears what answers `tx` (rl_flow_mirror). A `tx` to no address and no port
 * is one of a port that only receives: its n_bytes_frame_max is 0. n_slots: how many frames one
 * burst looks at before it returns without any; 0: 256.
 */
int rl_framed_port_open(struct rl_port **port, struct rl_port *raw, const struct rl_flow *tx,
                        const struct rl_flow_filter *rx, uint32_t n_slots, char why[RL_PORT_WHY]);

/*
 * Frames refused, by enum rl_frame_reason (counts[RL_FRAME_OK] is 0); their sum, and what the port
 * below threw away, is rx_invalid. False, and nothing is written, when the port is not framed.
 */
bool rl_framed_port_reasons(const struct rl_port *port, uint64_t counts[RL_N_FRAME_REASONS]);

#endif
