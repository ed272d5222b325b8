#include "market/feed/lines.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "market/feed/lines_inner.h"

/* --- set-up ----------------------------------------------------------------------------------- */

struct rl_lines_config rl_lines_defaults(const struct rl_protocol *protocol, uint32_t n_lines)
{
    struct rl_lines_config c = {
        .protocol = protocol,
        .n_lines = n_lines,
        .n_window = 1024,
        .n_window_bytes = 1024 * 1536,
        .n_losses = 256,
        .gap_floor_ns = 50000,
        .gap_ceiling_ns = 100000000,
        .gap_skews = 4,
        .request_wait_ns = 1000000,
        .n_request_max = UINT16_MAX - 1,
    };

    if (protocol->has_snapshots) {
        c.n_window_bytes = 4u << 20; /* a snapshot takes seconds to come */
        c.has_snapshots = c.starts_with_snapshot = true;
        c.request_wait_ns = 1000000000; /* the venue counts such requests */
        if (n_lines == 1)
            c.gap_floor_ns = 0; /* a stream over TCP: what is missing will not come any more */
    }
    return c;
}

static bool config_is_good(const struct rl_lines_config *c)
{
    return c->protocol && !c->protocol->is_bare && c->n_lines > 0 && c->n_lines <= RL_LINES_MAX &&
           c->gap_floor_ns <= c->gap_ceiling_ns && c->n_losses <= 1u << 24 &&
           c->n_requests <= 1000 &&
           (c->n_requests == 0 || (c->request_wait_ns > 0 && c->n_request_max > 0)) &&
           (!c->starts_with_snapshot || c->has_snapshots) &&
           rl_window_bytes(c->n_window, c->n_window_bytes) > 0;
}

size_t rl_lines_bytes(const struct rl_lines_config *c)
{
    if (!config_is_good(c))
        return 0;
    return rl_window_bytes(c->n_window, c->n_window_bytes) +
           RL_LINES_RECENT * sizeof(struct rl_recent) + (c->n_losses + 1) * sizeof(struct rl_loss) +
           c->n_lines * (rl_hist_bytes(RL_LAG_HIGHEST_NS, RL_LAG_DIGITS) + RL_CACHE_LINE) +
           4 * RL_CACHE_LINE;
}

int rl_lines_init(struct rl_lines *l, struct rl_arena *arena, const struct rl_lines_config *c)
{
    size_t n_lag = rl_hist_bytes(RL_LAG_HIGHEST_NS, RL_LAG_DIGITS);
    int err;

    if (!config_is_good(c))
        return -EINVAL;
    memset(l, 0, sizeof *l);
    l->config = *c;
    err = rl_window_init(&l->window, arena, c->n_window, c->n_window_bytes);
    if (err)
        return err;
    l->recent = rl_arena_take(arena, RL_LINES_RECENT * sizeof *l->recent, RL_CACHE_LINE);
    l->losses = rl_arena_take(arena, (c->n_losses + 1) * sizeof *l->losses, RL_CACHE_LINE);
    if (!l->recent || !l->losses)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->n_lines; i++) {
        uint64_t *counts = rl_arena_take(arena, n_lag, RL_CACHE_LINE);

        if (!counts)
            return -ENOMEM;
        (void)rl_hist_init(&l->lag[i], RL_LAG_HIGHEST_NS, RL_LAG_DIGITS, counts, n_lag);
    }
    rl_lines_forget(l);
    return 0;
}

/* The stream stands nowhere: before the first packet, or the first of a session. */
static void stand_nowhere(struct rl_lines *l)
{
    rl_window_clear(&l->window);
    l->seq.next = 0;
    l->seq.n_far = 0;
    l->has_gap = false;
    l->attempt = 0;
    l->wants_request = false;
    l->state = l->config.starts_with_snapshot ? RL_LINES_RECOVERING : RL_LINES_IN_ORDER;
    l->due_ns = 0; /* a snapshot is asked for as soon as anything happens */
    l->epoch++;
}

