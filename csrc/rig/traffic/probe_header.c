#include "rig/traffic/probe_header.h"

void rl_probe_fill(uint8_t *bytes, uint32_t n_bytes, const struct rl_probe_header *h, uint64_t seed)
{
    uint64_t word = rl_probe_check(h, seed);
    uint32_t at = RL_PROBE_CHECK_AT;

    for (; at + 8 <= n_bytes; at += 8, word += RL_MIX_STEP)
        memcpy(bytes + at, &word, 8);
    if (at < n_bytes)
        memcpy(bytes + at, &word, n_bytes - at);
}

bool rl_probe_is_whole(const uint8_t *bytes, uint32_t n_bytes, const struct rl_probe_header *h,
                       uint64_t seed)
{
    uint64_t word = rl_probe_check(h, seed), differs = 0, seen;
    uint32_t at = RL_PROBE_CHECK_AT;

    for (; at + 8 <= n_bytes; at += 8, word += RL_MIX_STEP) {
        memcpy(&seen, bytes + at, 8);
        differs |= seen ^ word;
    }
    return differs == 0 && (at >= n_bytes || memcmp(bytes + at, &word, n_bytes - at) == 0);
}

bool rl_probe_was_ours(const uint8_t *bytes, uint32_t n_bytes, uint32_t flow, uint64_t seed)
{
    struct rl_probe_header h = {.magic = 0};
    uint32_t n = n_bytes < sizeof h ? n_bytes : (uint32_t)sizeof h;
    uint64_t check;

    memcpy(&h, bytes, n);
    if (n_bytes >= offsetof(struct rl_probe_header, seq) && h.magic == RL_PROBE_MAGIC &&
        h.flow == flow)
        return true;
    if (n_bytes < RL_PROBE_CONTENT_AT)
        return false;
    h.magic = RL_PROBE_MAGIC;
    h.flow = flow;
    check = rl_probe_check(&h, seed);
    return memcmp(bytes + RL_PROBE_CHECK_AT, &check, 8) == 0;
}
