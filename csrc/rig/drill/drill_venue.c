/* The venue's side: sessions, gateway, matching, market data, and the house that quotes. */
#include "rig/drill/drill_inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/fix_frame.h"

#define STORE_BYTES (1ULL << 23)
#define STORE_MESSAGES (1ULL << 16)
#define MAX_MESSAGE 4096
#define HOUSE_EVERY_NS 200000000ULL
#define HOUSE_LEVELS 3
#define HOUSE_QTY 500

/* --- what the matching engine did: the truth that desks are held against ---------------------- */

static struct drill_truth *truth_of(struct rl_drill *d, uint32_t member, uint32_t instrument)
{
    return &d->truths[member * d->config.n_instruments + instrument];
}

static void book(struct rl_drill *d, const struct rl_match_event *e, int64_t sign)
{
    struct drill_truth *t = truth_of(d, e->owner, e->instrument);
    int64_t lots = sign * (int64_t)e->qty * (e->side == RL_BUY ? 1 : -1);

    t->net += lots;
    t->cash -= (rl_money)e->px_nano * lots;
    t->done[e->side] += (uint64_t)(sign * (int64_t)e->qty);
}

static void witness(void *context, const struct rl_match_event *e)
{
    struct rl_drill *d = context;

    d->n.events++;
    drill_watch_event(d, e);
    if (e->kind == RL_MATCH_EVENT_FILL) {
        book(d, e, 1);
        d->n.trades += (e->flags & RL_MATCH_AGGRESSOR) != 0;
    } else if (e->kind == RL_MATCH_EVENT_BUSTED) {
        book(d, e, -1);
        d->n_busted += e->owner != d->house;
    }
}

/* --- sessions --------------------------------------------------------------------------------- */

static void put_on_wire(struct drill_seat *seat, const uint8_t *bytes, uint32_t n)
{
    struct rl_drill *d = seat->drill;
    uint8_t garbage[64];

    if (!seat->is_up || seat->silent_until_ns > d->now_ns)
        return; /* nobody hears it; it is stored, and sent again */
    if (rl_fix_session_is_logged_on(&seat->session) && !d->is_over)
        switch (rl_mischief_wire(&d->mischief)) {
        case RL_MISCHIEF_RESET:
            seat->was_cut = true;
            seat->silent_until_ns = UINT64_MAX; /* until the end of this step */
            return;
        case RL_MISCHIEF_SILENCE:
            seat->was_cut = true;
            seat->silent_until_ns = d->now_ns + d->config.mischief.silence_ns;
            return;
        case RL_MISCHIEF_GARBAGE:
            (void)drill_write(&seat->to_desk, garbage,
                              rl_mischief_garbage(&d->mischief, garbage, sizeof garbage));
            break;
        case RL_MISCHIEF_SEND:
            break;
        }
    (void)drill_write(&seat->to_desk, bytes, n);
}

static void step_session(struct drill_seat *seat, const struct rl_fix_event *event);

/* The gateway's answers are steps of their own, before the message counts as taken. */
static void deliver(struct drill_seat *seat, const struct rl_fix_msg *m)
{
    struct rl_drill *d = seat->drill;
    struct rl_fix_gateway_refusal why = {.reason = RL_FIX_REFUSE_TYPE};

    if (rl_fix_gateway_message(&d->gateway, seat->handle, m, drill_venue_ns(d), &why) !=
        RL_FIX_GATEWAY_TAKEN)
        step_session(seat, &(struct rl_fix_event){.kind = RL_FIX_EV_REFUSE,
                                                  .reason = why.reason,
                                                  .tag = why.tag,
                                                  .text = why.text});
    step_session(seat, &(struct rl_fix_event){.kind = RL_FIX_EV_CONTINUE});
}

