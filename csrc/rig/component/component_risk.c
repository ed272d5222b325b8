#include "rig/component/component_risk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig/component/component_loops.h"
#include "rig/trial/bench_limits.h"
#include "trade/risk/limits_build.h"

RL_LOOPS(risk_loops, rl_risk_step);

/* The last instruments each have something that refuses; those before them are usual. */
enum {
    HALTED,   /* its trading state */
    REDUCING, /* the same; there is nothing to reduce */
    EMPTY,    /* its bucket */
    FULL,     /* one open order, and no more is allowed */
    OWN,      /* an order of ours rests at 1 on the offer side */
    LONG,     /* 50 lots below its limit */
    SHORT,
    NARROW, /* orders may not go through the other side */
    REPEATED,
    NO_SHORT,
    N_SPECIAL
};
#define N_USUAL 54
#define N_USUAL_RANDOM (1U << 14) /* their rows are more than a cache holds */
/* Accounts, then strategies; the first of each is usual. */
enum { EXPOSED = 1, LOSING, N_ACCOUNTS };
enum { FORBIDDEN = 1, LATCHED, RATIOED, N_STRATEGIES };
#define MAX_POSITION 5000
#define MAX_LOSS 1000
#define REPEATED_QTY 7
#define N_SLOTS 64

static const struct rl_bench_limits limits = {.max_qty = 1000,
                                              .max_notional = 1000000,
                                              .max_position = MAX_POSITION,
                                              .band_bps = 100,
                                              .rate_per_s = 1000000000,
                                              .rate_burst = 1000000000,
                                              .max_open = 50};

#define RISK_MASK(id, name, mask) mask,
#define RISK_NAME(id, name, mask) name,
static const uint32_t masks[] = {0, RL_RISK_WAYS(RISK_MASK)};

const char *rl_risk_way_name(unsigned way)
{
    static const char *const names[] = {"", RL_RISK_WAYS(RISK_NAME)};

    return way < RL_COUNT(names) ? names[way] : NULL;
}

/* --- the world ---------------------------------------------------------------------------------
 */

/* The rows of the bench's limits, with those of the special ones changed. */
static void change_rows(const struct rl_risk_job *s, const struct rl_limit_set *usual,
                        struct rl_limit_pair *pairs, struct rl_limit_account *accounts,
                        struct rl_limit_strategy *strategies)
{
    uint32_t n = s->n_usual + N_SPECIAL;

    for (uint32_t i = 0; i < N_ACCOUNTS * n; i++) {
        struct rl_limit_pair *pair = &pairs[i];

        *pair = usual->pairs[i % n];
        pair->strategies = 1U << 0 | 1U << LATCHED | 1U << RATIOED;
        if (i % n == s->n_usual + EMPTY)
            pair->rate = (struct rl_limit_rate){1, 1, RL_LIMIT_OFF_32};
        if (i % n == s->n_usual + FULL)
            pair->max_open = 1;
        if (i % n == s->n_usual + NARROW)
            pair->cross_ticks = 1;
        if (i % n == s->n_usual + REPEATED) {
            pair->duplicates = 1;
            pair->duplicates_window_ns = RL_LIMIT_MAX_32;
        }
        if (i % n == s->n_usual + NO_SHORT)
            pair->short_rule = RL_SHORT_FORBIDDEN;
    }
    for (uint32_t i = 0; i < N_ACCOUNTS; i++)
        accounts[i] = usual->accounts[0];
    accounts[EXPOSED].max_gross = 1;
    accounts[LOSING].max_loss = MAX_LOSS;
    for (uint32_t i = 0; i < N_STRATEGIES; i++)
        strategies[i] = usual->strategies[0];
}

/* *set is to be kept. */
static int make_set(struct rl_job *job, const struct rl_risk_job *s,
                    const struct rl_limit_set **set)
{
    uint32_t n = s->n_usual + N_SPECIAL;
    size_t n_usual = rl_limits_bytes(1, n, 1, 1);
    size_t n_bytes = rl_limits_bytes(N_ACCOUNTS, n, N_STRATEGIES, 1);
    struct rl_limit_set *usual = aligned_alloc(RL_CACHE_LINE, n_usual);
    struct rl_limit_pair *pairs =
        aligned_alloc(RL_CACHE_LINE, (size_t)N_ACCOUNTS * n * sizeof *pairs);
    void *memory = rl_arena_take(&job->arena, n_bytes, RL_CACHE_LINE);
    struct rl_limit_account accounts[N_ACCOUNTS];
    struct rl_limit_strategy strategies[N_STRATEGIES];
    int err = usual && pairs && memory ? rl_bench_limits_build(usual, n_usual, &limits, n, NULL)
                                       : -ENOMEM;

    if (err == 0) {
        change_rows(s, usual, pairs, accounts, strategies);
        err = rl_limits_build(memory, n_bytes,
                              &(struct rl_limits_config){.version = 1,
                                                         .n_accounts = N_ACCOUNTS,
                                                         .n_instruments = n,
                                                         .n_strategies = N_STRATEGIES,
                                                         .n_venues = 1,
                                                         .global = &usual->global,
                                                         .venues = usual->venues,
                                                         .accounts = accounts,
                                                         .strategies = strategies,
                                                         .pairs = pairs},
                              NULL);
    }
    free(pairs);
    free(usual);
    *set = memory;
    return err;
}

