/* States, overrides, memories and explanations of the risk chain. */
#include "risk_world.h"

#include <errno.h>

#include "short_memory.h"

static struct world w;

static void test_a_new_engine_is_halted_and_everything_below_it_active(void)
{
    struct rl_scopes scopes = {.instrument = 0};

    world_open_bare(&w);
    CHECK_EQ(rl_risk_state(&w.risk, RL_SCOPE_GLOBAL, 0), RL_RISK_HALTED);
    for (unsigned scope = RL_SCOPE_VENUE; scope < RL_N_SCOPES; scope++)
        CHECK_EQ(rl_risk_state(&w.risk, (enum rl_scope)scope, 0), RL_RISK_ACTIVE);
    CHECK_EQ(rl_risk_state_of(&w.risk, &scopes), RL_RISK_HALTED);
}

static int risk_in(struct rl_arena *memory, const void *config)
{
    struct rl_risk r;

    return rl_risk_init(&r, memory, config);
}

static void test_what_cannot_be_built_is_refused(void)
{
    struct rl_risk_config good = {.ledger = &w.ledger,
                                  .orders = &w.orders,
                                  .tsc_hz = HZ,
                                  .n_venues = 1,
                                  .n_strategies = 1,
                                  .n_repeats = 1,
                                  .n_fills = 1};
    struct rl_risk_config bad[] = {good, good, good, good, good, good, good, good, good, good};
    struct rl_risk_config largest = good;
    struct rl_ledger ledger;
    struct rl_arena small;
    struct rl_risk r;

    world_open(&w);
    bad[0].ledger = NULL;
    bad[1].orders = NULL;
    bad[2].tsc_hz = 0;
    bad[3].n_venues = 0;
    bad[4].n_venues = RL_MAX_VENUES + 1;
    bad[5].n_strategies = RL_MAX_STRATEGIES + 1;
    bad[6].n_repeats = 0;
    bad[7].n_fills = 0;
    bad[8].n_fills = (1U << 24) + 1;
    bad[9].n_repeats = (1U << 24) + 1;
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        CHECK_EQ(rl_risk_bytes(&bad[i]), 0);
        CHECK_EQ(rl_risk_init(&r, &w.arena, &bad[i]), -EINVAL);
    }
    CHECK(rl_risk_bytes(&good) > 0);
    largest.n_fills = largest.n_repeats = 1U << 24;
    largest.n_venues = RL_MAX_VENUES;
    largest.n_strategies = RL_MAX_STRATEGIES;
    ledger = w.ledger;
    ledger.n_accounts = RL_MAX_ACCOUNTS;
    ledger.n_instruments = RL_MAX_SYMBOLS;
    largest.ledger = &ledger;
    CHECK(rl_risk_bytes(&largest) > 0);
    ledger.n_accounts++;
    CHECK_EQ(rl_risk_bytes(&largest), 0);
    ledger.n_accounts--;
    ledger.n_instruments++;
    CHECK_EQ(rl_risk_bytes(&largest), 0);
    CHECK_EQ(rl_arena_open(&small, 4096, 0), 0);
    good.n_repeats = 1000;
    CHECK_EQ(rl_risk_init(&r, &small, &good), -ENOMEM);
    rl_arena_close(&small);
    ledger = (struct rl_ledger){.n_accounts = 2, .n_instruments = 1000};
    good.ledger = &ledger; /* pairs are more than all the rest */
    good.n_repeats = good.n_fills = good.n_strategies = good.n_venues = 1;
    check_needs_all(rl_risk_bytes(&good), risk_in, &good);
}

static void test_a_state_of_nothing_cannot_be_set_and_reads_as_halted(void)
{
    static const uint32_t beyond[] = {1, N_VENUES, N_ACCOUNTS, N_STRATEGIES, N_INSTRUMENTS};

    world_open(&w);
    for (unsigned scope = 0; scope < RL_N_SCOPES; scope++) {
        CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)scope, beyond[scope], RL_RISK_ACTIVE),
                 -EINVAL);
        CHECK_EQ(rl_risk_state(&w.risk, (enum rl_scope)scope, beyond[scope]), RL_RISK_HALTED);
        CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)scope, 0, (enum rl_risk_state)3),
                 -EINVAL);
    }
    CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)RL_N_SCOPES, 0, RL_RISK_ACTIVE), -EINVAL);
}