void rl_lines_forget(struct rl_lines *l)
{
    stand_nowhere(l);
    l->seq.next = l->config.first_seq;
    l->seq.has_session = false;
    l->numbering = 0;
    l->n_old_sessions = 0;
    l->has_direct = l->has_held = l->is_new_session = false;
    l->n_lost_before = 0;
    l->now_ns = 0;
    memset(l->was_heard, 0, sizeof l->was_heard);
}

/* --- delivering and parking ------------------------------------------------------------------- */

static void deliver(struct rl_lines *l, const struct rl_delivery *a, uint64_t n_skip)
{
    if (a != &l->direct)
        l->direct = *a;
    l->direct.n_skip = n_skip;
    l->direct.n_lost = l->n_lost_before;
    l->direct.is_new_session = l->is_new_session;
    l->n_lost_before = 0;
    l->is_new_session = false;
    l->has_direct = true;
    l->n.delivered++;
}

static void deliver_new(struct rl_lines *l, const struct rl_delivery *a)
{
    deliver(l, a, rl_sequence_skip(&l->seq, &a->head));
    rl_sequence_take(&l->seq, &a->head);
}

static enum rl_park window_park(struct rl_lines *l, const struct rl_delivery *a)
{
    const struct rl_parked *twin;
    enum rl_park result =
        rl_window_park(&l->window, &a->head, a->bytes, a->n_bytes, a->line, l->now_ns, &twin);

    l->n.parked += result == RL_PARK_OK;
    return result;
}

/* While a snapshot is waited for, what has the lowest numbers goes: the snapshot will have it. */
static void evict(struct rl_lines *l, const struct rl_delivery *a)
{
    do {
        l->n.evicted++;
        if (l->window.n == 0)
            return; /* larger than the window: the packet itself went */
        rl_window_pop(&l->window);
    } while (window_park(l, a) == RL_PARK_FULL);
}

/* The window is full: the gap is given up, down to the lowest packet at hand. */
static void overflow(struct rl_lines *l, const struct rl_delivery *a)
{
    const struct rl_parked *front = rl_lines_front(l);

    l->n.overflows++;
    if (front && front->head.previous <= a->head.previous) {
        rl_lines_give_up(l, &front->head);
        l->held = *a; /* judged again when what lies in front was delivered */
        l->has_held = true;
        return;
    }
    l->n.gaps += !l->has_gap; /* the packet itself showed it */
    l->has_gap = true;
    rl_lines_give_up(l, &a->head);
    deliver_new(l, a);
}

static void park(struct rl_lines *l, const struct rl_delivery *a)
{
    if (window_park(l, a) == RL_PARK_FULL) {
        if (l->state == RL_LINES_RECOVERING)
            evict(l, a);
        else
            overflow(l, a);
    }
    rl_lines_settle(l, rl_lines_closed_by(l, a->line));
}

/* --- packets ---------------------------------------------------------------------------------- */

/* Before the first snapshot there is nothing to judge a packet by: it is kept. */
static void keep(struct rl_lines *l, struct rl_delivery *a)
{
    struct rl_line_counters *n = &l->line[a->line];

    if (a->head.number_bits != 64)
        rl_sequence_extend(&l->seq, &a->head);
    if (a->head.previous == UINT64_MAX || a->head.next <= a->head.previous + 1) {
        n->bad++;
        return;
    }
    n->wins += !rl_lines_note(l, a);
    park(l, a);
}

