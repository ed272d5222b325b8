/* Reading: a record through arbitration, feed and books, and what is remembered of it. */
#include "rig/player/player_inner.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "market/codec/ice.h"
#include "market/codec/mdp3.h"
#include "market/codec/mold.h"
#include "rig/pipeline/learn.h"

/* Turns without a frame before the CPU is offered to others: somebody may share it. */
#define IDLE_TURNS 64
/*
 * Into a port time is the host's: a line whose sender lost its CPU for a few ms has lost nothing.
 */
#define PORT_GAP_FLOOR_NS 10000000
#define PACKET_BYTES 1536 /* that fit a window on average, when none is longer */

/* --- set-up ----------------------------------------------------------------------------------- */

static const struct rl_protocol *protocol_of(const struct rl_player_config *c)
{
    return rl_protocol_of(c->protocol, c->is_packets);
}

static bool is_bare(const struct rl_player_config *c)
{
    const struct rl_protocol *protocol = protocol_of(c);

    return protocol == NULL || protocol->is_bare;
}

static struct rl_lines_config lines_config(const struct rl_player_config *c)
{
    struct rl_lines_config lines = rl_lines_defaults(protocol_of(c), c->n_lines);
    uint32_t n_max = PACKET_BYTES;

    for (uint64_t i = 0; i < c->n_recs; i++)
        n_max = c->recs[i].n_bytes > n_max ? c->recs[i].n_bytes : n_max;
    /* Whatever is as long as the longest fits as often as others do, within reason. */
    if ((uint64_t)n_max * 64 > lines.n_window_bytes)
        lines.n_window_bytes = (uint64_t)n_max * 64;
    if (c->into == RL_PLAYER_PORT && c->n_lines > 1)
        lines.gap_floor_ns = PORT_GAP_FLOOR_NS;
    return lines;
}

static struct rl_feed_config feed_config(const struct rl_player_config *c)
{
    return (struct rl_feed_config){.kind = c->protocol,
                                   .mold = c->is_packets,
                                   .n_qty_decimals = c->n_qty_decimals,
                                   .n_instruments = c->n_instruments};
}

static struct rl_books_config books_config(const struct rl_player_config *c)
{
    return (struct rl_books_config){.n_instruments = c->n_instruments,
                                    .n_orders = c->n_orders,
                                    .n_levels_per_side = c->n_levels_per_side};
}

size_t rl_player_read_bytes(const struct rl_player_config *c)
{
    const struct rl_feed_config f = feed_config(c);
    const struct rl_books_config b = books_config(c);
    size_t feed = rl_feed_bytes(&f), books = rl_books_bytes(&b), lines = 0;

    if (!is_bare(c)) {
        const struct rl_lines_config l = lines_config(c);

        lines = rl_lines_bytes(&l);
        if (lines == 0)
            return 0;
    }
    if (feed == 0 || books == 0)
        return 0;
    return feed + books + lines + rl_views_bytes(c->n_instruments) + 8 * RL_RING_APART;
}

int rl_player_read_open(struct rl_player *p, const char **why)
{
    const struct rl_player_config *c = &p->config;
    const struct rl_feed_config f = feed_config(c);
    const struct rl_books_config b = books_config(c);
    const struct rl_stream stream = {.bytes = c->bytes,
                                     .n_bytes = c->n_bytes,
                                     .recs = c->recs,
                                     .n_recs = c->n_recs,
                                     .feed = c->protocol};
    size_t n_views = rl_views_bytes(c->n_instruments);
    void *views = rl_arena_take(&p->arena, n_views, RL_CACHE_LINE);
    int err = 0;

    p->is_bare = is_bare(c);
    *why = "sizes: more instruments, orders or levels than can be served";
    if (!p->is_bare) {
        const struct rl_lines_config l = lines_config(c);

        err = rl_lines_init(&p->lines, &p->arena, &l);
    }
    if (!err)
        err = rl_feed_init(&p->feed, &p->arena, &f);
    if (!err)
        err = rl_books_init(&p->books, &p->arena, &b);
    if (!err && views == NULL)
        err = -ENOMEM;
    if (!err) {
        p->views = rl_views_init(views, n_views, c->n_instruments);
        err = rl_books_show(&p->books, p->views);
    }
    if (!err && !c->is_packets)
        rl_learn_names(&p->feed, &stream);
    return err;
}

/* --- what was delivered, as one number -------------------------------------------------------- */

