#include "rig/component/component_order.h"

#include <errno.h>

#include "rig/component/component_loops.h"
#include "rig/trial/bench_limits.h"
#include "rig/trial/kill_trial.h"
#include "trade/risk/limits_build.h"

RL_LOOPS(ids_loops, rl_ids_step);
RL_LOOPS(ids_text_loops, rl_ids_text_step);
RL_LOOPS(position_loops, rl_position_step);
RL_LOOPS(fill_loops, rl_oms_fill_step);
RL_LOOPS(send_loops, rl_oms_send_step);

/* --- order.id, order.text --- */

#define EPOCH 7
#define ID_SLOTS (1U << 12)

static uint64_t id_of(uint64_t i)
{
    return ((uint64_t)EPOCH << RL_ID_COUNTER_BITS) + i + 1;
}

static uint64_t ids_wanted(void *state, uint64_t i)
{
    (void)state;
    return id_of(i);
}

static uint64_t text_wanted(void *state, uint64_t i)
{
    struct rl_ids_job *s = state;
    char text[RL_ID_TEXT_BYTES];
    uint64_t last;

    rl_id_to_text_plain(id_of(i), text);
    memcpy(&last, text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return memcmp(text, s->text, RL_ID_TEXT_BYTES) == 0 ? last : ~last;
}

static uint64_t ids_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_ids_job *s = state;

    return rl_id_counter(s->ids.next) != n_steps + 1;
}

int rl_job_open_ids(struct rl_job *job, const struct rl_component_config *config)
{
    bool is_text = config->component == RL_COMPONENT_ORDER_TEXT;
    size_t n_bytes = rl_orders_bytes(ID_SLOTS, 64);
    struct rl_ids_job *s;
    void *memory;
    int err = rl_job_take_memory(job, sizeof(*s), n_bytes + RL_CACHE_LINE);

    if (err != 0)
        return err;
    s = job->state;
    memory = rl_arena_take(&job->arena, n_bytes, RL_CACHE_LINE);
    err = memory ? rl_orders_init(&s->orders, memory, ID_SLOTS, 64) : -ENOMEM;
    job->n_first = 1U << 16;
    job->loops = is_text ? &ids_text_loops : &ids_loops;
    job->wanted = is_text ? text_wanted : ids_wanted;
    job->n_wrong = ids_n_wrong;
    return err != 0 ? err : rl_ids_init(&s->ids, EPOCH);
}

/* --- position.update --- */

#define N_ACCOUNTS 4
#define N_SYMBOLS 1024
#define N_CASES (1U << 15)

static uint64_t position_wanted(void *state, uint64_t i)
{
    struct rl_position_job *s = state;
    const struct rl_position_case *c = &s->cases[i & s->mask];
    int64_t *net = &s->net[(size_t)c->account * N_SYMBOLS + c->instrument];

    *net += c->side == RL_BUY ? (int64_t)c->qty : -(int64_t)c->qty;
    return (uint64_t)*net;
}

static struct rl_job_bytes position_input(void *state, uint64_t i)
{
    const struct rl_position_job *s = state;

    return (struct rl_job_bytes){&s->cases[i & s->mask], sizeof(s->cases[0])};
}

/* Quantities and cash of each position are what its executions come to, cycle after cycle. */
static uint64_t position_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_position_job *s = state;
    uint64_t n_cycles = n_steps / (s->mask + 1), n_wrong = 0;

    for (uint32_t account = 0; account < N_ACCOUNTS; account++)
        for (uint32_t i = 0; i < N_SYMBOLS; i++)
            s->net[(size_t)account * N_SYMBOLS + i] = 0;
    for (uint64_t i = 0; i <= s->mask; i++)
        (void)position_wanted(s, i);
    for (uint32_t account = 0; account < N_ACCOUNTS; account++)
        for (uint32_t i = 0; i < N_SYMBOLS; i++) {
            const struct rl_position *p = rl_ledger_at(&s->ledger, account, i);

            n_wrong += p->net != s->net[(size_t)account * N_SYMBOLS + i] * (int64_t)n_cycles;
            n_wrong += !rl_position_holds(p);
        }
    return n_wrong + (rl_ledger_check(&s->ledger, NULL) != 0);
}

int rl_job_open_position(struct rl_job *job, const struct rl_component_config *config,
                         struct rl_component_result *out)
{
    struct rl_ledger_config ledger = {.n_accounts = N_ACCOUNTS, .n_instruments = N_SYMBOLS};
    bool is_hot = config->regime == RL_REGIME_HOT;
    uint64_t n = is_hot ? RL_JOB_HOT_INPUTS : N_CASES, seed = config->seed;
    size_t n_nets = (size_t)N_ACCOUNTS * N_SYMBOLS;
    struct rl_position_job *s;
    int err = rl_job_take_memory(job, sizeof(*s),
                                 n * sizeof(s->cases[0]) + n_nets * sizeof(int64_t) +
                                     rl_ledger_bytes(&ledger) + 4 * RL_CACHE_LINE);