static struct rl_request request_of(uint32_t instrument, enum rl_side side, uint64_t qty,
                                    int64_t px_nano)
{
    return (struct rl_request){.scopes = {.instrument = instrument},
                               .px_nano = px_nano,
                               .qty = qty,
                               .side = (uint8_t)side,
                               .type = RL_TYPE_LIMIT,
                               .time_in_force = RL_TIF_DAY};
}

/* An order of ours that works. */
static bool work(struct rl_risk_job *s, uint64_t id, const struct rl_request *q)
{
    struct rl_order_change c;

    if (rl_orders_sent(&s->orders, id, q, &c) != 0 ||
        !rl_ledger_move(&s->ledger, q->scopes.account, q->scopes.instrument, (enum rl_side)q->side,
                        0, RL_PX_NONE, c.now_reserved_qty, c.now_reserved_px_nano))
        return false;
    rl_risk_sent(&s->risk, q, &c, s->now_tsc);
    return true;
}

static bool make_world(struct rl_risk_job *s)
{
    int64_t mid = 100 * RL_NANO_PER_UNIT;
    uint32_t special = s->n_usual;
    struct rl_request resting = request_of(special + OWN, RL_SELL, 1, RL_NANO_PER_UNIT);
    struct rl_request full = request_of(special + FULL, RL_BUY, 1, mid),
                      used = request_of(special + EMPTY, RL_BUY, 1, mid),
                      repeated = request_of(special + REPEATED, RL_BUY, REPEATED_QTY, mid);
    bool is_good = true;

    for (uint32_t i = 0; i < special + N_SPECIAL; i++)
        is_good &= rl_ledger_mark(&s->ledger, i, mid, s->now_tsc);
    is_good &= rl_ledger_fill(&s->ledger, 0, special + LONG, RL_BUY, mid, MAX_POSITION - 50) &&
               rl_ledger_fill(&s->ledger, 0, special + SHORT, RL_SELL, mid, MAX_POSITION - 50) &&
               rl_ledger_fee(&s->ledger, LOSING, 0, (rl_money)(MAX_LOSS + 1) * RL_NANO_PER_UNIT) &&
               work(s, 1, &resting) && work(s, 2, &full) && work(s, 3, &used);
    rl_repeats_add(&s->risk.repeats, &repeated, s->now_tsc);
    s->risk.strategies[LATCHED].latched = RL_RISK_EXECUTIONS;
    s->risk.strategies[RATIOED].latched = RL_RISK_RATIO;
    return is_good && rl_risk_set_state(&s->risk, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE) == 0 &&
           rl_risk_set_state(&s->risk, RL_SCOPE_SYMBOL, special + HALTED, RL_RISK_HALTED) == 0 &&
           rl_risk_set_state(&s->risk, RL_SCOPE_SYMBOL, special + REDUCING, RL_RISK_REDUCE_ONLY) ==
               0;
}

/* --- the cases ---------------------------------------------------------------------------------
 */