/* The next message in the order of delivery: any other byte, length or order is another number. */
static inline void hash_message(struct rl_player *p, const uint8_t *bytes, uint32_t n_bytes)
{
    uint64_t h = p->message_hash ^ ((uint64_t)n_bytes + 1) * 0x9E3779B97F4A7C15ULL, word;
    uint32_t i = 0;

    for (; i + 8 <= n_bytes; i += 8) {
        memcpy(&word, bytes + i, 8);
        h = (h ^ word) * 0xBF58476D1CE4E5B9ULL;
        h ^= h >> 29;
    }
    word = 0;
    memcpy(&word, bytes + i, n_bytes - i);
    p->message_hash = rl_mix(h ^ word);
    p->n_messages++;
}

/*
 * The messages of a delivered packet, without those in front that were delivered before. How they
 * are cut into packets, and what a packet's header says, is no part of the hash: a capture of a
 * file's messages in other packets, or from the other line, has the same.
 */
static void hash_packet(struct rl_player *p, const struct rl_delivery *d)
{
    const uint8_t *m;
    uint64_t skip = d->n_skip;
    uint32_t n;

    switch (p->config.protocol) {
    case RL_FEED_ITCH:
    case RL_FEED_DBN: {
        struct rl_mold packet;

        if (!rl_mold_open(&packet, d->bytes, d->n_bytes))
            return;
        while ((m = rl_mold_next(&packet, &n)) != NULL)
            if (skip == 0 || skip-- == 0)
                hash_message(p, m, n);
        break;
    }
    case RL_FEED_ICE: {
        struct rl_ice block;

        if (!rl_ice_open(&block, d->bytes, d->n_bytes))
            return;
        while ((m = rl_ice_next(&block, &n)) != NULL)
            if (skip == 0 || skip-- == 0)
                hash_message(p, m, n);
        break;
    }
    case RL_FEED_MDP3: { /* numbers its packets: there is no part of one */
        struct rl_mdp3 packet;

        if (!rl_mdp3_open(&packet, d->bytes, d->n_bytes))
            return;
        while ((m = rl_mdp3_next(&packet, &n)) != NULL)
            hash_message(p, m, n);
        break;
    }
    case RL_FEED_FIX:
    case RL_FEED_BINANCE:
    case RL_N_PROTOCOLS:
    default:
        hash_message(p, d->bytes, d->n_bytes);
        break;
    }
}

/* --- records ---------------------------------------------------------------------------------- */

static inline void apply(struct rl_player *p, const uint8_t *packet, uint32_t n_bytes)
{
    struct rl_feed_cursor cursor;
    struct rl_update u;
    uint64_t n_updates = 0, n_bbo = 0;

    rl_views_hold(&p->books); /* nobody sees the inside of a packet */
    if (rl_feed_open(&p->feed, packet, n_bytes, &cursor))
        while (rl_feed_next(&p->feed, &cursor, &u)) {
            n_updates++;
            if (u.op != RL_OP_NONE)
                n_bbo += rl_books_apply(&p->books, &u);
        }
    rl_views_publish(&p->books, p->n_messages);
    rl_count(&p->read.packets, 1);
    rl_count(&p->read.updates, n_updates);
    rl_count(&p->read.bbo_changes, n_bbo);
}

/* All that arbitration has to give. */
static void drain(struct rl_player *p)
{
    struct rl_delivery d;

    while (rl_lines_next(&p->lines, &d)) {
        uint64_t n_before = p->n_messages;

        hash_packet(p, &d);
        apply(p, d.bytes, d.n_bytes);
        rl_count(&p->read.delivered, p->n_messages - n_before);
    }
}

/* Books and sequences begin anew: with the first record, so that between loops the last one shows.
 */
static void begin_loop(struct rl_player *p)
{
    struct rl_update reset = {.op = RL_OP_RESET, .instrument = RL_INSTRUMENT_ALL};

    if (!p->is_bare)
        rl_lines_forget(&p->lines);
    rl_feed_forget(&p->feed);
    (void)rl_books_apply(&p->books, &reset);
    p->message_hash = 0;
    p->n_messages = 0;
    p->is_between = false;
}

