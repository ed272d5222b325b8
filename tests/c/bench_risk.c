/*
 * What the whole risk chain costs: accept, each way to be refused, and what follows a message.
 *
 *     bench_risk [rounds]
 *
 * Hot: the same rows over and over, as in a burst. Batches of 1000 between two fences; `fastest` is
 * the fastest of the rounds (the machine at its best), `median` that of the batches. The floor is
 * the same loop around an empty call. Figures are ns a call.
 */
#include "base/clock.h"
#include "risk_world.h"

#define BATCH 1000

static struct world w;
/* Without executions every ratio would trip in the end. */
static const struct rl_limit_ratio NO_RATIO = {.alert_permille = RL_LIMIT_OFF_32,
                                               .trip_permille = RL_LIMIT_OFF_32,
                                               .min_sample = RL_LIMIT_OFF_32,
                                               .window_ns = RL_LIMIT_OFF};
static double ns_a_tick;

typedef uint64_t operation(const struct rl_request *q);

static uint64_t nothing(const struct rl_request *q)
{
    __asm__ volatile("" : : "r"(q) : "memory");
    return 0;
}

static uint64_t check(const struct rl_request *q)
{
    return rl_risk_check(&w.risk, q, &w.in, w.now);
}

static uint64_t check_cancel(const struct rl_request *q)
{
    return rl_risk_check_cancel(&w.risk, &q->scopes, w.now);
}

static uint64_t see(const struct rl_request *q)
{
    w.now += 1000;
    w.in.bbo_tsc = w.now;
    rl_risk_see(&w.risk, q->scopes.instrument, &w.in.bbo, w.now);
    return 0;
}

static struct rl_order_change sent_change;

/* Sent and ended at once, so that nothing piles up. */
static uint64_t send_and_end(const struct rl_request *q)
{
    struct rl_order_change back = sent_change;
    struct rl_risk_trip trip;

    w.now += 10 * MS;
    rl_risk_sent(&w.risk, q, &sent_change, w.now);
    back.was = *sent_change.order;
    back.was_reserved_qty = sent_change.now_reserved_qty;
    back.was_reserved_px_nano = sent_change.now_reserved_px_nano;
    back.now_reserved_qty = 0;
    back.kind = RL_EVENT_EXPIRED;
    return rl_risk_told(&w.risk, &back, w.now, &trip);
}

static uint64_t poll(const struct rl_request *q)
{
    struct rl_risk_trip trip;

    (void)q;
    return rl_risk_poll(&w.risk, w.now, &trip);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Prints and returns the fastest. */
static double measure(const char *name, operation *op, struct rl_request q, uint64_t expected,
                      int n_rounds)
{
    double *batches = calloc((size_t)n_rounds, sizeof(*batches));
    uint64_t seen = 0;
    double fastest;

    CHECK(batches != NULL);
    for (int i = 0; i < n_rounds; i++) {
        uint64_t begin = rl_tsc_begin();

        for (int j = 0; j < BATCH; j++) {
            uint64_t got = op(&q);

            seen |= got ^ expected;
            __asm__ volatile("" : "+m"(q) : "r"(got));
        }
        batches[i] = (double)(rl_tsc_end() - begin) * ns_a_tick / BATCH;
    }
    qsort(batches, (size_t)n_rounds, sizeof(*batches), compare);
    fastest = batches[0];
    printf("%-28s fastest %7.2f  median %7.2f  p99 %7.2f ns%s\n", name, fastest,
           batches[n_rounds / 2], batches[n_rounds * 99 / 100], seen == 0 ? "" : "  WRONG ANSWER");
    free(batches);
    return fastest;
}

/* One way to be refused: what the world or the order must be like. */
struct refusal {
    const char *name;
    uint32_t reason;
    void (*arrange)(struct rl_request *q);
};

static void halt(struct rl_request *q)
{
    (void)q;
    CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_SYMBOL, INSTRUMENT, RL_RISK_HALTED), 0);
}

static void reduce_only(struct rl_request *q)
{
    (void)q;
    CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_SYMBOL, INSTRUMENT, RL_RISK_REDUCE_ONLY), 0);
}

static void end_session(struct rl_request *q)
{
    (void)q;
    w.in.ready &= ~(uint32_t)RL_READY_SESSION;
}

static void close_phase(struct rl_request *q)
{
    (void)q;
    w.in.ready &= ~(uint32_t)RL_READY_PHASE;
}

static void break_lot(struct rl_request *q)
{
    q->qty = 105;
}

static void enlarge(struct rl_request *q)
{
    q->qty = 1010;
}

static void limit_notional(struct rl_request *q)
{
    (void)q;
    world_the_pair(&w)->max_notional = 1;
    world_limits_changed(&w);
}

static void underbid(struct rl_request *q)
{
    q->px_nano = 85 * UNIT;
}

static void overbid(struct rl_request *q)
{
    q->px_nano = 107 * UNIT;
}

static void repeat(struct rl_request *q)
{
    world_the_pair(&w)->duplicates = 5;
    world_limits_changed(&w);
    for (int i = 0; i < 5; i++)
        rl_repeats_add(&w.risk.repeats, q, w.now);
}