/* What makes a usual order one that is refused this way. */
static void refuse(struct rl_risk_case *c, enum rl_risk_way way, uint32_t special, uint64_t *seed)
{
    struct rl_request *q = &c->request;
    int64_t mid = q->px_nano, away = mid / 50;

    switch (way) {
    case RL_RISK_WAY_HALTED:
        q->scopes.instrument = special + HALTED;
        break;
    case RL_RISK_WAY_REDUCE_ONLY:
        q->scopes.instrument = special + REDUCING;
        break;
    case RL_RISK_WAY_SESSION:
        c->input.ready &= ~(uint32_t)RL_READY_SESSION;
        break;
    case RL_RISK_WAY_PERMISSION:
        q->scopes.strategy = FORBIDDEN;
        break;
    case RL_RISK_WAY_FIELD:
        q->time_in_force = RL_N_TIMES_IN_FORCE;
        break;
    case RL_RISK_WAY_QTY:
        q->qty = 1001 + rl_job_draw_below(seed, 900);
        break;
    case RL_RISK_WAY_NOTIONAL:
        q->px_nano = mid * 1000;
        q->qty = 100 + rl_job_draw_below(seed, 100);
        break;
    case RL_RISK_WAY_COLLAR: /* away from the other side: too far, and through nothing */
        q->px_nano += q->side == RL_BUY ? -away : away;
        break;
    case RL_RISK_WAY_CROSS: /* within the collar */
        q->scopes.instrument = special + NARROW;
        q->px_nano += q->side == RL_BUY ? away / 4 : -away / 4;
        break;
    case RL_RISK_WAY_DUPLICATE:
        *q = request_of(special + REPEATED, RL_BUY, REPEATED_QTY, 100 * RL_NANO_PER_UNIT);
        break;
    case RL_RISK_WAY_RATE:
        q->scopes.instrument = special + EMPTY;
        q->side = RL_BUY; /* as the order of ours there: they cannot meet */
        break;
    case RL_RISK_WAY_EXECUTIONS:
        q->scopes.strategy = LATCHED;
        break;
    case RL_RISK_WAY_POSITION:
        q->scopes.instrument = special + (q->side == RL_BUY ? LONG : SHORT);
        q->qty = 51 + rl_job_draw_below(seed, 400);
        break;
    case RL_RISK_WAY_EXPOSURE:
        q->scopes.account = EXPOSED;
        break;
    case RL_RISK_WAY_LOSS:
        q->scopes.account = LOSING;
        break;
    case RL_RISK_WAY_OPEN:
        q->scopes.instrument = special + FULL;
        q->side = RL_BUY;
        break;
    case RL_RISK_WAY_SELF_TRADE:
        q->scopes.instrument = special + OWN;
        q->side = RL_BUY;
        break;
    case RL_RISK_WAY_SHORT_SALE:
        q->scopes.instrument = special + NO_SHORT;
        q->side = RL_SELL;
        break;
    case RL_RISK_WAY_RATIO:
        q->scopes.strategy = RATIOED;
        break;
    case RL_RISK_WAY_FRESHNESS:
        c->input.ready &= ~(uint32_t)RL_READY_BOOK;
        break;
    case RL_RISK_WAY_SEVERAL:
        q->qty = 3000;
        q->px_nano += q->side == RL_BUY ? -away : away;
        c->input.ready &= ~(uint32_t)RL_READY_SESSION;
        break;
    default: /* accepted; or the set is another than it was */
        break;
    }
}

static void make_case(struct rl_risk_case *c, enum rl_risk_way way, const struct rl_risk_job *s,
                      uint64_t *seed)
{
    int64_t mid = (int64_t)(50 + rl_job_draw_below(seed, 100)) * RL_NANO_PER_UNIT;
    int64_t half_spread = RL_NANO_PER_UNIT / 100;
    enum rl_side side = (enum rl_side)rl_job_draw_below(seed, 2);

    *c = (struct rl_risk_case){
        .request = request_of((uint32_t)rl_job_draw_below(seed, s->n_usual), side,
                              1 + rl_job_draw_below(seed, 500), mid),
        .input = {.bbo_tsc = s->now_tsc, .utc_ns = 1, .ready = RL_READY_ALL},
        .answer = masks[way],
    };
    refuse(c, way, s->n_usual, seed);
    if (way == RL_RISK_WAY_NOTIONAL || way == RL_RISK_WAY_DUPLICATE)
        mid = c->request.px_nano;
    c->input.bbo = (struct rl_bbo){{mid - half_spread, mid + half_spread}, {10, 10}};
}

static uint64_t risk_wanted(void *state, uint64_t i)
{
    struct rl_risk_job *s = state;

    return s->cases[i & s->mask].answer;
}

static struct rl_job_bytes risk_input(void *state, uint64_t i)
{
    const struct rl_risk_job *s = state;

    return (struct rl_job_bytes){&s->cases[i & s->mask], sizeof(s->cases[0])};
}

/* Accepted, refused in that way or each in turn, or half of them and half of these. */
static enum rl_risk_way way_of(const struct rl_component_config *config, uint64_t i)
{
    bool is_mixed = config->component == RL_COMPONENT_RISK_CHECK;

