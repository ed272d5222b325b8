/*
 * One symbol's depth stream of Binance: diffs, snapshots, trades. The update ids of a diff need not
 * follow each other; `pu` says what it continues. A snapshot is a packet like the others, and the
 * lines join the stream to it.
 *
 * Source of the joining rule: "How to manage a local order book correctly" of the venue's
 * documentation, with the case that a snapshot falls between two diffs (pu <= L < U), which does
 * happen: it is the same comparison, previous <= L < last.
 */
#include "market/feed/feed_inner.h"

/*
 * Whether the text speaks of the symbol that this feed follows: the first that it saw, or was told.
 * Some snapshots do not say. Instrument 0 is there from the beginning, its name comes when it
 * comes.
 */
static bool is_ours(struct rl_feed *f, const struct rl_binance *b)
{
    const uint8_t *symbol = b->text + b->symbol.at;

    if (b->symbol.n == 0)
        return true;
    if (f->symbols[0][0] == '\0')
        return rl_feed_symbol_set(f, 0, symbol, b->symbol.n);
    return b->symbol.n < RL_FEED_SYMBOL && f->symbols[0][b->symbol.n] == '\0' &&
           memcmp(f->symbols[0], symbol, b->symbol.n) == 0;
}

static enum rl_read read_line(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                              bool is_whole, struct rl_packet *p)
{
    struct rl_binance alone, *b = f ? &f->binance : &alone;

    (void)is_whole; /* JSON is whole or it is none */
    if (f)
        f->parsed = NULL;
    if (!rl_binance_read(b, packet, n_bytes))
        return RL_READ_BAD_FRAME;
    if (f)
        f->parsed = packet;
    *p = (struct rl_packet){
        .ts_ns = b->ts_ns, .n_messages = 1, .number_bits = 64, .kind = RL_PACKET_PLAIN};
    if ((b->kind != RL_BINANCE_DEPTH && b->kind != RL_BINANCE_SNAPSHOT) || (f && !is_ours(f, b)))
        return RL_READ_OK;
    p->kind = b->kind == RL_BINANCE_DEPTH ? RL_PACKET_DATA : RL_PACKET_SNAPSHOT;
    p->previous = b->kind == RL_BINANCE_DEPTH ? b->previous : b->last;
    p->next = b->last + 1;
    return RL_READ_OK;
}

static bool start(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    struct rl_binance *b = &f->binance;

    (void)p, (void)skip;
    if (f->parsed != packet) { /* kept meanwhile: another text was read since */
        f->parsed = NULL;
        if (!rl_binance_read(b, packet, n_bytes))
            return false;
    }
    f->n.messages++;
    c->ts_ns = b->ts_ns;
    c->seq = b->last;
    c->n_left = 1;
    c->levels[RL_BUY] = b->levels[RL_BUY];
    c->levels[RL_SELL] = b->levels[RL_SELL];
    if (!is_ours(f, b)) {
        f->n.no_instrument++;
        c->levels[RL_BUY].n = c->levels[RL_SELL].n = 0;
        b->kind = RL_BINANCE_OTHER;
    } else if (b->kind == RL_BINANCE_SNAPSHOT) {
        c->pending = RL_OP_CLEAR;
        c->is_done = true;
        c->instrument = 0;
        rl_feed_snapshot_begins(f, 0);
    }
    return true;
}

static bool bad_entry(struct rl_feed *f, struct rl_update *u)
{
    f->n.bad_entries++;
    rl_feed_doubt(f);
    return rl_feed_none(u);
}

static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    struct rl_binance *b = &f->binance;
    bool is_book = b->kind == RL_BINANCE_DEPTH || b->kind == RL_BINANCE_SNAPSHOT, is_good;
    uint64_t px;

    if (c->n_left == 0)
        return false;
    u->seq = c->seq;
    u->ts_ns = c->ts_ns;
    u->instrument = 0;
    if (is_book) {
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            if (!rl_binance_level(b, &c->levels[side], f->n_qty_decimals, &u->px_nano, &u->qty,
                                  &is_good))
                continue;
            f->n.entries++;
            f->n.level_entries++;
            c->is_done = true; /* something was yielded */
            if (!is_good)
                return bad_entry(f, u);
            u->op = RL_OP_LEVEL;
            u->side = (uint8_t)side;
            return true;
        }
        c->n_left = 0;
        return c->is_done ? false : rl_feed_none(u);
    }
    c->n_left = 0;
    if (b->kind != RL_BINANCE_TRADE)
        return rl_feed_none(u);
    f->n.entries++;
    if (!rl_binance_decimal(b, b->px[0], 9, &px) ||
        !rl_binance_decimal(b, b->qty[0], f->n_qty_decimals, &u->qty)) {
        f->n.bad_entries++; /* a print: no book is wrong for it */
        return rl_feed_none(u);
    }
    u->op = RL_OP_TRADE;
    u->side = b->is_buyer_maker ? RL_SELL : RL_BUY;
    u->px_nano = (int64_t)px;
    return true;
}

const struct rl_protocol rl_protocol_binance = {
    .name = "binance", .read = read_line, .start = start, .next = next, .has_snapshots = true};
