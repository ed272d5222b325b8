/* Pre-trade limits: exactly at the limit passes, one beyond fails, all reasons at once, fail
 * closed. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "trade/risk.h"

#define UNIT RL_NANO_PER_UNIT
#define HZ 1000000000ULL /* one tick a nanosecond */
#define N_INSTRUMENTS 2

static struct rl_position positions[N_INSTRUMENTS];

static const struct rl_risk_limits LIMITS = {
    .max_qty = 100,
    .max_notional = 5000,
    .max_position = 250,
    .band_bps = 100,
    .rate_per_s = 1000,
    .rate_burst = 5,
    .max_open = 4,
};

static struct rl_risk new_risk(struct rl_risk_limits limits)
{
    struct rl_risk r;

    CHECK_EQ(rl_risk_init(&r, &limits, positions, N_INSTRUMENTS, HZ), 0);
    rl_risk_resume(&r);
    return r;
}

/* Mid is exactly 50. */
static struct rl_risk_order buy(uint64_t qty)
{
    return (struct rl_risk_order){.px_nano = 50 * UNIT,
                                  .qty = qty,
                                  .instrument = 1,
                                  .side = RL_BUY,
                                  .bbo = {{49 * UNIT, 51 * UNIT}, {10, 10}}};
}

static struct rl_risk_order sell(uint64_t qty)
{
    struct rl_risk_order o = buy(qty);

    o.side = RL_SELL;
    return o;
}

static uint32_t check(const struct rl_risk *r, struct rl_risk_order o)
{
    return rl_risk_check(r, &o, HZ);
}

static void test_an_order_within_all_limits_passes(void)
{
    struct rl_risk r = new_risk(LIMITS);

    CHECK_EQ(check(&r, buy(1)), 0);
    CHECK_EQ(check(&r, sell(1)), 0);
}

static void test_the_quantity_limit_is_the_last_that_passes(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk r;

    limits.max_notional = UINT64_MAX;
    limits.max_position = UINT64_MAX;
    r = new_risk(limits);
    CHECK_EQ(check(&r, buy(99)), 0);
    CHECK_EQ(check(&r, buy(100)), 0);
    CHECK_EQ(check(&r, buy(101)), RL_RISK_QTY);
    CHECK_EQ(check(&r, buy(UINT64_MAX)) & RL_RISK_QTY, RL_RISK_QTY);
    CHECK_EQ(check(&r, buy(0)), RL_RISK_FIELD);
}

static void test_the_notional_limit_is_exact_to_the_nano(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk_order o = buy(100); /* 100 * 50 = 5000 */
    struct rl_risk r;

    limits.band_bps = 10000;
    r = new_risk(limits);
    CHECK_EQ(check(&r, o), 0);
    o.px_nano += 1;
    CHECK_EQ(check(&r, o), RL_RISK_NOTIONAL);
    o.px_nano -= 2;
    CHECK_EQ(check(&r, o), 0);
}

static void test_a_notional_beyond_64_bits_does_not_wrap(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk_order o = buy(1ULL << 62);
    struct rl_risk r;

    limits.max_qty = UINT64_MAX;
    limits.max_position = UINT64_MAX;
    r = new_risk(limits);
    CHECK_EQ(check(&r, o), RL_RISK_NOTIONAL);
    o.px_nano = INT64_MAX;
    o.qty = UINT64_MAX;
    CHECK_EQ(check(&r, o), RL_RISK_NOTIONAL | RL_RISK_BAND);
}

static void test_the_position_limit_counts_open_orders_as_filled_on_both_sides(void)
{
    for (int side = RL_BUY; side <= RL_SELL; side++) {
        struct rl_risk r = new_risk(LIMITS);
        struct rl_risk_order o = buy(100), rest = buy(50);

        o.side = rest.side = (uint8_t)side;
        CHECK_EQ(check(&r, o), 0);
        rl_risk_reserve(&r, &o, HZ / 2);
        rl_risk_reserve(&r, &o, HZ / 2);
        CHECK_EQ(check(&r, rest), 0); /* 100 + 100 open + 50 = 250 */
        rest.qty = 51;
        CHECK_EQ(check(&r, rest), RL_RISK_POSITION);
        /* Filled instead of open: the same. */
        for (int i = 0; i < 2; i++) {
            rl_risk_release(&r, 1, (enum rl_side)side, 100, true);
            CHECK(rl_position_fill(&positions[1], (enum rl_side)side, 50 * UNIT, 100));
        }
        CHECK_EQ(check(&r, rest), RL_RISK_POSITION);
        rest.qty = 50;
        CHECK_EQ(check(&r, rest), 0);
        /* The other way there is room for 200 + 250. */
        rest.side = (uint8_t)!side;
        rest.qty = 100;
        CHECK_EQ(check(&r, rest), 0);
    }
}

