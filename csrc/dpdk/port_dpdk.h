/*
 * port_dpdk - a port over a DPDK ethdev: any poll mode driver or virtual device that is there.
 *
 * Built only where libdpdk is (pkg-config). DPDK wants the process for itself - its memory, its
 * arguments, its drivers' constructors - so it lives in a program of its own (redline_dpdk.c) and
 * never in the extension.
 *
 * Threads:  one receives, one sends, on queue 0 each; they need not be DPDK's own threads.
 * Memory:   frames lie in mbufs of the pool; received ones until rl_port_rx_release.
 */
#ifndef RL_DPDK_PORT_DPDK_H
#define RL_DPDK_PORT_DPDK_H

#include "net/port/port.h"

struct rte_mempool;

#define RL_DPDK_WHY 160
#define RL_DPDK_RX_HELD 256 /* received and not released */
#define RL_DPDK_TX_BATCH 64 /* committed and not flushed */

/*
 * Configures and starts the device: one queue each way, frames of an ordinary MTU. 0 and *port, or
 * -errno with a sentence. The pool outlives the port.
 */
int rl_dpdk_port_open(struct rl_port **port, uint16_t device, struct rte_mempool *pool,
                      char why[RL_DPDK_WHY]);
/* The device's address. */
void rl_dpdk_port_mac(const struct rl_port *port, uint8_t mac[6]);

#endif