    if (config->component == RL_COMPONENT_RISK_ACCEPT || (is_mixed && i % 2 == 0))
        return RL_RISK_WAY_NONE;
    if (config->risk_way != RL_RISK_WAY_NONE)
        return (enum rl_risk_way)config->risk_way;
    return (enum rl_risk_way)(1 + (is_mixed ? i / 2 : i) % (RL_RISK_WAY_ALTERED - 1));
}

static void make_cases(struct rl_risk_job *s, const struct rl_component_config *config, uint64_t n,
                       struct rl_component_result *out)
{
    uint64_t seed = config->seed;

    for (uint64_t i = 0; i < n; i++)
        make_case(&s->cases[i], way_of(config, i), s, &seed);
    for (uint64_t i = n - 1; i > 0; i--) { /* a predictor must not learn the turns */
        uint64_t k = rl_job_draw_below(&seed, i + 1);
        struct rl_risk_case other = s->cases[k];

        s->cases[k] = s->cases[i];
        s->cases[i] = other;
    }
    for (uint64_t i = 0; i < n; i++) {
        for (int bit = 0; bit < RL_RISK_N; bit++)
            out->mix[bit] += (s->cases[i].answer >> bit) & 1;
        out->mix[RL_RISK_N] += s->cases[i].answer == 0;
    }
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int open_world(struct rl_job *job, struct rl_risk_job *s, uint64_t tsc_hz,
                      const struct rl_ledger_config *ledger, const struct rl_risk_config *risk)
{
    void *orders = rl_arena_take(&job->arena, rl_orders_bytes(N_SLOTS, N_SLOTS), RL_CACHE_LINE);
    const struct rl_limit_set *set;
    int err = orders ? rl_orders_init(&s->orders, orders, N_SLOTS, N_SLOTS) : -ENOMEM;

    if (err == 0)
        err = rl_ledger_init(&s->ledger, &job->arena, ledger);
    if (err == 0)
        err = rl_risk_init(&s->risk, &job->arena, risk);
    if (err == 0)
        err = make_set(job, s, &set);
    if (err != 0)
        return err;
    rl_risk_use(&s->risk, set);
    s->now_tsc = 10 * tsc_hz;
    return make_world(s) ? 0 : -EINVAL;
}

int rl_job_open_risk(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    uint64_t n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : RL_JOB_N_CASES;
    uint32_t n_usual = config->regime == RL_REGIME_RANDOM ? N_USUAL_RANDOM : N_USUAL;
    uint32_t n_instruments = n_usual + N_SPECIAL;
    struct rl_ledger_config ledger = {.n_accounts = N_ACCOUNTS, .n_instruments = n_instruments};
    struct rl_ledger shape = {.n_accounts = N_ACCOUNTS, .n_instruments = n_instruments};
    struct rl_orders none = {0};
    struct rl_risk_config risk = {.ledger = &shape,
                                  .orders = &none,
                                  .tsc_hz = config->clock->tsc_hz,
                                  .n_venues = 1,
                                  .n_strategies = N_STRATEGIES,
                                  .n_repeats = 64,
                                  .n_fills = 64};
    size_t n_bytes = n * sizeof(struct rl_risk_case) + rl_orders_bytes(N_SLOTS, N_SLOTS) +
                     rl_ledger_bytes(&ledger) + rl_risk_bytes(&risk) +
                     rl_limits_bytes(N_ACCOUNTS, n_instruments, N_STRATEGIES, 1) +
                     16 * RL_CACHE_LINE;
    struct rl_risk_job *s;
    int err = -EINVAL;

    if (config->risk_way < RL_RISK_N_WAYS)
        err = rl_job_take_memory(job, sizeof(*s), n_bytes);
    if (err != 0)
        return err;
    s = job->state;
    s->n_usual = n_usual;
    s->cases = rl_arena_take(&job->arena, n * sizeof(s->cases[0]), RL_CACHE_LINE);
    s->mask = n - 1;
    risk.ledger = &s->ledger;
    risk.orders = &s->orders;
    err = s->cases ? open_world(job, s, config->clock->tsc_hz, &ledger, &risk) : -ENOMEM;
    if (err != 0)
        return err;
    make_cases(s, config, n, out);
    if (config->risk_way == RL_RISK_WAY_ALTERED)
        s->risk.set_version--; /* as if the set had been written to */
    out->n_inputs = n;
    out->n_input_bytes = n * sizeof(s->cases[0]);
    job->n_first = n;
    job->is_periodic = true;
    job->loops = &risk_loops;
    job->wanted = risk_wanted;
    job->input = risk_input;
    return 0;
}