static void test_a_reservation_of_one_side_gives_the_other_no_room(void)
{
    struct rl_risk r = new_risk(LIMITS);
    struct rl_risk_order o = buy(100);

    rl_risk_reserve(&r, &o, HZ / 2);
    rl_risk_reserve(&r, &o, HZ / 2);
    rl_risk_reserve(&r, &o, HZ / 2);
    /* 300 open to buy: a sale may still end at -250 and no further. */
    CHECK(rl_position_fill(&positions[1], RL_SELL, 50 * UNIT, 200));
    CHECK_EQ(check(&r, sell(50)), 0);
    CHECK_EQ(check(&r, sell(51)), RL_RISK_POSITION);
}

static void test_positions_at_the_ends_of_their_range_do_not_wrap(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk r;

    limits.max_qty = limits.max_notional = limits.max_position = UINT64_MAX;
    r = new_risk(limits);
    positions[1].net = INT64_MAX;
    positions[1].work[RL_BUY] = UINT64_MAX;
    CHECK_EQ(check(&r, buy(1)), RL_RISK_POSITION);
    positions[1].net = INT64_MIN;
    positions[1].work[RL_SELL] = UINT64_MAX;
    CHECK_EQ(check(&r, sell(1)), RL_RISK_POSITION);
    memset(positions, 0, sizeof positions);
}

static void test_the_band_is_around_mid_and_includes_its_edges(void)
{
    struct rl_risk r = new_risk(LIMITS); /* 1 % of 50: 49.5 .. 50.5 */
    struct rl_risk_order o = buy(1);

    o.px_nano = 50 * UNIT + UNIT / 2;
    CHECK_EQ(check(&r, o), 0);
    o.px_nano += 1;
    CHECK_EQ(check(&r, o), RL_RISK_BAND);
    o.px_nano = 50 * UNIT - UNIT / 2;
    CHECK_EQ(check(&r, o), 0);
    o.px_nano -= 1;
    CHECK_EQ(check(&r, o), RL_RISK_BAND);
}

static void test_a_mid_between_two_nanos_is_not_rounded(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk_order o = buy(1);
    struct rl_risk r;

    limits.band_bps = 10000; /* 0 .. 2 * mid */
    r = new_risk(limits);
    o.bbo.px_nano[RL_BUY] = 10;
    o.bbo.px_nano[RL_SELL] = 11; /* mid 10.5, upper edge 21 */
    o.px_nano = 21;
    CHECK_EQ(check(&r, o), 0);
    o.px_nano = 22;
    CHECK_EQ(check(&r, o), RL_RISK_BAND);
}

static void test_without_a_whole_uncrossed_book_there_is_no_reference(void)
{
    struct rl_risk r = new_risk(LIMITS);
    struct rl_risk_order o = buy(1);

    o.bbo.px_nano[RL_SELL] = RL_PX_NONE;
    CHECK_EQ(check(&r, o), RL_RISK_REFERENCE);
    o = buy(1);
    o.bbo.px_nano[RL_BUY] = RL_PX_NONE;
    CHECK_EQ(check(&r, o), RL_RISK_REFERENCE);
    o = buy(1);
    o.bbo.px_nano[RL_BUY] = 51 * UNIT + 1;
    CHECK_EQ(check(&r, o), RL_RISK_REFERENCE);
    o = buy(1);
    o.bbo.px_nano[RL_BUY] = o.bbo.px_nano[RL_SELL] = 50 * UNIT; /* locked still has a mid */
    CHECK_EQ(check(&r, o), 0);
    o.bbo.px_nano[RL_BUY] = 0;
    CHECK_EQ(check(&r, o), RL_RISK_REFERENCE);
}

