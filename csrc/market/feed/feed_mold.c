/* MoldUDP64 as a feed sees it: packets of messages, counted one by one. */
#include "market/feed/feed_inner.h"

enum rl_read rl_read_mold(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, bool is_whole,
                          struct rl_packet *p)
{
    struct rl_mold m;
    uint32_t n;

    (void)f;
    if (!rl_mold_open(&m, packet, n_bytes) || (is_whole && !rl_mold_is_whole(packet, n_bytes, &n)))
        return RL_READ_BAD_FRAME;
    *p = (struct rl_packet){.previous = m.seq - 1,
                            .next = m.seq + m.n_left,
                            .n_messages = m.n_left,
                            .body = RL_MOLD_HEADER,
                            .number_bits = 64,
                            .is_counted = 1,
                            .kind = m.is_end        ? RL_PACKET_END
                                    : m.n_left == 0 ? RL_PACKET_HEARTBEAT
                                                    : RL_PACKET_DATA};
    rl_mold_session(packet, &p->session, &p->session_rest);
    return RL_READ_OK;
}

bool rl_start_mold(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, uint64_t skip,
                   struct rl_mold *m)
{
    uint32_t n;

    if (!rl_mold_open(m, packet, n_bytes))
        return false;
    for (; skip > 0; skip--)
        if (!rl_mold_next(m, &n)) {
            f->n.bad_frames++;
            return false;
        }
    return true;
}

enum rl_read rl_read_bare(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, bool is_whole,
                          struct rl_packet *p)
{
    (void)f, (void)packet, (void)n_bytes, (void)is_whole;
    *p = (struct rl_packet){.n_messages = 1, .number_bits = 64, .kind = RL_PACKET_PLAIN};
    return RL_READ_OK;
}
