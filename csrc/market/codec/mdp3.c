#include "market/codec/mdp3.h"

bool rl_mdp3_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages)
{
    struct rl_mdp3 m;
    uint32_t n;

    *n_messages = 0;
    if (!rl_mdp3_open(&m, packet, n_bytes))
        return false;
    while (rl_mdp3_next(&m, &n))
        ++*n_messages;
    return m.at == m.end;
}

uint32_t rl_mdp3_put(uint8_t *packet, uint32_t seq, uint64_t ts_ns, uint16_t template_id)
{
    uint16_t size = RL_MDP3_FRAME;

    memset(packet, 0, RL_MDP3_HEADER + RL_MDP3_FRAME);
    memcpy(packet, &seq, sizeof seq);
    memcpy(packet + 4, &ts_ns, sizeof ts_ns);
    memcpy(packet + RL_MDP3_HEADER, &size, sizeof size);
    memcpy(packet + RL_MDP3_HEADER + 4, &template_id, sizeof template_id);
    return RL_MDP3_HEADER + RL_MDP3_FRAME;
}