static void test_a_burst_passes_whole_and_the_long_run_rate_holds(void)
{
    struct rl_risk r = new_risk(LIMITS); /* 1000/s: a token each 1,000,000 ticks, burst of 5 */
    struct rl_risk_order o = buy(1);
    uint64_t now = 10 * HZ, n_sent = 0;

    for (int i = 0; i < 5; i++) {
        CHECK_EQ(rl_risk_check(&r, &o, now), 0);
        rl_risk_reserve(&r, &o, now);
        rl_risk_release(&r, 1, RL_BUY, 1, true);
    }
    CHECK_EQ(rl_risk_check(&r, &o, now), RL_RISK_RATE);
    CHECK_EQ(rl_risk_check(&r, &o, now + 999999), RL_RISK_RATE);
    CHECK_EQ(rl_risk_check(&r, &o, now + 1000000), 0);
    for (uint64_t t = now; t < now + HZ; t += 100000) { /* tries ten times as often as allowed */
        if (rl_risk_check(&r, &o, t) == 0) {
            rl_risk_reserve(&r, &o, t);
            rl_risk_release(&r, 1, RL_BUY, 1, true);
            n_sent++;
        }
    }
    CHECK_EQ(n_sent, 999); /* one second's tokens, less the one still paying for the burst */
}

static void test_a_clock_that_steps_back_gives_no_extra_tokens(void)
{
    struct rl_risk r = new_risk(LIMITS);
    struct rl_risk_order o = buy(1);

    for (int i = 0; i < 5; i++) {
        rl_risk_reserve(&r, &o, 10 * HZ);
        rl_risk_release(&r, 1, RL_BUY, 1, true);
    }
    CHECK_EQ(rl_risk_check(&r, &o, 9 * HZ), RL_RISK_RATE);
    CHECK_EQ(rl_risk_check(&r, &o, 11 * HZ), 0);
}

static void test_a_rate_above_the_clock_still_has_a_defined_step(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk r;

    limits.rate_per_s = UINT32_MAX; /* more than HZ */
    r = new_risk(limits);
    CHECK_EQ(r.ticks_an_order, 1);
    CHECK_EQ(check(&r, buy(1)), 0);
}

static void test_the_largest_burst_at_the_lowest_rate_does_not_wrap(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk r;

    limits.rate_per_s = 1;
    limits.rate_burst = UINT32_MAX;
    CHECK_EQ(rl_risk_init(&r, &limits, positions, N_INSTRUMENTS, 100 * HZ), 0);
    CHECK_EQ(r.ticks_of_burst, INT64_MAX);
    rl_risk_set_limits(&r, &limits, HZ);
    CHECK_EQ(r.ticks_of_burst, (UINT32_MAX - 1ULL) * HZ);
}

static void test_the_open_order_limit_is_given_back_on_the_answer(void)
{
    struct rl_risk r = new_risk(LIMITS);
    struct rl_risk_order o = buy(1);

    for (uint64_t i = 0; i < 4; i++) {
        CHECK_EQ(rl_risk_check(&r, &o, i * HZ), 0);
        rl_risk_reserve(&r, &o, i * HZ);
    }
    CHECK_EQ(rl_risk_check(&r, &o, 9 * HZ), RL_RISK_OPEN);
    rl_risk_release(&r, 1, RL_BUY, 0, false); /* a part of it: still open */
    CHECK_EQ(rl_risk_check(&r, &o, 9 * HZ), RL_RISK_OPEN);
    rl_risk_release(&r, 1, RL_BUY, 1, true);
    CHECK_EQ(rl_risk_check(&r, &o, 9 * HZ), 0);
}

static void test_a_new_risk_check_is_halted(void)
{
    struct rl_risk r;

    CHECK_EQ(rl_risk_init(&r, &LIMITS, positions, N_INSTRUMENTS, HZ), 0);
    CHECK_EQ(check(&r, buy(1)), RL_RISK_HALTED);
    rl_risk_resume(&r);
    CHECK_EQ(check(&r, buy(1)), 0);
    rl_risk_halt(&r);
    CHECK_EQ(check(&r, buy(1)), RL_RISK_HALTED);
}

