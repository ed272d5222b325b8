/*
 * The order manager beside slow references: orders as lists (slow_orders.h), positions as sums of
 * executions, limits as sentences; and its log, which must lead a fresh one to the same state.
 *
 *     test_oms_reference [operations [seed]]        RL_SOAK_OPS: the same
 */
#include <stdlib.h>

#include "oms_bench.h"
#include "slow_orders_event.h"

#ifdef __SANITIZE_THREAD__
#define N_OPERATIONS 30000 /* there is nothing to find for it here */
#else
#define N_OPERATIONS 200000
#endif
#define N_A_WORLD 1500 /* then another one begins */
#define SEED 0x5EEDED0A45ULL
#define N_SLOTS 64
#define N_EXECS 16

static const struct rl_bench_limits narrow = {.max_qty = 50,
                                              .max_notional = 4000,
                                              .max_position = 90,
                                              .band_bps = 1000,
                                              .rate_per_s = 1000000000,
                                              .rate_burst = 1000000000,
                                              .max_open = 24,
                                              .may_meet_own = true};

/* What executions come to, one instrument. */
struct sums {
    __int128 net, cash;
};

struct world {
    struct oms_bench b;
    struct slow_orders s;
    struct sums sums[OMS_INSTRUMENTS];
    uint64_t random, next_exec;
    uint64_t n_sent, n_refused, n_killed, n_booked;
    uint64_t flags; /* all that were seen */
    bool is_wrong;  /* a bug is built into the reference */
};

static uint64_t draw(struct world *w, uint64_t below)
{
    return check_random(&w->random) % below;
}

static int64_t some_px(struct world *w)
{
    return (95 + (int64_t)draw(w, 11)) * UNIT + (draw(w, 50) == 0 ? 20 * UNIT : 0);
}

static uint64_t some_id(struct world *w)
{
    if (w->s.n_orders == 0 || draw(w, 40) == 0)
        return draw(w, 2) ? draw(w, 9) : w->b.oms.ids.next + draw(w, 3);
    for (int i = 0; i < 6; i++) {
        const struct slow_order *o = &w->s.orders[draw(w, w->s.n_orders)];

        if (o->what == SLOW_ORDER ? o->end == SLOW_LIVES : o->waits)
            return o->id;
    }
    return w->s.orders[draw(w, w->s.n_orders)].id;
}

/* --- what the lists say ------------------------------------------------------------------------
 */

static uint64_t work(struct world *w, uint32_t instrument, unsigned side, uint32_t *n_open)
{
    uint64_t lots = 0;

    for (uint32_t i = 0; i < w->s.n_orders; i++) {
        const struct slow_order *o = &w->s.orders[i];
        uint64_t qty;
        int64_t px;

        if (o->what != SLOW_ORDER || o->end != SLOW_LIVES || o->as.scopes.instrument != instrument)
            continue;
        qty = slow_reserved(&w->s, o, &px);
        if (o->as.side == side)
            lots += qty;
        *n_open += qty != 0;
    }
    return lots;
}

static __int128 reach(struct world *w, uint32_t instrument, unsigned side)
{
    uint32_t n_open = 0;
    __int128 net = w->sums[instrument].net;

    return (side == RL_BUY ? net : -net) + work(w, instrument, side, &n_open);
}

static void compare(struct world *w)
{
    struct rl_oms *o = &w->b.oms;
    const char *why = "";

    CHECK_EQ(rl_oms_verify(o, &why), 0);
    for (uint32_t i = 0; i < w->s.n_orders; i++) {
        const struct slow_order *theirs = &w->s.orders[i];
        const struct rl_order *ours = rl_orders_slot(&o->orders, theirs->id);

        CHECK_EQ(ours->id, theirs->id);
        CHECK_EQ(ours->state, slow_state(theirs));
        CHECK_EQ(ours->qty, theirs->as.qty);
    }
    for (uint32_t i = 0; i < OMS_INSTRUMENTS; i++) {
        const struct rl_position *p = rl_ledger_at(&o->ledger, 0, i);
        uint32_t n_open = 0;

        CHECK(rl_position_holds(p));
        CHECK_EQ(p->net, w->sums[i].net);
        CHECK(p->cash == w->sums[i].cash);
        CHECK_EQ(p->work[RL_BUY], work(w, i, RL_BUY, &n_open));
        n_open = 0;
        CHECK_EQ(p->work[RL_SELL], work(w, i, RL_SELL, &n_open));
        CHECK_EQ(p->n_open, n_open);
    }
    CHECK_EQ(OMS_N(&w->b, unbooked), 0);
    CHECK_EQ(OMS_N(&w->b, audit_lost), 0);
}