static void do_action(struct drill_seat *seat, const struct rl_fix_action *a)
{
    struct rl_drill *d = seat->drill;

    switch (a->kind) {
    case RL_FIX_DO_SEND:
        d->n.resent += a->is_resent;
        put_on_wire(seat, a->bytes, a->n_bytes);
        return;
    case RL_FIX_DO_DELIVER: /* the last of its step */
        deliver(seat, a->msg);
        return;
    case RL_FIX_DO_LOGGED_ON:
        rl_fix_gateway_connect(&d->gateway, seat->handle);
        return;
    case RL_FIX_DO_LOGGED_OUT:
        rl_fix_gateway_disconnect(&d->gateway, seat->handle, drill_venue_ns(d));
        return;
    case RL_FIX_DO_DISCONNECT:
        if (seat->is_up)
            seat->silent_until_ns = UINT64_MAX;
        return;
    }
}

static void step_session(struct drill_seat *seat, const struct rl_fix_event *event)
{
    static const struct rl_fix_event go_on = {.kind = RL_FIX_EV_CONTINUE};
    struct rl_fix_session *s = &seat->session;
    struct rl_fix_action actions[RL_FIX_SESSION_ACTIONS]; /* a step within a step has others */
    uint32_t n;
    bool more = true;

    for (const struct rl_fix_event *e = event; more; e = &go_on) {
        (void)rl_fix_session_step(s, e, drill_venue_ns(seat->drill));
        n = s->n_actions;
        more = s->more;
        memcpy(actions, s->actions, n * sizeof *actions);
        for (uint32_t i = 0; i < n; i++) {
            more &= actions[i].kind != RL_FIX_DO_DELIVER; /* deliver goes on by itself */
            do_action(seat, &actions[i]);
        }
    }
}

static bool on_send(void *context, uint32_t handle, const char *type, const uint8_t *body,
                    uint32_t n)
{
    struct rl_drill *d = context;

    step_session(
        &d->seats[handle],
        &(struct rl_fix_event){.kind = RL_FIX_EV_SEND, .type = type, .bytes = body, .n_bytes = n});
    return true;
}

static void read_link(struct drill_seat *seat)
{
    struct drill_link *l = &seat->to_venue;
    uint32_t at = 0, n_frame;
    enum rl_fix_result cut;

    if (!seat->is_up || seat->silent_until_ns > seat->drill->now_ns)
        at = l->n_ready; /* half open: what comes is lost */
    while (at < l->n_ready) {
        cut = rl_fix_cut(l->bytes + at, l->n_ready - at, MAX_MESSAGE, &n_frame);
        if (cut == RL_FIX_PARTIAL)
            break;
        step_session(seat, &(struct rl_fix_event){.kind = RL_FIX_EV_MESSAGE,
                                                  .bytes = l->bytes + at,
                                                  .n_bytes = n_frame});
        at += n_frame;
        if (!seat->is_up)
            return;
    }
    memmove(l->bytes, l->bytes + at, l->n - at);
    l->n -= at;
}

/* A connection that the venue gave up, or mischief reset: after what was sent before it. */
static void end_link(struct drill_seat *seat)
{
    if (!seat->is_up || seat->silent_until_ns != UINT64_MAX || seat->to_desk.n > 0)
        return;
    step_session(seat, &(struct rl_fix_event){.kind = RL_FIX_EV_DISCONNECTED});
    rl_desk_disconnected(&seat->desk, seat->drill->now_ns);
    drill_cut(seat);
}

/* --- the house -------------------------------------------------------------------------------- */

static void ask_house(struct rl_drill *d, const struct rl_match_request *r)
{
    struct rl_match_request own = *r;

    own.owner = d->house;
    rl_venue_pass_request(&d->venue, &own, drill_venue_ns(d));
}

static void quote(struct rl_drill *d)
{
    ask_house(d, &(struct rl_match_request){.op = RL_MATCH_MASS_CANCEL,
                                            .instrument = RL_INSTRUMENT_ALL,
                                            .side = RL_MATCH_BOTH_SIDES});
    for (uint32_t i = 0; i < d->config.n_instruments; i++) {
        d->mids[i] += (int64_t)rl_random_below(&d->random, 5) - 2;
        for (int64_t level = 1; level <= HOUSE_LEVELS; level++)
            /* NOLINTNEXTLINE(bugprone-too-small-loop-variable): there are two sides */
            for (uint8_t side = RL_BUY; side <= RL_SELL; side++)
                ask_house(d, &(struct rl_match_request){
                                 .op = RL_MATCH_NEW,
                                 .id = rl_venue_take_id(&d->venue),
                                 .instrument = i,
                                 .side = side,
                                 .type = RL_MATCH_LIMIT,
                                 .tif = RL_MATCH_GTC,
                                 .qty = HOUSE_QTY,
                                 .px_nano = (d->mids[i] + (side == RL_BUY ? -level : level)) *
                                            DRILL_TICK});
    }
}

