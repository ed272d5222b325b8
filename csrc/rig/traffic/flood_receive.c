#include "rig/traffic/flood_receive.h"

#include <errno.h>
#include <time.h>

#include "rig/traffic/flood_content.h"

/* Without a plan, a number so far ahead is none of ours. */
#define LEAP (UINT64_C(1) << 32)
#define N_LOG_MAX (UINT64_C(1) << 32)

const char *const rl_flood_receive_counter_names[] = {
#define NAME(name, what) #name,
    RL_FLOOD_RECEIVE_COUNTERS(NAME)
#undef NAME
        NULL,
};

static uint64_t n_window(const struct rl_flood_receive_config *c)
{
    return c->n_window != 0 ? c->n_window : RL_FLOOD_WINDOW;
}

size_t rl_flood_receiver_bytes(const struct rl_flood_traffic *traffic,
                               const struct rl_flood_receive_config *config)
{
    return 2 * rl_run_hist_bytes() + n_window(config) / 8 + config->n_log * 8 + traffic->n_bytes +
           (size_t)3 * RL_CACHE_LINE;
}

static bool is_good(const struct rl_flood_traffic *t, const struct rl_flood_receive_config *c)
{
    uint64_t n = n_window(c);

    return rl_flood_traffic_is_good(t) && n >= 64 && (n & (n - 1)) == 0 && c->n_log <= N_LOG_MAX &&
           (c->source == RL_FLOOD_OURS || t->stream == NULL);
}

int rl_flood_receiver_init(struct rl_flood_receiver *r, const struct rl_flood_traffic *traffic,
                           const struct rl_flood_receive_config *config, struct rl_port *port,
                           const struct rl_clock *clock, struct rl_arena *arena)
{
    uint64_t *bits;
    int err;

    if (!is_good(traffic, config))
        return -EINVAL;
    memset(r, 0, sizeof *r);
    r->traffic = *traffic;
    r->config = *config;
    r->port = port;
    r->clock = clock;
    r->end_seq = traffic->n_frames != 0 ? traffic->first_seq + traffic->n_frames : 0;
    bits = rl_arena_take(arena, n_window(config) / 8, 0);
    r->live = rl_arena_take(arena, traffic->n_bytes, 0);
    r->log = config->n_log != 0 ? rl_arena_take(arena, config->n_log * 8, 0) : NULL;
    if (bits == NULL || r->live == NULL || (config->n_log != 0 && r->log == NULL))
        return -ENOMEM;
    rl_seq_window_init(&r->seen, bits, n_window(config), traffic->first_seq);
    rl_flood_write_live(traffic, r->live);
    err = rl_run_hist(&r->from_intended, arena);
    if (!err)
        err = rl_run_hist(&r->from_sent, arena);
    return err;
}

static inline void log_seq(struct rl_flood_receiver *r, uint64_t seq)
{
    if (r->config.n_log == 0)
        return;
    if (RL_LIKELY(r->n_logged < r->config.n_log))
        r->log[r->n_logged++] = seq;
    else
        rl_count(&r->n.log_full, 1);
}

static inline bool is_beyond(const struct rl_flood_receiver *r, uint64_t seq)
{
    if (r->end_seq != 0)
        return seq >= r->end_seq;
    return seq >= RL_FLOOD_SEQ_END || (seq >= r->seen.next && seq - r->seen.next > LEAP);
}

/* Of a frame in the order of the stream its records are known; of any other they are looked up. */
static inline bool stream_is_whole(struct rl_flood_receiver *r, const uint8_t *bytes,
                                   uint32_t n_frame, const struct rl_probe_header *h)
{
    const struct rl_flood_traffic *t = &r->traffic;
    uint64_t frame = h->seq - t->first_seq;

    if (RL_UNLIKELY(frame != r->next_frame))
        r->next_record = rl_flood_record_of(t, frame);
    r->next_frame = frame + 1;
    if (!rl_prefix_fits(&t->prefix, n_frame, rl_flood_frame_bytes(t, r->next_record)) ||
        !rl_flood_records_are_whole(t, bytes, h, r->next_record)) {
        r->next_frame = UINT64_MAX;
        return false;
    }
    r->next_record = rl_flood_record_after(t, r->next_record);
    return true;
}

/* Every byte is one that was sent; the header is ours as far as its first two fields go. */
static inline bool is_whole(struct rl_flood_receiver *r, const uint8_t *bytes, uint32_t n_frame,
                            const struct rl_probe_header *h)
{
    const struct rl_flood_traffic *t = &r->traffic;

    if (t->stream != NULL)
        return stream_is_whole(r, bytes, n_frame, h);
    if (RL_UNLIKELY(!rl_prefix_fits(&t->prefix, n_frame, t->n_bytes)))
        return false;
    if (r->config.source == RL_FLOOD_LIVE)
        return memcmp(bytes + RL_PROBE_SENT_AT, r->live + RL_PROBE_SENT_AT,
                      t->n_bytes - RL_PROBE_SENT_AT) == 0;
    return rl_probe_is_whole(bytes, t->n_bytes, h, t->seed);
}

