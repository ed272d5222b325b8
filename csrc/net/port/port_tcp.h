/*
 * port_tcp - messages through one TCP connection, each behind its length: 2 bytes, big endian.
 *
 * With a `cut` (port_open.h) messages frame themselves, as FIX does, and nothing stands before
 * them.
 *
 * One end listens and takes one connection, the other connects when it is opened. What the kernel
 * has no room for stays queued here until the next flush, so that the stream keeps its shape; when
 * that queue is full, reservations are refused. A connection that has ended stays ended: what was
 * whole is still received, a message cut off or a reset counts as one invalid frame, and what is
 * sent is lost and counted.
 *
 * Threads:  one receives, one sends. The listener must have received (or tried to) before it can
 *           send: it learns of its connection there.
 * Memory:   buffers of its own; messages are read where the kernel copied them.
 */
#ifndef RL_NET_PORT_TCP_H
#define RL_NET_PORT_TCP_H

#include "net/port/port_open.h"

#define RL_TCP_LENGTH 2          /* bytes before each message */
#define RL_TCP_FRAME_MAX 0xFFFFU /* what they can say */

/* As rl_port_open, inside the namespace wanted. */
int rl_tcp_port_open(struct rl_port **port, const struct rl_port_config *config,
                     char why[RL_PORT_WHY]);

#endif
