#include "rig/traffic/flood_send.h"

#include <errno.h>

#include "rig/traffic/flood_content.h"

const char *const rl_flood_send_counter_names[] = {
#define NAME(name, what) #name,
    RL_FLOOD_SEND_COUNTERS(NAME)
#undef NAME
        NULL,
};

static bool is_good(const struct rl_flood_traffic *t, const struct rl_flood_send_config *c,
                    const struct rl_port *port)
{
    return rl_flood_traffic_is_good(t) &&
           t->prefix.n_bytes + t->n_bytes <= port->caps.n_bytes_frame_max &&
           (c->schedule.n_due == 0 || c->schedule.due_ns != NULL);
}

size_t rl_flood_sender_bytes(void)
{
    return rl_run_hist_bytes();
}

int rl_flood_sender_init(struct rl_flood_sender *s, const struct rl_flood_traffic *traffic,
                         const struct rl_flood_send_config *config, struct rl_port *port,
                         const struct rl_clock *clock, struct rl_arena *arena)
{
    if (!is_good(traffic, config, port) || traffic->n_frames == 0)
        return -EINVAL;
    memset(s, 0, sizeof *s);
    s->traffic = *traffic;
    s->config = *config;
    if (s->config.n_batch == 0)
        s->config.n_batch = RL_FLOOD_BATCH;
    s->port = port;
    s->clock = clock;
    rl_count(&s->n.frames_planned, traffic->n_frames);
    return rl_run_hist(&s->lateness, arena);
}

static inline bool has_schedule(const struct rl_flood_sender *s)
{
    return s->config.schedule.n_due != 0;
}

static inline void set_due(struct rl_flood_sender *s)
{
    if (has_schedule(s))
        s->due_tsc = s->start_tsc +
                     rl_ns_to_ticks(s->clock, s->cycle_ns + s->config.schedule.due_ns[s->due]);
}

void rl_flood_sender_start(struct rl_flood_sender *s, uint64_t start_tsc)
{
    s->start_tsc = start_tsc;
    s->due_tsc = start_tsc;
    set_due(s);
}

/* On to the next frame: number, due time, records. */
static inline void advance(struct rl_flood_sender *s)
{
    s->n_next++;
    if (s->traffic.stream != NULL)
        s->record = rl_flood_record_after(&s->traffic, s->record);
    if (has_schedule(s) && ++s->due == s->config.schedule.n_due) {
        s->due = 0;
        s->cycle_ns += s->config.schedule.span_ns;
    }
    set_due(s);
}

static inline void write_frame(const struct rl_flood_sender *s, uint8_t *frame, uint32_t n_bytes,
                               uint64_t now)
{
    const struct rl_flood_traffic *t = &s->traffic;
    struct rl_probe_header h = {RL_PROBE_MAGIC, t->flow, t->first_seq + s->n_next,
                                has_schedule(s) ? s->due_tsc : now, now};

    memcpy(frame, t->prefix.bytes, t->prefix.n_bytes);
    frame += t->prefix.n_bytes;
    rl_probe_write(frame, &h);
    if (t->stream != NULL)
        rl_flood_write_records(t, frame, &h, s->record);
    else
        rl_probe_fill(frame, n_bytes, &h, t->seed);
}

/* False: as fast as possible, and there is no room now. */
static inline bool send_next(struct rl_flood_sender *s)
{
    const struct rl_flood_traffic *t = &s->traffic;
    uint32_t n_bytes = rl_flood_frame_bytes(t, s->record);
    uint8_t *frame = rl_port_tx_reserve(s->port, t->prefix.n_bytes + n_bytes);
    uint64_t now;

    if (RL_UNLIKELY(frame == NULL) && !has_schedule(s)) {
        rl_count(&s->n.waits, 1);
        return false;
    }
    now = rl_tsc();
    if (has_schedule(s))
        rl_hist_record(&s->lateness,
                       now > s->due_tsc ? rl_ticks_to_ns(s->clock, now - s->due_tsc) : 0);
    if (RL_LIKELY(frame != NULL)) {
        write_frame(s, frame, n_bytes, now);
        rl_port_tx_commit(s->port, t->prefix.n_bytes + n_bytes);
        if (rl_counted(&s->n.frames_sent) == 0)
            s->first_sent_tsc = now;
        s->last_sent_tsc = now;
        rl_count(&s->n.frames_sent, 1);
        rl_count(&s->n.bytes_sent, n_bytes);
        rl_count(&s->n.messages_sent, t->stream != NULL ? t->n_pack : 0);
    } else {
        rl_count(&s->n.frames_unsent, 1);
    }
    advance(s);
    return true;
}

uint32_t rl_flood_sender_turn(struct rl_flood_sender *s)
{
    uint32_t n = 0;

    while (n < s->config.n_batch && !rl_flood_sender_is_done(s)) {
        if (has_schedule(s) && s->due_tsc > rl_tsc())
            break;
        if (!send_next(s))
            break;
        n++;
    }
    if (n > 0) {
        rl_port_tx_flush(s->port);
        rl_count(&s->n.flushes, 1);
    }
    return n;
}