/* A packet with messages, in its place or not. */
static void sequence(struct rl_lines *l, struct rl_delivery *a)
{
    struct rl_line_counters *n = &l->line[a->line];
    bool was_asking;

    if (l->seq.next == 0 && l->state == RL_LINES_RECOVERING) {
        keep(l, a);
        return;
    }
    switch (rl_sequence_judge(&l->seq, &a->head)) {
    case RL_TURN_NEW:
        n->wins += !rl_lines_note(l, a);
        deliver_new(l, a);
        if (RL_LIKELY(l->state == RL_LINES_IN_ORDER && l->window.n == 0))
            break;
        was_asking = l->state == RL_LINES_ASKING && a->line == RL_LINE_RECOVERY;
        rl_lines_settle(l, rl_lines_closed_by(l, a->line));
        if (was_asking && l->state == RL_LINES_ASKING)
            rl_lines_ask_anew(l); /* a part came: the rest, please */
        break;
    case RL_TURN_OLD:
        n->late += !rl_lines_note(l, a);
        break;
    case RL_TURN_AHEAD:
        n->wins += !rl_lines_note(l, a);
        park(l, a);
        break;
    default:
        n->bad++;
        break;
    }
}

/* A heartbeat tells what should have come by now. Parked, it stands for the packet that will. */
static void heartbeat(struct rl_lines *l, struct rl_delivery *a)
{
    l->line[a->line].heartbeats++;
    l->n.ends += a->head.kind == RL_PACKET_END;
    if (l->seq.next == 0 && l->state == RL_LINES_RECOVERING)
        return;
    switch (rl_sequence_judge(&l->seq, &a->head)) {
    case RL_TURN_AHEAD:
        park(l, a);
        break;
    case RL_TURN_ABSURD:
        l->line[a->line].bad++;
        break;
    default:
        break;
    }
    if (l->is_new_session && !l->has_direct)
        deliver(l, a, 0); /* downstream must hear of the session now */
}

static void plain(struct rl_lines *l, const struct rl_delivery *a)
{
    l->n.plain++;
    deliver(l, a, 0);
}

static void take_odd(struct rl_lines *l, struct rl_delivery *a)
{
    switch (a->head.kind) {
    case RL_PACKET_HEARTBEAT:
    case RL_PACKET_END:
        heartbeat(l, a);
        break;
    case RL_PACKET_SNAPSHOT:
        if (!rl_lines_join(l, a->head.next - 1))
            break;
        deliver(l, a, 0);
        rl_lines_settle(l, &l->n.recovered_snapshot);
        break;
    case RL_PACKET_RESTART:
        /* With several lines the other's copy would start it all again: there a session must
         * change. */
        if (l->config.n_lines == 1) {
            rl_lines_drop_parked(l);
            stand_nowhere(l);
        }
        sequence(l, a);
        break;
    case RL_PACKET_JUMP:
        if (a->head.next > l->seq.next && l->seq.next != 0)
            l->seq.next = a->head.next;
        plain(l, a);
        rl_lines_settle(l, rl_lines_closed_by(l, a->line));
        break;
    default:
        plain(l, a);
        break;
    }
}

/* --- sessions and numberings ------------------------------------------------------------------ */

static bool has_ended(const struct rl_lines *l, const struct rl_packet *p)
{
    uint32_t n =
        l->n_old_sessions < RL_LINES_OLD_SESSIONS ? l->n_old_sessions : RL_LINES_OLD_SESSIONS;

    for (uint32_t i = 0; i < n; i++)
        if (l->old_sessions[i].session == p->session &&
            l->old_sessions[i].session_rest == p->session_rest)
            return true;
    return false;
}

/* False when the packet belongs to a session that is over. */
static bool enter(struct rl_lines *l, const struct rl_packet *p)
{
    if (RL_LIKELY(rl_sequence_is_session(&l->seq, p)))
        return true;
    if (l->seq.has_session) {
        uint32_t at = l->n_old_sessions % RL_LINES_OLD_SESSIONS;

        if (has_ended(l, p))
            return false;
        l->old_sessions[at].session = l->seq.session;
        l->old_sessions[at].session_rest = l->seq.session_rest;
        l->n_old_sessions++;
        l->n.sessions++;
        rl_lines_drop_parked(l);
        stand_nowhere(l);
        l->is_new_session = true;
    }
    rl_sequence_enter(&l->seq, p);
    return true;
}

