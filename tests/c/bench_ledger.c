/*
 * What a position and a ledger cost, beside the floor of both.
 *
 *     bench_ledger [cpu]
 *
 * Batches of 20,000 operations, the best and the median of 200; `chain`: which execution comes next
 * is known only when the one before is booked, so nothing overlaps. Best is what the code costs,
 * the median what this host made of it. Nothing is subtracted. The patterns of executions:
 *   add      the same side again: the position grows
 *   reduce   a part of what is held is closed: average cost divides
 *   flip     through zero, each time
 *   mixed    sides and quantities at random, as often adding as reducing
 */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/stats.h"
#include "check.h"
#include "trade/position/view.h"

enum { N_OPS = 20000, N_BATCHES = 200, N_DRAWN = 4096, N_MANY = 4096 };

static struct {
    int64_t px;
    uint64_t qty;
    enum rl_side side;
    uint32_t symbol;
} drawn[N_DRAWN];
static struct rl_clock hertz;
static struct rl_arena arena, view_arena;
static struct rl_ledger l;
static struct rl_ledger_view *view;
static struct rl_position one;
static uint64_t n_refused;

/* 0, but not before x is known. */
static inline uint64_t zero_after(uint64_t x)
{
    __asm__ volatile("andq $0, %0" : "+r"(x) : : "cc");
    return x;
}

static void print_line(const char *what, uint64_t *ticks)
{
    uint64_t best = UINT64_MAX, median;

    for (int i = 0; i < N_BATCHES; i++)
        best = ticks[i] < best ? ticks[i] : best;
    median = rl_stats_median(ticks, N_BATCHES);
    printf("  %-44s best %7.2f  median %7.2f ns\n", what,
           (double)best * 1e9 / (double)hertz.tsc_hz / N_OPS,
           (double)median * 1e9 / (double)hertz.tsc_hz / N_OPS);
}

#define BENCH(what, statement)                             \
    do {                                                   \
        static uint64_t ticks[N_BATCHES];                  \
                                                           \
        for (int batch = 0; batch < N_BATCHES; batch++) {  \
            uint64_t last = 0, from;                       \
                                                           \
            reset();                                       \
            from = rl_tsc_begin();                         \
            for (uint64_t i = 0; i < N_OPS; i++) {         \
                uint64_t k = i + zero_after(last);         \
                                                           \
                statement;                                 \
            }                                              \
            __asm__ volatile("" : : "r"(last) : "memory"); \
            ticks[batch] = rl_tsc_end() - from;            \
        }                                                  \
        print_line(what, ticks);                           \
    } while (0)

#define AT drawn[k % N_DRAWN]
#define BOOK(call)               \
    do {                         \
        n_refused += !(call);    \
        last = (uint64_t)r->net; \
    } while (0)

/* Every batch starts from a position of two million lots, so that it can be reduced for long. */
static void reset(void)
{
    one = (struct rl_position){0};
    n_refused += !rl_position_fill(&one, RL_BUY, drawn[0].px, 2000000);
    for (uint32_t a = 0; a < 2; a++) {
        struct rl_position *p = rl_ledger_at(&l, a, 0);

        if (p->net != 0)
            n_refused += !rl_ledger_fill(&l, a, 0, p->net > 0 ? RL_SELL : RL_BUY, drawn[0].px,
                                         rl_lots_held(p->net));
        n_refused += !rl_ledger_fill(&l, a, 0, RL_BUY, drawn[0].px, 2000000);
    }
}

static void bench_position(void)
{
    struct rl_position *r = &one;

    puts("one position, chain:");
    BENCH("the loop and its draws alone", last = AT.qty + (uint64_t)AT.px + AT.side);
    BENCH("floor: net and cash, nothing checked",
          r->net += AT.side == RL_BUY ? (int64_t)AT.qty : -(int64_t)AT.qty;
          r->cash -= rl_notional(AT.px, AT.side == RL_BUY ? (int64_t)AT.qty : -(int64_t)AT.qty);
          last = (uint64_t)r->net);
    BENCH("add", BOOK(rl_position_fill(r, RL_BUY, AT.px, AT.qty)));
    BENCH("reduce, average cost", BOOK(rl_position_fill(r, RL_SELL, AT.px, AT.qty)));
    BENCH("flip",
          BOOK(rl_position_fill(r, k & 1 ? RL_BUY : RL_SELL, AT.px, 2 * rl_lots_held(r->net))));
    BENCH("mixed", BOOK(rl_position_fill(r, AT.side, AT.px, AT.qty)));
    BENCH("fee", BOOK(rl_position_fee(r, (rl_money)AT.qty)));
}

