/* DBN market-by-order records, and the snapshots among them. */
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
    c->n_left = m.n_left;
    c->block = RL_MOLD_BLOCK;
    return true;
}

static bool start_bare(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                       const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    (void)f, (void)p, (void)skip;
    c->at = packet;
    c->end = packet + n_bytes;
    c->n_left = 1;
    c->block = 0;
    return true;
}

/* The next record of the packet; NULL at its end. */
static const uint8_t *record_next(struct rl_feed *f, struct rl_feed_cursor *c, uint32_t *n_bytes)
{
    const uint8_t *record = c->message;
    uint32_t n_left_bytes = (uint32_t)(c->end - c->at);

    if (record) { /* after its CLEAR */
        *n_bytes = c->n_message;
        c->message = NULL;
        return record;
    }
    if (c->n_left == 0)
        return NULL;
    *n_bytes = n_left_bytes;
    if (c->block != 0) {
        if (n_left_bytes < RL_MOLD_BLOCK || n_left_bytes - RL_MOLD_BLOCK < rl_be16(c->at)) {
            f->n.bad_frames++;
            f->n.lost += c->n_left;
            c->n_left = 0;
            rl_feed_doubt(f);
            return NULL;
        }
        *n_bytes = rl_be16(c->at);
    }
    record = c->at + c->block;
    c->at = record + *n_bytes;
    c->n_left--;
    c->seq++;
    f->n.messages++;
    return record;
}

static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    uint32_t n_bytes, instrument;
    const uint8_t *record = record_next(f, c, &n_bytes);
    bool is_good, in_snapshot;

    if (!record)
        return false;
    is_good = rl_dbn_decode(record, n_bytes, u);
    f->venue_seq = is_good ? u->seq : f->venue_seq;
    u->seq = c->seq - 1;
    if (RL_UNLIKELY(!is_good)) {
        f->n.bad_messages++;
        u->ts_ns = 0;
        return rl_feed_none(u);
    }
    instrument = rl_feed_number_find(f, rl_dbn_instrument(record));
    if (RL_UNLIKELY(instrument == RL_FEED_NONE)) {
        f->n.no_instrument++;
        return rl_feed_none(u);
    }
    u->instrument = instrument;
    in_snapshot = (rl_dbn_flags(record) & RL_DBN_FLAG_SNAPSHOT) != 0;
    if (RL_UNLIKELY(in_snapshot && !f->in_snapshot[instrument])) {
        f->in_snapshot[instrument] = 1;
        rl_feed_snapshot_begins(f, instrument);
        c->message = record;
        c->n_message = n_bytes;
        u->op = RL_OP_CLEAR;
        return true;
    }
    f->in_snapshot[instrument] = in_snapshot && !(rl_dbn_flags(record) & RL_DBN_FLAG_LAST);
    return true;
}

const struct rl_protocol rl_protocol_dbn = {
    .name = "dbn", .read = rl_read_mold, .start = start, .next = next};
const struct rl_protocol rl_protocol_dbn_bare = {
    .name = "dbn", .read = rl_read_bare, .start = start_bare, .next = next, .is_bare = true};
