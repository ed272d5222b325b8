#include "rig/component_trade.h"

#include "rig/component_loops.h"

#include <errno.h>

RL_LOOPS(risk_loops, rl_risk_step);
RL_LOOPS(ids_loops, rl_ids_step);
RL_LOOPS(audit_loops, rl_audit_step);
RL_LOOPS(hist_loops, rl_hist_step);
RL_LOOPS(pair_loops, rl_pair_step);
RL_LOOPS(gettime_loops, rl_gettime_step);

/* --- risk.check --- */

#define N_RISK_INSTRUMENTS 64
#define LONG_INSTRUMENT 62 /* 50 lots below its limit */
#define SHORT_INSTRUMENT 63

/* What rl_risk_check can find; the other reasons are given elsewhere. */
static const uint32_t reasons[] = {
    RL_RISK_QTY,  RL_RISK_NOTIONAL, RL_RISK_POSITION,      RL_RISK_BAND,      RL_RISK_RATE,
    RL_RISK_OPEN, RL_RISK_HALTED,   RL_RISK_LIMIT_MISSING, RL_RISK_REFERENCE, RL_RISK_FIELD,
};
#define SEVERAL (RL_RISK_HALTED | RL_RISK_QTY | RL_RISK_BAND)

/* An order that gets this mask, by construction: 0, one of the reasons, or SEVERAL. */
static void make_case(struct rl_risk_case *c, uint32_t answer, uint64_t now_tsc, uint64_t *seed)
{
    int64_t mid = (int64_t)(50 + rl_job_draw_below(seed, 100)) * RL_NANO_PER_UNIT;
    int64_t half_spread = RL_NANO_PER_UNIT / 100;

    *c = (struct rl_risk_case){.now_tsc = now_tsc, .answer = answer};
    c->order.instrument = (uint32_t)rl_job_draw_below(seed, LONG_INSTRUMENT);
    c->order.side = (uint8_t)rl_job_draw_below(seed, 2);
    c->order.qty = 1 + rl_job_draw_below(seed, 500);
    switch (answer) {
    case RL_RISK_QTY:
        c->order.qty = 1001 + rl_job_draw_below(seed, 900);
        break;
    case RL_RISK_NOTIONAL:
        mid *= 1000;
        c->order.qty = 100 + rl_job_draw_below(seed, 100);
        break;
    case RL_RISK_POSITION:
        c->order.instrument = c->order.side == RL_BUY ? LONG_INSTRUMENT : SHORT_INSTRUMENT;
        c->order.qty = 51 + rl_job_draw_below(seed, 500);
        break;
    case RL_RISK_RATE:
        c->now_tsc = 0;
        break;
    case RL_RISK_OPEN:
        c->which = RL_JOB_RISK_FULL;
        break;
    case RL_RISK_HALTED:
        c->which = RL_JOB_RISK_HALTED;
        break;
    case SEVERAL:
        c->which = RL_JOB_RISK_HALTED;
        c->order.qty = 3000;
        break;
    case RL_RISK_LIMIT_MISSING:
        c->which = RL_JOB_RISK_MISSING;
        break;
    case RL_RISK_FIELD:
        c->order.qty = 0;
        break;
    default:
        break;
    }
    c->order.px_nano = mid;
    c->order.bbo = (struct rl_bbo){{mid - half_spread, mid + half_spread}, {10, 10}};
    if ((answer & RL_RISK_BAND) != 0)
        c->order.px_nano = c->order.side == RL_BUY ? mid + mid / 50 : mid - mid / 50;
    if (answer == RL_RISK_REFERENCE)
        c->order.bbo.px_nano[rl_job_draw_below(seed, 2)] = RL_PX_NONE;
}

static uint64_t risk_wanted(void *state, uint64_t i)
{
    struct rl_risk_job *s = state;

    return s->cases[i & s->mask].answer;
}