static void test_each_limit_that_is_missing_fails_every_order(void)
{
    for (int i = 0; i < 7; i++) {
        struct rl_risk_limits limits = LIMITS;
        struct rl_risk r;

        switch (i) {
        case 0:
            limits.max_qty = 0;
            break;
        case 1:
            limits.max_notional = 0;
            break;
        case 2:
            limits.max_position = 0;
            break;
        case 3:
            limits.band_bps = 0;
            break;
        case 4:
            limits.rate_per_s = 0;
            break;
        case 5:
            limits.rate_burst = 0;
            break;
        default:
            limits.max_open = 0;
            break;
        }
        r = new_risk(limits);
        CHECK_EQ(check(&r, buy(1)) & RL_RISK_LIMIT_MISSING, RL_RISK_LIMIT_MISSING);
        rl_risk_set_limits(&r, &LIMITS, HZ);
        CHECK_EQ(check(&r, buy(1)), 0);
    }
}

static void test_an_order_that_makes_no_sense_is_refused_before_it_indexes(void)
{
    struct rl_risk r = new_risk(LIMITS);
    struct rl_risk_order o = buy(1);

    o.instrument = N_INSTRUMENTS;
    CHECK_EQ(check(&r, o), RL_RISK_FIELD);
    o = buy(1);
    o.side = 2;
    CHECK_EQ(check(&r, o), RL_RISK_FIELD);
    o = buy(1);
    o.px_nano = 0;
    CHECK_EQ(check(&r, o), RL_RISK_FIELD | RL_RISK_BAND);
    o.px_nano = RL_PX_NONE;
    CHECK_EQ(check(&r, o) & RL_RISK_FIELD, RL_RISK_FIELD);
}

static void test_all_reasons_that_apply_are_named_at_once(void)
{
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk r;
    struct rl_risk_order o = buy(1), bad = buy(1000);

    limits.rate_burst = 1;
    limits.max_open = 1;
    r = new_risk(limits);
    rl_risk_reserve(&r, &o, HZ);
    rl_risk_halt(&r);
    bad.px_nano = 60 * UNIT;
    CHECK_EQ(check(&r, bad), RL_RISK_QTY | RL_RISK_NOTIONAL | RL_RISK_POSITION | RL_RISK_BAND |
                                 RL_RISK_RATE | RL_RISK_OPEN | RL_RISK_HALTED);
}

static void test_tightening_a_limit_never_lets_more_through(void)
{
    uint64_t random = 11;

    for (int i = 0; i < 20000; i++) {
        uint64_t draw = check_random(&random);
        struct rl_risk_limits wide = {.max_qty = 1 + draw % 50,
                                      .max_notional = 1 + draw % 3000,
                                      .max_position = 1 + draw % 120,
                                      .band_bps = 1 + (uint32_t)(draw % 300),
                                      .rate_per_s = 1 + (uint32_t)(draw % 7),
                                      .rate_burst = 1 + (uint32_t)(draw % 3),
                                      .max_open = 1 + (uint32_t)(draw % 3)};
        struct rl_risk_limits tight = wide;
        struct rl_risk_order o = buy(check_random(&random) % 60);
        struct rl_risk r;
        uint32_t before;

        o.side = (uint8_t)(check_random(&random) & 1);
        o.px_nano += (int64_t)(check_random(&random) % (2 * UNIT)) - UNIT;
        r = new_risk(wide);
        positions[1].net = (int64_t)(check_random(&random) % 100) - 50;
        r.next_tsc = HZ + check_random(&random) % (2 * HZ);
        r.n_open = (uint32_t)(check_random(&random) % 4);
        before = check(&r, o);
        switch (check_random(&random) % 6) {
        case 0:
            tight.max_qty -= tight.max_qty > 1;
            break;
        case 1:
            tight.max_notional -= tight.max_notional > 1;
            break;
        case 2:
            tight.max_position -= tight.max_position > 1;
            break;
        case 3:
            tight.band_bps -= tight.band_bps > 1;
            break;
        case 4:
            tight.rate_burst -= tight.rate_burst > 1;
            break;
        default:
            tight.max_open -= tight.max_open > 1;
            break;
        }
        rl_risk_set_limits(&r, &tight, HZ);
        CHECK_EQ(before & ~check(&r, o), 0); /* no reason disappears */
    }
    memset(positions, 0, sizeof positions);
}

static void test_a_check_changes_nothing(void)
{
    struct rl_risk r = new_risk(LIMITS), before;
    struct rl_position positions_before[N_INSTRUMENTS];

    memcpy(&before, &r, sizeof r);
    memcpy(positions_before, positions, sizeof positions);
    (void)check(&r, buy(1));
    (void)check(&r, buy(100000));
    CHECK_EQ(memcmp(&before, &r, sizeof r), 0);
    CHECK_EQ(memcmp(positions_before, positions, sizeof positions), 0);
}

