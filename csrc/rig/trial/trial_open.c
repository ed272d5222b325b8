/* Opening a trial: what makes sense, and one arena for all of it. */
#include "rig/trial/trial.h"

#include <errno.h>
#include <string.h>

#include "base/cpu.h"
#include "rig/pipeline/learn.h"
#include "trade/risk/limits_build.h"

void rl_trial_config_init(struct rl_trial_config *c)
{
    *c = (struct rl_trial_config){
        .drain_ns = 1000000000,
        .cpu_engine = 0,
        .cpu_rig = 1,
        .reflect_every = 10,
        .n_instruments = 64,
        .n_orders = 1 << 16,
        .n_levels_per_side = 1 << 14,
        .limits = {.max_qty = 1000,
                   .max_notional = 100000000,
                   .max_position = 100000,
                   .band_bps = 500,
                   .rate_per_s = 1000000,
                   .rate_burst = 10000,
                   .max_open = 4096},
        .strategy = {.threshold_permille = 600,
                     .every = 1,
                     .order_qty = 1,
                     .max_spread_nano = INT64_MAX},
        .n_pack = 1,
        .first_seq = 1,
        .epoch = 1,
        .n_order_slots = 1 << 13,
        .n_audit_slots = 1 << 16,
        .n_market_bytes = 4 << 20,
        .n_session_bytes = 1 << 20,
        .arena_flags = RL_ARENA_ALL,
    };
}

/* --- what makes sense ------------------------------------------------------------------------ */

static bool is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static const char *check_cpus(const struct rl_trial_config *c)
{
    int cpus[1024], n = rl_cpu_allowed(cpus, (int)RL_COUNT(cpus));
    bool has_engine = false, has_rig = false;

    if (n < 2)
        return "cpus: this process may use fewer than two; engine and rig need one each";
    if (c->cpu_engine == c->cpu_rig)
        return "cpus: engine and rig must not share one";
    for (int i = 0; i < n && i < (int)RL_COUNT(cpus); i++) {
        has_engine |= cpus[i] == c->cpu_engine;
        has_rig |= cpus[i] == c->cpu_rig;
    }
    if (!has_engine)
        return "cpu_engine: absent, or not allowed for this process";
    return has_rig ? NULL : "cpu_rig: absent, or not allowed for this process";
}

static const char *check_stream(const struct rl_trial_config *c)
{
    const struct rl_stream *s = &c->stream;
    bool is_numbered_by_us =
        s->framing == RL_FRAMING_MOLD_WRAP || s->framing == RL_FRAMING_FIX_STAMP;

    if (s->n_recs == 0 || s->bytes == NULL || s->recs == NULL)
        return "stream: empty";
    if (s->loop_from > s->n_recs)
        return "stream: loops from beyond its end";
    if (s->loop_from < s->n_recs && !is_numbered_by_us)
        return "stream: captured sequence numbers cannot loop";
    if (s->loop_from == s->n_recs && c->n_frames > s->n_recs)
        return "n_frames: more than the stream has, and it does not loop";
    for (uint64_t i = 0; i < s->n_recs; i++)
        if (s->recs[i].n_bytes == 0 || s->recs[i].offset > s->n_bytes ||
            s->recs[i].n_bytes > s->n_bytes - s->recs[i].offset)
            return "stream: a record lies outside its bytes";
    return NULL;
}

static const char *check_schedule(const struct rl_schedule *s)
{
    if (s->n_due == 0 || s->due_ns == NULL)
        return "schedule: empty";
    for (uint64_t i = 1; i < s->n_due; i++)
        if (s->due_ns[i] < s->due_ns[i - 1])
            return "schedule: due times must not fall";
    /* At the end of the span would be the same instant as the next cycle's first: allowed for 0
     * only. */
    if (s->span_ns == 0 ? s->due_ns[s->n_due - 1] != 0 : s->due_ns[s->n_due - 1] > s->span_ns)
        return "schedule: due times must lie within the span";
    return NULL;
}

