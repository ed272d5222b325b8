/* Accounts: what they have earned, what they may come to hold, and how old that knowledge is. */
#include <errno.h>
#include <string.h>

#include "ledger_small.h"

static bool send(uint32_t account, uint32_t symbol, enum rl_side side, uint64_t qty, int64_t px)
{
    return rl_ledger_move(&l, account, symbol, side, 0, 0, qty, px);
}

/* --- profit ----------------------------------------------------------------------------------- */

static void test_each_account_closes_by_its_own_method(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    for (uint32_t a = 0; a < N_ACCOUNTS; a++) {
        CHECK(rl_ledger_fill(&l, a, 0, RL_BUY, 100, 10));
        CHECK(rl_ledger_fill(&l, a, 0, RL_BUY, 120, 10));
        CHECK(rl_ledger_fill(&l, a, 0, RL_SELL, 130, 10));
    }
    CHECK_EQ(l.accounts[MAIN].realised, 200);  /* at 110 */
    CHECK_EQ(l.accounts[HEDGE].realised, 300); /* at 100 */
    ledger_close();
}

static void test_profit_is_the_sum_over_instruments_at_their_marks_after_fees(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 110, 1));
    CHECK(rl_ledger_mark(&l, 1, 50, 1));
    CHECK(rl_ledger_fill(&l, MAIN, 0, RL_BUY, 100, 10));
    CHECK(rl_ledger_fill(&l, MAIN, 1, RL_SELL, 60, 4));
    CHECK(rl_ledger_fee(&l, MAIN, 1, 5));
    CHECK_EQ(l.accounts[MAIN].unrealised, 100 + 40);
    CHECK_EQ(rl_ledger_loss(&l, MAIN), 5 - 140);
    CHECK(rl_ledger_mark(&l, 0, 80, 2));
    CHECK_EQ(l.accounts[MAIN].unrealised, -200 + 40);
    CHECK_EQ(rl_ledger_loss(&l, MAIN), 5 + 160);
    CHECK_EQ(rl_ledger_loss(&l, HEDGE), 0);
    ledger_close();
}

static void test_a_profit_that_cannot_be_told_is_the_worst_loss(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    l.accounts[MAIN].fees = RL_MONEY_MAX;
    l.accounts[MAIN].realised = -1;
    CHECK(rl_ledger_loss(&l, MAIN) == RL_MONEY_MAX);
    l.accounts[MAIN].fees = -RL_MONEY_MAX; /* also where it might be a gain */
    l.accounts[MAIN].realised = 2;
    CHECK(rl_ledger_loss(&l, MAIN) == RL_MONEY_MAX);
    l.accounts[MAIN].fees = 0;
    l.accounts[MAIN].realised = 0;
    ledger_close();
}

/* --- exposure --------------------------------------------------------------------------------- */

struct exposure_case {
    int64_t net;
    uint64_t buys, sells;
    int64_t mark;
    int64_t gross, high, low;
};

static void test_exposure_is_that_of_the_worst_fills_of_the_open_orders(void)
{
    static const struct exposure_case cases[] = {
        {0, 0, 0, 10, 0, 0, 0},         {5, 0, 0, 10, 50, 50, 50},
        {-5, 0, 0, 10, 50, -50, -50},   {0, 3, 0, 10, 30, 30, 0},
        {0, 0, 3, 10, 30, 0, -30},      {0, 3, 4, 10, 40, 30, -40},
        {5, 3, 4, 10, 80, 80, 10},      {5, 3, 20, 10, 150, 80, -150},
        {-5, 3, 4, 10, 90, -20, -90},   {-5, 20, 4, 10, 150, 150, -90},
        {5, 3, 20, -10, 150, 80, -150}, {5, 3, 20, 0, 0, 0, 0},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        const struct exposure_case *c = &cases[i];
        const struct rl_account *a;

        ledger_open(N_ACCOUNTS, N_SYMBOLS);
        a = &l.accounts[MAIN];
        CHECK(rl_ledger_mark(&l, 2, c->mark, 1));
        if (c->net != 0)
            CHECK(rl_ledger_fill(&l, MAIN, 2, c->net > 0 ? RL_BUY : RL_SELL, 10,
                                 rl_lots_held(c->net)));
        CHECK(send(MAIN, 2, RL_BUY, c->buys, 9));
        CHECK(send(MAIN, 2, RL_SELL, c->sells, 11));
        CHECK_EQ(rl_ledger_gross(&l, MAIN), c->gross);
        CHECK_EQ(a->net_high, c->high);
        CHECK_EQ(a->net_low, c->low);
        CHECK_EQ(rl_ledger_net(&l, MAIN), c->high > -c->low ? c->high : -c->low);
        CHECK_EQ(a->open_notional, (int64_t)(c->buys * 9 + c->sells * 11));
        CHECK_EQ(a->n_open, (c->buys > 0) + (c->sells > 0));
        ledger_close();
    }
}

