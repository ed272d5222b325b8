/*
 * Position limits kept by asking the ledger what its open orders may come to. argv[1] or
 * RL_SOAK_OPS: how many steps.
 */
#include "ledger_pair.h"

enum { N_STEPS = 50000, N_POOL = 4096 };

enum { LIMIT = 25, PX = 100 };
enum rule { ALL_OPEN_ORDERS, POSITION_ALONE }; /* what a check looks at; the second is wrong */

static uint64_t n_let_in, n_at_limit, n_beyond;

static void start(void)
{
    ledger_open(N_POOL);
    for (int i = 0; i < SLOW_SYMBOLS; i++)
        CHECK(mark(i, PX, 1));
}

static bool is_within(rl_money longest, rl_money shortest)
{
    return longest <= LIMIT && shortest >= -LIMIT;
}

/* A new order, or a change of one when there is no place for another: asked first. */
static void try_order(int a, int i, uint32_t at, uint8_t side, uint64_t qty, enum rule rule)
{
    struct slow_symbol *y = &slow.symbols[a][i];
    bool is_change = y->n_orders == SLOW_ORDERS;
    int64_t alone = y->at.net + (side == RL_BUY ? (int64_t)qty : -(int64_t)qty);
    struct rl_exposure e;

    if (is_change)
        side = y->orders[at].side;
    CHECK(rl_ledger_foresee(&l, (uint32_t)a, (uint32_t)i, (enum rl_side)side,
                            is_change ? y->orders[at].qty : 0, PX, qty, PX, &e));
    if (rule == ALL_OPEN_ORDERS ? !is_within(e.longest, e.shortest) : !is_within(alone, alone))
        return;
    n_let_in++;
    n_at_limit += e.longest == LIMIT || e.shortest == -LIMIT;
    CHECK(is_change ? move(a, i, at, qty, PX) : send(a, i, side, qty, PX));
    CHECK(e.gross == l.accounts[a].gross && e.net_high == l.accounts[a].net_high);
    CHECK(e.net_low == l.accounts[a].net_low);
    CHECK(e.open_notional == l.accounts[a].open_notional);
}

/* All at once, in whatever order. */
static void fill_all(int a, int i)
{
    struct slow_symbol *y = &slow.symbols[a][i];

    while (y->n_orders > 0) {
        uint32_t at = (uint32_t)draw(y->n_orders);

        CHECK(fill_order(a, i, at, y->orders[at].qty, PX));
        n_beyond += !is_within(y->at.net, y->at.net);
    }
}

/* Orders are sent, changed, cancelled and filled at random; busts are not ours to refuse. */
static void trade(uint64_t n_steps, enum rule rule)
{
    n_let_in = n_at_limit = n_beyond = 0;
    random_state = 5;
    start();
    for (uint64_t n = 0; n < n_steps; n++) {
        int a = (int)draw(SLOW_ACCOUNTS), i = (int)draw(SLOW_SYMBOLS);
        struct slow_symbol *y = &slow.symbols[a][i];
        uint32_t at = y->n_orders > 0 ? (uint32_t)draw(y->n_orders) : 0;
        uint64_t qty = draw_qty(SMALL), what = draw(100);
        uint8_t side = (uint8_t)draw(2);
        rl_money most, least;

        if (y->n_list > 100) { /* again: the slow one works out all of it each time */
            ledger_close();
            start();
        } else if (what < 60) {
            try_order(a, i, at, side, qty, rule);
        } else if (what < 80) {
            if (y->n_orders > 0)
                CHECK(fill_order(a, i, at, 1 + draw(y->orders[at].qty), PX));
        } else if (what < 90) {
            if (y->n_orders > 0)
                CHECK(move(a, i, at, 0, 0));
        } else if (what < 92) {
            fill_all(a, i);
        }
        slow_outcomes(y, &most, &least);
        n_beyond += !is_within(most, least);
        check_account(a);
    }
    ledger_close();
}

static void test_no_order_let_in_can_take_a_position_beyond_its_limit(uint64_t n_steps)
{
    trade(n_steps, ALL_OPEN_ORDERS);
    CHECK_EQ(n_beyond, 0);
    CHECK(n_let_in > n_steps / 10 && n_at_limit > n_steps / 100);
}

static void test_a_check_that_forgets_open_orders_is_found_out(uint64_t n_steps)
{
    trade(n_steps, POSITION_ALONE);
    CHECK(n_beyond > 0);
}

int main(int argc, char **argv)
{
    const char *asked = argc > 1 ? argv[1] : getenv("RL_SOAK_OPS");
    uint64_t n_steps = asked ? strtoull(asked, NULL, 10) : N_STEPS;

    CHECK(n_steps >= 1000 && n_steps <= 10000000000ULL);
    test_no_order_let_in_can_take_a_position_beyond_its_limit(n_steps);
    printf("%llu steps, %llu orders let in\n", (unsigned long long)n_steps,
           (unsigned long long)n_let_in);
    test_a_check_that_forgets_open_orders_is_found_out(1000);
    return 0;
}
