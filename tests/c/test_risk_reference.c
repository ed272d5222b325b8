/*
 * The fast chain and slow_risk.h agree on every reason of every order, whatever happens between.
 *
 *     test_risk_reference [operations [seed]]        RL_SOAK_OPS: the same
 */
#include "slow_risk.h"

static struct world w;
static struct rl_limit_set *first_set; /* the limits at the start */
static size_t n_set_bytes;
static uint64_t random_state;
static struct {
    uint64_t n_checks, n_accepted, n_replaces, n_replaces_accepted, n_cancels_refused, n_fills;
    uint64_t n_reason[RL_RISK_N], n_alone[RL_RISK_N];
} seen;

static uint64_t below(uint64_t n)
{
    return (check_random(&random_state) >> 11) % n;
}

static bool one_in(uint64_t n)
{
    return below(n) == 0;
}

static void must_agree(const char *what, uint32_t fast, uint32_t plain)
{
    if (fast == plain)
        return;
    fprintf(stderr, "%s %" PRIu64 ": the chain says %06x, the rules %06x\n", what, seen.n_checks,
            fast, plain);
    exit(1);
}

static void note(uint32_t mask)
{
    for (int i = 0; i < RL_RISK_N; i++) {
        seen.n_reason[i] += mask >> i & 1;
        seen.n_alone[i] += mask == 1U << i;
    }
}

/* Mostly on the own side of the market: what crosses meets ourselves. */
static int64_t some_px(unsigned side)
{
    int64_t mid = (w.in.bbo.px_nano[RL_BUY] > 0 ? w.in.bbo.px_nano[RL_BUY] : 100 * UNIT);
    int64_t away = ((int64_t)below(800) - (one_in(5) ? 400 : 20)) * (UNIT / 100);
    int64_t px = mid - mid % (UNIT / 100) + (side == RL_BUY ? -away : away);

    if (one_in(12))
        px += ((int64_t)below(6000) - 3000) * (UNIT / 100);
    if (one_in(50))
        px += (int64_t)below(100);
    return one_in(200) ? 0 : px;
}

static uint64_t some_qty(void)
{
    uint64_t qty = 10 * (1 + below(40));

    if (one_in(10))
        qty = 10 * (1 + below(200));
    if (one_in(60))
        qty += below(10);
    return one_in(300) ? 0 : qty;
}

static struct rl_request some_request(void)
{
    struct rl_request q = {
        .scopes = {.instrument = (uint32_t)below(N_INSTRUMENTS),
                   .venue = (uint8_t)below(N_VENUES),
                   .account = (uint8_t)below(N_ACCOUNTS),
                   .strategy = (uint8_t)(one_in(20) ? 1 : 2 * below(2))},
        .qty = some_qty(),
        .side = (uint8_t)below(2),
        .type = RL_TYPE_LIMIT,
        .time_in_force = (uint8_t)(one_in(8) ? below(RL_N_TIMES_IN_FORCE + 1) : RL_TIF_DAY),
    };

    q.px_nano = some_px(q.side);
    if (one_in(12)) {
        q.type = RL_TYPE_MARKET;
        q.px_nano = RL_PX_NONE;
    }
    if (q.time_in_force == RL_TIF_GTD || one_in(200))
        q.expire_ns = w.in.utc_ns - 2 + below(10);
    if (one_in(300))
        q.scopes.instrument = N_INSTRUMENTS + (uint32_t)below(3);
    if (one_in(300))
        q.side = 2;
    if (one_in(300))
        q.type = (uint8_t)below(4);
    return q;
}

static void order(void)
{
    static struct rl_request last;
    struct rl_request q = one_in(3) && seen.n_checks > 0 ? last : some_request();
    uint32_t fast = world_check(&w, &q), plain = slow_check(&w, &q, NULL);
    uint64_t hash = one_in(64) ? rl_risk_hash(&w.risk) : 0, id;

    last = q;
    must_agree("check", fast, plain);
    seen.n_checks++;
    seen.n_accepted += fast == 0;
    note(fast);
    if (hash != 0) { /* P4 */
        CHECK_EQ(world_check(&w, &q), fast);
        CHECK(rl_risk_hash(&w.risk) == hash);
    }
    /* Some go out against all advice: the state beyond a limit must be right too. */
    if (fast != 0 && (!one_in(60) || (fast & (RL_RISK_FIELD | RL_RISK_LIMITS)) != 0 ||
                      q.type > RL_TYPE_MARKET || w.orders.n_open > 100))
        return;
    id = world_send(&w, &q);
    slow_sent(w.set, id, &q, q.px_nano != RL_PX_NONE ? q.px_nano : w.reserved_px[id % N_SLOTS],
              w.now);
}