static void test_long_and_short_instruments_net_out_but_add_up_in_gross(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 10, 1));
    CHECK(rl_ledger_mark(&l, 1, 7, 1));
    CHECK(rl_ledger_fill(&l, MAIN, 0, RL_BUY, 10, 100));
    CHECK(rl_ledger_fill(&l, MAIN, 1, RL_SELL, 7, 100));
    CHECK_EQ(rl_ledger_gross(&l, MAIN), 1700);
    CHECK_EQ(rl_ledger_net(&l, MAIN), 300);
    ledger_close();
}

static void test_an_execution_takes_its_lots_out_of_its_orders_reservation_at_once(void)
{
    struct rl_exposure before;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 10, 1));
    CHECK(rl_ledger_foresee(&l, MAIN, 0, RL_BUY, 0, 0, 8, 11, &before));
    CHECK(send(MAIN, 0, RL_BUY, 8, 11));
    CHECK(before.gross == rl_ledger_gross(&l, MAIN) && before.longest == 8);
    CHECK(rl_ledger_execute(&l, MAIN, 0, RL_BUY, 11, 5, 8, 11, 3, 11));
    CHECK_EQ(rl_ledger_gross(&l, MAIN), 80); /* what it may come to is what it was */
    CHECK_EQ(l.accounts[MAIN].open_notional, 33);
    CHECK_EQ(l.accounts[MAIN].n_open, 1);
    CHECK(rl_ledger_execute(&l, MAIN, 0, RL_BUY, 11, 4, 3, 11, 0, 0)); /* one lot too many */
    CHECK_EQ(rl_ledger_at(&l, MAIN, 0)->net, 9);
    CHECK_EQ(rl_ledger_gross(&l, MAIN), 90);
    CHECK_EQ(l.accounts[MAIN].n_open, 0);
    CHECK_EQ(l.accounts[MAIN].open_notional, 0);
    ledger_close();
}

static void test_a_replace_under_way_reserves_the_worse_of_both(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 10, 1));
    CHECK(send(MAIN, 0, RL_SELL, 8, 11));
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_SELL, 8, 11, 12, 11)); /* asked: 12 at 9 */
    CHECK_EQ(rl_ledger_gross(&l, MAIN), 120);
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_SELL, 12, 11, 12, 9)); /* granted */
    CHECK_EQ(l.accounts[MAIN].open_notional, 108);
    CHECK_EQ(l.accounts[MAIN].n_open, 1);
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_SELL, 12, 9, 0, 0));
    CHECK_EQ(rl_ledger_gross(&l, MAIN), 0);
    ledger_close();
}

struct move_case {
    enum rl_side side;
    uint64_t was_qty;
    int64_t was_px;
    uint64_t now_qty;
    int64_t now_px;
};