static void test_the_most_severe_state_of_all_scopes_wins(void)
{
    struct rl_scopes s = {INSTRUMENT, VENUE, ACCOUNT, STRATEGY, 0};
    const uint32_t indices[] = {0, VENUE, ACCOUNT, STRATEGY, INSTRUMENT};

    world_open(&w);
    for (unsigned a = 0; a < RL_N_SCOPES; a++)
        for (unsigned b = 0; b < RL_N_SCOPES; b++) {
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)a, indices[a], RL_RISK_REDUCE_ONLY),
                     0);
            CHECK_EQ(rl_risk_state_of(&w.risk, &s), RL_RISK_REDUCE_ONLY);
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)b, indices[b], RL_RISK_HALTED), 0);
            CHECK_EQ(rl_risk_state_of(&w.risk, &s), RL_RISK_HALTED);
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)b, indices[b], RL_RISK_ACTIVE), 0);
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)a, indices[a], RL_RISK_ACTIVE), 0);
            CHECK_EQ(rl_risk_state_of(&w.risk, &s), RL_RISK_ACTIVE);
        }
}

static void test_a_cancel_passes_in_every_state_and_through_every_other_limit(void)
{
    struct rl_scopes s = {INSTRUMENT, VENUE, ACCOUNT, STRATEGY, 0};

    for (int state = RL_RISK_ACTIVE; state <= RL_RISK_HALTED; state++) {
        world_open(&w);
        for (unsigned scope = 0; scope < RL_N_SCOPES; scope++)
            CHECK_EQ(rl_risk_set_state(&w.risk, (enum rl_scope)scope, 0, state), 0);
        CHECK(rl_ledger_fee(&w.ledger, ACCOUNT, 0, (rl_money)RL_LIMIT_MAX * UNIT));
        w.risk.strategies[STRATEGY].latched = RL_RISK_RATIO;
        w.risk.strategies[STRATEGY].bucket.tsc = w.risk.accounts[ACCOUNT].bucket.tsc = w.now;
        w.in.ready = 0;
        CHECK_EQ(rl_risk_check_cancel(&w.risk, &s, w.now), 0);
    }
    s.venue = N_VENUES;
    CHECK_EQ(rl_risk_check_cancel(&w.risk, &s, w.now), RL_RISK_RATE);
}

/* The hole of others: each order alone reduces, together they turn the position around. */
static void test_several_closing_orders_cannot_flip_a_position_in_reduce_only(void)
{
    struct rl_request close = world_request(RL_SELL, 60, 101 * UNIT);

    world_open(&w);
    world_trade(&w, RL_BUY, 100, 100 * UNIT);
    CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_ACCOUNT, ACCOUNT, RL_RISK_REDUCE_ONLY), 0);
    CHECK_EQ(world_check(&w, &close), 0);
    world_send(&w, &close);
    CHECK_EQ(world_check(&w, &close), RL_RISK_STATE);
    close.qty = 40;
    CHECK_EQ(world_check(&w, &close), 0);
    world_send(&w, &close);
    close.qty = 10;
    CHECK_EQ(world_check(&w, &close), RL_RISK_STATE);
    close.side = RL_BUY;
    close.px_nano = 100 * UNIT;
    CHECK_EQ(world_check(&w, &close), RL_RISK_STATE);
}

static void test_what_closes_passes_though_the_exposure_is_too_high(void)
{
    struct rl_request close = world_request(RL_SELL, 100, 100 * UNIT);
    struct rl_request more = world_request(RL_BUY, 10, 100 * UNIT);

    world_open(&w);
    world_trade(&w, RL_BUY, 100, 100 * UNIT);
    w.set->accounts[ACCOUNT].max_gross = w.set->accounts[ACCOUNT].max_net = 1;
    world_limits_changed(&w);
    CHECK_EQ(world_check(&w, &more), RL_RISK_EXPOSURE);
    CHECK_EQ(world_check(&w, &close), 0);
    close.qty = 210; /* would turn it around, to more than it was */
    CHECK_EQ(world_check(&w, &close) & RL_RISK_EXPOSURE, RL_RISK_EXPOSURE);
}

