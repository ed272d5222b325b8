/* The desks' side: connections, and what they wish for. */
#include "rig/drill/drill_inner.h"

#include <errno.h>
#include <string.h>

#include "rig/trial/bench_limits.h"
#include "rig/trial/kill_trial.h"
#include "session/fix_frame.h"
#include "trade/risk/limits_build.h"

#define STORE_BYTES (1ULL << 22)
#define STORE_MESSAGES (1ULL << 14)
#define MAX_OPEN 48 /* orders that a desk works on */
#define MAX_QTY 20
#define REACH_TICKS 6 /* prices lie so far from the best at most */

/* --- the wire --------------------------------------------------------------------------------- */

static bool on_send(void *context, const uint8_t *bytes, uint32_t n_bytes)
{
    struct drill_seat *seat = context;

    return seat->is_up && (seat->silent_until_ns > seat->drill->now_ns ||
                           drill_write(&seat->to_venue, bytes, n_bytes));
}

static void on_hang_up(void *context, enum rl_fix_cause cause)
{
    struct drill_seat *seat = context;

    (void)cause;
    if (seat->is_up)
        seat->silent_until_ns = UINT64_MAX; /* ended when the venue has its turn */
}

static void on_heard(void *context, const struct rl_fix_msg *m)
{
    drill_watch_message(context, m);
}

static void read_link(struct drill_seat *seat)
{
    struct drill_link *l = &seat->to_desk;
    uint32_t at = 0, n_frame;
    enum rl_fix_result cut;

    while (at < l->n_ready) {
        cut = rl_fix_cut(l->bytes + at, l->n_ready - at, 4096, &n_frame);
        if (cut == RL_FIX_PARTIAL)
            break;
        seat->watch.n[RL_DRILL_GARBAGE] += cut == RL_FIX_GARBLED;
        rl_desk_message(&seat->desk, l->bytes + at, n_frame, seat->drill->now_ns);
        at += n_frame;
    }
    memmove(l->bytes, l->bytes + at, l->n - at);
    l->n -= at;
}

static void connect(struct drill_seat *seat)
{
    if (seat->is_up || seat->reconnect_ns > seat->drill->now_ns)
        return;
    seat->is_up = true;
    (void)rl_fix_session_step(&seat->session, &(struct rl_fix_event){.kind = RL_FIX_EV_CONNECTED},
                              drill_venue_ns(seat->drill));
    rl_desk_connected(&seat->desk, seat->drill->now_ns);
}

static void recover_md(struct drill_seat *seat)
{
    struct rl_drill *d = seat->drill;
    struct rl_lines_request wanted;
    uint8_t request[RL_MOLD_HEADER];

    while (rl_lines_request(seat->desk.feed.lines, d->now_ns, &wanted)) {
        if (wanted.is_snapshot)
            continue;
        rl_mold_put_request(request, (const uint8_t *)d->md.session, wanted.first, wanted.n);
        d->n.md_requests++;
        rl_md_itch_request(&d->md, seat->i, request, sizeof request, drill_venue_ns(d));
    }
}

/* --- wishes ----------------------------------------------------------------------------------- */

/* Forgets what has ended; then a random one of the rest, RL_ID_NONE when there is none. */
static uint64_t pick(struct drill_seat *seat, uint32_t *at)
{
    struct rl_drill *d = seat->drill;

    while (seat->n_open > 0) {
        *at = rl_random_below(&d->random, seat->n_open);
        if (rl_orders_live(&seat->desk.oms.orders, seat->open[*at]))
            return seat->open[*at];
        seat->open[*at] = seat->open[--seat->n_open];
    }
    return RL_ID_NONE;
}

static int64_t some_price(struct rl_drill *d, const struct rl_bbo *bbo, unsigned side)
{
    int64_t best = bbo->px_nano[side] != RL_PX_NONE ? bbo->px_nano[side] : 100 * RL_NANO_PER_UNIT;
    int64_t away = (int64_t)rl_random_below(&d->random, 2 * REACH_TICKS) - REACH_TICKS;

    return best + away * DRILL_TICK;
}

