/*
 * Random lives of a ledger, step by step beside slow_positions.h: the same answers, the same
 * refusals, and after a refusal the same bytes. argv[1] or RL_SOAK_OPS: how many steps.
 */
#include "ledger_pair.h"

enum { N_STEPS = 200000, EPISODE = 250, N_POOL = 12 };

static uint64_t n_flips;

/* An execution of the list, or one that never was. */
static struct slow_booking any_execution(int a, int i, enum scale scale)
{
    const struct slow_symbol *y = &slow.symbols[a][i];
    struct slow_booking b = {.kind = 'x'};

    if (y->n_list > 0)
        b = y->list[draw(y->n_list)];
    if (b.kind != 'x' || b.qty == 0 || draw(8) == 0) {
        b = (struct slow_booking){.kind = 'x', .side = (uint8_t)draw(2)};
        b.px = draw_px(scale); /* one after the other: C leaves the order inside braces open */
        b.qty = draw_qty(scale);
    }
    return b;
}

/* False when something was refused. */
static bool step(int a, int i, enum scale scale, uint64_t now)
{
    struct slow_symbol *y = &slow.symbols[a][i];
    uint8_t side = (uint8_t)draw(2);
    uint64_t qty = draw_qty(scale), what = draw(100);
    int64_t px = draw_px(scale), net = y->at.net;
    uint32_t at = y->n_orders > 0 ? (uint32_t)draw(y->n_orders) : 0;

    if (what < 20) {
        bool is_done;

        if (draw(3) == 0 && net != 0) /* all of it, or once more than all of it */
            qty = rl_lots_held(net) * (1 + draw(2)), side = net > 0 ? RL_SELL : RL_BUY;
        is_done = fill(a, i, side, qty, px);
        n_flips += (net > 0 && y->at.net < 0) || (net < 0 && y->at.net > 0);
        return is_done;
    }
    if (what < 40)
        return y->n_orders == SLOW_ORDERS || send(a, i, side, qty, px);
    if (what < 50)
        return y->n_orders == 0 || move(a, i, at, 0, draw_px(scale));
    if (what < 58)
        return y->n_orders == 0 || move(a, i, at, qty, px);
    if (what < 75) {
        if (y->n_orders == 0)
            return true;
        qty = draw(2) ? qty : y->orders[at].qty;
        px = draw(2) ? px : y->orders[at].px;
        return fill_order(a, i, at, qty, px);
    }
    if (what < 80)
        return fee(a, i, draw_fee(scale));
    if (what < 86) {
        struct slow_booking b = any_execution(a, i, scale);

        return bust(a, i, b.side, b.qty, b.px);
    }
    if (what < 90)
        return correct(a, i, any_execution(a, i, scale), qty, px);
    return mark(i, px, now - draw(3)); /* two sources of marks: their times may cross */
}

/* What could be changed; the heaps are checked by what they answer. */
struct bytes {
    struct rl_account accounts[SLOW_ACCOUNTS];
    struct rl_position positions[SLOW_ACCOUNTS * SLOW_SYMBOLS];
    struct rl_mark marks[SLOW_SYMBOLS];
    struct rl_lot lots[N_POOL + 1];
    struct rl_fifo fifo;
};

static void keep_bytes(struct bytes *b)
{
    memcpy(b->accounts, l.accounts, sizeof b->accounts);
    memcpy(b->positions, l.positions, sizeof b->positions);
    memcpy(b->marks, l.marks, sizeof b->marks);
    memcpy(b->lots, l.fifo.lots, sizeof b->lots);
    memcpy(&b->fifo, &l.fifo, sizeof b->fifo);
}

static void check_bytes(const struct bytes *b)
{
    CHECK(memcmp(b->accounts, l.accounts, sizeof b->accounts) == 0);
    CHECK(memcmp(b->positions, l.positions, sizeof b->positions) == 0);
    CHECK(memcmp(b->marks, l.marks, sizeof b->marks) == 0);
    CHECK(memcmp(b->lots, l.fifo.lots, sizeof b->lots) == 0);
    CHECK(memcmp(&b->fifo, &l.fifo, sizeof b->fifo) == 0);
}

static void live(uint64_t seed, enum scale scale, uint64_t n_steps)
{
    static struct bytes before;

    random_state = seed * 2654435761 + 1;
    ledger_open(N_POOL);
    for (uint64_t n = 1; n <= n_steps; n++) {
        int a = (int)draw(SLOW_ACCOUNTS), i = (int)draw(SLOW_SYMBOLS);

        keep_bytes(&before);
        if (!step(a, i, scale, 10 * n))
            check_bytes(&before);
        check_position(a, i);
        check_invariant(rl_ledger_at(&l, (uint32_t)a, (uint32_t)i), draw_px(scale));
        for (int k = 0; k < SLOW_ACCOUNTS; k++)
            check_account(k);
        if (n % 25 == 0)
            check_all();
    }
    ledger_close();
}

static void test_a_ledger_agrees_with_lists_of_every_execution_after_each_step(uint64_t n_steps)
{
    for (uint64_t n = 0; n_asked < n_steps; n++) /* steps of which the ledger was told */
        live(n + 1, (enum scale)(n % N_SCALES), EPISODE);
    printf("%" PRIu64 " calls, %" PRIu64 " refused, %" PRIu64 " flips, %" PRIu64 " busts, %" PRIu64
           " corrections\n",
           n_asked, n_refused, n_flips, n_busts, n_corrected);
    /* A walk that met no bound, or nothing but bounds, would prove little. */
    CHECK(n_refused > n_steps / 20 && n_asked - n_refused > n_steps / 2);
    CHECK(n_flips > n_steps / 200 && n_busts > n_steps / 200 && n_corrected > n_steps / 400);
}

int main(int argc, char **argv)
{
    const char *asked = argc > 1 ? argv[1] : getenv("RL_SOAK_OPS");
    uint64_t n_steps = asked ? strtoull(asked, NULL, 10) : N_STEPS;

    CHECK(n_steps >= 1000 && n_steps <= 10000000000ULL);
    test_a_ledger_agrees_with_lists_of_every_execution_after_each_step(n_steps);
    return 0;
}