static void test_a_clock_that_steps_back_only_delays(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_open(&w);
    world_the_pair(&w)->rate = (struct rl_limit_rate){1000, 5, RL_LIMIT_OFF_32};
    world_limits_changed(&w);
    for (int i = 0; i < 5; i++)
        world_send(&w, &q);
    CHECK_EQ(world_check(&w, &q), RL_RISK_RATE);
    w.now -= 500 * SECOND;
    w.in.bbo_tsc = w.now;
    CHECK_EQ(world_check(&w, &q), RL_RISK_RATE);
    world_send(&w, &q); /* even a message that leaves then earns nothing */
    w.now += 500 * SECOND;
    w.in.bbo_tsc = w.now;
    CHECK_EQ(world_check(&w, &q), RL_RISK_RATE);
    world_pass(&w, MS);
    CHECK_EQ(world_check(&w, &q), 0);
}

static void test_another_set_forgives_nothing(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_open(&w);
    world_the_pair(&w)->duplicates = 2;
    world_limits_changed(&w);
    world_send(&w, &q);
    world_send(&w, &q);
    CHECK_EQ(world_check(&w, &q), RL_RISK_DUPLICATE);
    world_limits_changed(&w);
    CHECK_EQ(world_check(&w, &q), RL_RISK_DUPLICATE);
    rl_risk_use(&w.risk, NULL);
    CHECK_EQ(rl_risk_state(&w.risk, RL_SCOPE_GLOBAL, 0), RL_RISK_ACTIVE);
}

static struct rl_override good_override(void)
{
    return (struct rl_override){.until_tsc = w.now + SECOND,
                                .principals = {1001, 1002},
                                .mask = RL_RISK_QTY,
                                .n_orders = 2,
                                .scope = RL_SCOPE_ACCOUNT,
                                .index = ACCOUNT};
}

static void test_an_override_takes_two_people_a_scope_an_end_and_a_limit(void)
{
    struct rl_override o;

    world_open(&w);
    o = good_override();
    o.principals[1] = o.principals[0];
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EPERM);
    o.principals[0] = 0;
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EPERM);
    o = good_override();
    o.principals[1] = 0;
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EPERM);
    for (int bit = 0; bit < 32; bit++) {
        o = good_override();
        o.mask = 1U << bit;
        CHECK_EQ(rl_risk_override(&w.risk, &o, w.now + SECOND),
                 (o.mask & RL_RISK_MAY_OVERRIDE) != 0 ? 0 : -EINVAL);
        world_open(&w);
    }
    o = good_override();
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now + SECOND + 1), -EINVAL);
    o.n_orders = 0;
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EINVAL);
    o = good_override();
    o.mask = 0; /* it would let nothing pass */
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EINVAL);
    o = good_override();
    o.scope = RL_SCOPE_GLOBAL;
    o.index = 0;
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EINVAL);
    o.scope = RL_SCOPE_ACCOUNT;
    o.index = N_ACCOUNTS;
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -EINVAL);
}

/* R19: whatever else is asked for, it is another order. */
static void test_a_replace_leaves_every_scope_as_it_was(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);
    const struct rl_order *o;
    uint64_t id;

    world_open(&w);
    id = world_send(&w, &q);
    world_says(&w, RL_EVENT_ACK, id);
    o = rl_orders_live(&w.orders, id);
    for (int i = 0; i < 5; i++) {
        struct rl_request other = world_changed(o, 20, 100 * UNIT);
        uint32_t reasons;

        other.scopes.instrument = i == 1 ? 0 : INSTRUMENT;
        other.scopes.venue = i == 2 ? 0 : VENUE;
        other.scopes.account = i == 3 ? 0 : ACCOUNT;
        other.scopes.strategy = i == 4 ? 0 : STRATEGY;
        reasons = rl_risk_check_replace(&w.risk, o, 20, 100 * UNIT, &other, &w.in, w.now);
        CHECK_EQ(reasons & RL_RISK_REPLACE, i == 0 ? 0 : RL_RISK_REPLACE);
    }
}

/* Whoever looks back furthest decides how long references are kept. */
static void test_references_are_kept_for_the_longest_window_of_any_account(void)
{
    for (uint32_t account = 0; account < N_ACCOUNTS; account++) {
        world_open(&w);
        world_pair_of(&w, account, INSTRUMENT)->moved_window_ns = 7 * SECOND;
        world_limits_changed(&w);
        world_market(&w, 100 * UNIT);
        CHECK_EQ(w.risk.symbols[INSTRUMENT].window_ticks, 7 * SECOND);
    }
}

