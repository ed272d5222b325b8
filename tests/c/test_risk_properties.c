/*
 * What holds whatever the limits, the orders and the answers are: asking changes nothing, a missing
 * limit refuses, tightening never lets through, and no fill can carry a position past its limit.
 */
#include "risk_table.h"
#include "trade/risk/limits_members.h"

static struct world w;
static uint64_t random_state = 20260722;

static uint64_t below(uint64_t n)
{
    return (check_random(&random_state) >> 11) % n;
}

static struct rl_request some_order(void)
{
    unsigned side = (unsigned)below(2);
    int64_t away = ((int64_t)below(2000) - 500) * (UNIT / 100);
    struct rl_request q =
        world_request(side, 10 * (1 + below(120)), 100 * UNIT + (side == RL_BUY ? -away : away));

    q.scopes.account = (uint8_t)below(N_ACCOUNTS);
    q.scopes.instrument = (uint32_t)below(N_INSTRUMENTS);
    q.scopes.strategy = (uint8_t)(2 * below(2));
    q.scopes.venue = (uint8_t)below(N_VENUES);
    if (below(8) == 0) {
        q.type = RL_TYPE_MARKET;
        q.px_nano = RL_PX_NONE;
    }
    return q;
}

/* The set as bytes, to put back. */
static uint8_t set_was[1 << 16];

static size_t set_bytes(void)
{
    size_t n = rl_limits_bytes(N_ACCOUNTS, N_INSTRUMENTS, N_STRATEGIES, N_VENUES);

    CHECK(n != 0 && n <= sizeof(set_was));
    return n;
}

static void put_back(void)
{
    uint64_t version = w.set->version;

    memcpy(w.set, set_was, set_bytes());
    w.set->version = version;
}

/* The row that judges orders to these scopes. */
static void *row_of(enum rl_scope scope, const struct rl_scopes *s)
{
    switch (scope) {
    case RL_SCOPE_VENUE:
        return &w.set->venues[s->venue];
    case RL_SCOPE_ACCOUNT:
        return &w.set->accounts[s->account];
    case RL_SCOPE_STRATEGY:
        return &w.set->strategies[s->strategy];
    case RL_SCOPE_SYMBOL:
        return world_pair_of(&w, s->account, s->instrument);
    default:
        return &w.set->global;
    }
}

static void set_member(void *row, const struct rl_limit_member *m, uint64_t value)
{
    memcpy((uint8_t *)row + m->offset, &value, m->n_bytes); /* little-endian */
}

/* A tighter value of a member, if its kind has an order; false: it has none. */
static bool tighter(const struct rl_limit_member *m, uint64_t value, uint64_t *out)
{
    uint64_t off = rl_limit_off(m);

    switch (m->direction) {
    case RL_LIMIT_LESS:
        *out = value == off && (m->flags & RL_LIMIT_MAY_BE_OFF) != 0 ? 1 + below(100000)
                                                                     : below(value + 1);
        return true;
    case RL_LIMIT_MORE:
        *out = value == off ? 1 + below(100) : value + below(value + 2);
        return *out < off;
    case RL_LIMIT_BITS:
        *out = value & below(1ULL << (m->n_bytes * 8 - 1));
        return true;
    case RL_LIMIT_GRID:
        *out = value * (1 + below(4));
        return true;
    default:
        return false;
    }
}

/* Orders to venue and back, so that every limit has something to be held against. */
static void live_a_little(unsigned n_steps)
{
    for (unsigned i = 0; i < n_steps; i++) {
        struct rl_request q = some_order();
        uint64_t id;

        world_pass(&w, below(20 * MS));
        if (world_check(&w, &q) != 0)
            continue;
        id = world_send(&w, &q);
        if (below(4) != 0)
            world_says(&w, RL_EVENT_ACK, id);
        if (below(3) == 0)
            world_fills(&w, id, 1 + below(q.qty), q.px_nano != RL_PX_NONE ? q.px_nano : 100 * UNIT);
        else if (below(2) == 0)
            world_says(&w, RL_EVENT_CANCELLED, id);
    }
}

static bool is_a_collar(const struct rl_limit_member *m)
{
    return m->offset == offsetof(struct rl_limit_pair, collar_bps) ||
           m->offset == offsetof(struct rl_limit_pair, collar_ticks);
}