/* --- market data ------------------------------------------------------------------------------ */

/* Halts as a reader of packets sees them: trading actions, one an instrument. */
static void watch_packet(struct rl_drill *d, const uint8_t *bytes, uint32_t n_bytes)
{
    for (uint32_t at = RL_MOLD_HEADER; at + 2 <= n_bytes; at += 2 + rl_be16(bytes + at))
        d->n_halts += bytes[at + 2] == 'H' && bytes[at + 2 + 19] == 'H';
}

static void send_md(void *context, uint32_t line, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_drill *d = context;

    if (line == 0) {
        d->n_md_sent++;
        watch_packet(d, bytes, n_bytes);
    }
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        if (d->config.md_loss_chance > 0 && !d->is_over &&
            rl_random_below(&d->random, RL_MISCHIEF_MILLION) < d->config.md_loss_chance) {
            d->n_md_lost++;
            continue;
        }
        d->n.md_packets++;
        rl_desk_packet(&d->seats[i].desk, line, bytes, n_bytes, d->now_ns);
    }
}

static void answer_md(void *context, uint64_t handle, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_drill *d = context;

    rl_desk_packet(&d->seats[handle].desk, RL_LINE_RECOVERY, bytes, n_bytes, d->now_ns);
}

/* --- a step ----------------------------------------------------------------------------------- */

void drill_turn_venue(struct rl_drill *d)
{
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        struct drill_seat *seat = &d->seats[i];

        read_link(seat);
        if (rl_fix_session_deadline(&seat->session) <= drill_venue_ns(d))
            step_session(seat, &(struct rl_fix_event){.kind = RL_FIX_EV_TIMER});
        end_link(seat);
    }
    (void)rl_venue_turn(&d->venue, drill_venue_ns(d));
    if (d->now_ns >= d->house_ns && !d->is_over) {
        d->house_ns = d->now_ns + HOUSE_EVERY_NS;
        quote(d);
    }
    (void)rl_md_itch_turn(&d->md, drill_venue_ns(d));
}

/* --- set-up ----------------------------------------------------------------------------------- */

struct rl_fix_session_config drill_session_config(const struct drill_seat *seat, char names[2][16])
{
    snprintf(names[0], 16, "VENUE");
    snprintf(names[1], 16, "DESK%u", seat->i + 1);
    return (struct rl_fix_session_config){.begin_string = "FIX.4.4",
                                          .sender = names[0],
                                          .target = names[1],
                                          .heartbeat_s = seat->drill->config.heartbeat_s,
                                          .precision = RL_FIX_NANOS,
                                          .max_message = MAX_MESSAGE};
}

static struct rl_match_config match_config(const struct rl_drill *d)
{
    return (struct rl_match_config){.n_instruments = d->config.n_instruments,
                                    .n_orders = 1 << 14,
                                    .n_levels_per_side = 1 << 10,
                                    .n_owners = d->config.n_desks + 1,
                                    .n_trades = 1 << 16,
                                    .tick_nano = DRILL_TICK,
                                    .max_qty = 1000000};
}

static struct rl_fix_gateway_config gateway_config(const struct rl_drill *d)
{
    return (struct rl_fix_gateway_config){
        .n_orders = 1 << 15, .n_sessions = d->config.n_desks, .seed = 1};
}

static struct rl_md_itch_config md_config(struct rl_drill *d)
{
    return (struct rl_md_itch_config){.venue = &d->venue,
                                      .n_instruments = d->config.n_instruments,
                                      .n_orders = 1 << 14,
                                      .n_levels_per_side = 1 << 10,
                                      .send = send_md,
                                      .answer = answer_md,
                                      .context = d};
}

