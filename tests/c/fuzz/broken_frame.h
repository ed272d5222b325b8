/*
 * Put before csrc/net/port/port_framed.c when fuzz_frame_broken is built: the port takes every
 * frame for one of at least the shortest length of Ethernet. The fuzz target must notice.
 */
#ifndef RL_TESTS_BROKEN_FRAME_H
#define RL_TESTS_BROKEN_FRAME_H

#include "net/frame.h"

#define rl_frame_read(frame, n, want, d) \
    rl_frame_read(frame, (n) < RL_ETHERNET_MIN ? RL_ETHERNET_MIN : (n), want, d)

#endif