int rl_job_open_risk(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    struct rl_risk_limits limits = {.max_qty = 1000,
                                    .max_notional = 1000000,
                                    .max_position = 5000,
                                    .band_bps = 100,
                                    .rate_per_s = 1000,
                                    .rate_burst = 10,
                                    .max_open = 50};
    uint64_t n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : RL_JOB_N_CASES;
    uint64_t seed = config->seed, later;
    struct rl_risk_job *s;
    int err = rl_job_take_memory(
        job, sizeof(*s), n * sizeof(s->cases[0]) + N_RISK_INSTRUMENTS * sizeof(struct rl_position));

    if (err != 0)
        return err;
    s = job->state;
    s->cases = rl_arena_take(&job->arena, n * sizeof(s->cases[0]), 0);
    s->positions = rl_arena_take(&job->arena, N_RISK_INSTRUMENTS * sizeof(s->positions[0]), 0);
    s->mask = n - 1;
    for (int i = 0; i < RL_JOB_N_RISKS && err == 0; i++) {
        struct rl_risk *r = &s->risks[i];
        struct rl_risk_limits mine = limits;

        if (i == RL_JOB_RISK_MISSING)
            mine.band_bps = 0; /* at mid exactly, as these orders are, no other check fails by it */
        err = rl_risk_init(r, &mine, s->positions, N_RISK_INSTRUMENTS, config->clock->tsc_hz);
        if (i != RL_JOB_RISK_HALTED)
            rl_risk_resume(r);
        if (i == RL_JOB_RISK_FULL)
            r->n_open = limits.max_open;
        r->next_tsc = r->ticks_of_burst + 1000000; /* tsc 0 is too early, this moment is not */
    }
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < LONG_INSTRUMENT; i++)
        s->positions[i].net = (int64_t)rl_job_draw_below(&seed, 4001) - 2000;
    s->positions[LONG_INSTRUMENT].net = (int64_t)limits.max_position - 50;
    s->positions[SHORT_INSTRUMENT].net = 50 - (int64_t)limits.max_position;
    later = s->risks[RL_JOB_RISK_OPEN].next_tsc;
    for (uint64_t i = 0; i < n; i++) {
        /* Half are accepted; the others take the reasons in turn, each as often. */
        uint64_t turn = i / 2 % (RL_COUNT(reasons) + 1);
        uint32_t refused = turn < RL_COUNT(reasons) ? reasons[turn] : SEVERAL;

        make_case(&s->cases[i], i % 2 == 0 ? 0 : refused, later, &seed);
    }
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
    out->n_inputs = n;
    out->n_input_bytes = n * sizeof(s->cases[0]);
    job->n_first = n;
    job->is_periodic = true;
    job->loops = &risk_loops;
    job->wanted = risk_wanted;
    return 0;
}

/* --- order.id --- */

#define EPOCH 7

static uint64_t ids_wanted(void *state, uint64_t i)
{
    uint64_t id = ((uint64_t)EPOCH << RL_ID_COUNTER_BITS) + i + 1, last;
    struct rl_ids_job *s = state;
    char text[RL_ID_TEXT_BYTES];

    rl_id_to_text_plain(id, text);
    memcpy(&last, text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return memcmp(text, s->text, RL_ID_TEXT_BYTES) == 0 ? last : ~last;
}

static uint64_t ids_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_ids_job *s = state;
    uint64_t last;

    memcpy(&last, s->text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return (rl_id_counter(s->ids.next) != n_steps + 1) + (ids_wanted(state, n_steps - 1) != last);
}

int rl_job_open_ids(struct rl_job *job)
{
    struct rl_ids_job *s;
    int err = rl_job_take_memory(job, sizeof(*s), 0);

    if (err != 0)
        return err;
    s = job->state;
    job->n_first = 1U << 16;
    job->loops = &ids_loops;
    job->wanted = ids_wanted;
    job->n_wrong = ids_n_wrong;
    return rl_ids_init(&s->ids, EPOCH);
}

/* --- audit.append --- */

static void audit_settle(void *state)
{
    struct rl_audit_job *s = state;
    uint64_t n;

    while ((n = rl_audit_drain(&s->reader, s->drained, RL_AUDIT_BATCH)) > 0) {
        uint64_t n_good = rl_audit_verify(s->drained, n, s->n_drained, s->crc);

        for (uint64_t i = 0; i < n_good; i++)
            s->n_bad += s->drained[i].id != s->n_drained + i + 1;
        s->n_bad += n - n_good;
        s->n_drained += n;
        s->crc = s->drained[n - 1].crc;
    }
}

static uint64_t audit_wanted(void *state, uint64_t i)
{
    (void)state;
    return i + 1;
}

static uint64_t audit_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_audit_job *s = state;

    audit_settle(s);
    return s->n_bad + (s->n_drained != n_steps);
}