static void test_a_release_of_more_than_is_reserved_is_refused(void)
{
    static const struct move_case cases[] = {
        {RL_BUY, 9, 11, 0, 0},                      /* more lots */
        {RL_SELL, 1, 11, 0, 0},                     /* on the other side */
        {RL_BUY, 8, 12, 0, 0},                      /* more money */
        {RL_BUY, 8, RL_PX_NONE, 0, 0},              /* at no price */
        {RL_BUY, 0, 0, 1, RL_PX_NONE},              /* the same */
        {RL_BUY, 0, 0, (uint64_t)INT64_MAX + 1, 1}, /* no quantity of an order */
        {RL_BUY, 0, 0, INT64_MAX, 1},               /* together with those that are open */
        {RL_BUY, UINT64_MAX, 1, UINT64_MAX, 1},     /* nonsense that would cancel out */
        {(enum rl_side)2, 0, 0, 1, 1},              /* no side */
    };
    struct rl_exposure e;
    struct rl_account was;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 10, 1));
    CHECK(send(MAIN, 0, RL_BUY, 8, 11));
    was = l.accounts[MAIN];
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        const struct move_case *c = &cases[i];

        CHECK(!rl_ledger_foresee(&l, MAIN, 0, c->side, c->was_qty, c->was_px, c->now_qty, c->now_px,
                                 &e));
        CHECK(!rl_ledger_move(&l, MAIN, 0, c->side, c->was_qty, c->was_px, c->now_qty, c->now_px));
        CHECK(memcmp(&l.accounts[MAIN], &was, sizeof was) == 0);
    }
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_BUY, 4, 11, 0, 0)); /* an order that was two */
    CHECK(!rl_ledger_move(&l, MAIN, 0, RL_BUY, 4, 11, 0, 0));
    CHECK_EQ(rl_ledger_check(&l, NULL), -EBADMSG); /* four lots of nobody */
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_BUY, 0, 0, 1, 11));
    CHECK(rl_ledger_move(&l, MAIN, 0, RL_BUY, 5, 11, 0, 0));
    ledger_close();
}

static void test_whoever_is_not_there_is_refused(void)
{
    static const uint32_t pairs[][2] = {{N_ACCOUNTS, 0}, {0, N_SYMBOLS}, {UINT32_MAX, 0}};
    struct rl_exposure e;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    for (size_t i = 0; i < RL_COUNT(pairs); i++) {
        uint32_t a = pairs[i][0], s = pairs[i][1];

        CHECK(!rl_ledger_fill(&l, a, s, RL_BUY, 1, 1));
        CHECK(!rl_ledger_fee(&l, a, s, 1));
        CHECK(!rl_ledger_bust(&l, a, s, RL_BUY, 1, 1));
        CHECK(!rl_ledger_correct(&l, a, s, RL_BUY, 1, 1, 1, 1));
        CHECK(!send(a, s, RL_BUY, 1, 1));
        CHECK(!rl_ledger_foresee(&l, a, s, RL_BUY, 0, 0, 1, 1, &e));
    }
    CHECK(!rl_ledger_mark(&l, N_SYMBOLS, 1, 1));
    CHECK(!rl_ledger_mark(&l, 0, RL_PX_NONE, 1));
    ledger_close();
}

/* --- marks ------------------------------------------------------------------------------------ */

static void test_what_has_no_mark_is_counted_and_not_taken_for_nothing(void)
{
    struct rl_exposure e;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_is_marked(&l, MAIN, 100, 0));
    CHECK(send(MAIN, 3, RL_BUY, 1, 10));
    CHECK_EQ(l.accounts[MAIN].n_unmarked, 1);
    CHECK(!rl_ledger_is_marked(&l, MAIN, 100, UINT64_MAX));
    CHECK(!rl_ledger_foresee(&l, MAIN, 3, RL_BUY, 0, 0, 1, 10, &e));
    CHECK(rl_ledger_execute(&l, MAIN, 3, RL_BUY, 10, 1, 1, 10, 0, 0));
    CHECK_EQ(l.accounts[MAIN].n_unmarked, 1);
    CHECK_EQ(l.accounts[MAIN].oldest_mark_tsc, 0);
    CHECK_EQ(l.accounts[MAIN].gross, 0);
    CHECK(rl_ledger_mark(&l, 3, 12, 90));
    CHECK_EQ(l.accounts[MAIN].n_unmarked, 0);
    CHECK_EQ(l.accounts[MAIN].gross, 12);
    CHECK_EQ(l.accounts[MAIN].unrealised, 2);
    CHECK(rl_ledger_is_marked(&l, MAIN, 100, 10));
    CHECK(rl_ledger_fill(&l, HEDGE, 4, RL_BUY, 10, 1));
    CHECK(rl_ledger_bust(&l, HEDGE, 4, RL_BUY, 10, 1));
    CHECK_EQ(l.accounts[HEDGE].n_unmarked, 0);
    ledger_close();
}