/* A foreign engine has its own end of a line. */
static bool is_whole(const struct rl_trial_config *c, const struct rl_trial_line *line)
{
    if (c->mode == RL_TRIAL_FOREIGN)
        return line->rig != NULL && line->engine == NULL;
    return (line->rig == NULL) == (line->engine == NULL);
}

static const char *check_lines(const struct rl_trial_config *c)
{
    uint64_t n_frame_max = rl_blast_frame_max(&c->stream, c->n_pack);

    if (c->n_pack == 0 || (c->n_pack > 1 && c->stream.framing != RL_FRAMING_MOLD_WRAP))
        return "n_pack: only messages that we number are packed, one a frame at the least";
    if (c->first_seq == 0 || c->first_seq > RL_TRIAL_FIRST_SEQ ||
        (c->first_seq > 1 && c->stream.framing != RL_FRAMING_MOLD_WRAP))
        return "first_seq: from 1 to 2^62, and above 1 only where we number ITCH messages";
    if (!is_whole(c, &c->market) || !is_whole(c, &c->session))
        return "ports: a line has two ends, of which a foreign engine has one";
    if (c->market.rig && n_frame_max > c->market.rig->caps.n_bytes_frame_max)
        return "n_pack: the longest frame does not fit the port";
    /* A frame must always find room in an empty ring, wherever its tail is: half of it, less
     * headers. */
    if (!c->market.rig && n_frame_max + 64 > c->n_market_bytes / 2)
        return "n_market_bytes: the longest frame does not fit";
    return NULL;
}

static const char *check_config(const struct rl_trial_config *c)
{
    const char *why = check_stream(c);

    if (!why)
        why = check_schedule(&c->schedule);
    if (why)
        return why;
    if (c->n_frames == 0 || c->n_warmup_frames >= c->n_frames)
        return "n_frames: nothing to measure after the warm-up";
    if (c->mode != RL_TRIAL_ENGINE && c->mode != RL_TRIAL_REFLECT && c->mode != RL_TRIAL_FOREIGN)
        return "mode: neither engine nor reflect nor foreign";
    if (c->stop_pid != 0 &&
        (c->mode != RL_TRIAL_FOREIGN || c->stop_pid < 1 || c->stop_frame >= c->n_frames))
        return "stop: is of a foreign engine that runs, and before the last frame";
    if (c->mode == RL_TRIAL_REFLECT && c->reflect_every == 0)
        return "reflect_every: must be at least 1";
    if (!is_power_of_two(c->n_order_slots) || !is_power_of_two(c->n_audit_slots) ||
        !is_power_of_two(c->n_market_bytes) || !is_power_of_two(c->n_session_bytes))
        return "sizes: order slots, audit slots and ring bytes must be powers of two";
    if (c->n_audit_slots < 4)
        return "n_audit_slots: no room for an order and its answer";
    if (c->n_order_slots > UINT32_MAX || c->n_audit_slots > UINT32_MAX)
        return "sizes: beyond 32 bits";
    if (c->n_market_bytes > UINT32_MAX || c->n_session_bytes > UINT32_MAX)
        return "sizes: a ring beyond 4 GiB";
    if (c->n_session_bytes < 4 * RL_FIX_ORDER_MAX)
        return "n_session_bytes: no room for orders";
    why = check_lines(c);
    return why ? why : check_cpus(c);
}

/* --- set-up ---------------------------------------------------------------------------------- */

static uint64_t sent_slots(const struct rl_trial_config *c)
{
    /* A frame of one message takes 32 bytes of the ring at the least, a message in a packet 16. */
    uint64_t n = c->n_market_bytes / (c->stream.framing == RL_FRAMING_MOLD ? 16 : 32);

    return n < 1024 ? 1024 : n;
}