/* --- operations --------------------------------------------------------------------------------
 */

/* What of the decision can be told from the lists alone. */
static void check_decision(struct world *w, const struct rl_request *q, uint64_t more,
                           uint32_t reasons)
{
    const uint32_t told = RL_RISK_QTY | RL_RISK_POSITION;
    __int128 all = reach(w, q->scopes.instrument, q->side) + more;
    uint32_t wanted = 0;

    wanted |= q->qty > narrow.max_qty ? RL_RISK_QTY : 0;
    wanted |= all > (__int128)narrow.max_position ? RL_RISK_POSITION : 0;
    CHECK_EQ(reasons & told, wanted);
}

/* By what is tripped: one of the scopes under which the message would leave. */
static bool is_killed(struct world *w, const struct rl_ticket *t)
{
    bool is = rl_kill_is_tripped(&w->b.kill, RL_SCOPE_SYMBOL, t->request.scopes.instrument);

    for (int scope = RL_SCOPE_GLOBAL; scope < RL_SCOPE_SYMBOL; scope++)
        is |= rl_kill_is_tripped(&w->b.kill, (enum rl_scope)scope, 0);
    return is && t->kind != RL_AUDIT_CANCEL_SENT;
}

/* Commits what may leave. */
static bool leave(struct world *w, struct rl_ticket *t)
{
    bool is = is_killed(w, t); /* no order after the trip, and no cancel that is stopped */

    CHECK_EQ(rl_oms_commit(&w->b.oms, t), !is);
    if (is) {
        w->n_killed++;
        return false;
    }
    rl_oms_sent(&w->b.oms, t);
    w->n_sent++;
    return true;
}

static void send(struct world *w)
{
    struct rl_risk_input in = oms_input(&w->b);
    bool is_market = draw(w, 10) == 0;
    struct rl_request q =
        oms_request((enum rl_side)draw(w, 2), 1 + draw(w, 55), is_market ? RL_PX_NONE : some_px(w));
    struct rl_ticket t;
    uint64_t hash = rl_oms_hash(&w->b.oms);
    enum rl_oms_answer answer;

    q.scopes.instrument = (uint32_t)draw(w, OMS_INSTRUMENTS);
    q.time_in_force = (uint8_t)draw(w, 4);
    answer = rl_oms_check(&w->b.oms, &q, &in, ++w->b.now_tsc, &t);
    CHECK(answer != RL_OMS_NO_RECORD);
    check_decision(w, &q, q.qty, t.reasons);
    if (answer == RL_OMS_REFUSED) {
        w->n_refused++;
        CHECK(t.reasons != 0 && rl_oms_hash(&w->b.oms) == hash);
    } else if (leave(w, &t)) {
        CHECK_EQ(slow_sent(&w->s, t.id, &q), 0);
    }
}

static void replace(struct world *w)
{
    struct rl_risk_input in = oms_input(&w->b);
    uint64_t id = some_id(w), qty = 1 + draw(w, 55);
    struct slow_order *o = slow_find(&w->s, id);
    bool may = o && o->what == SLOW_ORDER &&
               (slow_state(o) == RL_STATE_WORKING || slow_state(o) == RL_STATE_PARTIAL);
    int64_t px = some_px(w);
    struct rl_ticket t;

    if (rl_oms_check_replace(&w->b.oms, id, qty, px, &in, ++w->b.now_tsc, &t) != RL_OMS_READY) {
        w->n_refused++;
        CHECK(may || (t.reasons & RL_RISK_REPLACE));
        return;
    }
    CHECK(may && qty > o->executed);
    if (leave(w, &t))
        CHECK_EQ(slow_replace_sent(&w->s, t.id, id, qty, px), 0);
}

