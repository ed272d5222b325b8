/*
 * The order manager: an input is a tape of calls and of what the venue says, honest or not, with
 * every member of every argument from the tape. Whatever comes: no crash, all parts agree with each
 * other, what is tripped stops the next order, and the log leads a fresh one to the same state.
 */
#include "fuzz.h"

#include "../oms_bench.h"

static const struct rl_bench_limits some_limits = {.max_qty = 1000,
                                                   .max_notional = 1000000,
                                                   .max_position = 5000,
                                                   .band_bps = 1000,
                                                   .rate_per_s = 1000000000,
                                                   .rate_burst = 1000000000,
                                                   .max_open = 20,
                                                   .may_meet_own = true};

/* Small mostly, so that ids and executions meet; else any number at all. */
static uint64_t number(struct fuzz_tape *t, uint64_t near)
{
    uint8_t how = fuzz_u8(t);

    if (how < 200)
        return near + how % 32;
    return how < 225 ? how - 200U : fuzz_u64(t);
}

static int64_t price(struct fuzz_tape *t)
{
    uint8_t how = fuzz_u8(t);

    if (how < 220)
        return (90 + how % 21) * UNIT;
    return how < 230 ? RL_PX_NONE : (int64_t)fuzz_u64(t);
}

static void leave(struct oms_bench *b, enum rl_oms_answer answer, struct rl_ticket *t)
{
    bool may = t->kind == RL_AUDIT_CANCEL_SENT || rl_kill_allows(&b->kill, &t->request.scopes);

    if (answer != RL_OMS_READY)
        return;
    CHECK(t->id != RL_ID_NONE && t->reasons == 0);
    CHECK_EQ(rl_oms_commit(&b->oms, t), may);
    if (may)
        rl_oms_sent(&b->oms, t);
}

static void send(struct oms_bench *b, struct fuzz_tape *tape)
{
    struct rl_risk_input in = oms_input(b);
    uint8_t odd = fuzz_u8(tape);
    struct rl_request q = {
        .scopes = {.instrument = (uint32_t)number(tape, 0) % (odd < 250 ? OMS_INSTRUMENTS : 99),
                   .venue = odd < 251 ? 0 : odd,
                   .account = odd < 252 ? 0 : odd,
                   .strategy = odd < 253 ? 0 : odd},
        .px_nano = price(tape),
        .qty = number(tape, 1),
        .trigger = odd,
        .side = odd < 254 ? odd & 1 : odd,
        .time_in_force = fuzz_u8(tape) % 6,
    };
    struct rl_ticket t;

    q.type = q.px_nano == RL_PX_NONE;
    leave(b, rl_oms_check(&b->oms, &q, &in, ++b->now_tsc, &t), &t);
}

static void say(struct oms_bench *b, struct fuzz_tape *tape, uint64_t near)
{
    struct rl_order_event e = {.kind = fuzz_u8(tape) % 18};

    e.id = number(tape, near);
    e.orig_id = fuzz_u8(tape) < 200 ? 0 : number(tape, near);
    e.exec = number(tape, 1);
    e.ref_exec = number(tape, 1);
    e.qty = number(tape, 1);
    e.px_nano = price(tape);
    (void)rl_oms_event(&b->oms, &e, ++b->now_tsc);
}

static void reset(struct oms_bench *b)
{
    uint32_t epoch;

    (void)rl_oms_poll(&b->oms, ++b->now_tsc);
    (void)rl_kill_draining(&b->kill);
    (void)rl_kill_drained(&b->kill, b->oms.orders.n_open);
    if (rl_kill_request(&b->kill, &epoch) == 0)
        (void)rl_kill_arm(&b->kill, epoch, RL_KILL_ALL, 0);
}