static void test_no_interleaving_of_answers_carries_a_position_past_its_limit(void)
{
    uint64_t random = 5;
    struct rl_risk_limits limits = LIMITS;
    struct rl_risk_order open[4];
    struct rl_risk r;
    uint32_t n_open = 0;
    uint64_t n_sent = 0, n_refused = 0;

    limits.max_position = 20;
    limits.rate_per_s = UINT32_MAX;
    r = new_risk(limits);
    for (uint64_t i = 1; i < 100000; i++) {
        uint64_t draw = check_random(&random);

        if (draw % 2 == 0) {
            struct rl_risk_order o = buy(1 + draw / 2 % 10);

            o.side = (uint8_t)(draw >> 40 & 1);
            if (rl_risk_check(&r, &o, i * 100) != 0) {
                n_refused++;
                continue;
            }
            rl_risk_reserve(&r, &o, i * 100);
            open[n_open++] = o;
            n_sent++;
        } else if (n_open > 0) { /* any open order: filled or ended */
            uint32_t which = (uint32_t)(draw >> 8) % n_open;
            struct rl_risk_order o = open[which];

            rl_risk_release(&r, 1, (enum rl_side)o.side, o.qty, true);
            if (draw >> 50 & 3)
                CHECK(rl_position_fill(&positions[1], (enum rl_side)o.side, o.px_nano, o.qty));
            open[which] = open[--n_open];
        }
        CHECK(positions[1].net <= 20 && positions[1].net >= -20);
    }
    while (n_open-- > 0)
        rl_risk_release(&r, 1, (enum rl_side)open[n_open].side, open[n_open].qty, true);
    CHECK_EQ(positions[1].work[RL_BUY] + positions[1].work[RL_SELL], 0);
    CHECK_EQ(r.n_open, 0);
    CHECK(n_sent > 1000 && n_refused > 1000); /* the test did press against the limit */
}

static void test_a_risk_check_without_instruments_or_clock_is_refused(void)
{
    struct rl_risk r;

    CHECK_EQ(rl_risk_init(&r, &LIMITS, positions, 0, HZ), -EINVAL);
    CHECK_EQ(rl_risk_init(&r, &LIMITS, positions, N_INSTRUMENTS, 0), -EINVAL);
}

static void test_every_reason_has_a_name_and_a_sentence(void)
{
    for (int i = 0; i < RL_RISK_N; i++)
        CHECK(rl_risk_reason_names[i] != NULL && rl_risk_reason_texts[i] != NULL);
    CHECK(strcmp(rl_risk_reason_names[0], "QTY") == 0);
}

int main(void)
{
    test_an_order_within_all_limits_passes();
    test_the_quantity_limit_is_the_last_that_passes();
    test_the_notional_limit_is_exact_to_the_nano();
    test_a_notional_beyond_64_bits_does_not_wrap();
    test_the_position_limit_counts_open_orders_as_filled_on_both_sides();
    test_a_reservation_of_one_side_gives_the_other_no_room();
    test_positions_at_the_ends_of_their_range_do_not_wrap();
    test_the_band_is_around_mid_and_includes_its_edges();
    test_a_mid_between_two_nanos_is_not_rounded();
    test_without_a_whole_uncrossed_book_there_is_no_reference();
    test_a_burst_passes_whole_and_the_long_run_rate_holds();
    test_a_clock_that_steps_back_gives_no_extra_tokens();
    test_a_rate_above_the_clock_still_has_a_defined_step();
    test_the_largest_burst_at_the_lowest_rate_does_not_wrap();
    test_the_open_order_limit_is_given_back_on_the_answer();
    test_a_new_risk_check_is_halted();
    test_each_limit_that_is_missing_fails_every_order();
    test_an_order_that_makes_no_sense_is_refused_before_it_indexes();
    test_all_reasons_that_apply_are_named_at_once();
    test_tightening_a_limit_never_lets_more_through();
    test_a_check_changes_nothing();
    test_no_interleaving_of_answers_carries_a_position_past_its_limit();
    test_a_risk_check_without_instruments_or_clock_is_refused();
    test_every_reason_has_a_name_and_a_sentence();
    return 0;
}