    if (err != 0)
        return err;
    s = job->state;
    s->cases = rl_arena_take(&job->arena, n * sizeof(s->cases[0]), RL_CACHE_LINE);
    s->net = rl_arena_take(&job->arena, n_nets * sizeof(int64_t), RL_CACHE_LINE);
    s->mask = n - 1;
    err = rl_ledger_init(&s->ledger, &job->arena, &ledger);
    for (uint32_t i = 0; err == 0 && i < N_SYMBOLS; i++)
        err = rl_ledger_mark(&s->ledger, i, 100 * RL_NANO_PER_UNIT, 1) ? 0 : -EINVAL;
    /* In the stream neighbours come together, as the orders of one strategy do. */
    for (uint64_t i = 0; i < n; i++) {
        uint64_t symbol = config->regime == RL_REGIME_RANDOM ? rl_job_draw_below(&seed, N_SYMBOLS)
                                                             : i / 16 % (is_hot ? 4 : N_SYMBOLS);

        s->cases[i] = (struct rl_position_case){
            .qty = 1 + rl_job_draw_below(&seed, 100),
            .px_nano = (int64_t)(9900 + rl_job_draw_below(&seed, 200)) * (RL_NANO_PER_UNIT / 100),
            .instrument = (uint32_t)symbol,
            .account = (uint8_t)rl_job_draw_below(&seed, is_hot ? 1 : N_ACCOUNTS),
            .side = (uint8_t)rl_job_draw_below(&seed, 2)};
    }
    out->n_inputs = n;
    out->n_input_bytes = n * sizeof(s->cases[0]);
    job->n_first = n;
    job->loops = &position_loops;
    job->wanted = position_wanted;
    job->input = position_input;
    job->n_wrong = position_n_wrong;
    return err;
}

/* --- oms.fill, oms.send --- */

#define OMS_SYMBOLS 1024
#define OMS_SLOTS (1U << 14)
#define OMS_OPEN (1U << 12) /* open orders in the stream */
#define OMS_RECORDS (1U << 14)
#define LOTS ((uint64_t)1 << 40) /* of an order: one lot a step lasts longer than a run */
_Static_assert(RL_JOB_MAX_UNSETTLED <= OMS_RECORDS / 4, "the log holds them");

/* Wide enough for orders that never end. */
static const struct rl_bench_limits oms_limits = {.max_qty = LOTS,
                                                  .max_notional = LOTS << 8,
                                                  .max_position = LOTS << 14,
                                                  .band_bps = 1000,
                                                  .rate_per_s = RL_LIMIT_MAX_32,
                                                  .rate_burst = RL_LIMIT_MAX_32,
                                                  .max_open = OMS_SLOTS};

/* Takes the records of what was done, and holds them against it: sequence and kind. */
static void take_records(struct rl_oms_job *s, uint8_t kind)
{
    struct rl_ring *ring = &s->oms.audit.ring;
    const struct rl_audit_record *r;

    while ((r = rl_ring_peek(ring)) != NULL) {
        s->n_records += r->kind == kind;
        s->n_bad += r->kind != kind;
        rl_ring_release(ring);
    }
    rl_ring_publish(ring);
}

static uint64_t no_flags_wanted(void *state, uint64_t i)
{
    (void)state;
    (void)i;
    return 0;
}

static void fill_settle(void *state)
{
    take_records(state, RL_AUDIT_EVENT);
}

static uint64_t fill_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_oms_job *s = state;

    fill_settle(s);
    return s->n_bad + (s->n_records != n_steps) + (rl_oms_verify(&s->oms, NULL) != 0) +
           (rl_counted(&s->oms.n.fills) != n_steps);
}

/* The orders of a burst are over: what the next one finds is what this one found. */
static void send_settle(void *state)
{
    struct rl_oms_job *s = state;
    struct rl_orders *o = &s->oms.orders;

    take_records(s, RL_AUDIT_SENT);
    for (uint64_t slot = rl_orders_next_open(o, 0); slot <= o->mask;
         slot = rl_orders_next_open(o, slot + 1)) {
        struct rl_order_event e = {
            .id = o->slots[slot].id, .px_nano = RL_PX_NONE, .kind = RL_EVENT_EXPIRED};

        (void)rl_oms_event(&s->oms, &e, s->now_tsc);
        while (rl_ring_peek(&s->oms.audit.ring) != NULL)
            rl_ring_release(&s->oms.audit.ring);
    }
    rl_ring_publish(&s->oms.audit.ring);
}

static uint64_t send_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_oms_job *s = state;

    send_settle(s);
    return s->n_bad + (s->n_records != n_steps) + (rl_oms_verify(&s->oms, NULL) != 0) +
           (rl_counted(&s->oms.n.orders_sent) != n_steps) + (s->oms.orders.n_open != 0);
}