static __attribute__((noinline, cold)) void count_damaged(struct rl_flood_receiver *r,
                                                          const uint8_t *bytes, uint32_t n_bytes)
{
    uint64_t seq = 0;

    if (!rl_probe_was_ours(bytes, n_bytes, r->traffic.flow, r->traffic.seed)) {
        rl_count(&r->n.foreign, 1);
        return;
    }
    rl_count(&r->n.corrupt, 1);
    if (n_bytes >= RL_PROBE_SEQ_AT + 8)
        memcpy(&seq, bytes + RL_PROBE_SEQ_AT, 8);
    log_seq(r, seq | RL_FLOOD_LOG_CORRUPT);
}

static inline void record_way(struct rl_flood_receiver *r, struct rl_hist *hist, uint64_t stamp,
                              uint64_t now)
{
    uint64_t way = now - stamp;

    if (RL_UNLIKELY(stamp > now)) {
        rl_count(&r->n.clock_backwards, 1);
        way = 0;
    }
    rl_hist_record(hist, r->config.source == RL_FLOOD_LIVE ? way : rl_ticks_to_ns(r->clock, way));
}

/* A whole frame of ours for the first time. */
static inline void arrive(struct rl_flood_receiver *r, const struct rl_probe_header *h,
                          uint32_t n_bytes, uint64_t now)
{
    rl_count(&r->n.bytes_in, n_bytes);
    record_way(r, &r->from_intended, h->intended_tsc, now);
    if (r->config.source != RL_FLOOD_LIVE)
        record_way(r, &r->from_sent, h->sent_tsc, now);
}

/* True for a frame of this run, whatever became of it. */
static inline bool take(struct rl_flood_receiver *r, const struct rl_frame *f, uint64_t now)
{
    const struct rl_flood_traffic *t = &r->traffic;
    const uint8_t *bytes = f->data + t->prefix.n_bytes;
    uint32_t n_bytes = f->n_bytes - t->prefix.n_bytes;
    struct rl_probe_header h;
    uint64_t n_skipped;

    if (RL_UNLIKELY(f->n_bytes < t->prefix.n_bytes)) {
        rl_count(&r->n.foreign, 1);
        return false;
    }
    if (RL_UNLIKELY(!rl_probe_read(&h, bytes, n_bytes) || h.flow != t->flow ||
                    !is_whole(r, bytes, f->n_bytes, &h))) {
        count_damaged(r, bytes, n_bytes);
        return false;
    }
    if (RL_UNLIKELY(is_beyond(r, h.seq))) {
        rl_count(&r->n.beyond, 1);
        return false;
    }
    log_seq(r, h.seq);
    switch (rl_seq_window_see(&r->seen, h.seq, &n_skipped)) {
    case RL_SEQ_NEW:
        rl_count(&r->n.ahead, 1);
        if (RL_UNLIKELY(n_skipped > 0)) {
            rl_count(&r->n.gaps, 1);
            rl_count(&r->n.skipped, n_skipped);
        }
        arrive(r, &h, n_bytes, now);
        break;
    case RL_SEQ_OLD:
        rl_count(&r->n.reordered, 1);
        arrive(r, &h, n_bytes, now);
        break;
    case RL_SEQ_AGAIN:
        rl_count(&r->n.duplicates, 1);
        break;
    case RL_SEQ_TOO_OLD:
    default:
        rl_count(&r->n.too_old, 1);
        break;
    }
    return true;
}

/* By the clock of the stamps. */
static inline uint64_t stamp_now(const struct rl_flood_receiver *r, uint64_t tsc)
{
    struct timespec t;

    if (r->config.source != RL_FLOOD_LIVE)
        return tsc;
    clock_gettime(CLOCK_MONOTONIC, &t); /* no system call: it reads the counter */
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

uint32_t rl_flood_receiver_turn(struct rl_flood_receiver *r)
{
    struct rl_frame frames[RL_FLOOD_RX_BURST];
    uint32_t n = rl_port_rx_burst(r->port, frames, RL_FLOOD_RX_BURST), n_ours = 0;
    uint64_t tsc, now;

    if (n == 0) {
        rl_count(&r->n.polls, 1);
        if (r->config.blocks)
            rl_port_rx_wait(r->port);
        return 0;
    }
    tsc = rl_tsc();
    now = stamp_now(r, tsc);
    for (uint32_t i = 0; i < n; i++)
        n_ours += take(r, &frames[i], now);
    rl_port_rx_release(r->port);
    rl_count(&r->n.frames_in, n);
    rl_count(&r->n.bursts, 1);
    r->handle_ticks += rl_tsc() - tsc;
    if (n_ours > 0) {
        if (r->first_tsc == 0) {
            r->first_tsc = tsc;
            r->n_first = n_ours;
        }
        r->last_tsc = tsc;
    }
    return n;
}