/*
 * P2, and more: a tighter limit takes no reason away. One thing is left out: what a market order
 * can come to is what the collar allows, so a tighter collar makes it cheaper.
 */
static void test_tightening_a_member_takes_no_reason_away(enum rl_scope scope,
                                                          const struct rl_limit_member *m,
                                                          uint64_t *n_new)
{
    for (int trial = 0; trial < 60; trial++) {
        struct rl_request q = some_order();
        uint32_t before, after;
        uint64_t value;
        void *row;

        put_back();
        row = row_of(scope, &q.scopes);
        if (!tighter(m, rl_limit_get(row, m), &value) ||
            (scope == RL_SCOPE_SYMBOL && is_a_collar(m) && q.type == RL_TYPE_MARKET))
            continue;
        world_limits_changed(&w);
        before = world_check(&w, &q);
        set_member(row, m, value);
        world_limits_changed(&w);
        after = world_check(&w, &q);
        if ((before & ~after) != 0) {
            fprintf(stderr, "%s %s -> %" PRIu64 ": %06x became %06x\n", rl_limit_tables[scope].name,
                    m->word, value, before, after);
            exit(1);
        }
        *n_new += after != before;
    }
}

static void test_no_tightening_of_any_member_of_any_row_lets_an_order_through(void)
{
    unsigned n_members = 0;
    uint64_t n_new = 0;

    for (int world = 0; world < 3; world++) {
        world_open(&w);
        memcpy(set_was, w.set, set_bytes());
        live_a_little(60);
        for (unsigned scope = 0; scope < RL_N_SCOPES; scope++)
            for (uint32_t i = 0; i < rl_limit_tables[scope].n_members; i++) {
                test_tightening_a_member_takes_no_reason_away(
                    (enum rl_scope)scope, &rl_limit_tables[scope].members[i], &n_new);
                n_members++;
            }
    }
    printf("%u members tightened, %" PRIu64 " answers became stricter\n", n_members / 3, n_new);
    CHECK(n_new > 1000);
}

/* R21, for every member there is: a zero refuses, whatever the order is. */
static void test_a_zero_in_any_member_refuses(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_open(&w);
    memcpy(set_was, w.set, set_bytes());
    for (unsigned scope = 0; scope < RL_N_SCOPES; scope++)
        for (uint32_t i = 0; i < rl_limit_tables[scope].n_members; i++) {
            const struct rl_limit_member *m = &rl_limit_tables[scope].members[i];

            put_back();
            world_limits_changed(&w);
            CHECK_EQ(world_check(&w, &q), 0);
            if ((m->flags & RL_LIMIT_MAY_BE_ZERO) != 0)
                continue;
            set_member(row_of((enum rl_scope)scope, &q.scopes), m, 0);
            world_limits_changed(&w);
            if ((world_check(&w, &q) & RL_RISK_LIMITS) == 0) {
                fprintf(stderr, "%s %s = 0 passes\n", rl_limit_tables[scope].name, m->word);
                exit(1);
            }
        }
}

/* A limit that is off is not felt, however far the order goes. */
static void test_what_is_off_is_not_felt(void)
{
    struct rl_request q = world_request(RL_BUY, 10000000000, 101 * UNIT);

    world_open(&w);
    for (unsigned scope = 0; scope < RL_N_SCOPES; scope++)
        for (uint32_t i = 0; i < rl_limit_tables[scope].n_members; i++) {
            const struct rl_limit_member *m = &rl_limit_tables[scope].members[i];

            if ((m->flags & RL_LIMIT_MAY_BE_OFF) != 0)
                set_member(row_of((enum rl_scope)scope, &q.scopes), m, rl_limit_off(m));
        }
    world_limits_changed(&w);
    w.in.queue_delay_ticks = UINT32_MAX;
    w.in.bbo_tsc = 0;
    for (int i = 0; i < 300; i++)
        world_send(&w, &q);
    CHECK_EQ(world_check(&w, &q), 0);
    q.px_nano = 100000 * UNIT;
    CHECK_EQ(world_check(&w, &q), 0);
}

/* The rows of the matrix: what may be missing, and the reason that must then be given. */
static void test_nothing_passes_without(const char *what, uint32_t reason)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);
    uint32_t seen = world_check(&w, &q);

    if ((seen & reason) != reason) {
        fprintf(stderr, "without %s: saw %06x, wanted %06x\n", what, seen, reason);
        exit(1);
    }
}