static void pipeline_config(const struct rl_trial_config *c, struct rl_pipeline_config *p)
{
    bool is_numbered_by_us =
        c->stream.framing == RL_FRAMING_MOLD_WRAP || c->stream.framing == RL_FRAMING_FIX_STAMP;

    *p = (struct rl_pipeline_config){
        .books = {.n_instruments = c->n_instruments,
                  .n_orders = c->n_orders,
                  .n_levels_per_side = c->n_levels_per_side,
                  .n_levels = c->n_levels},
        .oms = {.ledger = {.n_accounts = 1, .n_instruments = c->n_instruments},
                .n_order_slots = c->n_order_slots,
                .n_execs = c->n_order_slots,
                .n_audit_slots = c->n_audit_slots,
                .n_venues = 1,
                .n_strategies = 1,
                .n_repeats = 1 << 12,
                .n_fills = 1 << 10,
                .epoch = c->epoch},
        .limits = c->limit_set,
        .strategy = c->strategy,
        .measure_from =
            c->first_seq + c->n_warmup_frames * c->n_pack, /* numbered by us, n_pack a frame */
        .stage_timing = c->stage_timing,
    };
    rl_learn_feed_config(&c->stream, c->n_instruments, c->n_qty_decimals, &p->feed);
    p->feed.first_seq = is_numbered_by_us ? c->first_seq : 0;
}

#define PIECE(n_bytes) ((n_bytes) + 2 * RL_RING_APART)

static size_t hist_bytes(void)
{
    return rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
}

static size_t limit_bytes(const struct rl_trial_config *c)
{
    return rl_limits_bytes(1, c->n_instruments, 1, 1);
}

static size_t trial_bytes(const struct rl_trial_config *c, const struct rl_pipeline_config *p)
{
    size_t engine = rl_pipeline_bytes(p);

    if (engine == 0)
        return 0;
    return PIECE(sizeof(struct rl_trial)) + PIECE(limit_bytes(c)) + engine +
           2 * PIECE(c->n_market_bytes) + 2 * PIECE(c->n_session_bytes) +
           RL_N_JUDGE_HISTS * PIECE(hist_bytes()) +
           PIECE(sent_slots(c) * sizeof(struct rl_sent_slot)) +
           PIECE(rl_counterparty_bytes(c->n_instruments, &c->rules)) +
           PIECE(c->stream.n_recs * sizeof(uint64_t)) + 2 * PIECE(hist_bytes()) +
           PIECE(2 * hist_bytes()) + PIECE(RL_TRIAL_MAX_OUTLIERS * sizeof(struct rl_outlier)) +
           PIECE(c->n_tape * sizeof(struct rl_taped));
}

static int take_hist(struct rl_hist *h, struct rl_arena *arena)
{
    uint64_t *counts = rl_arena_take(arena, hist_bytes(), RL_CACHE_LINE);

    return counts ? rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, hist_bytes())
                  : -ENOMEM;
}

static int take_line(struct rl_trial_line *line, const struct rl_trial_line *given,
                     struct rl_cable *cable, struct rl_arena *arena, uint64_t n_bytes_each_way)
{
    int err = 0;

    *line = *given;
    if (given->rig == NULL) {
        err = rl_cable_open(cable, arena, n_bytes_each_way);
        *line = (struct rl_trial_line){.rig = cable->end[0], .engine = cable->end[1]};
    }
    return err;
}

