#include "market/codec/mold.h"

void rl_mold_begin(struct rl_mold_writer *w, uint8_t *packet, uint32_t n_max, const char *session,
                   uint64_t seq)
{
    *w = (struct rl_mold_writer){.packet = packet, .n_bytes = RL_MOLD_HEADER, .n_max = n_max};
    memcpy(packet, session, RL_MOLD_SESSION);
    rl_put_be64(packet + 10, seq);
    rl_put_be16(packet + 18, 0);
}

bool rl_mold_add(struct rl_mold_writer *w, const void *message, uint32_t n_bytes)
{
    uint8_t *at = w->packet + w->n_bytes;

    if (n_bytes > UINT16_MAX || w->n_max - w->n_bytes < RL_MOLD_BLOCK + n_bytes)
        return false;
    if (w->count == RL_MOLD_END - 1) /* one more would read as the end of the session */
        return false;
    rl_put_be16(at, (uint16_t)n_bytes);
    memcpy(at + RL_MOLD_BLOCK, message, n_bytes);
    w->n_bytes += RL_MOLD_BLOCK + n_bytes;
    w->count++;
    return true;
}

uint32_t rl_mold_finish(struct rl_mold_writer *w)
{
    rl_put_be16(w->packet + 18, w->count);
    return w->n_bytes;
}

void rl_mold_put_request(uint8_t *packet, const uint8_t *session, uint64_t seq, uint64_t n)
{
    memcpy(packet, session, RL_MOLD_SESSION);
    rl_put_be64(packet + 10, seq);
    rl_put_be16(packet + 18, (uint16_t)(n < RL_MOLD_MAX_REQUEST ? n : RL_MOLD_MAX_REQUEST));
}

bool rl_mold_read_request(const uint8_t *packet, uint32_t n_bytes, const uint8_t **session,
                          uint64_t *seq, uint32_t *n)
{
    if (n_bytes != RL_MOLD_HEADER)
        return false;
    *session = packet;
    *seq = rl_be64(packet + 10);
    *n = rl_be16(packet + 18);
    return *n > 0 && *n <= RL_MOLD_MAX_REQUEST;
}

bool rl_mold_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages)
{
    struct rl_mold m;
    uint32_t n;

    if (!rl_mold_open(&m, packet, n_bytes))
        return false;
    *n_messages = m.n_left;
    while (rl_mold_next(&m, &n))
        ;
    return m.n_left == 0 && m.at == m.end;
}