static void wish_order(struct drill_seat *seat)
{
    static const uint8_t tifs[] = {RL_TIF_DAY, RL_TIF_DAY, RL_TIF_GTC, RL_TIF_IOC, RL_TIF_FOK};
    struct rl_drill *d = seat->drill;
    struct rl_request r = {.scopes.instrument =
                               rl_random_below(&d->random, d->config.n_instruments),
                           .qty = 1 + rl_random_below(&d->random, MAX_QTY),
                           .side = (uint8_t)rl_random_below(&d->random, 2),
                           .type = RL_TYPE_LIMIT,
                           .time_in_force = tifs[rl_random_below(&d->random, sizeof tifs)]};
    struct rl_bbo bbo;
    uint64_t id;

    rl_books_bbo(&seat->desk.books, r.scopes.instrument, &bbo);
    r.px_nano = some_price(d, &bbo, r.side);
    id = rl_desk_order(&seat->desk, &r, d->now_ns);
    d->n.orders += id != RL_ID_NONE;
    d->n.refused += id == RL_ID_NONE;
    if (id != RL_ID_NONE && rl_tif_may_rest(r.time_in_force) && seat->n_open < MAX_OPEN)
        seat->open[seat->n_open++] = id;
}

static void wish_replace(struct drill_seat *seat)
{
    struct rl_drill *d = seat->drill;
    uint32_t at;
    uint64_t id = pick(seat, &at), new_id;
    const struct rl_order *order = id ? rl_orders_live(&seat->desk.oms.orders, id) : NULL;
    struct rl_bbo bbo;

    if (!order)
        return;
    rl_books_bbo(&seat->desk.books, order->instrument, &bbo);
    new_id = rl_desk_replace(&seat->desk, id, 1 + rl_random_below(&d->random, MAX_QTY),
                             some_price(d, &bbo, order->side), d->now_ns);
    d->n.replaces += new_id != RL_ID_NONE;
    d->n.refused += new_id == RL_ID_NONE;
    if (new_id != RL_ID_NONE && seat->n_open < MAX_OPEN)
        seat->open[seat->n_open++] = new_id; /* whichever of the two lives is found by pick */
}

static void wish_cancel(struct drill_seat *seat)
{
    struct rl_drill *d = seat->drill;
    uint32_t at;
    uint64_t id = pick(seat, &at), request;

    if (id == RL_ID_NONE)
        return;
    request = rl_desk_cancel(&seat->desk, id, d->now_ns);
    d->n.cancels += request != RL_ID_NONE;
    d->n.refused += request == RL_ID_NONE;
}

static void act(struct drill_seat *seat)
{
    struct rl_drill *d = seat->drill;
    uint64_t chance = (uint64_t)d->config.actions_per_s * d->config.step_ns; /* of 1e9 */

    if (d->is_over || seat->desk.state != RL_DESK_READY)
        return;
    for (; chance > 0; chance -= chance < 1000000000 ? chance : 1000000000) {
        if (chance < 1000000000 && rl_random_below(&d->random, 1000000000) >= chance)
            return;
        switch (rl_random_below(&d->random, 10)) {
        case 0:
        case 1:
            wish_cancel(seat);
            break;
        case 2:
        case 3:
        case 4:
            wish_replace(seat);
            break;
        default:
            if (seat->n_open < MAX_OPEN)
                wish_order(seat);
            else
                wish_cancel(seat);
        }
    }
}

void drill_turn_desks(struct rl_drill *d)
{
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        struct drill_seat *seat = &d->seats[i];

        connect(seat);
        read_link(seat);
        (void)rl_desk_turn(&seat->desk, d->now_ns);
        recover_md(seat);
        act(seat);
        rl_desk_take_audit(&seat->desk, NULL, NULL);
    }
}

/* --- set-up ----------------------------------------------------------------------------------- */

static struct rl_lines_config lines_config(void)
{
    struct rl_lines_config c = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), RL_MD_LINES);

    c.n_requests = 8;
    c.first_seq = 1;
    return c;
}

static struct rl_desk_config desk_config(const struct rl_drill *d,
                                         const struct rl_lines_config *lines)
{
    return (struct rl_desk_config){.oms = {.ledger = {.n_accounts = 1,
                                                      .n_instruments = d->config.n_instruments,
                                                      .n_fifo_lots = 1 << 12},
                                           .n_order_slots = 1 << 16,
                                           .n_execs = 1 << 18,
                                           .n_audit_slots = 1 << 14,
                                           .n_venues = 1,
                                           .n_strategies = 1,
                                           .n_repeats = 1 << 10,
                                           .n_fills = 1 << 10,
                                           .epoch = 1,
                                           .tsc_hz = 1000000000},
                                   .limits = d->limits,
                                   .feed = {.kind = RL_FEED_ITCH,
                                            .mold = true,
                                            .n_instruments = d->config.n_instruments,
                                            .lines = lines},
                                   .books = {.n_instruments = d->config.n_instruments,
                                             .n_orders = 1 << 14,
                                             .n_levels_per_side = 1 << 10,
                                             .seed = 1}};
}

