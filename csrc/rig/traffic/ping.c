#include "rig/traffic/ping.h"

#include <errno.h>

#define HAND_ON_FRAMES                                                         \
    16 /* the least that the hand-on ring holds: it stays in the nearest cache \
        */
#define HAND_ON_MIN 4096

const char *const rl_ping_counter_names[] = {
#define NAME(name, what) #name,
    RL_PING_COUNTERS(NAME)
#undef NAME
        NULL,
};

static uint32_t n_whole(const struct rl_ping_config *c)
{
    return c->prefix.n_bytes + c->n_bytes;
}

static uint64_t hand_on_bytes(const struct rl_ping_config *c)
{
    uint64_t n = HAND_ON_MIN;

    while (n < HAND_ON_FRAMES * rl_record_span(c->n_bytes + RL_ETHERNET_MIN))
        n *= 2;
    return n;
}

size_t rl_ping_bytes(const struct rl_ping_config *config)
{
    return 2 * rl_run_hist_bytes() + RL_PING_WINDOW / 8 + hand_on_bytes(config) + n_whole(config) +
           (size_t)4 * RL_RING_APART;
}

static bool is_good(const struct rl_ping_config *c, const struct rl_port *port)
{
    return c->n_bytes >= sizeof(struct rl_probe_header) && c->n_bytes <= RL_PROBE_MAX &&
           c->prefix.n_bytes <= RL_PREFIX_MAX && n_whole(c) <= port->caps.n_bytes_frame_max &&
           c->n_rounds > 0 && c->timeout_ns > 0;
}

int rl_ping_init(struct rl_ping *p, const struct rl_ping_config *config, struct rl_port *port,
                 const struct rl_clock *clock, struct rl_arena *arena)
{
    uint64_t *bits;
    void *ring;
    int err;

    if (!is_good(config, port))
        return -EINVAL;
    memset(p, 0, sizeof *p);
    p->config = *config;
    p->port = port;
    p->clock = clock;
    bits = rl_arena_take(arena, RL_PING_WINDOW / 8, 0);
    ring = rl_arena_take(arena, hand_on_bytes(config), RL_RING_APART);
    p->sent = rl_arena_take(arena, n_whole(config), 0);
    if (bits == NULL || ring == NULL || p->sent == NULL)
        return -ENOMEM;
    err = rl_run_hist(&p->rtt, arena);
    if (!err)
        err = rl_run_hist(&p->handle, arena);
    if (!err)
        err = rl_record_ring_init(&p->hand_on, ring, hand_on_bytes(config));
    if (err)
        return err;
    rl_seq_window_init(&p->answered, bits, RL_PING_WINDOW, 0);
    memcpy(p->sent, config->prefix.bytes, config->prefix.n_bytes);
    return 0;
}

static inline bool is_measured(const struct rl_ping *p)
{
    return p->seq >= p->config.n_warmup;
}

/* The round under way is over, in one way or the other. */
static inline void end_round(struct rl_ping *p, _Atomic uint64_t *counter)
{
    rl_count(counter, 1);
    p->is_under_way = false;
    p->seq++;
}

static void begin_round(struct rl_ping *p)
{
    uint32_t n_bytes = n_whole(&p->config);
    struct rl_probe_header h = {RL_PROBE_MAGIC, p->config.flow, p->seq, rl_tsc(), 0};
    uint8_t *frame;

    h.sent_tsc = h.intended_tsc;
    rl_probe_write(p->sent + p->config.prefix.n_bytes, &h);
    rl_probe_fill(p->sent + p->config.prefix.n_bytes, p->config.n_bytes, &h, p->config.seed);
    rl_count(&p->n.rounds, 1);
    p->n_polls = 0;
    p->is_under_way = true;
    p->sent_tsc = rl_tsc_begin();
    frame = rl_port_tx_reserve(p->port, n_bytes);
    if (RL_UNLIKELY(frame == NULL)) {
        end_round(p, &p->n.unsent);
        return;
    }
    memcpy(frame, p->sent, n_bytes);
    rl_port_tx_commit(p->port, n_bytes);
    rl_port_tx_flush(p->port);
    p->limit_tsc = p->sent_tsc + rl_ns_to_ticks(p->clock, p->config.timeout_ns);
}

