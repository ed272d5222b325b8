#include "market/feed/lines.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

#define N_RECENT 4096u             /* packets of which the second copy is recognised */
#define LAG_HIGHEST 60000000000ULL /* one minute in ns: beyond that a line is down, not late */
#define LAG_DIGITS 2               /* one percent */
#define MAX_BACK_OFF 10            /* a request waits at most 2^10 times the first wait */

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
    return rl_window_bytes(c->n_window, c->n_window_bytes) + N_RECENT * sizeof(struct rl_recent) +
           c->n_losses * sizeof(struct rl_loss) +
           c->n_lines * (rl_hist_bytes(LAG_HIGHEST, LAG_DIGITS) + RL_CACHE_LINE) +
           4 * RL_CACHE_LINE;
}

int rl_lines_init(struct rl_lines *l, struct rl_arena *arena, const struct rl_lines_config *c)
{
    size_t n_lag = rl_hist_bytes(LAG_HIGHEST, LAG_DIGITS);
    int err;

    if (!config_is_good(c))
        return -EINVAL;
    memset(l, 0, sizeof *l);
    l->config = *c;
    err = rl_window_init(&l->window, arena, c->n_window, c->n_window_bytes);
    if (err)
        return err;
    l->recent = rl_arena_take(arena, N_RECENT * sizeof *l->recent, RL_CACHE_LINE);
    l->losses = rl_arena_take(arena, (c->n_losses + 1) * sizeof *l->losses, RL_CACHE_LINE);
    if (!l->recent || !l->losses)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->n_lines; i++) {
        uint64_t *counts = rl_arena_take(arena, n_lag, RL_CACHE_LINE);

        if (!counts)
            return -ENOMEM;
        (void)rl_hist_init(&l->lag[i], LAG_HIGHEST, LAG_DIGITS, counts, n_lag);
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
    l->wants_request = l->config.starts_with_snapshot;
    l->state = l->config.starts_with_snapshot ? RL_LINES_RECOVERING : RL_LINES_IN_ORDER;
    l->due_ns = UINT64_MAX;
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

/* --- what the lines differ -------------------------------------------------------------------- */

/* Something of the content, to tell two packets of one number apart: the last eight bytes. */
static uint64_t sample_of(const uint8_t *packet, uint32_t n_bytes)
{
    uint64_t sample = 0;
    uint32_t n = n_bytes < sizeof sample ? n_bytes : (uint32_t)sizeof sample;

    memcpy(&sample, packet + n_bytes - n, n);
    return sample;
}

/*
 * Who brought the packet first, and how much later this line is. False when this is its first
 * sight. Answers to requests are cut otherwise than the stream and are left out.
 */
static bool note(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                 uint32_t n_bytes, uint32_t line)
{
    struct rl_recent *r = &l->recent[(p->next * 0x9E3779B97F4A7C15ULL >> 32) & (N_RECENT - 1)];
    struct rl_line_counters *n = &l->line[line];

    if (line == RL_LINE_RECOVERY)
        return false;
    if (r->next != p->next || r->epoch != l->epoch) {
        *r = (struct rl_recent){.next = p->next,
                                .at_ns = l->now_ns,
                                .sample = sample_of(packet, n_bytes),
                                .epoch = l->epoch,
                                .n_bytes = n_bytes,
                                .line = (uint8_t)line,
                                .seen = (uint8_t)(1u << line)};
        return false;
    }
    n->conflicts += r->n_bytes != n_bytes || r->sample != sample_of(packet, n_bytes);
    if (r->seen & 1u << line) {
        n->repeats++;
        return true;
    }
    r->seen |= (uint8_t)(1u << line);
    n->duplicates++;
    rl_hist_record(&l->lag[line], l->now_ns - r->at_ns);
    return true;
}

/* How long a gap waits for another line. A walk over the histograms: gaps are rare. */
static uint64_t gap_wait_ns(const struct rl_lines *l)
{
    const struct rl_lines_config *c = &l->config;
    uint64_t wait = 0;

    for (uint32_t i = 0; i < c->n_lines; i++) {
        uint64_t lag = rl_hist_percentile(&l->lag[i], 99.9);

        wait = lag > wait ? lag : wait;
    }
    wait *= c->gap_skews;
    wait = wait > c->gap_floor_ns ? wait : c->gap_floor_ns;
    return wait < c->gap_ceiling_ns ? wait : c->gap_ceiling_ns;
}

int64_t rl_lines_skew_ns(const struct rl_lines *l, uint32_t a, uint32_t b, double pct)
{
    const struct rl_hist *earlier, *later;
    uint64_t n, rank;

    if (a >= l->config.n_lines || b >= l->config.n_lines)
        return 0;
    earlier = &l->lag[b]; /* a was first: the difference is negative */
    later = &l->lag[a];
    n = earlier->n_total + later->n_total;
    if (n == 0)
        return 0;
    pct = pct < 0 ? 0 : pct > 100 ? 100 : pct;
    rank = (uint64_t)ceil(pct / 100 * (double)n);
    rank = rank < 1 ? 1 : rank > n ? n : rank;
    /* Half a rank less, so that rounding cannot make it the next one. */
    if (rank <= earlier->n_total) {
        double from_end = (double)(earlier->n_total - rank) + 0.5;

        return -(int64_t)rl_hist_percentile(earlier, 100 * from_end / (double)earlier->n_total);
    }
    return (int64_t)rl_hist_percentile(later, 100 * ((double)(rank - earlier->n_total) - 0.5) /
                                                  (double)later->n_total);
}

uint64_t rl_lines_silent_ns(const struct rl_lines *l, uint32_t line, uint64_t now_ns)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i <= RL_LINE_RECOVERY; i++) {
        if (!l->was_heard[i] || (line != i && line != RL_LINE_ANY))
            continue;
        if (now_ns <= l->heard_ns[i])
            return 0;
        if (now_ns - l->heard_ns[i] < least)
            least = now_ns - l->heard_ns[i];
    }
    return least;
}