size_t drill_venue_bytes(const struct rl_drill *d)
{
    struct rl_venue_config venue = {.match = match_config(d)};
    struct rl_fix_gateway_config gateway = gateway_config(d);
    struct rl_md_itch_config md = md_config((struct rl_drill *)d);
    struct drill_seat seat = {.drill = (struct rl_drill *)d};
    char names[2][16];
    struct rl_fix_session_config session = drill_session_config(&seat, names);
    size_t truths = (d->config.n_desks + 1) * d->config.n_instruments * sizeof(struct drill_truth);

    return rl_venue_bytes(&venue) + rl_fix_gateway_bytes(&gateway) + rl_md_itch_bytes(&md) +
           rl_mischief_bytes(&d->config.mischief, d->config.n_desks + 1) + truths +
           d->config.n_instruments * sizeof(int64_t) +
           d->config.n_desks *
               (sizeof(struct drill_seat) + rl_fix_session_bytes(&session) +
                rl_memory_store_bytes(STORE_BYTES, STORE_MESSAGES) + 16 * RL_CACHE_LINE) +
           64 * RL_CACHE_LINE;
}

static int open_seat(struct rl_drill *d, uint32_t i, const char **why)
{
    struct drill_seat *seat = &d->seats[i];
    struct rl_fix_session_config config;
    char names[2][16];
    int err, handle;

    seat->drill = d;
    seat->i = i;
    config = drill_session_config(seat, names);
    err =
        rl_memory_store_init(&seat->venue_store, &d->arena, STORE_BYTES, STORE_MESSAGES, d->now_ns);
    if (!err)
        err =
            rl_fix_session_init(&seat->session, &d->arena, &config, &seat->venue_store.store, why);
    if (err)
        return err;
    handle = rl_fix_gateway_join(&d->gateway,
                                 &(struct rl_fix_gateway_session_config){.version = RL_FIX_44});
    seat->handle = (uint32_t)handle;
    return handle < 0 ? handle : 0;
}

int drill_open_venue(struct rl_drill *d, const char **why)
{
    struct rl_venue_config venue = {.match = match_config(d)};
    struct rl_fix_gateway_config gateway = gateway_config(d);
    struct rl_md_itch_config md = md_config(d);
    uint32_t n_truths = (d->config.n_desks + 1) * d->config.n_instruments;
    char symbol[16];
    int err, house;

    *why = "the venue cannot be set up";
    d->match = venue.match;
    d->seats =
        rl_arena_take(&d->arena, d->config.n_desks * sizeof *d->seats, _Alignof(struct drill_seat));
    d->truths = rl_arena_take(&d->arena, n_truths * sizeof *d->truths, RL_CACHE_LINE);
    d->mids = rl_arena_take(&d->arena, d->config.n_instruments * sizeof *d->mids, RL_CACHE_LINE);
    if (!d->seats || !d->truths || !d->mids)
        return -ENOMEM;
    err = rl_venue_init(&d->venue, &d->arena, &venue);
    if (!err)
        err = rl_mischief_init(&d->mischief, &d->arena, &d->venue, &d->config.mischief, d->now_ns);
    if (!err)
        err = rl_fix_gateway_init(&d->gateway, &d->arena, &gateway, &d->venue, on_send, d);
    for (uint32_t i = 0; !err && i < d->config.n_instruments; i++) {
        snprintf(symbol, sizeof symbol, "SYM%u", i + 1);
        d->mids[i] = 10000 + 100 * i;
        err = rl_venue_list(&d->venue, symbol) == (int)i ? 0 : -EINVAL;
    }
    for (uint32_t i = 0; !err && i < d->config.n_desks; i++)
        err = open_seat(d, i, why);
    if (err)
        return err;
    house = rl_venue_join(&d->venue, &(struct rl_venue_member_config){0});
    d->house = (uint32_t)house;
    err = house < 0 ? house : rl_md_itch_init(&d->md, &d->arena, &md);
    if (!err)
        err = rl_venue_feed(&d->venue, witness, d);
    if (!err)
        err = rl_venue_feed(&d->venue, rl_md_itch_told, &d->md);
    return err;
}
