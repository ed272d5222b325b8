/* Positions that close their oldest lots first, out of a pool that may run out. */
#include "slow_positions.h"
#include "trade/position/fifo.h"

#define UNIT RL_NANO_PER_UNIT
enum { MOST_LOTS = 4096 };

static struct rl_fifo f;
static struct rl_lot memory[MOST_LOTS + 1];

static void pool(uint32_t n_lots)
{
    CHECK(rl_fifo_bytes(n_lots) <= sizeof memory);
    rl_fifo_init(&f, memory, n_lots);
}

static void test_the_oldest_lots_are_closed_first(void)
{
    struct rl_position p = {0};

    pool(8);
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100 * UNIT, 10));
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 110 * UNIT, 10));
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 120 * UNIT, 15));
    CHECK_EQ(p.realised / UNIT, 10 * 20 + 5 * 10);
    CHECK_EQ(p.cost / UNIT, 5 * 110);
    CHECK_EQ(p.n_lots, 1);
    CHECK_EQ(f.n_free, 7);
    CHECK(rl_position_holds(&p) && rl_fifo_holds(&f, &p));
}

static void test_a_short_position_closes_its_oldest_lots_first_too(void)
{
    struct rl_position p = {0};

    pool(8);
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 100, 10));
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 90, 10));
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 80, 15));
    CHECK_EQ(p.realised, 10 * 20 + 5 * 10);
    CHECK_EQ(p.cost, -5 * 90);
    CHECK(rl_position_holds(&p) && rl_fifo_holds(&f, &p));
}

static void test_going_through_zero_frees_every_lot_and_opens_one(void)
{
    struct rl_position p = {0};

    pool(3);
    for (int i = 0; i < 3; i++)
        CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100 + i, 2));
    CHECK_EQ(f.n_free, 0);
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 105, 10)); /* what it frees is room enough */
    CHECK_EQ(p.net, -4);
    CHECK_EQ(p.n_lots, 1);
    CHECK_EQ(f.n_free, 2);
    CHECK_EQ(p.cost, -4 * 105);
    CHECK(rl_position_holds(&p) && rl_fifo_holds(&f, &p));
}

static void test_an_execution_at_the_newest_price_needs_no_lot_of_its_own(void)
{
    struct rl_position p = {0};

    pool(1);
    for (int i = 0; i < 100; i++)
        CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100, 1));
    CHECK_EQ(p.n_lots, 1);
    CHECK_EQ(p.net, 100);
    CHECK(rl_fifo_holds(&f, &p));
}

static void test_a_pool_that_has_run_out_refuses_and_changes_nothing(void)
{
    struct rl_position p = {0}, q = {0}, was;
    struct rl_lot lots[4];

    pool(3);
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100, 1));
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 101, 1));
    CHECK(rl_fifo_fill(&f, &q, RL_SELL, 102, 1));
    was = p;
    memcpy(lots, memory, sizeof lots);
    CHECK(!rl_fifo_fill(&f, &p, RL_BUY, 102, 1));
    CHECK(memcmp(&p, &was, sizeof p) == 0 && memcmp(lots, memory, sizeof lots) == 0);
    CHECK_EQ(f.n_free, 0);
    CHECK(rl_fifo_fill(&f, &q, RL_BUY, 100, 1)); /* closes: the other's lot is free again */
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 102, 1));
    CHECK(rl_fifo_holds(&f, &p) && rl_fifo_holds(&f, &q));
}

static void test_no_pool_at_all_holds_nothing(void)
{
    struct rl_position p = {0};

    pool(0);
    CHECK(!rl_fifo_fill(&f, &p, RL_BUY, 100, 1));
    CHECK(rl_fifo_holds(&f, &p));
}

static void test_a_bust_of_a_flip_comes_back_through_zero(void)
{
    struct rl_position p = {0};

    pool(4);
    CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100, 10));
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 120, 25));
    CHECK(rl_fifo_bust(&f, &p, RL_SELL, 120, 25));
    CHECK_EQ(p.net, 10);
    CHECK_EQ(p.cash, -1000);
    CHECK_EQ(p.busted, 25);
    CHECK_EQ(p.done[RL_SELL], 0);
    for (int64_t mark = 80; mark < 140; mark++)
        CHECK(p.realised + rl_position_unrealised(&p, mark) == 10 * (mark - 100));
    CHECK(!rl_fifo_bust(&f, &p, RL_SELL, 120, 1)); /* nothing of that side is left */
    CHECK(rl_position_holds(&p) && rl_fifo_holds(&f, &p));
}