/* --- gaps ------------------------------------------------------------------------------------- */

static bool is_deliverable(const struct rl_lines *l, const struct rl_parked *e)
{
    return l->seq.next != 0 && e->head.previous + 1 <= l->seq.next;
}

/* Forgets what is parked but was delivered meanwhile; what then lies in front, or NULL. */
static const struct rl_parked *front_of(struct rl_lines *l)
{
    const struct rl_parked *e;

    while ((e = rl_window_front(&l->window)) != NULL && e->head.next <= l->seq.next)
        rl_window_pop(&l->window);
    return e;
}

static void gap_open(struct rl_lines *l, const struct rl_parked *shown_by)
{
    l->n.gaps++;
    l->has_gap = true;
    l->state = RL_LINES_GAP;
    l->gap_line = shown_by->line;
    l->due_ns = shown_by->at_ns + gap_wait_ns(l);
    l->attempt = 0;
    l->wants_request = false;
}

/* Is something missing before what is parked? */
static void find_gap(struct rl_lines *l)
{
    const struct rl_parked *front = front_of(l);

    if (front && !is_deliverable(l, front))
        gap_open(l, front);
}

static void gap_close(struct rl_lines *l, uint64_t *how)
{
    if (l->has_gap)
        ++*how;
    l->has_gap = false;
    l->state = RL_LINES_IN_ORDER;
    l->due_ns = UINT64_MAX;
    l->wants_request = false;
}

/* The counter that a gap goes to when `line` brought what was missing. */
static uint64_t *closed_by(struct rl_lines *l, uint32_t line)
{
    if (line == RL_LINE_RECOVERY)
        return &l->n.recovered_request;
    return line == l->gap_line ? &l->n.recovered_late : &l->n.recovered_other;
}