/* Sends what will be filled lot by lot. */
static int open_orders(struct rl_oms_job *s, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct rl_request q = {.scopes = {.instrument = (uint32_t)(i % OMS_SYMBOLS)},
                               .px_nano = 100 * RL_NANO_PER_UNIT,
                               .qty = LOTS,
                               .side = (uint8_t)(i / OMS_SYMBOLS & 1),
                               .type = RL_TYPE_LIMIT,
                               .time_in_force = RL_TIF_IOC};
        struct rl_ticket t;

        if (rl_oms_check(&s->oms, &q, &s->input, s->now_tsc, &t) != RL_OMS_READY ||
            !rl_oms_commit(&s->oms, &t))
            return -EINVAL;
        rl_oms_sent(&s->oms, &t);
        (void)rl_oms_event(
            &s->oms,
            &(struct rl_order_event){.id = t.id, .px_nano = RL_PX_NONE, .kind = RL_EVENT_ACK},
            s->now_tsc);
        s->ids[i] = t.id;
    }
    return 0;
}

static int open_oms(struct rl_job *job, struct rl_oms_job *s, const struct rl_oms_config *config)
{
    size_t n_bytes = rl_limits_bytes(1, OMS_SYMBOLS, 1, 1);
    void *set = rl_arena_take(&job->arena, n_bytes, RL_CACHE_LINE);
    const char *why;
    int err = set ? rl_bench_limits_build(set, n_bytes, &oms_limits, OMS_SYMBOLS, NULL) : -ENOMEM;

    rl_kill_init(&s->kill, 0);
    s->now_tsc = 10 * config->tsc_hz;
    if (err == 0)
        err = rl_oms_init(&s->oms, &job->arena, config, &s->kill, s->now_tsc, &why);
    if (err != 0)
        return err;
    rl_oms_use_limits(&s->oms, set, s->now_tsc);
    rl_oms_session(&s->oms, 0, RL_SESSION_RECONCILED, s->now_tsc);
    s->input =
        (struct rl_risk_input){.bbo = {{99 * RL_NANO_PER_UNIT, 101 * RL_NANO_PER_UNIT}, {1, 1}},
                               .bbo_tsc = s->now_tsc,
                               .utc_ns = 1,
                               .ready = RL_READY_ALL};
    for (uint32_t i = 0; i < OMS_SYMBOLS; i++)
        rl_oms_mark(&s->oms, i, &s->input.bbo, s->now_tsc);
    err = rl_oms_set_state(&s->oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, s->now_tsc);
    return err ? err : rl_bench_arm(&s->kill);
}

int rl_job_open_oms(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out)
{
    bool is_hot = config->regime == RL_REGIME_HOT,
         is_fill = config->component == RL_COMPONENT_OMS_FILL;
    uint64_t n = is_hot ? RL_JOB_HOT_INPUTS : OMS_OPEN, seed = config->seed;
    struct rl_oms_config oms = {
        .ledger = {.n_accounts = 1, .n_instruments = OMS_SYMBOLS},
        .n_order_slots = OMS_SLOTS,
        .n_execs = 1 << 12,
        .n_audit_slots = 2 * OMS_RECORDS,
        .n_venues = 1,
        .n_strategies = 1,
        .n_repeats = 1 << 10,
        .n_fills = 64,
        .epoch = EPOCH,
        .tsc_hz = config->clock->tsc_hz,
    };
    struct rl_oms_job *s;
    int err = rl_job_take_memory(job, sizeof(*s),
                                 rl_oms_bytes(&oms) + rl_limits_bytes(1, OMS_SYMBOLS, 1, 1) +
                                     n * (sizeof(uint64_t) + sizeof(uint32_t)) + 8 * RL_CACHE_LINE);

    if (err != 0)
        return err;
    s = job->state;
    s->mask = n - 1;
    s->ids = rl_arena_take(&job->arena, n * sizeof(s->ids[0]), RL_CACHE_LINE);
    s->symbols = rl_arena_take(&job->arena, n * sizeof(s->symbols[0]), RL_CACHE_LINE);
    err = open_oms(job, s, &oms);
    for (uint64_t i = 0; i < n; i++)
        s->symbols[i] =
            (uint32_t)(config->regime == RL_REGIME_RANDOM ? rl_job_draw_below(&seed, OMS_SYMBOLS)
                                                          : i / 4 % OMS_SYMBOLS);
    if (err == 0 && is_fill)
        err = open_orders(s, n);
    for (uint64_t i = n - 1; config->regime == RL_REGIME_RANDOM && i > 0; i--) {
        uint64_t k = rl_job_draw_below(&seed, i + 1), other = s->ids[k];

        s->ids[k] = s->ids[i];
        s->ids[i] = other;
    }
    take_records(s, RL_AUDIT_START);
    s->n_records = s->n_bad = 0; /* of the set-up */
    out->n_inputs = n;
    out->n_input_bytes = n * (is_fill ? sizeof(s->ids[0]) : sizeof(s->symbols[0]));
    out->n_live_orders = s->oms.orders.n_open;
    job->n_first = n;
    job->is_periodic = true;
    job->max_burst = RL_JOB_MAX_UNSETTLED;
    job->loops = is_fill ? &fill_loops : &send_loops;
    job->wanted = no_flags_wanted;
    job->settle = is_fill ? fill_settle : send_settle;
    job->n_wrong = is_fill ? fill_n_wrong : send_n_wrong;
    return err;
}