static void cancel(struct world *w)
{
    uint64_t id = some_id(w);
    struct slow_order *o = slow_find(&w->s, id);
    bool may = o && o->what == SLOW_ORDER && o->end == SLOW_LIVES;
    struct rl_ticket t;

    if (rl_oms_check_cancel(&w->b.oms, id, ++w->b.now_tsc, &t) != RL_OMS_READY) {
        CHECK(!may);
        return;
    }
    CHECK(may && leave(w, &t)); /* nothing forbids a cancel */
    CHECK_EQ(slow_cancel_sent(&w->s, t.id, id), 0);
}

static struct rl_order_event some_event(struct world *w)
{
    static const uint8_t often[] = {RL_EVENT_ACK,       RL_EVENT_ACK,      RL_EVENT_ACK,
                                    RL_EVENT_FILL,      RL_EVENT_FILL,     RL_EVENT_FILL,
                                    RL_EVENT_CANCELLED, RL_EVENT_REPLACED, RL_EVENT_EXPIRED,
                                    RL_EVENT_BUST,      RL_EVENT_CORRECT};
    struct rl_order_event e = {.id = some_id(w), .qty = 1 + draw(w, 20), .px_nano = some_px(w)};

    e.kind = draw(w, 3) ? often[draw(w, RL_COUNT(often))] : (uint8_t)draw(w, 17);
    if (e.kind == RL_EVENT_REPLACED && draw(w, 3)) {
        e.qty = 0;
        e.px_nano = RL_PX_NONE;
    }
    if (draw(w, 4) == 0)
        e.orig_id = some_id(w);
    e.exec = draw(w, 12) ? w->next_exec++ : w->next_exec - draw(w, N_EXECS);
    if ((e.kind == RL_EVENT_BUST || e.kind == RL_EVENT_CORRECT) && w->s.n_execs) {
        const struct slow_exec *x = &w->s.execs[draw(w, w->s.n_execs)];

        /* Of an order that is still known: whose else it was, nobody can say. */
        if (slow_find(&w->s, x->id)) {
            e.ref_exec = x->exec;
            e.id = draw(w, 4) ? x->id : e.id;
            e.orig_id = 0;
        }
    }
    return e;
}

static void event(struct world *w)
{
    struct rl_order_event e = some_event(w);
    uint32_t flags = rl_oms_event(&w->b.oms, &e, ++w->b.now_tsc);
    const struct slow_said *said = &w->s.said;
    const struct slow_order *o;
    struct sums *sums;
    int64_t sign;

    CHECK_EQ(flags, slow_event(&w->s, &e));
    w->flags |= flags;
    o = said->d_qty || said->undo_qty ? slow_find(&w->s, said->id) : NULL;
    if (!o)
        return;
    CHECK(o->as.scopes.instrument < OMS_INSTRUMENTS);
    sums = &w->sums[o->as.scopes.instrument];
    sign = o->as.side == RL_BUY ? 1 : -1;
    sums->net += sign * (said->d_qty - said->undo_qty);
    sums->cash -=
        sign * ((__int128)said->px * said->d_qty - (__int128)said->undo_px * said->undo_qty);
    /* The fee of each lot, given back with what is taken back. */
    sums->cash -= (__int128)(w->is_wrong ? 0 : UNIT / 1000) * (said->d_qty - said->undo_qty);
    w->n_booked++;
}

static void disconnect(struct world *w)
{
    uint64_t ids[N_SLOTS];
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->s.n_orders; i++)
        if (w->s.orders[i].what == SLOW_ORDER && w->s.orders[i].end == SLOW_LIVES)
            ids[n++] = w->s.orders[i].id;
    rl_oms_session(&w->b.oms, 0, RL_SESSION_LOST, ++w->b.now_tsc);
    for (uint32_t i = 0; i < n; i++) {
        struct rl_order_event e = {.id = ids[i], .kind = RL_EVENT_DISCONNECT};

        CHECK_EQ(slow_event(&w->s, &e), 0);
    }
    rl_oms_session(&w->b.oms, 0, RL_SESSION_RECONCILED, ++w->b.now_tsc);
}

/* Two people later. */
static void reset(struct world *w)
{
    uint32_t epoch;

    (void)rl_oms_poll(&w->b.oms, ++w->b.now_tsc);
    (void)rl_kill_draining(&w->b.kill);
    (void)rl_kill_drained(&w->b.kill, 0);
    if (rl_kill_request(&w->b.kill, &epoch) == 0)
        CHECK_EQ(rl_kill_arm(&w->b.kill, epoch, RL_KILL_ALL, 0), 0);
    CHECK(rl_kill_is_clear(&w->b.kill));
}

