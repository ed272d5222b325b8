/*
 * oms_bench - an order manager that may trade, with its records in the test's hands.
 */
#ifndef RL_TESTS_OMS_BENCH_H
#define RL_TESTS_OMS_BENCH_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rig/trial/bench_limits.h"
#include "rig/trial/kill_trial.h"
#include "trade/oms/replay.h"
#include "trade/risk/limits_build.h"

#define UNIT RL_NANO_PER_UNIT
#define OMS_TSC_HZ 1000000000 /* a tick is a nanosecond */
#define OMS_INSTRUMENTS 4
#define OMS_MAX_RECORDS (1 << 16)

struct oms_bench {
    struct rl_arena arena;
    struct rl_kill kill;
    struct rl_oms oms;
    uint64_t now_tsc;
    struct rl_audit_record *records; /* all that were taken so far */
    uint64_t n_records;
};

static inline struct rl_oms_config oms_config(void)
{
    return (struct rl_oms_config){
        .ledger = {.n_accounts = 1, .n_instruments = OMS_INSTRUMENTS, .n_fifo_lots = 1 << 12},
        .n_order_slots = 256,
        .n_execs = 1024,
        .n_audit_slots = 1024,
        .n_venues = 1,
        .n_strategies = 1,
        .n_repeats = 64,
        .n_fills = 64,
        .epoch = 9,
        .tsc_hz = OMS_TSC_HZ,
        .fee_nano_per_lot = {UNIT / 1000},
    };
}

/* 100 at 99 and 100 at 101, seen now, everything ready. */
static inline struct rl_risk_input oms_input(const struct oms_bench *b)
{
    return (struct rl_risk_input){.bbo = {{99 * UNIT, 101 * UNIT}, {100, 100}},
                                  .bbo_tsc = b->now_tsc,
                                  .utc_ns = 1,
                                  .ready = RL_READY_ALL};
}

static inline void oms_open(struct oms_bench *b, const struct rl_oms_config *config,
                            const struct rl_bench_limits *limits)
{
    static RL_ALIGNED uint8_t set[64 << 10];
    char why_not[RL_LIMITS_WHY] = "";
    struct rl_risk_input in;
    const char *why = "";

    memset(b, 0, sizeof *b);
    b->now_tsc = OMS_TSC_HZ;
    b->records = aligned_alloc(RL_CACHE_LINE, OMS_MAX_RECORDS * sizeof *b->records);
    CHECK(b->records);
    CHECK(rl_limits_bytes(1, OMS_INSTRUMENTS, 1, 1) <= sizeof set);
    CHECK_EQ(rl_bench_limits_build(set, rl_limits_bytes(1, OMS_INSTRUMENTS, 1, 1), limits,
                                   OMS_INSTRUMENTS, why_not),
             0);
    CHECK_EQ(rl_arena_open(&b->arena, rl_oms_bytes(config), 0), 0);
    rl_kill_init(&b->kill, 0);
    CHECK_EQ(rl_oms_init(&b->oms, &b->arena, config, &b->kill, b->now_tsc, &why), 0);
    rl_oms_use_limits(&b->oms, (const struct rl_limit_set *)set, b->now_tsc);
    rl_oms_session(&b->oms, 0, RL_SESSION_RECONCILED, b->now_tsc);
    CHECK_EQ(rl_oms_set_state(&b->oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, b->now_tsc), 0);
    CHECK_EQ(rl_bench_arm(&b->kill), 0);
    in = oms_input(b);
    for (uint32_t i = 0; i < OMS_INSTRUMENTS; i++)
        rl_oms_mark(&b->oms, i, &in.bbo, b->now_tsc);
}

static inline void oms_close(struct oms_bench *b)
{
    rl_arena_close(&b->arena);
    free(b->records);
}

static const struct rl_bench_limits oms_limits = {.max_qty = 1000,
                                                  .max_notional = 1000000,
                                                  .max_position = 100000,
                                                  .band_bps = 1000,
                                                  .rate_per_s = 1000000000,
                                                  .rate_burst = 1000000000,
                                                  .max_open = 100};

/* Takes the waiting records. */
static inline void oms_take_records(struct oms_bench *b)
{
    struct rl_ring *ring = &b->oms.audit.ring;
    const struct rl_audit_record *next;

    while ((next = rl_ring_peek(ring)) != NULL) {
        CHECK(b->n_records < OMS_MAX_RECORDS);
        b->records[b->n_records++] = *next;
        rl_ring_release(ring);
    }
    rl_ring_publish(ring);
}

static inline const struct rl_audit_record *oms_last_record(struct oms_bench *b)
{
    oms_take_records(b);
    return &b->records[b->n_records - 1];
}

static inline struct rl_request oms_request(enum rl_side side, uint64_t qty, int64_t px_nano)
{
    return (struct rl_request){.px_nano = px_nano,
                               .qty = qty,
                               .trigger = 7,
                               .side = (uint8_t)side,
                               .type = px_nano == RL_PX_NONE ? RL_TYPE_MARKET : RL_TYPE_LIMIT,
                               .time_in_force = RL_TIF_DAY};
}

/* All three steps; the id, or RL_ID_NONE when it did not leave. */
static inline uint64_t oms_send(struct oms_bench *b, const struct rl_request *request)
{
    struct rl_risk_input in = oms_input(b);
    struct rl_ticket t;

    if (rl_oms_check(&b->oms, request, &in, ++b->now_tsc, &t) != RL_OMS_READY ||
        !rl_oms_commit(&b->oms, &t))
        return RL_ID_NONE;
    rl_oms_sent(&b->oms, &t);
    return t.id;
}

static inline uint64_t oms_replace(struct oms_bench *b, uint64_t id, uint64_t qty, int64_t px_nano)
{
    struct rl_risk_input in = oms_input(b);
    struct rl_ticket t;

    if (rl_oms_check_replace(&b->oms, id, qty, px_nano, &in, ++b->now_tsc, &t) != RL_OMS_READY ||
        !rl_oms_commit(&b->oms, &t))
        return RL_ID_NONE;
    rl_oms_sent(&b->oms, &t);
    return t.id;
}

static inline uint64_t oms_cancel(struct oms_bench *b, uint64_t id)
{
    struct rl_ticket t;

    if (rl_oms_check_cancel(&b->oms, id, ++b->now_tsc, &t) != RL_OMS_READY ||
        !rl_oms_commit(&b->oms, &t))
        return RL_ID_NONE;
    rl_oms_sent(&b->oms, &t);
    return t.id;
}

static inline uint32_t oms_event(struct oms_bench *b, enum rl_order_event_kind kind, uint64_t id,
                                 uint64_t exec, uint64_t qty, int64_t px_nano)
{
    return rl_oms_event(
        &b->oms,
        &(struct rl_order_event){
            .id = id, .exec = exec, .qty = qty, .px_nano = px_nano, .kind = (uint8_t)kind},
        ++b->now_tsc);
}

static inline enum rl_kill_cause oms_cause(const struct oms_bench *b)
{
    return rl_kill_is_clear(&b->kill) ? RL_KILL_NONE : rl_kill_cause(&b->kill, NULL);
}

#define OMS_N(b, counter) rl_counted(&(b)->oms.n.counter)

#endif
