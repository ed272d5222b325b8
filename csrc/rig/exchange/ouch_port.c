#include "rig/exchange/ouch_port.h"

#include <errno.h>

#define SLOT_MAX (sizeof((struct rl_ouch_port_slot *)0)->bytes)
#define BACK_OFF_MAX 64 /* times the first retry */

const char *const rl_ouch_port_counter_names[] = {
#define NAME(name, what) #name,
    RL_OUCH_PORT_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- frames out ------------------------------------------------------------------------------- */

static struct rl_ouch_port_slot *slot_of(const struct rl_ouch_port *p, uint64_t number)
{
    return &p->window[number & p->mask];
}

static void put_header(struct rl_ouch_port *p, uint8_t *frame, uint32_t flags, uint32_t count,
                       uint64_t seq)
{
    if (p->asks_again) {
        flags |= RL_OUCH_PORT_AGAIN;
        p->asks_again = false;
        p->asked_for = p->wanted;
        p->asked_ns = p->now_ns;
        p->n.asked++;
    }
    rl_put_be32(frame, p->session);
    rl_put_be16(frame + 4, (uint16_t)flags);
    rl_put_be16(frame + 6, (uint16_t)count);
    rl_put_be64(frame + 8, seq);
    rl_put_be64(frame + 16, p->wanted);
    p->owes_ack = false;
    p->spoke_ns = p->now_ns;
    p->n.frames_out++;
}

/* The next messages, as many as a frame holds. False: the port has no room. */
static bool write_frame(struct rl_ouch_port *p)
{
    uint32_t n = RL_OUCH_PORT_HEADER, max = p->config.n_frame_max;
    uint8_t *frame = rl_port_tx_reserve(p->port, max);
    uint64_t at = p->sent;

    if (RL_UNLIKELY(!frame)) {
        p->n.frames_unsent++;
        return false;
    }
    if (p->acked == p->sent) /* the first that waits for an answer */
        p->progress_ns = p->now_ns;
    while (at < p->next) {
        const struct rl_ouch_port_slot *s = slot_of(p, at);

        if (n + RL_OUCH_PORT_BLOCK + s->n_bytes > max)
            break;
        rl_put_be16(frame + n, s->n_bytes);
        memcpy(frame + n + RL_OUCH_PORT_BLOCK, s->bytes, s->n_bytes);
        n += RL_OUCH_PORT_BLOCK + s->n_bytes;
        at++;
    }
    put_header(p, frame, 0, (uint32_t)(at - p->sent), p->sent);
    rl_port_tx_commit(p->port, n);
    rl_port_tx_flush(p->port);
    for (; p->sent < at; p->sent++) {
        if (p->sent < p->high)
            p->n.resent++;
        else
            p->n.messages_out++;
    }
    p->high = p->high > at ? p->high : at;
    return true;
}

/* Without messages: an acknowledgement, a heartbeat, the first words, the last. */
static void write_empty(struct rl_ouch_port *p, uint32_t flags)
{
    uint8_t *frame = rl_port_tx_reserve(p->port, RL_OUCH_PORT_HEADER);

    if (RL_UNLIKELY(!frame)) {
        p->n.frames_unsent++;
        return;
    }
    put_header(p, frame, flags, 0, p->sent);
    rl_port_tx_commit(p->port, RL_OUCH_PORT_HEADER);
    rl_port_tx_flush(p->port);
}

void rl_ouch_port_flush(struct rl_ouch_port *p)
{
    while (p->state == RL_OUCH_PORT_UP && p->sent < p->next)
        if (!write_frame(p))
            return;
}

bool rl_ouch_port_send(struct rl_ouch_port *p, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_ouch_port_slot *s = slot_of(p, p->next);

    if (RL_UNLIKELY(p->state == RL_OUCH_PORT_DOWN || n_bytes > SLOT_MAX ||
                    rl_ouch_port_room(p) == 0)) {
        p->n.refused++;
        return false;
    }
    s->n_bytes = (uint16_t)n_bytes;
    memcpy(s->bytes, message, n_bytes);
    p->next++;
    return true;
}

/* --- up and down ------------------------------------------------------------------------------ */

static void begin(struct rl_ouch_port *p, uint32_t session, enum rl_ouch_port_state state)
{
    p->session = session;
    p->state = state;
    p->acked = p->sent = p->next = p->high = p->wanted = 1;
    p->asks_again = p->owes_ack = p->is_choked = p->is_backed_off = false;
    p->asked_for = p->again_for = 0;
    p->heard_ns = p->spoke_ns = p->progress_ns = p->now_ns;
    p->retry_ns = p->config.retry_ns;
}

static void go_down(struct rl_ouch_port *p)
{
    if (p->state == RL_OUCH_PORT_DOWN)
        return;
    p->state = RL_OUCH_PORT_DOWN;
    p->n.downs++;
    p->on.news(p->on.context, RL_OUCH_PORT_IS_DOWN);
}

static void come_up(struct rl_ouch_port *p)
{
    p->state = RL_OUCH_PORT_UP;
    p->n.opens++;
    p->on.news(p->on.context, RL_OUCH_PORT_IS_UP);
}

void rl_ouch_port_open(struct rl_ouch_port *p, uint32_t session, uint64_t now_ns)
{
    p->now_ns = now_ns;
    begin(p, session, RL_OUCH_PORT_OPENING);
    write_empty(p, RL_OUCH_PORT_OPEN);
}

void rl_ouch_port_close(struct rl_ouch_port *p, uint64_t now_ns)
{
    if (p->state == RL_OUCH_PORT_DOWN)
        return;
    p->now_ns = now_ns;
    rl_ouch_port_flush(p);
    write_empty(p, RL_OUCH_PORT_CLOSE);
    go_down(p);
}

/* --- frames in -------------------------------------------------------------------------------- */

struct frame {
    uint32_t session, flags, count;
    uint64_t seq, ack;
    const uint8_t *blocks;
};

/* False when header, lengths and count do not tell the same story to the last byte. */
static bool read_frame(const struct rl_frame *in, struct frame *f)
{
    const uint8_t *at = in->data + RL_OUCH_PORT_HEADER, *end = in->data + in->n_bytes;

    if (in->n_bytes < RL_OUCH_PORT_HEADER)
        return false;
    f->session = rl_be32(in->data);
    f->flags = rl_be16(in->data + 4);
    f->count = rl_be16(in->data + 6);
    f->seq = rl_be64(in->data + 8);
    f->ack = rl_be64(in->data + 16);
    f->blocks = at;
    for (uint32_t i = 0; i < f->count; i++) {
        if (end - at < RL_OUCH_PORT_BLOCK || end - at - RL_OUCH_PORT_BLOCK < rl_be16(at))
            return false;
        at += RL_OUCH_PORT_BLOCK + rl_be16(at);
    }
    return at == end && f->seq > 0;
}

static void take_ack(struct rl_ouch_port *p, const struct frame *f)
{
    if (f->ack > p->acked) {
        p->acked = f->ack;
        p->progress_ns = p->now_ns;
        p->retry_ns = p->config.retry_ns;
        if (p->sent < p->acked)
            p->sent = p->acked;
        else if (p->is_backed_off) /* the first frame of what was lost has come: now the rest */
            p->sent = p->acked;
        p->is_backed_off = false;
    }
    /* One gap makes many frames early: who asks for it twice within a retry has been heard. */
    if (f->flags & RL_OUCH_PORT_AGAIN && f->ack == p->acked &&
        (p->again_for != f->ack || p->now_ns - p->again_ns >= p->config.retry_ns)) {
        p->again_for = f->ack;
        p->again_ns = p->now_ns;
        p->sent = p->acked;
    }
}

static void ask_again(struct rl_ouch_port *p)
{
    if (p->is_choked) /* they are not lost: we left them */
        return;
    if (p->asked_for != p->wanted || p->now_ns - p->asked_ns >= p->config.retry_ns)
        p->asks_again = true;
}

/* An exchange that cannot answer takes no orders. */
static bool has_room(const struct rl_ouch_port *p)
{
    return p->config.is_client || rl_ouch_port_room(p) > (p->mask + 1) / 4;
}

static void take_messages(struct rl_ouch_port *p, const struct frame *f)
{
    const uint8_t *at = f->blocks;
    uint32_t session = p->session;

    if (f->seq > p->wanted) {
        p->n.frames_early += f->count > 0;
        ask_again(p);
        return;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t n = rl_be16(at);
        const uint8_t *message = at + RL_OUCH_PORT_BLOCK;

        at = message + n;
        p->owes_ack = true;
        if (f->seq + i < p->wanted) {
            p->n.duplicates++;
            continue;
        }
        if (!has_room(p)) {
            p->is_choked = true;
            p->n.untaken += f->count - i;
            return;
        }
        p->wanted++;
        p->n.messages_in++;
        p->on.message(p->on.context, message, n);
        if (p->state != RL_OUCH_PORT_UP || p->session != session)
            return;
    }
}

/* True when the frame is of the session that is on, perhaps by opening it. */
static bool is_ours(struct rl_ouch_port *p, const struct frame *f)
{
    if (p->config.is_client)
        return p->state != RL_OUCH_PORT_DOWN && f->session == p->session &&
               !(f->flags & RL_OUCH_PORT_OPEN);
    if (f->flags & RL_OUCH_PORT_OPEN && f->session > p->session) {
        go_down(p);
        begin(p, f->session, RL_OUCH_PORT_UP);
        come_up(p);
    }
    return p->state == RL_OUCH_PORT_UP && f->session == p->session;
}

static void on_frame(struct rl_ouch_port *p, const struct rl_frame *in)
{
    struct frame f;

    p->n.frames_in++;
    if (!read_frame(in, &f) || !is_ours(p, &f) || f.ack > p->high || f.ack == 0) {
        p->n.frames_bad++;
        return;
    }
    p->heard_ns = p->now_ns;
    if (p->state == RL_OUCH_PORT_OPENING)
        come_up(p);
    if (f.flags & RL_OUCH_PORT_OPEN)
        p->owes_ack = true;
    take_ack(p, &f);
    take_messages(p, &f);
    if (f.flags & RL_OUCH_PORT_CLOSE)
        go_down(p);
}

/* --- time ------------------------------------------------------------------------------------- */

/* The first frame again; the rest when it is answered. */
static void try_again(struct rl_ouch_port *p)
{
    uint64_t sent = p->sent;

    p->n.timeouts++;
    p->sent = p->acked;
    (void)write_frame(p);
    p->sent = p->sent > sent ? p->sent : sent;
    p->progress_ns = p->now_ns;
    p->is_backed_off = true;
    if (p->retry_ns < BACK_OFF_MAX * p->config.retry_ns)
        p->retry_ns *= 2;
}

static void on_time(struct rl_ouch_port *p)
{
    if (p->state == RL_OUCH_PORT_DOWN)
        return;
    if (p->now_ns - p->heard_ns >= p->config.silence_ns) {
        go_down(p);
        return;
    }
    if (p->state == RL_OUCH_PORT_OPENING) {
        if (p->now_ns - p->spoke_ns >= p->config.retry_ns)
            write_empty(p, RL_OUCH_PORT_OPEN);
        return;
    }
    if (p->is_choked && has_room(p)) {
        p->is_choked = false;
        p->asks_again = true;
    }
    if (p->acked < p->sent && p->now_ns - p->progress_ns >= p->retry_ns)
        try_again(p);
    if (p->owes_ack || p->asks_again || p->now_ns - p->spoke_ns >= p->config.heartbeat_ns)
        write_empty(p, 0);
}

bool rl_ouch_port_turn(struct rl_ouch_port *p, uint64_t now_ns)
{
    struct rl_frame frames[RL_OUCH_PORT_BURST];
    uint64_t n_out = p->n.frames_out;
    uint32_t n = rl_port_rx_burst(p->port, frames, RL_OUCH_PORT_BURST);

    p->now_ns = now_ns > p->now_ns ? now_ns : p->now_ns;
    for (uint32_t i = 0; i < n; i++)
        on_frame(p, &frames[i]);
    if (n > 0)
        rl_port_rx_release(p->port);
    rl_ouch_port_flush(p);
    on_time(p);
    return n > 0 || p->n.frames_out != n_out;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint64_t window_of(const struct rl_ouch_port_config *config)
{
    return config->n_window ? config->n_window : 4096;
}

size_t rl_ouch_port_bytes(const struct rl_ouch_port_config *config)
{
    return window_of(config) * sizeof(struct rl_ouch_port_slot) + RL_CACHE_LINE;
}

int rl_ouch_port_init(struct rl_ouch_port *p, struct rl_arena *arena,
                      const struct rl_ouch_port_config *config, struct rl_port *port,
                      const struct rl_ouch_port_handlers *on)
{
    uint64_t n = window_of(config);

    *p = (struct rl_ouch_port){.port = port, .config = *config, .on = *on, .mask = n - 1};
    if (p->config.n_frame_max == 0)
        p->config.n_frame_max = 1400;
    if (p->config.n_frame_max > port->caps.n_bytes_frame_max)
        p->config.n_frame_max = port->caps.n_bytes_frame_max;
    if (n < 4 || (n & (n - 1)) != 0 ||
        p->config.n_frame_max < RL_OUCH_PORT_HEADER + RL_OUCH_PORT_BLOCK + SLOT_MAX)
        return -EINVAL;
    if (p->config.retry_ns == 0)
        p->config.retry_ns = 1000000;
    if (p->config.heartbeat_ns == 0)
        p->config.heartbeat_ns = 100000000;
    if (p->config.silence_ns == 0)
        p->config.silence_ns = 2000000000;
    p->acked = p->sent = p->next = p->high = p->wanted = 1;
    p->window = rl_arena_take(arena, n * sizeof *p->window, RL_CACHE_LINE);
    return p->window ? 0 : -ENOMEM;
}