/* A frame that is not the answer awaited: what is it? */
static __attribute__((noinline, cold)) void count_stray(struct rl_ping *p, const uint8_t *bytes,
                                                        uint32_t n_bytes, bool fits)
{
    struct rl_probe_header h;
    uint64_t n_skipped;
    bool is_ours = rl_probe_read(&h, bytes, n_bytes) && h.flow == p->config.flow;

    if (!is_ours || !fits || !rl_probe_is_whole(bytes, p->config.n_bytes, &h, p->config.seed)) {
        bool was_ours = rl_probe_was_ours(bytes, n_bytes, p->config.flow, p->config.seed);

        rl_count(was_ours ? &p->n.corrupt : &p->n.foreign, 1);
        return;
    }
    if (h.seq > p->seq || (h.seq == p->seq && !p->is_under_way)) {
        rl_count(&p->n.foreign, 1); /* whole, but of no round so far: another run's */
        return;
    }
    switch (rl_seq_window_see(&p->answered, h.seq, &n_skipped)) {
    case RL_SEQ_NEW:
    case RL_SEQ_OLD:
        rl_count(&p->n.late, 1);
        break;
    case RL_SEQ_AGAIN:
    case RL_SEQ_TOO_OLD:
    default:
        rl_count(&p->n.duplicates, 1);
        break;
    }
}

/* Header, content, and a copy for whoever comes next; false: not the answer. */
static inline bool handle(struct rl_ping *p, const uint8_t *bytes, uint32_t n_bytes, bool fits)
{
    uint8_t *copy;

    if (!p->is_under_way || !fits ||
        memcmp(bytes, p->sent + p->config.prefix.n_bytes, p->config.n_bytes) != 0)
        return false;
    copy = rl_record_ring_claim(&p->hand_on, n_bytes);
    if (RL_LIKELY(copy != NULL)) {
        memcpy(copy, bytes, n_bytes);
        rl_record_ring_commit(&p->hand_on, n_bytes);
    }
    return true;
}

/* The other side of the hand-on ring, outside of what is timed. */
static inline void take_handed_on(struct rl_ping *p)
{
    uint32_t n_bytes;

    if (rl_record_ring_peek(&p->hand_on, &n_bytes) != NULL)
        rl_record_ring_release(&p->hand_on);
}

static inline void look_at(struct rl_ping *p, const struct rl_frame *f, uint64_t seen_tsc,
                           uint64_t from_tsc)
{
    const struct rl_prefix *prefix = &p->config.prefix;
    bool fits = rl_prefix_fits(prefix, f->n_bytes, p->config.n_bytes);
    const uint8_t *bytes = f->data + prefix->n_bytes;
    uint32_t n_bytes = f->n_bytes - prefix->n_bytes;
    uint64_t n_skipped;

    if (RL_UNLIKELY(f->n_bytes < prefix->n_bytes)) {
        rl_count(&p->n.foreign, 1);
        return;
    }
    if (RL_UNLIKELY(!handle(p, bytes, n_bytes, fits))) {
        count_stray(p, bytes, n_bytes, fits);
        return;
    }
    if (is_measured(p)) {
        rl_hist_record(&p->handle, rl_ticks_to_ns(p->clock, rl_tsc_end() - from_tsc));
        rl_hist_record(&p->rtt, rl_ticks_to_ns(p->clock, seen_tsc - p->sent_tsc));
    }
    take_handed_on(p);
    (void)rl_seq_window_see(&p->answered, p->seq, &n_skipped);
    end_round(p, &p->n.answered);
    p->next_tsc = seen_tsc + rl_ns_to_ticks(p->clock, p->config.gap_ns);
}

/* True when something came. */
static inline bool look(struct rl_ping *p)
{
    struct rl_frame frames[RL_PING_BURST];
    uint32_t n = rl_port_rx_burst(p->port, frames, RL_PING_BURST);
    uint64_t seen_tsc;

    if (n == 0)
        return false;
    seen_tsc = rl_tsc_end();
    look_at(p, &frames[0], seen_tsc, seen_tsc);
    for (uint32_t i = 1; i < n; i++)
        look_at(p, &frames[i], seen_tsc, rl_tsc_begin());
    rl_port_rx_release(p->port);
    return true;
}

bool rl_ping_turn(struct rl_ping *p)
{
    if (!p->is_under_way) {
        if (p->seq == p->config.n_warmup + p->config.n_rounds)
            return false;
        if (p->config.gap_ns == 0 || rl_tsc() >= p->next_tsc)
            begin_round(p);
        else
            (void)look(p); /* whatever comes now is late */
        return true;
    }
    if (look(p))
        return true;
    rl_count(&p->n.polls, 1);
    if (!p->config.blocks && ++p->n_polls % RL_PING_POLLS != 0)
        return true;
    if (rl_tsc() >= p->limit_tsc)
        end_round(p, &p->n.lost);
    else if (p->config.blocks)
        rl_port_rx_wait(p->port);
    return true;
}

void rl_ping_give_up(struct rl_ping *p)
{
    if (p->is_under_way)
        end_round(p, &p->n.lost);
}