/* Another of two numberings: the higher one is what counts from then on. */
static void choose_numbering(struct rl_lines *l, struct rl_packet *p)
{
    if (p->numbering < l->numbering) {
        p->kind = RL_PACKET_PLAIN;
        return;
    }
    rl_lines_drop_parked(l);
    stand_nowhere(l);
    l->numbering = p->numbering;
}

/* --- in and out ------------------------------------------------------------------------------- */

/* True when rl_lines_next has something. */
static bool is_ready(const struct rl_lines *l)
{
    const struct rl_parked *front = rl_window_front(&l->window);

    return l->has_direct || l->has_held || (front && rl_lines_may_deliver(l, &front->head));
}

static void set_clock(struct rl_lines *l, uint64_t now_ns)
{
    if (RL_LIKELY(now_ns >= l->now_ns))
        l->now_ns = now_ns;
    else
        l->n.clock_back++;
}

bool rl_lines_push(struct rl_lines *l, uint32_t line, const uint8_t *packet, uint32_t n_bytes,
                   uint64_t now_ns)
{
    struct rl_delivery *a = &l->direct; /* free: the caller has taken what was there */
    struct rl_line_counters *n;

    line = line < l->config.n_lines ? line : RL_LINE_RECOVERY;
    a->bytes = packet;
    a->n_bytes = n_bytes;
    a->line = (uint8_t)line;
    set_clock(l, now_ns);
    n = &l->line[line];
    n->packets++;
    n->bytes += n_bytes;
    if (RL_UNLIKELY(l->config.protocol->read(l->config.feed, packet, n_bytes, true, &a->head) !=
                    RL_READ_OK)) {
        n->bad++;
    } else if (RL_UNLIKELY(!enter(l, &a->head))) {
        n->stale++;
    } else {
        l->was_heard[line] = true;
        l->heard_ns[line] = l->now_ns;
        if (RL_UNLIKELY(a->head.numbering != l->numbering))
            choose_numbering(l, &a->head);
        if (RL_LIKELY(a->head.kind == RL_PACKET_DATA))
            sequence(l, a);
        else
            take_odd(l, a);
    }
    if (RL_UNLIKELY(l->state != RL_LINES_IN_ORDER))
        rl_lines_expire(l);
    return is_ready(l);
}

bool rl_lines_poll(struct rl_lines *l, uint64_t now_ns)
{
    set_clock(l, now_ns);
    if (l->state != RL_LINES_IN_ORDER)
        rl_lines_expire(l);
    return is_ready(l);
}

/* The held packet again, now that the window has room. */
static void release_held(struct rl_lines *l)
{
    struct rl_delivery a = l->held;

    l->has_held = false;
    switch (rl_sequence_judge(&l->seq, &a.head)) {
    case RL_TURN_NEW:
        deliver_new(l, &a);
        rl_lines_settle(l, rl_lines_closed_by(l, a.line));
        break;
    case RL_TURN_AHEAD:
        park(l, &a);
        break;
    default:
        break;
    }
}

bool rl_lines_next(struct rl_lines *l, struct rl_delivery *d)
{
    for (;;) {
        const struct rl_parked *front;

        if (l->has_direct) {
            *d = l->direct;
            l->has_direct = false;
            return true;
        }
        front = rl_lines_front(l);
        if (front && rl_lines_may_deliver(l, &front->head)) {
            struct rl_delivery a = {.bytes = rl_window_packet(&l->window, front),
                                    .n_bytes = front->n_bytes,
                                    .head = front->head,
                                    .line = front->line};

            deliver_new(l, &a);
            rl_window_pop(&l->window); /* the bytes stay until something is parked */
            rl_lines_settle(l, rl_lines_closed_by(l, a.line));
        } else if (l->has_held) {
            release_held(l);
        } else {
            return false;
        }
    }
}