static void test_the_oldest_mark_of_what_is_held_is_always_known(void)
{
    const struct rl_account *a;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    a = &l.accounts[MAIN];
    for (uint32_t i = 0; i < N_SYMBOLS; i++)
        CHECK(rl_ledger_mark(&l, i, 10, 100 + i));
    CHECK_EQ(a->oldest_mark_tsc, UINT64_MAX);
    for (uint32_t i = N_SYMBOLS; i-- > 1;) { /* not in 0 */
        CHECK(rl_ledger_fill(&l, MAIN, i, RL_BUY, 10, 2));
        CHECK_EQ(a->oldest_mark_tsc, 100 + i);
    }
    CHECK(rl_ledger_mark(&l, 1, 10, 200)); /* the same price is news too */
    CHECK_EQ(a->oldest_mark_tsc, 102);
    CHECK(rl_ledger_fill(&l, MAIN, 2, RL_SELL, 10, 2)); /* flat */
    CHECK_EQ(a->oldest_mark_tsc, 103);
    CHECK(rl_ledger_fill(&l, MAIN, 3, RL_SELL, 10, 3)); /* through zero */
    CHECK_EQ(a->oldest_mark_tsc, 103);
    CHECK(rl_ledger_mark(&l, 4, 10, 50)); /* another source, late */
    CHECK_EQ(a->oldest_mark_tsc, 50);
    CHECK(rl_ledger_is_marked(&l, MAIN, 60, 10));
    CHECK(!rl_ledger_is_marked(&l, MAIN, 61, 10));
    CHECK(rl_ledger_is_marked(&l, MAIN, 40, 0)); /* marked after now: as fresh as can be */
    ledger_close();
}

static void test_the_oldest_mark_of_hundreds_held_is_found_by_no_search(void)
{
    enum { N = 700 };
    static uint64_t tsc[N];
    static bool is_held[N];
    uint64_t random = 5;

    ledger_open(N_ACCOUNTS, N);
    for (uint32_t n = 0; n < 40000; n++) {
        uint32_t i = (uint32_t)(check_random(&random) >> 20) % N;
        uint64_t r = check_random(&random) >> 20, oldest = UINT64_MAX;

        if (r % 4 == 0 && tsc[i] != 0) {
            CHECK(rl_ledger_fill(&l, MAIN, i, is_held[i] ? RL_SELL : RL_BUY, 10, 1));
            is_held[i] = !is_held[i];
        } else {
            tsc[i] = 1 + r / 4 % 5000 + n;
            CHECK(rl_ledger_mark(&l, i, 10 + (int64_t)(r % 3), tsc[i]));
        }
        if (n % 8 != 0)
            continue;
        for (uint32_t k = 0; k < N; k++)
            oldest = is_held[k] && tsc[k] < oldest ? tsc[k] : oldest;
        CHECK_EQ(l.accounts[MAIN].oldest_mark_tsc, oldest);
    }
    ledger_close();
}

static void test_a_mark_without_room_stays_what_it_was_for_everybody(void)
{
    struct rl_account was[N_ACCOUNTS];

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, INT64_MAX, 1));
    CHECK(rl_ledger_mark(&l, 1, 1, 1));
    CHECK(rl_ledger_mark(&l, 2, INT64_MAX, 1));
    CHECK(rl_ledger_fill(&l, MAIN, 1, RL_BUY, 1, 5)); /* could be marked at anything */
    for (uint32_t i = 0; i < 3; i++) /* twice almost 2^126: room for two and not for three */
        CHECK(rl_ledger_fill(&l, HEDGE, i, RL_BUY, 1, INT64_MAX));
    memcpy(was, l.accounts, sizeof was);
    CHECK(!rl_ledger_mark(&l, 1, INT64_MAX, 2));
    CHECK(memcmp(was, l.accounts, sizeof was) == 0);
    CHECK_EQ(l.marks[1].px_nano, 1);
    CHECK_EQ(l.marks[1].tsc, 1);
    ledger_close();
}

/* --- the whole -------------------------------------------------------------------------------- */