static void test_what_is_missing_refuses(void)
{
    static const struct rl_limit_pair no_pair;
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_open_bare(&w);
    test_nothing_passes_without("anything", RL_RISK_STATE | RL_RISK_SESSION | RL_RISK_PERMISSION |
                                                RL_RISK_COLLAR | RL_RISK_EXPOSURE | RL_RISK_RATE |
                                                RL_RISK_FRESHNESS | RL_RISK_LIMITS);
    CHECK_EQ(rl_risk_check_cancel(&w.risk, &q.scopes, w.now), RL_RISK_RATE);
    world_open(&w);
    rl_risk_use(&w.risk, NULL);
    test_nothing_passes_without("a set", RL_RISK_LIMITS | RL_RISK_QTY | RL_RISK_RATE);
    world_open(&w);
    *world_the_pair(&w) = no_pair;
    world_limits_changed(&w);
    test_nothing_passes_without("the row of the symbol", RL_RISK_LIMITS | RL_RISK_PERMISSION);
    world_open(&w);
    memset(&w.set->accounts[ACCOUNT], 0, sizeof(w.set->accounts[0]));
    world_limits_changed(&w);
    test_nothing_passes_without("the row of the account", RL_RISK_LIMITS | RL_RISK_EXPOSURE);
    world_open(&w);
    memset(&w.set->strategies[STRATEGY], 0, sizeof(w.set->strategies[0]));
    world_limits_changed(&w);
    test_nothing_passes_without("the row of the strategy", RL_RISK_LIMITS | RL_RISK_RATE);
    world_open(&w);
    memset(&w.set->venues[VENUE], 0, sizeof(w.set->venues[0]));
    world_limits_changed(&w);
    test_nothing_passes_without("the row of the venue", RL_RISK_LIMITS | RL_RISK_RATE);
    world_open(&w);
    w.in = (struct rl_risk_input){.ready = 0};
    test_nothing_passes_without("any input", RL_RISK_SESSION | RL_RISK_COLLAR | RL_RISK_FRESHNESS);
    world_open(&w);
    w.now += 51 * MS;
    test_nothing_passes_without("a fresh reference", RL_RISK_COLLAR | RL_RISK_FRESHNESS);
    world_trade(&w, RL_BUY, 10, 100 * UNIT);
    world_pass(&w, 0);
    w.now += 11 * SECOND;
    test_nothing_passes_without("fresh marks", RL_RISK_LOSS);
}

/* P4: 10 000 refusals and acceptances leave no trace. */
static void test_asking_changes_nothing(void)
{
    uint64_t hash, ledger, orders;

    world_open(&w);
    live_a_little(100);
    hash = rl_risk_hash(&w.risk);
    ledger = rl_ledger_hash(&w.ledger);
    orders = rl_orders_hash(&w.orders);
    for (int i = 0; i < 10000; i++) {
        struct rl_request q = some_order();
        int64_t limit, actual;
        uint32_t mask = world_check(&w, &q);

        CHECK_EQ(world_check(&w, &q), mask); /* P1: and so is its lowest bit */
        rl_risk_explain(&w.risk, &q, &w.in, w.now, mask & -mask, &limit, &actual);
        rl_risk_check_cancel(&w.risk, &q.scopes, w.now);
    }
    CHECK(rl_risk_hash(&w.risk) == hash);
    CHECK(rl_ledger_hash(&w.ledger) == ledger && rl_orders_hash(&w.orders) == orders);
    live_a_little(5); /* and what does change something shows */
    CHECK(rl_risk_hash(&w.risk) != hash);
}

static void positions_must_hold(void)
{
    for (uint32_t a = 0; a < N_ACCOUNTS; a++)
        for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
            const struct rl_position *p = rl_ledger_at(&w.ledger, a, i);
            const struct rl_limit_pair *pair = world_pair_of(&w, a, i);

            CHECK((__int128)p->net + p->work[RL_BUY] <= pair->max_long);
            CHECK((__int128)p->work[RL_SELL] - p->net <= pair->max_short);
        }
}