void rl_player_take(struct rl_player *p, uint32_t line, const uint8_t *bytes, uint32_t n_bytes,
                    uint64_t now_ns)
{
    if (RL_UNLIKELY(p->is_between))
        begin_loop(p);
    rl_count(&p->read.frames, 1);
    if (p->is_bare) {
        hash_message(p, bytes, n_bytes);
        apply(p, bytes, n_bytes);
        rl_count(&p->read.delivered, 1);
    } else if (rl_lines_push(&p->lines, line, bytes, n_bytes, now_ns)) {
        drain(p);
    }
}

/* --- loops ------------------------------------------------------------------------------------ */

/* Nothing more will come: every gap has waited long enough. */
static void give_up_waiting(struct rl_player *p)
{
    uint64_t due;

    while ((due = rl_lines_due_ns(&p->lines)) != UINT64_MAX) {
        if (rl_lines_poll(&p->lines, due))
            drain(p);
        if (rl_lines_due_ns(&p->lines) == due)
            break; /* time does not help it */
    }
    rl_count(&p->read.left_waiting, p->lines.window.n);
}

static bool is_same_end(const struct rl_player_end *a, const struct rl_player_end *b)
{
    return a->n_messages == b->n_messages && a->message_hash == b->message_hash &&
           a->book_hash == b->book_hash && a->last_seq == b->last_seq;
}

void rl_player_end_loop(struct rl_player *p, bool is_whole)
{
    if (p->is_between)
        return; /* stopped before the next one began: it ended as the last one did */
    if (!p->is_bare)
        give_up_waiting(p);
    p->is_between = true;
    p->last = (struct rl_player_end){.n_messages = p->n_messages,
                                     .message_hash = p->message_hash,
                                     .book_hash = rl_books_hash(&p->books),
                                     .last_seq = rl_learn_last_seq(&p->feed)};
    if (!is_whole)
        return;
    if (rl_counted(&p->read.loops) == 0)
        p->first = p->last;
    else if (!is_same_end(&p->last, &p->first))
        rl_count(&p->read.loops_different, 1);
    rl_count(&p->read.loops, 1);
}

/* --- from a port ------------------------------------------------------------------------------ */

/* One burst of a line, up to the end of its loop; false when there was nothing. */
static bool read_line(struct rl_player *p, uint32_t line, uint64_t now_ns)
{
    struct rl_port *port = p->cables[line].end[1];
    struct rl_player_burst *b = &p->bursts[line];

    if (b->is_over)
        return false;
    if (b->at == b->n) {
        rl_port_rx_release(port);
        b->at = 0;
        b->n = rl_port_rx_burst(port, b->frames, RL_PLAYER_BURST);
    }
    if (b->n == 0)
        return false;
    while (b->at < b->n && !b->is_over) {
        const struct rl_frame *frame = &b->frames[b->at++];

        if (frame->n_bytes == 0)
            b->is_over = true;
        else
            rl_player_take(p, line, frame->data, frame->n_bytes, now_ns);
    }
    return true;
}

/* True once every line has come to the end of its loop. */
static bool is_loop_over(const struct rl_player *p)
{
    for (uint32_t line = 0; line < p->config.n_lines; line++)
        if (!p->bursts[line].is_over)
            return false;
    return true;
}

void rl_player_run_reader(void *player)
{
    struct rl_player *p = player;
    bool is_whole;

    for (uint32_t n_idle = 0;;) {
        /* Before the lines are looked at: what was sent until then is seen now. */
        bool is_all_sent = rl_phase_now(&p->shared) >= RL_PHASE_DRAIN, any = false;
        uint64_t now_ns = p->clock.now_ns(p->clock.arg);

        for (uint32_t line = 0; line < p->config.n_lines; line++)
            any |= read_line(p, line, now_ns);
        if (is_loop_over(p)) {
            rl_player_end_loop(p, true);
            for (uint32_t line = 0; line < p->config.n_lines; line++)
                p->bursts[line].is_over = false;
        } else if (any) {
            n_idle = 0;
        } else if (is_all_sent) {
            break;
        } else {
            rl_pause();
            if (++n_idle % IDLE_TURNS == 0)
                (void)sched_yield();
        }
        if (!p->is_bare && rl_lines_due_ns(&p->lines) <= now_ns && rl_lines_poll(&p->lines, now_ns))
            drain(p);
    }
    is_whole = rl_counted(&p->sent.loops_sent) > rl_counted(&p->read.loops);
    rl_player_end_loop(p, is_whole);
    p->read_end_ns = p->clock.now_ns(p->clock.arg);
}