static void step(struct oms_bench *b, struct fuzz_tape *tape)
{
    uint64_t near = b->oms.ids.next > 24 ? b->oms.ids.next - 24 : 0;
    struct rl_risk_input in = oms_input(b);
    struct rl_ticket t;
    uint8_t what = fuzz_u8(tape);
    uint64_t id;

    switch (what % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        send(b, tape);
        return;
    case 4:
        id = number(tape, near);
        leave(
            b,
            rl_oms_check_replace(&b->oms, id, number(tape, 1), price(tape), &in, ++b->now_tsc, &t),
            &t);
        return;
    case 5:
        leave(b, rl_oms_check_cancel(&b->oms, number(tape, near), ++b->now_tsc, &t), &t);
        return;
    case 12:
        rl_oms_session(&b->oms, fuzz_u8(tape) % 2, (enum rl_session_event)(fuzz_u8(tape) % 4),
                       ++b->now_tsc);
        return;
    case 13:
        rl_oms_trip(&b->oms, (enum rl_scope)(fuzz_u8(tape) % 7), fuzz_u8(tape),
                    (enum rl_kill_cause)fuzz_u8(tape), ++b->now_tsc);
        return;
    case 14:
        (void)rl_oms_set_state(&b->oms, (enum rl_scope)(fuzz_u8(tape) % 7), fuzz_u8(tape) % 5,
                               (enum rl_risk_state)(fuzz_u8(tape) % 4), ++b->now_tsc);
        return;
    case 15:
        in.bbo.px_nano[RL_BUY] = price(tape);
        in.bbo.px_nano[RL_SELL] = price(tape);
        rl_oms_mark(&b->oms, fuzz_u8(tape) % OMS_INSTRUMENTS, &in.bbo, ++b->now_tsc);
        reset(b);
        return;
    default:
        say(b, tape, near);
        return;
    }
}

static void check_replay(struct oms_bench *b)
{
    struct rl_replay r;
    const char *why = "";

    rl_replay_init(&r, 1 << 12);
    for (uint64_t i = 0; i < b->n_records; i++)
        CHECK_EQ(rl_replay_record(&r, &b->records[i], &why), 0);
    CHECK(r.oms != NULL && rl_oms_hash(r.oms) == rl_oms_hash(&b->oms));
    rl_replay_fini(&r);
}

/* A fresh one in the memory of the one before: mapping it anew costs more than using it. */
static void fresh(struct oms_bench *b, const struct rl_oms_config *config)
{
    const struct rl_limit_set *set = b->oms.risk.set;
    const char *why = "";

    memset(b->arena.base, 0, b->arena.n_used);
    b->arena.n_used = 0;
    b->n_records = 0;
    b->now_tsc = OMS_TSC_HZ;
    rl_kill_init(&b->kill, 0);
    CHECK_EQ(rl_oms_init(&b->oms, &b->arena, config, &b->kill, b->now_tsc, &why), 0);
    rl_oms_use_limits(&b->oms, set, b->now_tsc);
    rl_oms_session(&b->oms, 0, RL_SESSION_RECONCILED, b->now_tsc);
    CHECK_EQ(rl_oms_set_state(&b->oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, b->now_tsc), 0);
    CHECK_EQ(rl_bench_arm(&b->kill), 0);
    for (uint32_t i = 0; i < OMS_INSTRUMENTS; i++)
        rl_oms_mark(&b->oms, i, &(struct rl_bbo){{99 * UNIT, 101 * UNIT}, {100, 100}}, b->now_tsc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oms_bench b;
    struct fuzz_tape tape = {data, data + size};
    struct rl_oms_config config = oms_config();
    const char *why = "";

    if (size > FUZZ_MAX)
        return 0;
    config.n_order_slots = 64;
    config.n_execs = 16;
    config.ledger.method[0] = size & 1 ? RL_METHOD_FIFO : RL_METHOD_AVERAGE;
    config.ledger.n_fifo_lots = 64;
    if (b.records == NULL)
        oms_open(&b, &config, &some_limits);
    fresh(&b, &config);
    while (tape.at < tape.end) {
        step(&b, &tape);
        oms_take_records(&b);
    }
    oms_take_records(&b);
    /* What no sum could hold trips the switch, and is not asked to agree. */
    if (OMS_N(&b, unbooked) == 0) {
        CHECK_EQ(rl_oms_verify(&b.oms, &why), 0);
        check_replay(&b);
    } else {
        CHECK(!rl_kill_is_clear(&b.kill) || OMS_N(&b, trips) > 0);
        CHECK_EQ(rl_orders_check(&b.oms.orders, &why), 0);
        CHECK_EQ(rl_ledger_check(&b.oms.ledger, &why), 0);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    uint64_t random = i + 1;
    size_t n = 64 + 32 * (i % 8);

    if (i >= 24)
        return 0;
    for (size_t k = 0; k < n; k++)
        out[k] = (uint8_t)(check_random(&random) >> 32);
    return n;
}
