/*
 * ICE iMpact multicast to the sequence level: every message is yielded, none touches a book.
 * Messages are numbered; the number has 32 bits, a session is a number of its own.
 */
#include "market/codec/ice.h"
#include "market/feed/feed_inner.h"

static enum rl_read read_packet(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                                bool is_whole, struct rl_packet *p)
{
    struct rl_ice b;
    uint32_t n;

    (void)f;
    if (!rl_ice_open(&b, packet, n_bytes) || (is_whole && !rl_ice_is_whole(packet, n_bytes, &n)))
        return RL_READ_BAD_FRAME;
    *p = (struct rl_packet){.previous = (uint64_t)b.seq - 1,
                            .next = (uint64_t)b.seq + b.n_left,
                            .session = b.session,
                            .ts_ns = b.ts_ns,
                            .n_messages = b.n_left,
                            .body = RL_ICE_HEADER,
                            .kind = b.n_left == 0 ? RL_PACKET_HEARTBEAT : RL_PACKET_DATA,
                            .number_bits = 32,
                            .is_counted = 1};
    return RL_READ_OK;
}

static bool start(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    struct rl_ice b;
    uint32_t n;

    if (!rl_ice_open(&b, packet, n_bytes))
        return false;
    for (; skip > 0; skip--)
        if (!rl_ice_next(&b, &n)) {
            f->n.bad_frames++;
            return false;
        }
    c->at = b.at;
    c->end = b.end;
    c->n_left = b.n_left;
    c->ts_ns = p->ts_ns;
    return true;
}

static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    struct rl_ice b = {.at = c->at, .end = c->end, .n_left = (uint16_t)c->n_left};
    uint32_t n_bytes;
    const uint8_t *message = rl_ice_next(&b, &n_bytes);

    if (!message) {
        if (c->n_left > 0) { /* the packet ends before its messages do */
            f->n.bad_frames++;
            f->n.lost += c->n_left;
            c->n_left = 0;
            rl_feed_doubt(f);
        }
        return false;
    }
    c->at = b.at;
    c->n_left--;
    f->n.messages++;
    u->seq = c->seq++;
    u->ts_ns = c->ts_ns;
    u->id = message[0];
    return rl_feed_none(u);
}

const struct rl_protocol rl_protocol_ice = {
    .name = "ice", .read = read_packet, .start = start, .next = next};