/* A living order of ours; NULL when there is none. */
static struct slow_order *some_order(void)
{
    uint64_t from = slow.n_orders > 0 ? below(slow.n_orders) : 0;

    for (uint32_t i = 0; i < slow.n_orders; i++) {
        struct slow_order *o = &slow.orders[(from + i) % slow.n_orders];

        if (o->is_live)
            return o;
    }
    return NULL;
}

static void replace(struct slow_order *o)
{
    uint64_t qty = one_in(3) ? o->q.qty : some_qty(), new_id;
    int64_t px = one_in(3) ? o->q.px_nano : some_px(o->q.side);
    const struct rl_order *order = rl_orders_live(&w.orders, o->id);
    struct rl_request q = world_changed(order, qty, px);
    uint32_t fast, plain;

    if (o->is_market)
        return;
    fast = rl_risk_check_replace(&w.risk, order, qty, px, &q, &w.in, w.now);
    plain = slow_check(&w, &q, o);
    if (o->is_replacing) /* refused as it is: what it reserves with two replaces nobody asks */
        must_agree("second replace", fast & RL_RISK_REPLACE, plain & RL_RISK_REPLACE);
    else
        must_agree("replace", fast, plain);
    note(fast);
    seen.n_replaces++;
    if (fast != 0)
        return;
    seen.n_replaces_accepted++;
    new_id = world_replace(&w, o->id, qty, px);
    slow_replace_sent(w.set, o->id, new_id, qty, px, w.now);
}

static void cancel(struct slow_order *o)
{
    uint32_t fast = rl_risk_check_cancel(&w.risk, &o->q.scopes, w.now);
    const struct slow_bucket *bucket = &slow.venues[o->q.scopes.venue];
    bool plain = slow_empty(bucket, &w.set->venues[o->q.scopes.venue].rate, w.now, true);

    must_agree("cancel", fast, plain ? RL_RISK_RATE : 0);
    seen.n_cancels_refused += fast != 0;
    if (fast != 0 || o->is_cancelling)
        return;
    world_cancel(&w, o->id);
    slow_cancel_sent(w.set, o->id, w.now);
}

static void answer(struct slow_order *o, unsigned kind)
{
    uint64_t id = o->id;

    world_says(&w, kind,
               kind == RL_EVENT_REPLACED || kind == RL_EVENT_REPLACE_REJECT ? o->new_id : id);
    slow_answer(w.set, id, kind, w.now);
}

static void fill(struct slow_order *o)
{
    uint64_t left = o->q.qty - o->cum, qty = one_in(2) ? left : 1 + below(left);
    int64_t px = o->is_market ? o->q.px_nano - o->q.px_nano / 20 : o->q.px_nano;

    if (o->q.qty <= o->cum || (o->is_replacing && qty == left))
        return;
    world_fills(&w, o->id, qty, px);
    slow_fill(w.set, o->id, qty, px, w.now);
    seen.n_fills++;
}

static void venue(void)
{
    struct slow_order *o = some_order();

    if (o == NULL)
        return;
    switch (below(9)) {
    case 0:
        if (!o->is_acked && o->cum == 0 && one_in(4))
            answer(o, RL_EVENT_REJECT);
        break;
    case 1:
    case 2:
        if (!o->is_acked)
            answer(o, RL_EVENT_ACK);
        break;
    case 3:
        fill(o);
        break;
    case 4:
        cancel(o);
        break;
    case 5:
        if (o->is_cancelling || one_in(10))
            answer(o, o->is_cancelling && one_in(3) ? RL_EVENT_CANCEL_REJECT : RL_EVENT_CANCELLED);
        break;
    case 6:
        replace(o);
        break;
    default:
        if (o->is_replacing)
            answer(o, one_in(3) ? RL_EVENT_REPLACE_REJECT : RL_EVENT_REPLACED);
        break;
    }
}

static void see_all(void)
{
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
        rl_risk_see(&w.risk, i, &w.in.bbo, w.now);
        slow_see(w.set, i, &w.in.bbo, w.now);
    }
}