static void lose(struct rl_lines *l, uint64_t first, uint64_t n)
{
    l->n.lost += n;
    l->n_lost_before += n;
    if (l->n_losses < l->config.n_losses)
        l->losses[l->n_losses++] = (struct rl_loss){first, n};
    else
        l->n.losses_unlisted++;
}

/* Goes on with `p`, the lowest packet at hand. */
static void give_up(struct rl_lines *l, const struct rl_packet *p)
{
    uint64_t first = l->seq.next;

    lose(l, first, rl_sequence_give_up(&l->seq, p));
    gap_close(l, &l->n.gaps_lost);
}

static void ask(struct rl_lines *l)
{
    uint32_t shift = l->attempt < MAX_BACK_OFF ? l->attempt : MAX_BACK_OFF;

    l->attempt++;
    l->wants_request = true;
    l->due_ns =
        l->config.request_wait_ns ? l->now_ns + (l->config.request_wait_ns << shift) : UINT64_MAX;
}

static void recover(struct rl_lines *l)
{
    l->n.recoveries++;
    l->state = RL_LINES_RECOVERING;
    l->attempt = 0;
    ask(l);
}

/* What is due by now. Each round moves the state on, or the deadline beyond now. */
static void expire(struct rl_lines *l)
{
    while (l->state != RL_LINES_IN_ORDER && l->now_ns >= l->due_ns) {
        const struct rl_parked *front = front_of(l);

        if (l->state == RL_LINES_RECOVERING) {
            ask(l);
        } else if (!front) {
            gap_close(l, &l->n.recovered_late); /* everything beyond the gap was delivered since */
        } else if (l->attempt < l->config.n_requests) {
            l->state = RL_LINES_ASKING;
            ask(l);
        } else if (l->config.has_snapshots) {
            recover(l);
        } else {
            give_up(l, &front->head);
            find_gap(l); /* behind a heartbeat nothing need follow at once */
        }
    }
}