static int take_rig(struct rl_trial *t)
{
    const struct rl_trial_config *c = &t->config;
    uint64_t n_slots = sent_slots(c);
    uint64_t *counts = rl_arena_take(&t->arena, 2 * hist_bytes(), RL_CACHE_LINE);
    int err;

    t->sent.slots = rl_arena_take(&t->arena, n_slots * sizeof *t->sent.slots, RL_CACHE_LINE);
    t->sent.mask = n_slots - 1;
    t->exchange.outliers.heap =
        rl_arena_take(&t->arena, RL_TRIAL_MAX_OUTLIERS * sizeof(struct rl_outlier), RL_CACHE_LINE);
    t->exchange.outliers.max = RL_TRIAL_MAX_OUTLIERS;
    if (!t->sent.slots || !counts || !t->exchange.outliers.heap)
        return -ENOMEM;
    err = rl_hist_pair_init(&t->wire, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, 2 * hist_bytes());
    if (!err)
        err = take_hist(&t->blast.lateness, &t->arena);
    if (!err)
        err = take_hist(&t->exchange.service, &t->arena);
    for (int i = 0; !err && i < RL_N_JUDGE_HISTS; i++)
        err = take_hist(&t->kill_trial.judge.hist[i], &t->arena);
    if (!err)
        err = take_line(&t->market, &c->market, &t->market_cable, &t->arena, c->n_market_bytes);
    if (!err)
        err = take_line(&t->session, &c->session, &t->session_cable, &t->arena, c->n_session_bytes);
    if (!err)
        err = rl_counterparty_init(&t->exchange, &t->arena, c->n_instruments,
                                   c->mode == RL_TRIAL_REFLECT ? 1 : c->limits.max_qty, &c->rules,
                                   &t->clock, t->session.rig, &t->sent);
    if (!err && c->n_tape > 0) {
        t->exchange.tape.orders =
            rl_arena_take(&t->arena, c->n_tape * sizeof(struct rl_taped), RL_CACHE_LINE);
        t->exchange.tape.max = c->n_tape;
        err = t->exchange.tape.orders ? 0 : -ENOMEM;
    }
    if (!err && c->stream.framing == RL_FRAMING_RAW) {
        t->record_seqs =
            rl_arena_take(&t->arena, c->stream.n_recs * sizeof *t->record_seqs, RL_CACHE_LINE);
        err = t->record_seqs ? 0 : -ENOMEM;
    }
    return err;
}

/* Reads the stream once: its symbols for the exchange, its numbers when they are its own. */
static int learn(struct rl_trial *t, struct rl_pipeline_config *p, char first[RL_FEED_SYMBOL],
                 const char **why)
{
    struct rl_learnt learnt;
    int err = rl_learn(&learnt, &t->config.stream, &p->feed, t->record_seqs, why);

    if (err)
        return err;
    for (uint32_t i = 0; i < learnt.n_symbols; i++)
        rl_counterparty_list(&t->exchange, learnt.symbols[i]);
    memcpy(first, learnt.symbols[0], RL_FEED_SYMBOL);
    if (t->config.stream.framing == RL_FRAMING_MOLD)
        p->measure_from = rl_stream_record_seq(&t->config.stream, t->config.n_warmup_frames);
    if (t->record_seqs != NULL) { /* the first numbered record from there on */
        uint64_t i = t->config.n_warmup_frames;

        while (i < t->config.stream.n_recs && t->record_seqs[i] == 0)
            i++;
        p->measure_from = i < t->config.stream.n_recs ? t->record_seqs[i] : UINT64_MAX;
    }
    rl_learnt_free(&learnt);
    return 0;
}

static int take_limits(struct rl_trial *t, struct rl_pipeline_config *p, const char **why)
{
    static _Thread_local char sentence[RL_LIMITS_WHY];
    void *memory = rl_arena_take(&t->arena, limit_bytes(&t->config), RL_CACHE_LINE);
    int err = memory ? rl_bench_limits_build(memory, limit_bytes(&t->config), &t->config.limits,
                                             t->config.n_instruments, sentence)
                     : -ENOMEM;

    *why = err == -EINVAL ? sentence : "memory: the arena is too small";
    p->limits = memory;
    return err;
}

/* The board, HALTED. A new one in a directory knows of no latch; a bench has nothing to remember.
 */
static int take_board(struct rl_trial *t, const char **why)
{
    uint32_t epoch;
    int err;

    t->board.lock_fd = t->board.dir_fd = -1;
    t->kill = &t->own_board;
    rl_kill_init(t->kill, 0);
    if (t->config.board_dir == NULL)
        return 0;
    err = rl_board_create(&t->board, t->config.board_dir, t->clock.tsc_hz, why);
    if (err)
        return err;
    t->kill = t->board.kill;
    if (rl_kill_draining(t->kill))
        (void)rl_kill_drained(t->kill, 0);
    (void)rl_kill_request(t->kill, &epoch);
    return 0;
}