static void market(void)
{
    int64_t bid = (95 * UNIT) + (int64_t)below(1000) * (UNIT / 100);
    uint32_t instrument = (uint32_t)below(N_INSTRUMENTS);

    w.in.bbo = (struct rl_bbo){{bid, bid + (int64_t)below(100) * (UNIT / 100)}, {1, 1}};
    if (one_in(30))
        w.in.bbo.px_nano[below(2)] = RL_PX_NONE;
    if (one_in(30))
        w.in.bbo.px_nano[RL_SELL] = bid - 1;
    w.in.bbo_tsc = w.now;
    rl_risk_see(&w.risk, instrument, &w.in.bbo, w.now);
    slow_see(w.set, instrument, &w.in.bbo, w.now);
    if (!one_in(10))
        CHECK(rl_ledger_mark(&w.ledger, instrument, bid + (int64_t)below(UNIT), w.now));
}

static void time_passes(void)
{
    static const uint64_t steps[] = {1, 1000, MS, 10 * MS, 40 * MS, 300 * MS, SECOND};
    bool keeps_up = !one_in(5);

    if (one_in(40))
        w.now -= below(20 * MS); /* steps back */
    else
        w.now += below(2 * steps[below(RL_COUNT(steps))]);
    if (keeps_up)
        world_pass(&w, 0);
}

static void humans(void)
{
    unsigned scope = (unsigned)below(RL_N_SCOPES);
    uint32_t index = scope == RL_SCOPE_GLOBAL ? 0 : (uint32_t)below(2);
    unsigned state = one_in(3) ? (unsigned)below(3) : RL_RISK_ACTIVE;

    CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)scope, index, (enum rl_risk_state)state), 0);
    slow_set_state(scope, index, state);
    for (uint32_t i = 0; i < N_STRATEGIES && one_in(2); i++) {
        CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_STRATEGY, i, RL_RISK_ACTIVE), 0);
        slow_set_state(RL_SCOPE_STRATEGY, i, RL_RISK_ACTIVE);
    }
}

static void all_is_well(void)
{
    static const uint32_t counts[] = {1, N_VENUES, N_ACCOUNTS, N_STRATEGIES, N_INSTRUMENTS};

    for (unsigned scope = 0; scope < RL_N_SCOPES; scope++)
        for (uint32_t i = 0; i < counts[scope]; i++) {
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)scope, i, RL_RISK_ACTIVE), 0);
            slow_set_state(scope, i, RL_RISK_ACTIVE);
        }
    w.in.ready = RL_READY_ALL;
    w.in.queue_delay_ticks = 0;
}

static void set_member(void *row, const struct rl_limit_member *m, uint64_t value)
{
    memcpy((uint8_t *)row + m->offset, &value, m->n_bytes); /* little-endian */
}

/* One member of one row becomes another number, or all are again what they were. */
static void limits(void)
{
    unsigned scope = (unsigned)below(RL_N_SCOPES);
    const struct rl_limit_table *table = &rl_limit_tables[scope];
    const struct rl_limit_member *m = &table->members[below(table->n_members)];
    uint64_t value, version = w.set->version;
    size_t n_rows;
    void *row;

    if (one_in(2)) {
        memcpy(w.set, first_set, n_set_bytes);
        w.set->version = version;
    } else {
        row = (uint8_t *)(uintptr_t)rl_limits_rows(w.set, (enum rl_scope)scope, &n_rows) +
              below(n_rows) * table->row_bytes;
        value = rl_limit_get(row, m);
        if (m->unit == RL_UNIT_SHORT_RULE || m->unit == RL_UNIT_SELF_TRADE)
            value = 1 + below(3);
        else if (one_in(6))
            value = 0;
        else if (one_in(5) && (m->flags & RL_LIMIT_MAY_BE_OFF) != 0)
            value = rl_limit_off(m);
        else if (value != rl_limit_off(m))
            value = value / 4 + below(1 + value / (one_in(2) ? 1 : 4));
        set_member(row, m, value);
    }
    world_limits_changed(&w);
    see_all();
}

static void inputs(void)
{
    w.in.ready = one_in(2) ? RL_READY_ALL : (uint32_t)below(16);
    w.in.queue_delay_ticks = (uint32_t)(one_in(4) ? MS - 1 + below(3) : 0);
    w.in.utc_ns = one_in(20) ? 0 : 1790000000 * SECOND;
}

static void step(void)
{
    uint64_t kind = below(1000);

    if (kind < 350)
        order();
    else if (kind < 820)
        venue();
    else if (kind < 870)
        market();
    else if (kind < 960)
        time_passes();
    else if (kind < 965)
        humans();
    else if (kind < 970)
        inputs();
    else if (kind < 975)
        limits();
    else if (kind < 990)
        all_is_well();
}

