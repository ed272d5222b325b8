/* sample_flow - datagrams between two stations that are nowhere, and their answers. */
#ifndef RL_TESTS_SAMPLE_FLOW_H
#define RL_TESTS_SAMPLE_FLOW_H

#include <string.h>

#include "net/frame.h"

static const struct rl_flow sample_flow = {
    .from_mac = {2, 0, 0, 0, 0, 1},
    .to_mac = {2, 0, 0, 0, 0, 2},
    .from_ip = 0x0A000001,
    .to_ip = 0x0A000002,
    .from_port = 4001,
    .to_port = 4002,
    .has_checksum = true,
};

static inline struct rl_flow flow_back(const struct rl_flow *f)
{
    struct rl_flow back = *f;

    memcpy(back.from_mac, f->to_mac, 6);
    memcpy(back.to_mac, f->from_mac, 6);
    back.from_ip = f->to_ip;
    back.to_ip = f->from_ip;
    back.from_port = f->to_port;
    back.to_port = f->from_port;
    return back;
}

#endif
