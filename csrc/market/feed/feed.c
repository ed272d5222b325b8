#include "market/feed/feed.h"

#include <errno.h>

#include "base/mem.h"
#include "market/feed/feed_inner.h"

/* --- set-up ----------------------------------------------------------------------------------- */

static uint32_t slots_for(uint32_t n_instruments)
{
    uint32_t n = 4;

    while (n < 2 * n_instruments)
        n <<= 1;
    return n;
}

/* The lines that the config asks for, or that the protocol needs even when it does not. */
static bool wanted_lines(const struct rl_feed_config *c, const struct rl_protocol *protocol,
                         struct rl_lines_config *lines)
{
    if (c->lines)
        *lines = *c->lines;
    else if (protocol->has_snapshots)
        *lines = rl_lines_defaults(protocol, 1);
    else
        return false;
    lines->protocol = protocol;
    if (c->first_seq != 0)
        lines->first_seq = c->first_seq;
    return true;
}

static bool config_is_good(const struct rl_feed_config *c)
{
    const struct rl_protocol *protocol = rl_protocol_of(c->kind, c->mold);
    struct rl_lines_config lines;

    return c->n_instruments > 0 && c->n_instruments <= 1u << 24 && c->n_qty_decimals <= 18 &&
           protocol && (!wanted_lines(c, protocol, &lines) || rl_lines_bytes(&lines) > 0);
}

size_t rl_feed_bytes(const struct rl_feed_config *c)
{
    struct rl_lines_config lines;
    size_t n;

    if (!config_is_good(c))
        return 0;
    n = (c->kind == RL_FEED_ITCH ? RL_FEED_LOCATES : slots_for(c->n_instruments)) *
            sizeof(uint32_t) +
        c->n_instruments *
            (RL_FEED_SYMBOL + sizeof(uint32_t) + sizeof(uint8_t) + sizeof(uint64_t)) +
        8 * RL_CACHE_LINE;
    if (wanted_lines(c, rl_protocol_of(c->kind, c->mold), &lines))
        n += sizeof(struct rl_lines) + rl_lines_bytes(&lines);
    return n;
}

static enum rl_feed_quick quick_way(const struct rl_feed *f)
{
    if (f->lines || f->kind != RL_FEED_ITCH)
        return RL_QUICK_NONE;
    return f->mold ? RL_QUICK_MOLD : RL_QUICK_MESSAGE;
}

int rl_feed_init(struct rl_feed *f, struct rl_arena *arena, const struct rl_feed_config *c)
{
    struct rl_lines_config lines;
    uint32_t n_slots;
    int err;

    if (!config_is_good(c))
        return -EINVAL;
    memset(f, 0, sizeof *f);
    f->kind = c->kind;
    f->protocol = rl_protocol_of(c->kind, c->mold);
    f->mold = f->protocol->read == rl_read_mold;
    f->n_qty_decimals = c->n_qty_decimals;
    f->n_instruments_max = c->n_instruments;
    f->last_instrument = RL_FEED_NONE;
    n_slots = c->kind == RL_FEED_ITCH ? RL_FEED_LOCATES : slots_for(c->n_instruments);
    f->slots = rl_arena_take(arena, n_slots * sizeof *f->slots, RL_CACHE_LINE);
    f->symbols = rl_arena_take(arena, c->n_instruments * sizeof *f->symbols, RL_CACHE_LINE);
    f->keys = rl_arena_take(arena, c->n_instruments * sizeof *f->keys, RL_CACHE_LINE);
    f->synced = rl_arena_take(arena, c->n_instruments * sizeof *f->synced, RL_CACHE_LINE);
    f->in_snapshot = rl_arena_take(arena, c->n_instruments, RL_CACHE_LINE);
    if (!f->slots || !f->symbols || !f->keys || !f->synced || !f->in_snapshot)
        return -ENOMEM;
    memset(f->slots, 0xFF, n_slots * sizeof *f->slots);
    f->slot_mask = n_slots - 1;
    if (c->kind == RL_FEED_ITCH)
        f->locates = f->slots;
    f->n_instruments = c->kind == RL_FEED_BINANCE;
    rl_fix_init(&f->fix, f->fields, RL_FIX_MAX_FIELDS);
    if (wanted_lines(c, f->protocol, &lines)) {
        f->lines = rl_arena_take(arena, sizeof *f->lines, RL_CACHE_LINE);
        if (!f->lines)
            return -ENOMEM;
        lines.feed = f;
        err = rl_lines_init(f->lines, arena, &lines);
        if (err)
            return err;
    }
    f->quick = (uint8_t)quick_way(f);
    rl_feed_forget(f);
    f->seq[0].next = f->seq[1].next = c->first_seq;
    if (f->protocol->is_bare && c->first_seq == 0)
        f->seq[0].next = 1;
    return 0;
}