/* The venue's rules need to know when the engine is gone; its judge looks at the board. */
static int watch_session(struct rl_trial *t)
{
    int err = rl_kill_trial_open(&t->kill_trial, &t->config.kill, t->kill, &t->shared, &t->clock);

    if (t->config.rules.n_resting > 0 || t->config.kill.n_trips > 0)
        rl_counterparty_watch(&t->exchange, &t->shared, &t->kill->vitals.beats[RL_BEAT_ENGINE].n);
    if (t->config.kill.n_trips > 0)
        t->exchange.judge = &t->kill_trial.judge;
    return err;
}

static int set_up(struct rl_trial *t, struct rl_pipeline_config *p, const char **why)
{
    const struct rl_trial_config *c = &t->config;
    char first[RL_FEED_SYMBOL];
    int err;

    rl_shared_init(&t->shared);
    err = take_board(t, why);
    if (err)
        return err;
    *why = "memory: the arena is too small";
    err = take_rig(t);
    if (!err)
        err = learn(t, p, first, why);
    if (!err && p->limits == NULL)
        err = take_limits(t, p, why);
    if (!err)
        err = rl_pipeline_init(&t->engine, &t->arena, p, &t->clock, t->market.engine,
                               t->session.engine, &t->shared, t->kill, why);
    if (!err)
        rl_learn_names(&t->engine.feed, &c->stream);
    if (!err && c->mode == RL_TRIAL_REFLECT) {
        *why = "reflect: the stream has no symbol to order";
        err = rl_reflect_init(&t->reflect, &c->stream, c->reflect_every, first, c->epoch,
                              t->market.engine, t->session.engine, &t->shared, &t->engine.n);
        t->reflect.record_seqs = t->record_seqs;
        t->reflect.n_record_seqs = t->record_seqs ? c->stream.n_recs : 0;
    }
    if (err)
        return err;
    rl_blast_init(&t->blast, &c->stream, &c->schedule, &t->clock, t->market.rig, &t->sent,
                  t->record_seqs, c->n_frames, c->n_warmup_frames, c->n_pack, c->first_seq);
    if (c->stop_pid > 0)
        t->blast.measured_end = c->stop_frame; /* what comes after is for seeing that it stopped */
    if (sem_init(&t->finished, 0, 0) != 0)
        return -errno;
    return watch_session(t);
}

int rl_trial_open(struct rl_trial **out, const struct rl_trial_config *config,
                  const struct rl_clock *clock, const char **why)
{
    struct rl_pipeline_config p;
    struct rl_arena arena;
    struct rl_trial *t;
    size_t n_bytes;
    int err;

    *out = NULL;
    *why = check_config(config);
    if (*why)
        return -EINVAL;
    pipeline_config(config, &p);
    p.oms.tsc_hz = clock->tsc_hz;
    n_bytes = trial_bytes(config, &p);
    *why = "books: no instruments, orders or levels, or too many";
    if (n_bytes == 0)
        return -EINVAL;
    *why = "memory: not enough for rings, books and records";
    err = rl_arena_open(&arena, n_bytes, config->arena_flags);
    if (err)
        return err;
    t = rl_arena_take(&arena, sizeof *t, _Alignof(struct rl_trial));
    if (t == NULL) {
        rl_arena_close(&arena);
        return -ENOMEM;
    }
    t->arena = arena;
    t->config = *config;
    t->clock = *clock;
    err = set_up(t, &p, why);
    if (err) {
        if (t->board.kill != NULL)
            rl_board_close(&t->board);
        arena = t->arena;
        rl_arena_close(&arena);
        return err;
    }
    *why = NULL;
    *out = t;
    return 0;
}