static struct rl_fix_session_config desk_session(const struct drill_seat *seat, char names[2][16])
{
    struct rl_fix_session_config c = drill_session_config(seat, names);
    const char *venue = c.sender;

    c.sender = c.target;
    c.target = venue;
    return c;
}

static size_t limits_bytes(const struct rl_drill *d)
{
    return rl_limits_bytes(1, d->config.n_instruments, 1, 1);
}

size_t drill_desk_bytes(const struct rl_drill *d)
{
    struct rl_lines_config lines = lines_config();
    struct rl_desk_config config = desk_config(d, &lines);
    struct drill_seat seat = {.drill = (struct rl_drill *)d};
    char names[2][16];
    size_t desk;

    config.session = desk_session(&seat, names);
    desk = rl_desk_bytes(&config);
    if (desk == 0)
        return 0;
    return limits_bytes(d) + RL_CACHE_LINE +
           d->config.n_desks *
               (desk + 2 * DRILL_LINK_BYTES + d->n_dues * sizeof(struct drill_due) +
                MAX_OPEN * sizeof(uint64_t) + rl_memory_store_bytes(STORE_BYTES, STORE_MESSAGES) +
                16 * RL_CACHE_LINE);
}

/* Wide: what the drill is about is the venue, not the limits. */
static int make_limits(struct rl_drill *d)
{
    static const struct rl_bench_limits wide = {.max_qty = 1000,
                                                .max_notional = 1000000000,
                                                .max_position = 100000000,
                                                .band_bps = 5000,
                                                .rate_per_s = 1000000000,
                                                .rate_burst = 1000000000,
                                                .max_open = 10000,
                                                .may_meet_own = true};
    char why[RL_LIMITS_WHY];

    d->limits = rl_arena_take(&d->arena, limits_bytes(d), RL_CACHE_LINE);
    if (!d->limits)
        return -ENOMEM;
    return rl_bench_limits_build(d->limits, limits_bytes(d), &wide, d->config.n_instruments, why);
}

static int open_desk(struct drill_seat *seat, const char **why)
{
    struct rl_drill *d = seat->drill;
    struct rl_lines_config lines = lines_config();
    struct rl_desk_config config = desk_config(d, &lines);
    struct rl_desk_wire wire = {on_send, on_hang_up, on_heard, seat};
    char names[2][16];
    int err;

    config.session = desk_session(seat, names);
    seat->to_venue.bytes = rl_arena_take(&d->arena, DRILL_LINK_BYTES, RL_CACHE_LINE);
    seat->to_desk.bytes = rl_arena_take(&d->arena, DRILL_LINK_BYTES, RL_CACHE_LINE);
    seat->watch.dues =
        rl_arena_take(&d->arena, d->n_dues * sizeof(struct drill_due), RL_CACHE_LINE);
    seat->open = rl_arena_take(&d->arena, MAX_OPEN * sizeof(uint64_t), RL_CACHE_LINE);
    if (!seat->to_venue.bytes || !seat->to_desk.bytes || !seat->watch.dues || !seat->open)
        return -ENOMEM;
    rl_kill_init(&seat->kill, 0);
    err =
        rl_memory_store_init(&seat->desk_store, &d->arena, STORE_BYTES, STORE_MESSAGES, d->now_ns);
    if (!err)
        err = rl_desk_init(&seat->desk, &d->arena, &config, &seat->desk_store.store, &seat->kill,
                           &wire, d->now_ns, why);
    if (!err)
        err = rl_oms_set_state(&seat->desk.oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, d->now_ns);
    return err ? err : rl_bench_arm(&seat->kill);
}

int drill_open_desks(struct rl_drill *d, const char **why)
{
    int err;

    *why = "the desks cannot be set up";
    err = make_limits(d);
    for (uint32_t i = 0; !err && i < d->config.n_desks; i++)
        err = open_desk(&d->seats[i], why);
    if (!err)
        rl_md_itch_start(&d->md, drill_venue_ns(d));
    return err;
}