/* After the stream moved on by what `how` counts: is the gap closed, is there another? */
static void settle(struct rl_lines *l, uint64_t *how)
{
    const struct rl_parked *front;

    if (l->seq.next == 0)
        return; /* waits for its first snapshot */
    front = front_of(l);
    if (l->state != RL_LINES_IN_ORDER && (!front || is_deliverable(l, front)))
        gap_close(l, how);
    if (l->state == RL_LINES_IN_ORDER)
        find_gap(l);
    expire(l);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void deliver(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                    uint32_t n_bytes, uint32_t line, uint64_t n_skip)
{
    l->direct = (struct rl_delivery){.bytes = packet,
                                     .n_bytes = n_bytes,
                                     .head = *p,
                                     .n_skip = n_skip,
                                     .n_lost = l->n_lost_before,
                                     .line = (uint8_t)line,
                                     .is_new_session = l->is_new_session};
    l->n_lost_before = 0;
    l->is_new_session = false;
    l->has_direct = true;
    l->n.delivered++;
}

static void deliver_new(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                        uint32_t n_bytes, uint32_t line)
{
    deliver(l, p, packet, n_bytes, line, rl_sequence_skip(&l->seq, p));
    rl_sequence_take(&l->seq, p);
}

/* Keeps the packet for when the window has room again: once what lies in front was delivered. */
static void hold(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                 uint32_t n_bytes, uint32_t line)
{
    l->held = (struct rl_delivery){
        .bytes = packet, .n_bytes = n_bytes, .head = *p, .line = (uint8_t)line};
    l->has_held = true;
}

/*
 * The window is full. While a snapshot is waited for, what lies longest goes: the snapshot will
 * have it. Else the gap is given up, down to the lowest packet at hand.
 */
static void make_room(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                      uint32_t n_bytes, uint32_t line)
{
    const struct rl_parked *front = front_of(l), *twin;

    if (l->state == RL_LINES_RECOVERING) {
        while (l->window.n > 0) {
            rl_window_pop(&l->window);
            l->n.evicted++;
            if (rl_window_park(&l->window, p, packet, n_bytes, (uint8_t)line, l->now_ns, &twin) ==
                RL_PARK_OK) {
                l->n.parked++;
                return;
            }
        }
        l->n.evicted++;
        return;
    }
    l->n.overflows++;
    if (!front || p->previous < front->head.previous) {
        if (!l->has_gap)
            l->n.gaps++; /* it was none before: the packet itself showed it */
        l->has_gap = true;
        give_up(l, p);
        deliver_new(l, p, packet, n_bytes, line);
    } else {
        give_up(l, &front->head);
        hold(l, p, packet, n_bytes, line);
    }
}

static void park(struct rl_lines *l, const struct rl_packet *p, const uint8_t *packet,
                 uint32_t n_bytes, uint32_t line)
{
    const struct rl_parked *twin;

    switch (rl_window_park(&l->window, p, packet, n_bytes, (uint8_t)line, l->now_ns, &twin)) {
    case RL_PARK_OK:
        l->n.parked++;
        break;
    case RL_PARK_THERE:
        break;
    default:
        make_room(l, p, packet, n_bytes, line);
        break;
    }
    settle(l, closed_by(l, line));
}

/* A packet with messages, in its place or not. */
static void sequence(struct rl_lines *l, struct rl_packet *p, const uint8_t *packet,
                     uint32_t n_bytes, uint32_t line)
{
    struct rl_line_counters *n = &l->line[line];
    bool was_seen;

    if (l->seq.next == 0 && l->state == RL_LINES_RECOVERING) { /* nothing to judge it by yet */
        if (p->number_bits != 64)
            rl_sequence_extend(&l->seq, p);
        if (p->next <= p->previous + 1 || p->previous == UINT64_MAX) {
            n->bad++;
            return;
        }
        n->wins += !note(l, p, packet, n_bytes, line);
        park(l, p, packet, n_bytes, line);
        return;
    }
    switch (rl_sequence_judge(&l->seq, p)) {
    case RL_TURN_NEW:
        was_seen = note(l, p, packet, n_bytes, line);
        n->wins += !was_seen;
        deliver_new(l, p, packet, n_bytes, line);
        if (RL_UNLIKELY(l->state != RL_LINES_IN_ORDER || l->window.n > 0)) {
            bool was_asking = l->state == RL_LINES_ASKING && line == RL_LINE_RECOVERY;

            settle(l, closed_by(l, line));
            if (was_asking && l->state == RL_LINES_ASKING) { /* a part came: ask for the rest */
                l->attempt = 0;
                ask(l);
            }
        }
        break;
    case RL_TURN_OLD:
        n->late += !note(l, p, packet, n_bytes, line);
        break;
    case RL_TURN_AHEAD:
        n->wins += !note(l, p, packet, n_bytes, line);
        park(l, p, packet, n_bytes, line);
        break;
    default:
        n->bad++;
        break;
    }
}

/* A heartbeat tells what should have come by now. Parked, it stands for the packet that will. */
static void heartbeat(struct rl_lines *l, struct rl_packet *p, const uint8_t *packet,
                      uint32_t n_bytes, uint32_t line)
{
    l->line[line].heartbeats++;
    l->n.ends += p->kind == RL_PACKET_END;
    if (l->seq.next == 0 && l->state == RL_LINES_RECOVERING)
        return;
    switch (rl_sequence_judge(&l->seq, p)) {
    case RL_TURN_AHEAD:
        park(l, p, packet, n_bytes, line);
        break;
    case RL_TURN_ABSURD:
        l->line[line].bad++;
        break;
    default:
        break;
    }
    if (l->is_new_session && !l->has_direct)
        deliver(l, p, packet, n_bytes, line, 0); /* downstream must hear of the session now */
}

/* --- snapshots -------------------------------------------------------------------------------- */

/* Whether the stream can go on from a snapshot of everything up to `last`; then it does. */
static bool join(struct rl_lines *l, uint64_t last)
{
    uint32_t at = l->window.first, end = at + l->window.n;

    if (l->state == RL_LINES_IN_ORDER && l->seq.next != 0) {
        l->n.snapshots_unused++;
        return false;
    }
    while (at < end && l->window.entries[at].head.next <= last + 1)
        at++; /* the snapshot has it */
    if (last == UINT64_MAX || last + 1 < l->seq.next ||
        (at < end && l->window.entries[at].head.previous > last)) {
        l->n.snapshots_old++;
        if (l->state == RL_LINES_RECOVERING)
            l->due_ns = l->due_ns < l->now_ns ? l->due_ns : l->now_ns; /* a newer one, please */
        return false;
    }
    l->seq.next = last + 1;
    l->n.snapshots++;
    return true;
}

static void snapshot(struct rl_lines *l, struct rl_packet *p, const uint8_t *packet,
                     uint32_t n_bytes, uint32_t line)
{
    if (!join(l, p->next - 1))
        return;
    deliver(l, p, packet, n_bytes, line, 0);
    gap_close(l, &l->n.recovered_snapshot);
    settle(l, &l->n.recovered_snapshot);
}

bool rl_lines_adopt(struct rl_lines *l, uint64_t last, uint64_t now_ns)
{
    (void)rl_lines_poll(l, now_ns);
    if (join(l, last)) {
        gap_close(l, &l->n.recovered_snapshot);
        settle(l, &l->n.recovered_snapshot);
    }
    return rl_lines_poll(l, now_ns);
}

/* --- sessions --------------------------------------------------------------------------------- */

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

/* What still waits will not be delivered: the numbers from here to the last that is parked. */
static void drop_parked(struct rl_lines *l)
{
    const struct rl_window *w = &l->window;
    uint64_t end = l->seq.next;

    if (l->seq.next == 0 || w->n == 0)
        return;
    for (uint32_t i = w->first; i < w->first + w->n; i++)
        end = w->entries[i].head.next > end ? w->entries[i].head.next : end;
    if (end > l->seq.next)
        lose(l, l->seq.next, end - l->seq.next);
    gap_close(l, &l->n.gaps_lost);
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
        drop_parked(l);
        stand_nowhere(l);
        l->is_new_session = true;
    }
    rl_sequence_enter(&l->seq, p);
    return true;
}