static void start(void)
{
    world_open(&w);
    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++)
        w.set->pairs[i].duplicates = 3;
    for (int i = 0; i < N_INSTRUMENTS; i++)
        w.set->pairs[i].max_notional = 15000;
    w.set->venues[0].rate = (struct rl_limit_rate){.per_s = 20, .burst = 20, .reserve = 5};
    w.set->accounts[1].max_gross = 300000;
    w.set->accounts[1].max_loss = 2000;
    w.set->strategies[0].executions = 3;
    w.set->strategies[0].executions_window_ns = 10 * SECOND;
    world_limits_changed(&w);
    memset(&slow, 0, sizeof(slow));
    n_set_bytes = rl_limits_bytes(N_ACCOUNTS, N_INSTRUMENTS, N_STRATEGIES, N_VENUES);
    memcpy(first_set, w.set, n_set_bytes);
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
        slow_see(w.set, i, &w.in.bbo, w.now);
}

/* P3: what is counted as reserved is what is open, and nothing else. */
static void sums_must_hold(void)
{
    uint32_t n_all = 0, n_venues[N_VENUES] = {0}, n_strategies[N_STRATEGIES] = {0};
    wide credit[N_ACCOUNTS];

    for (uint32_t a = 0; a < N_ACCOUNTS; a++)
        credit[a] = -slow.cash[a];
    for (uint32_t i = 0; i < slow.n_orders; i++) {
        const struct slow_order *o = &slow.orders[i];

        if (slow_leaves(o) == 0)
            continue;
        n_all++;
        n_venues[o->q.scopes.venue]++;
        n_strategies[o->q.scopes.strategy]++;
        if (o->q.side == RL_BUY)
            credit[o->q.scopes.account] += (wide)slow_leaves(o) * slow_worst_px(o);
    }
    CHECK_EQ(w.risk.global.n_open, n_all);
    for (uint32_t i = 0; i < N_VENUES; i++)
        CHECK_EQ(w.risk.venues[i].n_open, n_venues[i]);
    for (uint32_t i = 0; i < N_STRATEGIES; i++)
        CHECK_EQ(w.risk.strategies[i].n_open, n_strategies[i]);
    for (uint32_t a = 0; a < N_ACCOUNTS; a++)
        CHECK(w.risk.accounts[a].credit == credit[a]);
}

static void test_the_chain_and_the_rules_agree(uint64_t n_ops)
{
    uint64_t n_worlds = 1;
    const char *why;

    start();
    for (uint64_t i = 0; i < n_ops; i++) {
        step();
        if (i % 16 == 0)
            sums_must_hold();
        if (i % 20000 == 19999) { /* a world that was lost starts again */
            CHECK_EQ(rl_ledger_check(&w.ledger, &why), 0);
            CHECK_EQ(rl_orders_check(&w.orders, &why), 0);
            start();
            n_worlds++;
        }
    }
    printf("%" PRIu64 " operations in %" PRIu64 " worlds: %" PRIu64 " checks, %" PRIu64
           " accepted; %" PRIu64 " replaces, %" PRIu64 " accepted; %" PRIu64 " executions\n",
           n_ops, n_worlds, seen.n_checks, seen.n_accepted, seen.n_replaces,
           seen.n_replaces_accepted, seen.n_fills);
    for (int i = 0; i < RL_RISK_N; i++)
        printf("  %s %-12s %8" PRIu64 ", alone %8" PRIu64 "\n", rl_risk_ids[i], rl_risk_names[i],
               seen.n_reason[i], seen.n_alone[i]);
}

/* A run that never came to a reason has shown nothing about it. */
static void test_every_reason_was_met(void)
{
    for (int i = 0; i < RL_RISK_N; i++)
        if (1U << i != RL_RISK_NO_ID)
            CHECK(seen.n_reason[i] > 20);
    CHECK(seen.n_accepted > 1000 && seen.n_replaces_accepted > 20 && seen.n_cancels_refused > 0);
}

int main(int argc, char **argv)
{
    const char *soak = getenv("RL_SOAK_OPS");
    uint64_t n_ops = argc > 1 ? strtoull(argv[1], NULL, 10) : soak ? strtoull(soak, NULL, 10) : 0;

    n_ops = n_ops != 0 ? n_ops : 200000;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20260722;
    first_set = aligned_alloc(RL_CACHE_LINE,
                              rl_limits_bytes(N_ACCOUNTS, N_INSTRUMENTS, N_STRATEGIES, N_VENUES));
    CHECK(first_set != NULL);
    test_the_chain_and_the_rules_agree(n_ops);
    if (n_ops >= 200000)
        test_every_reason_was_met();
    free(first_set);
    world_close(&w);
    return 0;
}