int rl_job_open_audit(struct rl_job *job)
{
    struct rl_audit_job *s;
    size_t n_bytes = RL_JOB_AUDIT_SLOTS * sizeof(struct rl_audit_record);
    int err = rl_job_take_memory(job, sizeof(*s),
                                 n_bytes + RL_AUDIT_BATCH * sizeof(struct rl_audit_record));

    if (err != 0)
        return err;
    s = job->state;
    err = rl_audit_init(&s->audit, rl_arena_take(&job->arena, n_bytes, 0), RL_JOB_AUDIT_SLOTS);
    s->drained = rl_arena_take(&job->arena, RL_AUDIT_BATCH * sizeof(struct rl_audit_record), 0);
    rl_audit_reader_init(&s->reader, &s->audit);
    job->n_first = 1U << 16;
    job->max_burst = RL_JOB_AUDIT_SLOTS / 2; /* the ring hides up to a quarter from the writer */
    job->loops = &audit_loops;
    job->wanted = audit_wanted;
    job->settle = audit_settle;
    job->n_wrong = audit_n_wrong;
    return err;
}

/* --- hist.record --- */

static uint64_t hist_wanted(void *state, uint64_t i)
{
    (void)state;
    return i + 1;
}

static uint64_t hist_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_hist_job *s = state;
    uint64_t n = 0, n_wrong = 0;

    /* At the end of a whole number of cycles every bucket holds that many times its values. */
    for (uint64_t i = 0; i <= s->mask; i++)
        s->hist.counts[rl_hist_index(&s->hist, s->values[i])] -= n_steps / (s->mask + 1);
    for (uint32_t i = 0; i < s->hist.n_counts; i++) {
        n_wrong += s->hist.counts[i] != 0;
        n += s->hist.counts[i];
    }
    return n_wrong + (n != 0) + (s->hist.n_total != n_steps);
}

int rl_job_open_hist(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    struct rl_hist_job *s;
    uint64_t n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : 4096, seed = config->seed;
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    int err = rl_job_take_memory(job, sizeof(*s), n_bytes + n * sizeof(uint64_t));

    if (err != 0)
        return err;
    s = job->state;
    err = rl_hist_init(&s->hist, RL_HIST_HIGHEST, RL_HIST_DIGITS,
                       rl_arena_take(&job->arena, n_bytes, 0), n_bytes);
    s->values = rl_arena_take(&job->arena, n * sizeof(uint64_t), 0);
    s->mask = n - 1;
    /* Latencies: most within a factor of two, one in 16 in a tail of three decades. */
    for (uint64_t i = 0; i < n; i++) {
        s->values[i] = 800 + rl_job_draw_below(&seed, 800);
        if (rl_job_draw_below(&seed, 16) == 0)
            s->values[i] <<= rl_job_draw_below(&seed, 11);
    }
    out->n_inputs = n;
    out->n_input_bytes = n * sizeof(uint64_t);
    job->n_first = n;
    job->loops = &hist_loops;
    job->wanted = hist_wanted;
    job->n_wrong = hist_n_wrong;
    return err;
}

/* --- clocks --- */

int rl_job_open_clock(struct rl_job *job, const struct rl_component_config *config)
{
    job->loops = config->component == RL_COMPONENT_CLOCK_PAIR ? &pair_loops : &gettime_loops;
    return 0;
}