static void empty_bucket(struct rl_request *q)
{
    w.risk.venues[q->scopes.venue].bucket = (struct rl_bucket){.credit = 0, .tsc = w.now};
}

static void latch(struct rl_request *q)
{
    w.risk.strategies[q->scopes.strategy].latched = RL_RISK_EXECUTIONS;
}

static void limit_position(struct rl_request *q)
{
    (void)q;
    world_the_pair(&w)->max_long = 10;
    world_limits_changed(&w);
}

static void limit_exposure(struct rl_request *q)
{
    (void)q;
    w.set->accounts[ACCOUNT].max_gross = 1;
    world_limits_changed(&w);
}

static void lose(struct rl_request *q)
{
    (void)q;
    CHECK(rl_ledger_fee(&w.ledger, ACCOUNT, INSTRUMENT, (rl_money)50001 * UNIT));
}

static void fill_table(struct rl_request *q)
{
    (void)q;
    w.risk.global.n_open = 60;
}

static void meet_own(struct rl_request *q)
{
    struct rl_request own = world_request(RL_SELL, 10, q->px_nano);

    world_send(&w, &own);
}

static void forbid_short(struct rl_request *q)
{
    world_the_pair(&w)->short_rule = RL_SHORT_FORBIDDEN;
    world_limits_changed(&w);
    q->side = RL_SELL;
}

static void age(struct rl_request *q)
{
    (void)q;
    w.in.queue_delay_ticks = 2 * MS;
}

static void alter(struct rl_request *q)
{
    (void)q;
    w.set->version++;
}

static const struct refusal REFUSALS[] = {
    {"halted", RL_RISK_STATE, halt},
    {"reduce-only", RL_RISK_STATE, reduce_only},
    {"session", RL_RISK_SESSION, end_session},
    {"permission", RL_RISK_PERMISSION, close_phase},
    {"field", RL_RISK_FIELD, break_lot},
    {"quantity", RL_RISK_QTY, enlarge},
    {"notional", RL_RISK_NOTIONAL, limit_notional},
    {"collar", RL_RISK_COLLAR, underbid},
    {"cross", RL_RISK_CROSS, overbid},
    {"the sixth alike", RL_RISK_DUPLICATE, repeat},
    {"rate", RL_RISK_RATE, empty_bucket},
    {"executions", RL_RISK_EXECUTIONS, latch},
    {"position", RL_RISK_POSITION, limit_position},
    {"exposure", RL_RISK_EXPOSURE, limit_exposure},
    {"loss", RL_RISK_LOSS, lose},
    {"open", RL_RISK_OPEN, fill_table},
    {"self-trade", RL_RISK_SELF_TRADE, meet_own},
    {"short sale", RL_RISK_SHORT_SALE, forbid_short},
    {"freshness", RL_RISK_FRESHNESS, age},
    {"limits altered", RL_RISK_LIMITS, alter},
};

int main(int argc, char **argv)
{
    int n_rounds = argc > 1 ? atoi(argv[1]) : 2000;
    struct rl_request q = world_request(RL_BUY, 100, 100 * UNIT);
    double accept, worst = 0;
    struct rl_clock clock;
    int64_t ppb;

    CHECK(n_rounds >= 1);
    CHECK_EQ(rl_clock_calibrate(&clock, 100000000, &ppb), 0);
    ns_a_tick = 1e9 / (double)clock.tsc_hz;
    world_open(&w);
    measure("floor: an empty call", nothing, q, 0, n_rounds);
    CHECK_EQ(check(&q), 0);
    accept = measure("accept", check, q, 0, n_rounds);
    world_trade(&w, RL_BUY, 100, 100 * UNIT);
    measure("accept, holding a position", check, q, 0, n_rounds);
    measure("accept a market order", check, world_request(RL_BUY, 100, RL_PX_NONE), 0, n_rounds);
    measure("cancel", check_cancel, q, 0, n_rounds);
    measure("see a new best", see, q, 0, n_rounds);
    measure("poll", poll, q, 0, n_rounds);
    for (int i = 0; i < RL_N_LIMIT_RATIOS; i++)
        w.set->strategies[STRATEGY].ratios[i] = NO_RATIO;
    world_limits_changed(&w);
    CHECK_EQ(rl_orders_sent(&w.orders, rl_orders_next_id(&w.orders, &w.ids), &q, &sent_change), 0);
    measure("sent and ended", send_and_end, q, 0, n_rounds);
    world_close(&w);
    for (size_t i = 0; i < RL_COUNT(REFUSALS); i++) {
        struct rl_request refused = q;
        char name[64];
        double fastest;

        world_open(&w);
        REFUSALS[i].arrange(&refused);
        CHECK((check(&refused) & REFUSALS[i].reason) != 0);
        snprintf(name, sizeof(name), "refuse: %s", REFUSALS[i].name);
        fastest = measure(name, check, refused, check(&refused), n_rounds);
        worst = fastest > worst ? fastest : worst;
        world_close(&w);
    }
    printf("slowest refusal / accept: %.2f\n", worst / accept);
    return 0;
}