static void test_an_override_lets_so_many_orders_pass_what_it_names_and_nothing_else(void)
{
    struct rl_request q = world_request(RL_BUY, 1100, 100 * UNIT);
    struct rl_override o;

    world_open(&w);
    o = good_override();
    CHECK_EQ(world_check(&w, &q), RL_RISK_QTY);
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), 0);
    CHECK_EQ(world_check(&w, &q), 0);
    q.px_nano = 150 * UNIT;
    CHECK_EQ(world_check(&w, &q) & RL_RISK_COLLAR, RL_RISK_COLLAR);
    q.px_nano = 100 * UNIT;
    world_send(&w, &q);
    CHECK_EQ(world_check(&w, &q), 0);
    world_send(&w, &q);
    CHECK_EQ(world_check(&w, &q), RL_RISK_QTY);
}

static void test_spent_overrides_make_room_and_live_ones_do_not(void)
{
    struct rl_request others = world_request(RL_BUY, 1010, 100 * UNIT);
    struct rl_override o;

    world_open(&w);
    o = good_override();
    others.scopes = (struct rl_scopes){0};
    for (int i = 0; i < RL_RISK_N_OVERRIDES; i++)
        CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), 0);
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), -ENOSPC);
    CHECK(world_check(&w, &others) & RL_RISK_QTY); /* all places are looked at, and none behind */
    w.now += SECOND + 1;
    o = good_override();
    CHECK_EQ(rl_risk_override(&w.risk, &o, w.now), 0);
}

static void test_own_orders_in_the_way_are_named_one_by_one(void)
{
    struct rl_request q = world_request(RL_SELL, 10, 101 * UNIT);
    uint64_t from = 0, ids[3];

    world_open(&w);
    for (int i = 0; i < 3; i++) {
        q.px_nano = (101 + i) * UNIT;
        ids[i] = world_send(&w, &q);
    }
    q = world_request(RL_BUY, 10, 102 * UNIT);
    CHECK_EQ(world_check(&w, &q), RL_RISK_SELF_TRADE);
    CHECK_EQ(rl_risk_self_next(&w.risk, &q, &from)->id, ids[0]);
    CHECK_EQ(rl_risk_self_next(&w.risk, &q, &from)->id, ids[1]);
    CHECK(rl_risk_self_next(&w.risk, &q, &from) == NULL);
    CHECK_EQ(rl_risk_self_policy(&w.risk, &q.scopes), RL_SELF_TRADE_CANCEL_NEW);
    q.scopes.account = N_ACCOUNTS;
    CHECK_EQ(rl_risk_self_policy(&w.risk, &q.scopes), 0);
}

static void must_explain(uint32_t reason, struct rl_request q, int64_t limit, int64_t actual)
{
    world_must_explain(&w, reason, q, limit, actual);
}

static void test_a_refusal_is_explained_by_its_limit_and_what_would_have_been(void)
{
    struct rl_request q = world_request(RL_BUY, 1010, 100 * UNIT);

    world_open(&w);
    must_explain(RL_RISK_QTY, q, 1000, 1010);
    q.qty = 20000;
    must_explain(RL_RISK_NOTIONAL, q, 1000000, 2000000);
    must_explain(RL_RISK_POSITION, q, 5000, 20000);
    q.px_nano += 1;
    must_explain(RL_RISK_NOTIONAL, q, 1000000, 2000001); /* a part of a unit shows */
    must_explain(RL_RISK_COLLAR, world_request(RL_BUY, 10, 111 * UNIT), 1000, 1100);
    must_explain(RL_RISK_CROSS, world_request(RL_BUY, 10, 107 * UNIT), 5 * UNIT, 6 * UNIT);
    q = world_request(RL_SELL, 3010, 100 * UNIT);
    must_explain(RL_RISK_SHORT_SALE, q, 3000, 3010);
    w.in.queue_delay_ticks = MS + 5;
    must_explain(RL_RISK_FRESHNESS, q, MS, MS + 5);
    w.in.bbo_tsc = w.now - 60 * MS;
    must_explain(RL_RISK_FRESHNESS, q, 50 * MS, 60 * MS);
    w.in.ready = RL_READY_CLOCK;
    must_explain(RL_RISK_SESSION, q, 3, 2);
    CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_VENUE, VENUE, RL_RISK_HALTED), 0);
    must_explain(RL_RISK_STATE, q, RL_RISK_ACTIVE, RL_RISK_HALTED);
    q.qty = UINT64_MAX;
    must_explain(RL_RISK_QTY, q, 1000, INT64_MAX); /* saturated */
    CHECK(rl_ledger_fee(&w.ledger, ACCOUNT, 0, (rl_money)50000 * UNIT + 1));
    must_explain(RL_RISK_LOSS, q, 50000, 50001);
}