/* P5: with every open order filled at once, at every step, replaces among them. */
static void test_no_outcome_of_the_open_orders_is_past_the_position_limit(void)
{
    uint64_t n_sent = 0, n_at_limit = 0;

    world_open(&w);
    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++) {
        w.set->pairs[i].max_long = 900;
        w.set->pairs[i].max_short = 700;
        w.set->pairs[i].self_trade = RL_SELF_TRADE_OFF;
        w.set->pairs[i].located = 700;
    }
    for (int i = 0; i < N_STRATEGIES; i++)
        w.set->strategies[i].executions = RL_LIMIT_OFF_32;
    world_limits_changed(&w);
    for (int i = 0; i < 20000; i++) {
        struct rl_request q = some_order();
        uint64_t slot = rl_orders_next_open(&w.orders, below(N_SLOTS)), id;
        const struct rl_order *o;
        uint32_t mask;

        world_pass(&w, 10 * MS);
        for (uint32_t j = 0; j < N_STRATEGIES; j++)
            CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_STRATEGY, j, RL_RISK_ACTIVE), 0);
        mask = world_check(&w, &q);
        n_at_limit += (mask & RL_RISK_POSITION) != 0;
        if (mask == 0) {
            id = world_send(&w, &q);
            n_sent++;
            if (below(5) != 0)
                world_says(&w, RL_EVENT_ACK, id);
        }
        positions_must_hold();
        if (slot > w.orders.mask)
            continue;
        o = &w.orders.slots[slot];
        id = o->id;
        if (below(3) == 0 && o->type == RL_TYPE_LIMIT) {
            uint64_t qty = 10 * (1 + below(120));
            struct rl_request changed = world_changed(o, qty, o->px_nano);

            if (rl_risk_check_replace(&w.risk, o, qty, o->px_nano, &changed, &w.in, w.now) == 0)
                world_says(&w, below(2) == 0 ? RL_EVENT_REPLACED : RL_EVENT_REPLACE_REJECT,
                           world_replace(&w, id, qty, o->px_nano));
        } else if (below(2) == 0 && rl_order_leaves(o) != 0) {
            world_fills(&w, id, 1 + below(rl_order_leaves(o)), 100 * UNIT);
        } else {
            world_says(&w, RL_EVENT_CANCELLED, id);
        }
        positions_must_hold();
    }
    CHECK(n_sent > 1000 && n_at_limit > 100);
}

/* P1, and the ends of every type: any answer but acceptance, and no undefined arithmetic. */
static void test_the_ends_of_the_types_are_refused(void)
{
    static const uint64_t quantities[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    static const int64_t prices[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    static const int64_t nets[] = {0, INT64_MAX, -INT64_MAX};
    unsigned n = 0;

    for (unsigned side = 0; side <= 3; side++)
        for (size_t i = 0; i < RL_COUNT(quantities); i++)
            for (size_t j = 0; j < RL_COUNT(prices); j++)
                for (size_t k = 0; k < RL_COUNT(nets) * RL_COUNT(prices); k++) {
                    struct rl_request q = world_request(side, quantities[i], prices[j]);
                    struct rl_position *p;
                    int64_t limit, actual;
                    uint32_t mask;

                    table_open(&w);
                    p = rl_ledger_at(&w.ledger, ACCOUNT, INSTRUMENT);
                    p->net = nets[k / RL_COUNT(prices)];
                    w.in.bbo.px_nano[RL_SELL] = prices[k % RL_COUNT(prices)];
                    w.ledger.marks[INSTRUMENT].px_nano = prices[k % RL_COUNT(prices)];
                    mask = world_check(&w, &q);
                    CHECK(mask != 0 && (mask & ~RL_RISK_ALL) == 0);
                    for (int bit = 0; bit < RL_RISK_N; bit++)
                        rl_risk_explain(&w.risk, &q, &w.in, w.now, 1U << bit, &limit, &actual);
                    n++;
                }
    printf("%u orders at the ends of their types\n", n);
}

int main(void)
{
    test_no_tightening_of_any_member_of_any_row_lets_an_order_through();
    test_a_zero_in_any_member_refuses();
    test_what_is_off_is_not_felt();
    test_what_is_missing_refuses();
    test_asking_changes_nothing();
    test_no_outcome_of_the_open_orders_is_past_the_position_limit();
    test_the_ends_of_the_types_are_refused();
    world_close(&w);
    return 0;
}