/* --- in and out ------------------------------------------------------------------------------- */

/* True when rl_lines_next has something. */
static bool is_ready(const struct rl_lines *l)
{
    const struct rl_parked *front = rl_window_front(&l->window);

    return l->has_direct || l->has_held || (front && is_deliverable(l, front));
}

static void set_clock(struct rl_lines *l, uint64_t now_ns)
{
    if (RL_LIKELY(now_ns >= l->now_ns))
        l->now_ns = now_ns;
    else
        l->n.clock_back++;
}

static void take_odd(struct rl_lines *l, struct rl_packet *p, const uint8_t *packet,
                     uint32_t n_bytes, uint32_t line)
{
    switch (p->kind) {
    case RL_PACKET_HEARTBEAT:
    case RL_PACKET_END:
        heartbeat(l, p, packet, n_bytes, line);
        break;
    case RL_PACKET_SNAPSHOT:
        snapshot(l, p, packet, n_bytes, line);
        break;
    case RL_PACKET_RESTART:
        /* With several lines the other's copy would start it all again: there a session must
         * change. */
        if (l->config.n_lines == 1) {
            drop_parked(l);
            stand_nowhere(l);
        }
        sequence(l, p, packet, n_bytes, line);
        break;
    case RL_PACKET_JUMP:
        if (p->next > l->seq.next && l->seq.next != 0)
            l->seq.next = p->next;
        l->n.plain++;
        deliver(l, p, packet, n_bytes, line, 0);
        settle(l, closed_by(l, line));
        break;
    default:
        l->n.plain++;
        deliver(l, p, packet, n_bytes, line, 0);
        break;
    }
}