static void operate(struct world *w)
{
    uint64_t roll = draw(w, 100);

    if (!rl_kill_is_clear(&w->b.kill) && draw(w, 8) == 0)
        reset(w);
    if (roll < 30)
        send(w);
    else if (roll < 38)
        replace(w);
    else if (roll < 48)
        cancel(w);
    else if (roll < 95)
        event(w);
    else if (roll < 96)
        disconnect(w);
    else if (roll < 97)
        rl_oms_trip(&w->b.oms, (enum rl_scope)draw(w, RL_N_SCOPES), 0, RL_KILL_MANUAL,
                    ++w->b.now_tsc);
    else
        rl_oms_mark(&w->b.oms, (uint32_t)draw(w, OMS_INSTRUMENTS),
                    &(struct rl_bbo){{99 * UNIT, 101 * UNIT}, {1, 1}}, ++w->b.now_tsc);
    oms_take_records(&w->b);
}

/* The log of a world, told to nobody who was there. */
static void check_replay(struct world *w)
{
    struct rl_replay r;
    const char *why = "";

    rl_replay_init(&r, 1 << 12);
    for (uint64_t i = 0; i < w->b.n_records; i++) {
        int err = rl_replay_record(&r, &w->b.records[i], &why);

        if (err)
            fprintf(stderr, "record %" PRIu64 ": %s\n", i, why);
        CHECK_EQ(err, 0);
    }
    CHECK(r.oms != NULL && rl_oms_hash(r.oms) == rl_oms_hash(&w->b.oms));
    rl_replay_fini(&r);
}

static void world_open(struct world *w, uint64_t seed)
{
    struct rl_oms_config config = oms_config();

    memset(w, 0, sizeof *w);
    config.n_order_slots = N_SLOTS;
    config.n_execs = N_EXECS;
    oms_open(&w->b, &config, &narrow);
    slow_init(&w->s, N_SLOTS, N_EXECS);
    w->random = seed;
    w->next_exec = 1000;
}

static struct world w; /* too large for a stack */

static uint64_t a_random_life_leaves_manager_and_references_the_same(uint64_t n, uint64_t seed)
{
    uint64_t n_sent = 0, n_refused = 0, n_killed = 0, n_booked = 0, flags = 0, done = 0;

    while (done < n) {
        world_open(&w, seed + done);
        for (int i = 0; i < N_A_WORLD && done < n; i++, done++) {
            operate(&w);
            if (i % 16 == 0)
                compare(&w);
        }
        compare(&w);
        check_replay(&w);
        n_sent += w.n_sent;
        n_refused += w.n_refused;
        n_killed += w.n_killed;
        n_booked += w.n_booked;
        flags |= w.flags;
        oms_close(&w.b);
    }
    /* A life without one of these would prove little. */
    CHECK(n_sent > n / 50 && n_refused > n / 50 && n_killed > n / 1000 && n_booked > n / 50);
    CHECK_EQ(flags, (1 << RL_N_ORDER_FLAGS) - 1);
    printf("%" PRIu64 " operations: %" PRIu64 " sent, %" PRIu64 " refused, %" PRIu64
           " killed, %" PRIu64 " executions booked\n",
           done, n_sent, n_refused, n_killed, n_booked);
    return done;
}

/* A reference that forgets the fees must differ soon: else the comparison compares nothing. */
static void a_wrong_reference_is_noticed(uint64_t seed)
{
    bool differs = false;

    world_open(&w, seed);
    w.is_wrong = true;
    for (int i = 0; i < N_A_WORLD && !differs; i++) {
        operate(&w);
        for (uint32_t k = 0; k < OMS_INSTRUMENTS; k++)
            differs |= rl_ledger_at(&w.b.oms.ledger, 0, k)->cash != w.sums[k].cash;
    }
    CHECK(differs);
    oms_close(&w.b);
}

int main(int argc, char **argv)
{
    const char *soak = argc > 1 ? argv[1] : getenv("RL_SOAK_OPS");
    uint64_t n = soak ? strtoull(soak, NULL, 0) : N_OPERATIONS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;

    a_wrong_reference_is_noticed(seed);
    a_random_life_leaves_manager_and_references_the_same(n, seed);
    return 0;
}