void rl_feed_forget(struct rl_feed *f)
{
    f->seq[0] = f->seq[1] = (struct rl_sequence){.next = f->protocol->is_bare};
    f->numbering = 0;
    f->parsed = NULL;
    if (f->lines)
        rl_lines_forget(f->lines);
}

uint64_t rl_feed_next_seq(const struct rl_feed *f)
{
    return f->lines ? f->lines->seq.next : f->seq[f->numbering].next;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A packet that may be read now. False when it has nothing to yield. */
static bool begin(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    if (p->kind == RL_PACKET_HEARTBEAT)
        f->n.heartbeats++;
    else if (p->kind == RL_PACKET_END)
        f->n.ends++;
    else if (f->protocol->start(f, packet, n_bytes, p, skip, c))
        c->is_open = true;
    if (c->pending != RL_OP_NONE) {
        c->n_held = c->n_itch;
        c->n_itch = 0;
    }
    return c->is_open || c->pending != RL_OP_NONE;
}

static void new_session(struct rl_feed *f, struct rl_feed_cursor *c)
{
    f->n.sessions++;
    f->certain_since++;
    f->base_synced = f->certain_since; /* the books begin anew, and so does certainty */
    c->pending = RL_OP_RESET;
}

static void loss(struct rl_feed *f, uint64_t n)
{
    f->n.gaps++;
    f->n.lost += n;
    rl_feed_doubt(f);
}

/* One line: a packet against what was expected. Nothing is parked: a gap is a loss. */
static bool one_line(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                     struct rl_packet *p, struct rl_feed_cursor *c)
{
    struct rl_sequence *s = &f->seq[p->numbering];
    uint64_t skip;

    f->numbering = p->numbering > f->numbering ? p->numbering : f->numbering;
    if (!rl_sequence_is_session(s, p)) {
        if (s->has_session) {
            new_session(f, c);
            s->next = 0;
        }
        rl_sequence_enter(s, p);
    }
    if (p->kind == RL_PACKET_RESTART)
        s->next = p->previous + 1;
    if (p->kind == RL_PACKET_JUMP)
        s->next = p->next > s->next ? p->next : s->next;
    if (p->kind == RL_PACKET_PLAIN || p->kind == RL_PACKET_JUMP) {
        f->n.unsequenced += p->kind == RL_PACKET_PLAIN;
        c->seq = p->kind == RL_PACKET_PLAIN ? f->n.frames : p->previous + 1;
        return begin(f, packet, n_bytes, p, 0, c);
    }
    switch (rl_sequence_judge(s, p)) {
    case RL_TURN_AHEAD:
        loss(f, rl_sequence_give_up(s, p));
        break;
    case RL_TURN_ABSURD:
        f->n.bad_frames++;
        return c->pending != RL_OP_NONE;
    default:
        break;
    }
    if (p->next <= s->next) { /* nothing new in it */
        if (p->kind == RL_PACKET_HEARTBEAT || p->kind == RL_PACKET_END)
            return begin(f, packet, n_bytes, p, 0, c);
        f->n.duplicates += p->n_messages;
        return c->pending != RL_OP_NONE;
    }
    skip = rl_sequence_skip(s, p);
    c->seq = p->is_counted ? p->previous + 1 + skip : p->next - 1;
    if (!begin(f, packet, n_bytes, p, skip, c) || !c->is_open)
        return c->pending != RL_OP_NONE;
    f->n.duplicates += skip;
    rl_sequence_take(s, p);
    return true;
}

static void nothing_open(struct rl_feed_cursor *c)
{
    c->n_itch = 0;
    c->n_held = 0;
    c->n_left = 0;
    c->message = NULL;
    c->pending = RL_OP_NONE;
    c->is_open = false;
    c->is_done = false;
    c->has_more = true;
}

/* What the lines have to deliver: the next packet that has something to yield. */
static bool from_lines(struct rl_feed *f, struct rl_feed_cursor *c)
{
    struct rl_delivery d;

    nothing_open(c);
    while (rl_lines_next(f->lines, &d)) {
        if (d.is_new_session)
            new_session(f, c);
        if (d.n_lost > 0)
            loss(f, d.n_lost);
        f->n.duplicates += d.n_skip;
        f->n.unsequenced += d.head.kind == RL_PACKET_PLAIN;
        c->seq = d.head.is_counted ? d.head.previous + 1 + d.n_skip : d.head.next - 1;
        if (begin(f, d.bytes, d.n_bytes, &d.head, d.n_skip, c))
            return true;
        nothing_open(c);
    }
    if (f->lines->n.recoveries != f->n_recoveries) { /* until a snapshot has come */
        f->n_recoveries = f->lines->n.recoveries;
        rl_feed_doubt(f);
    }
    c->has_more = false;
    return false;
}

bool rl_feed_open_any(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                      struct rl_feed_cursor *c)
{
    struct rl_packet p;

    if (f->lines)
        return rl_feed_push(f, 0, packet, n_bytes, f->lines->now_ns, c);
    f->n.frames++;
    nothing_open(c);
    switch (f->protocol->read(f, packet, n_bytes, false, &p)) {
    case RL_READ_OK:
        break;
    case RL_READ_BAD_MESSAGE:
        f->n.bad_messages++;
        return false;
    default:
        f->n.bad_frames++;
        return false;
    }
    if (f->protocol->is_bare) {
        c->seq = f->seq[0].next++;
        return begin(f, packet, n_bytes, &p, 0, c);
    }
    return one_line(f, packet, n_bytes, &p, c);
}

bool rl_feed_push(struct rl_feed *f, uint32_t line, const uint8_t *packet, uint32_t n_bytes,
                  uint64_t now_ns, struct rl_feed_cursor *c)
{
    uint64_t n_bad;

    if (!f->lines)
        return rl_feed_open(f, packet, n_bytes, c);
    f->n.frames++;
    line = line < f->lines->config.n_lines ? line : RL_LINE_RECOVERY;
    n_bad = f->lines->line[line].bad;
    (void)rl_lines_push(f->lines, line, packet, n_bytes, now_ns);
    f->n.bad_frames += f->lines->line[line].bad - n_bad;
    return from_lines(f, c);
}

bool rl_feed_poll(struct rl_feed *f, uint64_t now_ns, struct rl_feed_cursor *c)
{
    if (!f->lines) {
        nothing_open(c);
        return c->has_more = false;
    }
    (void)rl_lines_poll(f->lines, now_ns);
    return from_lines(f, c);
}

bool rl_feed_next_any(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    for (;;) {
        if (RL_UNLIKELY(c->pending != RL_OP_NONE)) {
            u->op = c->pending;
            u->instrument = c->pending == RL_OP_RESET ? RL_INSTRUMENT_ALL : c->instrument;
            u->seq = c->seq;
            u->ts_ns = 0;
            c->pending = RL_OP_NONE;
            c->n_itch = c->n_held;
            c->n_held = 0;
            f->n.updates++;
            return true;
        }
        if (c->n_itch > 0)
            return rl_feed_next(f, c, u);
        if (c->is_open && f->protocol->next(f, c, u)) {
            f->n.updates++;
            return true;
        }
        c->is_open = false;
        if (!f->lines || !from_lines(f, c))
            return c->has_more = false;
    }
}
