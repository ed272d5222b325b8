/*
 * CME MDP 3.0 to the sequence level: every message is yielded, none touches a book but the channel
 * reset. Packets are numbered, not messages; the number has 32 bits and there are no sessions.
 */
#include "market/codec/mdp3.h"
#include "market/feed/feed_inner.h"

static enum rl_read read_packet(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                                bool is_whole, struct rl_packet *p)
{
    struct rl_mdp3 m;
    uint32_t n;

    (void)f, (void)is_whole; /* how many messages there are shows only by walking them */
    if (!rl_mdp3_is_whole(packet, n_bytes, &n) || !rl_mdp3_open(&m, packet, n_bytes))
        return RL_READ_BAD_FRAME;
    *p = (struct rl_packet){.previous = (uint64_t)m.seq - 1,
                            .next = (uint64_t)m.seq + 1,
                            .ts_ns = m.ts_ns,
                            .n_messages = n,
                            .body = RL_MDP3_HEADER,
                            .number_bits = 32};
    return RL_READ_OK;
}

static bool start(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    (void)f, (void)skip;
    c->at = packet + p->body;
    c->end = packet + n_bytes;
    c->ts_ns = p->ts_ns;
    return true;
}

static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    struct rl_mdp3 m = {.at = c->at, .end = c->end};
    uint32_t n_bytes;
    const uint8_t *message = rl_mdp3_next(&m, &n_bytes);

    if (!message)
        return false;
    c->at = m.at;
    f->n.messages++;
    u->seq = c->seq;
    u->ts_ns = c->ts_ns;
    u->id = rl_mdp3_template(message);
    if (u->id == RL_MDP3_CHANNEL_RESET) {
        u->op = RL_OP_RESET;
        u->instrument = RL_INSTRUMENT_ALL;
        f->base_synced = f->certain_since;
        return true;
    }
    f->n.heartbeats += u->id == RL_MDP3_HEARTBEAT;
    return rl_feed_none(u);
}

const struct rl_protocol rl_protocol_mdp3 = {
    .name = "mdp3", .read = read_packet, .start = start, .next = next};