static void test_the_sum_over_accounts_has_everything_of_each(void)
{
    struct rl_account sum;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    CHECK(rl_ledger_mark(&l, 0, 10, 7));
    CHECK(rl_ledger_fill(&l, MAIN, 0, RL_BUY, 8, 3));
    CHECK(rl_ledger_fill(&l, HEDGE, 0, RL_SELL, 9, 2));
    CHECK(send(MAIN, 0, RL_BUY, 1, 10));
    CHECK(send(HEDGE, 1, RL_BUY, 1, 10));
    CHECK(rl_ledger_fee(&l, HEDGE, 0, 4));
    CHECK(rl_ledger_sum(&l, &sum));
    CHECK_EQ(sum.unrealised, 6 - 2);
    CHECK_EQ(sum.gross, 40 + 20);
    CHECK_EQ(sum.net_high, 40 - 20);
    CHECK_EQ(sum.net_low, 30 - 20);
    CHECK_EQ(sum.fees, 4);
    CHECK_EQ(sum.n_open, 2);
    CHECK_EQ(sum.n_unmarked, 1);
    CHECK_EQ(sum.open_notional, 20);
    CHECK_EQ(sum.oldest_mark_tsc, 7);
    l.accounts[HEDGE].fees = RL_MONEY_MAX;
    CHECK(rl_ledger_fee(&l, MAIN, 0, 1));
    CHECK(!rl_ledger_sum(&l, &sum));
    l.accounts[HEDGE].fees = 4;
    ledger_close();
}

static void test_the_last_account_and_the_last_instrument_are_like_the_others(void)
{
    ledger_open(RL_MAX_ACCOUNTS, 300);
    CHECK(rl_ledger_mark(&l, 299, 10, 1));
    CHECK(rl_ledger_fill(&l, RL_MAX_ACCOUNTS - 1, 299, RL_BUY, 9, 2));
    CHECK_EQ(l.accounts[RL_MAX_ACCOUNTS - 1].unrealised, 2);
    CHECK_EQ(l.marks[299].accounts >> (RL_MAX_ACCOUNTS - 1), 1);
    CHECK(rl_ledger_mark(&l, 299, 11, 2));
    CHECK_EQ(l.accounts[RL_MAX_ACCOUNTS - 1].gross, 22);
    ledger_close();
}

static void test_nothing_is_allocated_after_the_start(void)
{
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    rl_trap_arm();
    for (int64_t i = 0; i < 1000; i++) {
        uint32_t a = i & 1, s = (uint32_t)i % N_SYMBOLS;

        CHECK(rl_ledger_mark(&l, s, 10 + i % 3, (uint64_t)i));
        CHECK(send(a, s, RL_BUY, 2, 10));
        CHECK(rl_ledger_execute(&l, a, s, RL_BUY, 10, 2, 2, 10, 0, 0));
        CHECK(rl_ledger_fee(&l, a, s, 1));
        CHECK(rl_ledger_correct(&l, a, s, RL_BUY, 10, 2, 11, 2));
        CHECK(rl_ledger_fill(&l, a, s, RL_SELL, 12, 3));
        CHECK(rl_ledger_bust(&l, a, s, RL_SELL, 12, 3));
        CHECK(rl_ledger_fill(&l, a, s, RL_SELL, 12, 2));
    }
    rl_trap_disarm();
    CHECK(rl_trap_is_linked());
    CHECK_EQ(rl_trap_count(), 0);
    ledger_close();
}

int main(void)
{
    test_each_account_closes_by_its_own_method();
    test_profit_is_the_sum_over_instruments_at_their_marks_after_fees();
    test_a_profit_that_cannot_be_told_is_the_worst_loss();
    test_exposure_is_that_of_the_worst_fills_of_the_open_orders();
    test_long_and_short_instruments_net_out_but_add_up_in_gross();
    test_an_execution_takes_its_lots_out_of_its_orders_reservation_at_once();
    test_a_replace_under_way_reserves_the_worse_of_both();
    test_a_release_of_more_than_is_reserved_is_refused();
    test_whoever_is_not_there_is_refused();
    test_what_has_no_mark_is_counted_and_not_taken_for_nothing();
    test_the_oldest_mark_of_what_is_held_is_always_known();
    test_the_oldest_mark_of_hundreds_held_is_found_by_no_search();
    test_a_mark_without_room_stays_what_it_was_for_everybody();
    test_the_sum_over_accounts_has_everything_of_each();
    test_the_last_account_and_the_last_instrument_are_like_the_others();
    test_nothing_is_allocated_after_the_start();
    return 0;
}
