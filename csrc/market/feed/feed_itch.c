/* ITCH 5.0: what rl_feed_next does not do inline. */
#include "market/feed/feed_inner.h"

static bool start(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    struct rl_mold m;

    (void)p;
    if (!rl_start_mold(f, packet, n_bytes, skip, &m))
        return false;
    c->at = m.at;
    c->end = m.end;
    c->n_itch = m.n_left;
    c->block = RL_MOLD_BLOCK;
    f->n.messages += m.n_left;
    f->n.updates += m.n_left;
    return true;
}

static bool start_bare(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                       const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    (void)p, (void)skip;
    c->at = packet;
    c->end = packet + n_bytes;
    c->n_itch = 1;
    c->block = 0;
    f->n.messages++;
    f->n.updates++;
    return true;
}

/* Messages are decoded inline as long as n_itch lasts. */
static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    (void)f, (void)c, (void)u;
    return false;
}

void rl_feed_itch_cut(struct rl_feed *f, struct rl_feed_cursor *c)
{
    struct rl_sequence *s = &f->seq[0];

    f->n.bad_frames++;
    /* Its count is no more to be believed than its end: what it did not bring is still to come. */
    if (!f->lines && s->next == c->seq + c->n_itch)
        s->next = c->seq;
    else
        f->n.lost += c->n_itch;
    f->n.messages -= c->n_itch;
    f->n.updates -= c->n_itch;
    c->n_itch = 0;
    rl_feed_doubt(f);
}

void rl_feed_itch_odd(struct rl_feed *f, const uint8_t *message, bool is_good, struct rl_update *u)
{
    if (!is_good) {
        f->n.bad_messages++;
        u->ts_ns = 0;
        rl_feed_none(u);
    } else if (u->op == RL_OP_NONE) {
        if (message[0] == 'R')
            (void)rl_feed_locate_new(f, rl_itch_locate(message), rl_itch_symbol(message));
        rl_feed_none(u);
    } else {
        u->instrument = rl_feed_locate_find(f, message);
        if (u->instrument == RL_FEED_NONE) {
            f->n.no_instrument++;
            rl_feed_none(u);
        }
    }
}

const struct rl_protocol rl_protocol_itch = {
    .name = "itch", .read = rl_read_mold, .start = start, .next = next};
const struct rl_protocol rl_protocol_itch_bare = {
    .name = "itch", .read = rl_read_bare, .start = start_bare, .next = next, .is_bare = true};