/* A correction whose second half cannot be booked, at every number of lots in use. */
static void test_a_correction_that_finds_no_lot_leaves_every_list_as_it_was(void)
{
    static struct rl_lot before[MOST_LOTS + 1];
    uint32_t n_refused = 0;

    for (uint64_t held = 0; held < 6; held++) {
        for (uint64_t qty = 1; qty < 16; qty++) {
            struct rl_position p = {0}, other = {0}, was;
            struct rl_fifo was_pool;
            bool is_booked;

            pool(6);
            for (uint64_t i = 0; i < held; i++)
                CHECK(rl_fifo_fill(&f, &p, RL_SELL, 100 + (int64_t)i, 2));
            CHECK(rl_fifo_fill(&f, &p, RL_BUY, 90, 3)); /* to be corrected */
            for (int64_t px = 1; f.n_free > 0; px++)
                CHECK(rl_fifo_fill(&f, &other, RL_BUY, px, 1));
            memcpy(before, memory, sizeof before);
            was = p;
            was_pool = f;
            is_booked = rl_fifo_correct(&f, &p, RL_BUY, 90, 3, 80, qty);
            CHECK(rl_fifo_holds(&f, &p) && rl_fifo_holds(&f, &other));
            CHECK_EQ(f.n_free + p.n_lots + other.n_lots, 6);
            if (is_booked)
                continue;
            n_refused++;
            CHECK(memcmp(&p, &was, sizeof p) == 0 && memcmp(&f, &was_pool, sizeof f) == 0);
            CHECK(memcmp(before, memory, sizeof before) == 0);
        }
    }
    CHECK(n_refused > 0);
}

static void test_a_thousand_lots_close_at_once_in_their_order(void)
{
    struct rl_position p = {0};
    rl_money cost = 0;

    pool(1000);
    for (int64_t i = 0; i < 1000; i++) {
        CHECK(rl_fifo_fill(&f, &p, RL_BUY, 1000 + i, 1));
        cost += 1000 + i;
    }
    CHECK(p.cost == cost);
    CHECK(rl_fifo_fill(&f, &p, RL_SELL, 3000, 999));
    CHECK_EQ(p.cost, 1999);
    CHECK(p.realised == 999 * 3000 - (cost - 1999));
    CHECK_EQ(f.n_free, 999);
    CHECK(rl_fifo_holds(&f, &p));
}

static void test_long_lives_agree_with_a_list_of_every_execution(void)
{
    static struct slow_symbol y;
    uint64_t random = 17, n_flips = 0;

    for (int life = 0; life < 20; life++) {
        struct rl_position p = {0};

        pool(MOST_LOTS);
        y = (struct slow_symbol){.n_list = 0};
        for (int i = 0; i < 600; i++) {
            uint64_t r = check_random(&random);
            struct slow_booking b = {.kind = 'x',
                                     .side = (uint8_t)(r & 1),
                                     .px = 1 + (int64_t)(r >> 8 & 3),
                                     .qty = 1 + (r >> 16) % 20};
            int64_t was = p.net;

            slow_append(&y, b);
            CHECK(rl_fifo_fill(&f, &p, (enum rl_side)b.side, b.px, b.qty));
            CHECK(slow_work_out(&y, true));
            CHECK(p.net == y.at.net && p.cost == y.at.cost && p.realised == y.at.realised);
            CHECK_EQ(p.n_lots, y.n_lots);
            n_flips += (was > 0 && p.net < 0) || (was < 0 && p.net > 0);
        }
        CHECK(rl_fifo_holds(&f, &p));
    }
    CHECK(n_flips > 100);
}

static void test_lists_that_do_not_add_up_do_not_hold(void)
{
    struct rl_position p = {0};

    for (unsigned i = 0; i < 7; i++) {
        p = (struct rl_position){0};
        pool(4);
        CHECK(rl_fifo_fill(&f, &p, RL_BUY, 100, 2));
        CHECK(rl_fifo_fill(&f, &p, RL_BUY, 101, 3));
        CHECK(rl_fifo_holds(&f, &p));
        f.lots[p.first_lot].qty += i == 0;
        f.lots[p.first_lot].px_nano += i == 1;
        if (i == 2)
            f.lots[p.last_lot].next = p.first_lot; /* round and round */
        if (i == 3)
            f.lots[p.last_lot].next = 5; /* outside */
        p.n_lots += i == 4;
        if (i == 5)
            p.last_lot = p.first_lot;
        if (i == 6)
            f.lots[p.first_lot].qty = 0;
        CHECK(!rl_fifo_holds(&f, &p));
    }
}

int main(void)
{
    test_the_oldest_lots_are_closed_first();
    test_a_short_position_closes_its_oldest_lots_first_too();
    test_going_through_zero_frees_every_lot_and_opens_one();
    test_an_execution_at_the_newest_price_needs_no_lot_of_its_own();
    test_a_pool_that_has_run_out_refuses_and_changes_nothing();
    test_no_pool_at_all_holds_nothing();
    test_a_bust_of_a_flip_comes_back_through_zero();
    test_a_correction_that_finds_no_lot_leaves_every_list_as_it_was();
    test_a_thousand_lots_close_at_once_in_their_order();
    test_long_lives_agree_with_a_list_of_every_execution();
    test_lists_that_do_not_add_up_do_not_hold();
    return 0;
}