bool rl_lines_push(struct rl_lines *l, uint32_t line, const uint8_t *packet, uint32_t n_bytes,
                   uint64_t now_ns)
{
    struct rl_line_counters *n;
    struct rl_packet p;

    set_clock(l, now_ns);
    line = line < l->config.n_lines ? line : RL_LINE_RECOVERY;
    n = &l->line[line];
    n->packets++;
    n->bytes += n_bytes;
    if (RL_UNLIKELY(l->config.protocol->read(l->config.feed, packet, n_bytes, true, &p) !=
                    RL_READ_OK)) {
        n->bad++;
    } else if (RL_UNLIKELY(!enter(l, &p))) {
        n->stale++;
    } else {
        l->was_heard[line] = true;
        l->heard_ns[line] = l->now_ns;
        if (RL_UNLIKELY(p.numbering != l->numbering)) {
            if (p.numbering > l->numbering) { /* from now on this is what counts */
                drop_parked(l);
                stand_nowhere(l);
                l->numbering = p.numbering;
            } else {
                p.kind = RL_PACKET_PLAIN;
            }
        }
        if (RL_LIKELY(p.kind == RL_PACKET_DATA))
            sequence(l, &p, packet, n_bytes, line);
        else
            take_odd(l, &p, packet, n_bytes, line);
    }
    if (RL_UNLIKELY(l->state != RL_LINES_IN_ORDER))
        expire(l);
    return is_ready(l);
}

bool rl_lines_poll(struct rl_lines *l, uint64_t now_ns)
{
    set_clock(l, now_ns);
    if (l->state != RL_LINES_IN_ORDER)
        expire(l);
    return is_ready(l);
}

/* The held packet again, now that the window has room. */
static void release_held(struct rl_lines *l)
{
    struct rl_delivery h = l->held;

    l->has_held = false;
    switch (rl_sequence_judge(&l->seq, &h.head)) {
    case RL_TURN_NEW:
        deliver_new(l, &h.head, h.bytes, h.n_bytes, h.line);
        settle(l, closed_by(l, h.line));
        break;
    case RL_TURN_AHEAD:
        park(l, &h.head, h.bytes, h.n_bytes, h.line);
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
        front = front_of(l);
        if (front && is_deliverable(l, front)) {
            struct rl_parked e = *front;

            deliver_new(l, &e.head, rl_window_packet(&l->window, &e), e.n_bytes, e.line);
            rl_window_pop(&l->window);
            settle(l, closed_by(l, e.line));
        } else if (l->has_held) {
            release_held(l);
        } else {
            return false;
        }
    }
}

bool rl_lines_request(struct rl_lines *l, uint64_t now_ns, struct rl_lines_request *request)
{
    const struct rl_parked *front = rl_window_front(&l->window);
    uint64_t n;

    set_clock(l, now_ns);
    if (!l->wants_request || l->state == RL_LINES_IN_ORDER)
        return false;
    l->wants_request = false;
    l->n.requests++;
    *request = (struct rl_lines_request){.is_snapshot = l->state == RL_LINES_RECOVERING,
                                         .first = l->seq.next,
                                         .attempt = l->attempt,
                                         .session = l->seq.session,
                                         .session_rest = l->seq.session_rest};
    if (!request->is_snapshot && front) {
        n = front->head.previous + 1 - l->seq.next;
        request->n = n < l->config.n_request_max ? n : l->config.n_request_max;
    }
    return true;
}

uint64_t rl_lines_due_ns(const struct rl_lines *l)
{
    return l->state == RL_LINES_IN_ORDER ? UINT64_MAX : l->due_ns;
}