static void bench_ledger(uint32_t account)
{
    struct rl_position *r = rl_ledger_at(&l, account, 0);

    printf("ledger with all sums of the account, %s, chain:\n", account ? "FIFO" : "average cost");
    BENCH("add", BOOK(rl_ledger_fill(&l, account, 0, RL_BUY, AT.px, AT.qty)));
    BENCH("reduce", BOOK(rl_ledger_fill(&l, account, 0, RL_SELL, AT.px, AT.qty)));
    BENCH("flip", BOOK(rl_ledger_fill(&l, account, 0, k & 1 ? RL_BUY : RL_SELL, AT.px,
                                      2 * rl_lots_held(r->net))));
    BENCH("mixed", BOOK(rl_ledger_fill(&l, account, 0, AT.side, AT.px, AT.qty)));
    if (account == 1)
        return;
    BENCH("fill of an order: lots leave its reservation",
          n_refused += !rl_ledger_move(&l, 0, 0, AT.side, 0, 0, AT.qty, AT.px);
          BOOK(rl_ledger_execute(&l, 0, 0, AT.side, AT.px, AT.qty, AT.qty, AT.px, 0, 0)));
    BENCH("  of which the reservation at send and its end",
          n_refused += !rl_ledger_move(&l, 0, 0, AT.side, 0, 0, AT.qty, AT.px);
          BOOK(rl_ledger_move(&l, 0, 0, AT.side, AT.qty, AT.px, 0, 0)));
    BENCH("mixed, then shown to readers",
          n_refused += !rl_ledger_fill(&l, 0, 0, AT.side, AT.px, AT.qty);
          rl_ledger_show(view, &l, 0, 0); last = (uint64_t)r->net);
    BENCH("shown to readers, nothing else", rl_ledger_show(view, &l, 0, 0); last = k);
    BENCH("mark of what one account holds", n_refused += !rl_ledger_mark(&l, 0, AT.px, k);
          last = l.marks[0].tsc);
    BENCH("asking: loss, gross, net, are marks fresh",
          last = (uint64_t)(rl_ledger_loss(&l, 0) + rl_ledger_gross(&l, 0) + rl_ledger_net(&l, 0)) +
                 rl_ledger_is_marked(&l, 0, k, 5));
    BENCH("mixed, over 4096 instruments",
          n_refused += !rl_ledger_fill(&l, 0, AT.symbol, AT.side, AT.px, AT.qty);
          last = (uint64_t)rl_ledger_at(&l, 0, AT.symbol)->net);
}

int main(int argc, char **argv)
{
    struct rl_ledger_config config = {.n_accounts = 2,
                                      .n_instruments = N_MANY,
                                      .n_fifo_lots = 4 * N_OPS,
                                      .method = {[1] = RL_METHOD_FIFO}};
    size_t n_bytes = rl_ledger_view_bytes(2, N_MANY);
    uint64_t random = 11;
    int64_t ppb;

    if (argc > 1)
        CHECK_EQ(rl_cpu_pin(atoi(argv[1])), 0);
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    CHECK_EQ(rl_arena_open(&arena, rl_ledger_bytes(&config), RL_ARENA_ALL), 0);
    CHECK_EQ(rl_ledger_init(&l, &arena, &config), 0);
    CHECK_EQ(rl_arena_open(&view_arena, n_bytes, RL_ARENA_ALL), 0);
    view = rl_ledger_view_init(rl_arena_take(&view_arena, n_bytes, 0), n_bytes, 2, N_MANY);
    CHECK(view != NULL);
    for (uint32_t i = 0; i < N_DRAWN; i++) {
        uint64_t r = check_random(&random);

        drawn[i].px = (int64_t)(100 * RL_NANO_PER_UNIT + (r >> 20) % RL_NANO_PER_UNIT);
        drawn[i].qty = 1 + (r & 63);
        drawn[i].side = (enum rl_side)(r >> 8 & 1);
        drawn[i].symbol = (r >> 9) % N_MANY;
    }
    for (uint32_t i = 0; i < N_MANY; i++)
        CHECK(rl_ledger_mark(&l, i, 100 * RL_NANO_PER_UNIT, 1));
    bench_position();
    bench_ledger(0);
    bench_ledger(1);
    CHECK_EQ(rl_ledger_check(&l, NULL), 0);
    printf("  answer: every sum agrees, %" PRIu64 " refused\n", n_refused);
    return n_refused != 0;
}