static void test_counts_are_explained_in_counts(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_open(&w);
    for (int i = 0; i < 20; i++)
        world_send(&w, &q);
    must_explain(RL_RISK_OPEN, q, 20, 21);
    must_explain(RL_RISK_DUPLICATE, q, 20, 21);
    for (int i = 0; i < 70; i++) {
        q.qty = 10 + 10 * (uint64_t)i;
        world_send(&w, &q);
    }
    must_explain(RL_RISK_RATE, q, 11, 10);
    must_explain(RL_RISK_EXPOSURE, q, 2000000, 2575000);
}

/* Against the divisions that are saved. */
static void test_what_divides_is_told_without_dividing(void)
{
    static const uint64_t divisors[] = {
        1,         2, 3, 5, 7, 8, 10, 12, 100, 1000, 12500, 10000000, 1ULL << 31, (1ULL << 62) - 1,
        1ULL << 62};
    uint64_t state = 99;

    for (size_t i = 0; i < RL_COUNT(divisors); i++) {
        uint8_t shift;
        struct rl_divisor d = rl_divisor_of(divisors[i], &shift);

        for (int j = 0; j < 20000; j++) {
            uint64_t n = check_random(&state) >> (j % 60);

            CHECK_EQ(rl_divides(d, shift, n), n % divisors[i] == 0);
            n -= n % divisors[i];
            CHECK(rl_divides(d, shift, n));
        }
        CHECK(rl_divides(d, shift, 0));
        CHECK_EQ(rl_divides(d, shift, UINT64_MAX), UINT64_MAX % divisors[i] == 0);
    }
}

/* A bucket never lets more through in any stretch of time than rate and burst allow. */
static void test_no_stretch_of_time_sees_more_than_its_rate_and_one_burst(void)
{
    struct rl_rate rate = rl_rate_of(
        &(struct rl_limit_rate){.per_s = 1000, .burst = 7, .reserve = RL_LIMIT_OFF_32}, HZ);
    static uint64_t stamps[5000];
    struct rl_bucket bucket = {.credit = 0};
    uint64_t state = 5, now = 100 * SECOND, n = 0;

    while (n < RL_COUNT(stamps)) {
        now += check_random(&state) % (MS / 2);
        if (rl_bucket_level(&bucket, &rate, now) < rate.order)
            continue;
        rl_bucket_take(&bucket, &rate, HZ, now);
        stamps[n++] = now;
    }
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = i; j < n && j < i + 200; j++)
            CHECK((stamps[j] - stamps[i]) / MS + 7 >= j - i + 1);
}

int main(void)
{
    test_a_new_engine_is_halted_and_everything_below_it_active();
    test_what_cannot_be_built_is_refused();
    test_a_state_of_nothing_cannot_be_set_and_reads_as_halted();
    test_the_most_severe_state_of_all_scopes_wins();
    test_a_cancel_passes_in_every_state_and_through_every_other_limit();
    test_several_closing_orders_cannot_flip_a_position_in_reduce_only();
    test_what_closes_passes_though_the_exposure_is_too_high();
    test_a_clock_that_steps_back_only_delays();
    test_another_set_forgives_nothing();
    test_an_override_takes_two_people_a_scope_an_end_and_a_limit();
    test_a_replace_leaves_every_scope_as_it_was();
    test_references_are_kept_for_the_longest_window_of_any_account();
    test_an_override_lets_so_many_orders_pass_what_it_names_and_nothing_else();
    test_spent_overrides_make_room_and_live_ones_do_not();
    test_own_orders_in_the_way_are_named_one_by_one();
    test_a_refusal_is_explained_by_its_limit_and_what_would_have_been();
    test_counts_are_explained_in_counts();
    test_what_divides_is_told_without_dividing();
    test_no_stretch_of_time_sees_more_than_its_rate_and_one_burst();
    world_close(&w);
    return 0;
}
