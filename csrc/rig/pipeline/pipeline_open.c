/* Set-up of the engine: sizes, memory, and what makes no sense. */
#include "rig/pipeline/pipeline.h"

#include <errno.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

/* Names in the orders; the exchange answers with the two exchanged. */
#define RL_ENGINE_COMP "REDLINE"
#define RL_VENUE_COMP "VENUE"
#define RL_FIX_VERSION "FIX.4.4"

const char *const rl_stage_names[RL_N_STAGES + 1] = {
#define RL_STAGE_NAME(name, what) #name,
    RL_ENGINE_STAGES(RL_STAGE_NAME)
#undef RL_STAGE_NAME
};

const char *const rl_engine_counter_names[] = {
#define RL_ENGINE_NAME(name, what) #name,
    RL_ENGINE_COUNTERS(RL_ENGINE_NAME)
#undef RL_ENGINE_NAME
        NULL,
};

/* Alignment that a piece of the arena may cost. */
#define PIECE(n_bytes) ((n_bytes) + 2 * RL_CACHE_LINE)

static size_t hist_bytes(void)
{
    return rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
}

size_t rl_pipeline_bytes(const struct rl_pipeline_config *config)
{
    size_t feed = rl_feed_bytes(&config->feed), books = rl_books_bytes(&config->books);
    size_t oms = rl_oms_bytes(&config->oms);

    if (feed == 0 || books == 0 || oms == 0)
        return 0;
    return PIECE(feed) + PIECE(books) + PIECE(oms) +
           PIECE(config->feed.n_instruments * sizeof(struct rl_strategy_state)) +
           (2 + RL_N_STAGES) * PIECE(hist_bytes());
}

static int take_hist(struct rl_hist *h, struct rl_arena *arena)
{
    uint64_t *counts = rl_arena_take(arena, hist_bytes(), RL_CACHE_LINE);

    if (counts == NULL)
        return -ENOMEM;
    return rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, hist_bytes());
}

static int take_hists(struct rl_pipeline *p, struct rl_arena *arena)
{
    int err = take_hist(&p->buf, arena);

    if (!err)
        err = take_hist(&p->gap, arena);
    for (int i = 0; !err && i < RL_N_STAGES; i++)
        err = take_hist(&p->stages[i], arena);
    return err;
}

static int init_messages(struct rl_pipeline *p)
{
    int err = rl_fix_nos_init(&p->nos, RL_FIX_VERSION, RL_ENGINE_COMP, RL_VENUE_COMP);

    if (!err)
        err = rl_fix_cancel_init(&p->cancel, RL_FIX_VERSION, RL_ENGINE_COMP, RL_VENUE_COMP);
    if (!err)
        err = rl_fix_mass_cancel_init(&p->mass_cancel, RL_FIX_VERSION, RL_ENGINE_COMP,
                                      RL_VENUE_COMP, RL_FIX_MASS_ALL);
    rl_fix_init(&p->answer, p->answer_fields, RL_ANSWER_FIELDS);
    return err;
}

/* What the kernel knows of the wall clock now, for whoever reads the log's times. */
static void note_clock(struct rl_pipeline *p)
{
    struct timex t = {.modes = 0};
    bool is_known = adjtimex(&t) >= 0;
    int64_t offset_ns = is_known ? (t.status & STA_NANO ? t.offset : t.offset * 1000) : 0;

    rl_oms_note_clock(&p->oms, p->unix_base_ns, offset_ns, is_known && !(t.status & STA_UNSYNC),
                      p->tsc_base);
}

static int init_trading(struct rl_pipeline *p, struct rl_arena *arena,
                        const struct rl_pipeline_config *config, const char **why)
{
    uint32_t n_instruments = config->feed.n_instruments;
    struct rl_strategy_state *states =
        rl_arena_take(arena, n_instruments * sizeof *states, RL_CACHE_LINE);
    int err;

    if (!states)
        return -ENOMEM;
    *why = "strategy: threshold 1 to 1000 permille, every, quantity and spread at least 1";
    if (rl_strategy_init(&p->strategy, &config->strategy, states, n_instruments))
        return -EINVAL;
    err = rl_oms_init(&p->oms, arena, &config->oms, p->kill, p->tsc_base, why);
    if (err)
        return err;
    *why = NULL;
    rl_oms_use_limits(&p->oms, config->limits, p->tsc_base);
    rl_oms_session(&p->oms, 0, RL_SESSION_RECONCILED, p->tsc_base);
    p->is_session_up = true;
    note_clock(p);
    return init_messages(p);
}

int rl_pipeline_init(struct rl_pipeline *p, struct rl_arena *arena,
                     const struct rl_pipeline_config *config, const struct rl_clock *clock,
                     struct rl_port *market, struct rl_port *session, struct rl_shared *shared,
                     struct rl_kill *kill, const char **why)
{
    struct timespec utc;
    int err;

    *why = "books, feed and ledger: different numbers of instruments";
    if (config->books.n_instruments != config->feed.n_instruments ||
        config->oms.ledger.n_instruments != config->feed.n_instruments)
        return -EINVAL;
    memset(p, 0, sizeof *p);
    p->market = market;
    p->session = session;
    p->shared = shared;
    p->clock = clock;
    p->kill = kill;
    p->measure_from = config->measure_from;
    p->stage_timing = config->stage_timing;
    p->msg_seq = 1;
    clock_gettime(CLOCK_REALTIME, &utc);
    p->tsc_base = rl_tsc();
    p->unix_base_ns = (uint64_t)utc.tv_sec * 1000000000ULL + (uint64_t)utc.tv_nsec;

    *why = "feed: unknown kind, or no instruments";
    err = rl_feed_init(&p->feed, arena, &config->feed);
    if (err)
        return err;
    *why = "books: no instruments, orders or levels, or too many";
    err = rl_books_init(&p->books, arena, &config->books);
    if (err)
        return err;
    err = init_trading(p, arena, config, why);
    if (err)
        return err;
    *why = NULL;
    return take_hists(p, arena);
}
