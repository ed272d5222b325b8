#include "market/codec/ice.h"

bool rl_ice_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages)
{
    struct rl_ice b;
    uint32_t n;

    if (!rl_ice_open(&b, packet, n_bytes))
        return false;
    *n_messages = b.n_left;
    while (rl_ice_next(&b, &n))
        ;
    return b.n_left == 0 && b.at == b.end;
}

uint32_t rl_ice_put(uint8_t *packet, uint16_t session, uint32_t seq, uint64_t sent_ms, uint8_t type,
                    uint16_t n)
{
    uint8_t *at = packet + RL_ICE_HEADER;

    rl_put_be16(packet, session);
    rl_put_be32(packet + 2, seq);
    rl_put_be16(packet + 6, n);
    rl_put_be64(packet + 8, sent_ms);
    for (uint32_t i = 0; i < n; i++, at += RL_ICE_FRAME) {
        at[0] = type;
        rl_put_be16(at + 1, 0);
    }
    return (uint32_t)(at - packet);
}
