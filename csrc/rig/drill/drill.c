/* The day: what a step of the clock is, and how it ends. */
#include "rig/drill/drill_inner.h"

#include <errno.h>
#include <string.h>

#define NAME(name, text) #name,
#define TEXT(name, text) text,
const char *const rl_drill_row_names[] = {RL_DRILL_ROWS(NAME)};
const char *const rl_drill_row_texts[] = {RL_DRILL_ROWS(TEXT)};
const char *const rl_drill_check_names[] = {RL_DRILL_CHECKS(NAME)};
const char *const rl_drill_check_texts[] = {RL_DRILL_CHECKS(TEXT)};
const char *const rl_drill_counter_names[] = {RL_DRILL_COUNTERS(NAME) NULL};
#undef NAME
#undef TEXT

/* What is under way settles within so long: heartbeats notice what is dead, resends follow. */
#define SETTLE_HEARTBEATS 12

/* Events that an action of a desk leads to, for all desks and with room to spare in a table. */
#define EVENTS_PER_ACTION 16
#define DUES_MAX (1u << 22)

bool drill_write(struct drill_link *l, const uint8_t *bytes, uint32_t n)
{
    if (n > DRILL_LINK_BYTES - l->n)
        return false;
    memcpy(l->bytes + l->n, bytes, n);
    l->n += n;
    return true;
}

void drill_cut(struct drill_seat *seat)
{
    if (!seat->is_up)
        return;
    seat->is_up = false;
    seat->silent_until_ns = 0;
    seat->to_venue.n = seat->to_venue.n_ready = 0;
    seat->to_desk.n = seat->to_desk.n_ready = 0;
    seat->watch.n[RL_DRILL_CUT] += seat->was_cut;
    seat->was_cut = false;
    seat->reconnect_ns = seat->drill->now_ns + 50000000; /* who was cut off waits a little */
}

static void step(struct rl_drill *d)
{
    d->n.steps++;
    d->now_ns += d->config.step_ns;
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        struct drill_seat *seat = &d->seats[i];

        seat->to_venue.n_ready = seat->to_venue.n;
        seat->to_desk.n_ready = seat->to_desk.n;
    }
    drill_turn_venue(d);
    drill_turn_desks(d);
}

/* Nobody trades, and the venue behaves; what waits already still comes. */
static void calm(struct rl_drill *d)
{
    struct rl_mischief_config *c = &d->mischief.config;
    struct rl_mischief_config quiet = {.n_waiting = c->n_waiting,
                                       .slow_ns = c->slow_ns,
                                       .skew_ns = c->skew_ns,
                                       .skew_at_ns = c->skew_at_ns,
                                       .drift_per_mega = c->drift_per_mega,
                                       .n_halts = c->n_halts};

    memcpy(quiet.halts, c->halts, sizeof quiet.halts);
    *c = quiet;
    d->is_over = true;
}

static bool is_settled(const struct rl_drill *d)
{
    if (d->mischief.n_heap > 0)
        return false;
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        const struct drill_seat *seat = &d->seats[i];
        const struct rl_orders *o = &seat->desk.oms.orders;

        if (!seat->is_up || seat->desk.state != RL_DESK_READY || seat->to_desk.n > 0 ||
            seat->to_venue.n > 0 || !rl_lines_is_synced(seat->desk.feed.lines))
            return false;
        for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask;
             s = rl_orders_next_open(o, s + 1))
            if (o->slots[s].state != RL_STATE_WORKING && o->slots[s].state != RL_STATE_PARTIAL)
                return false;
    }
    return true;
}

static const char *objection(const struct rl_drill_config *c)
{
    const struct rl_mischief_config *m = &c->mischief;
    uint64_t longest_ns = m->answer.fixed_ns;

    for (uint32_t i = 0; i < m->answer.n; i++)
        longest_ns = m->answer.values_ns[i] > longest_ns ? m->answer.values_ns[i] : longest_ns;
    if (c->n_desks == 0 || c->n_desks > RL_DRILL_DESKS)
        return "desks: 1 to 16";
    if (c->n_instruments == 0 || c->n_instruments > RL_DRILL_INSTRUMENTS)
        return "instruments: 1 to 64";
    if (c->step_ns == 0 || c->step_ns > 10000000)
        return "step: 1 ns to 10 ms";
    if (c->duration_ns / 1000 * c->actions_per_s / 1000000 > DUES_MAX / EVENTS_PER_ACTION - 1000)
        return "duration times actions: more than a drill remembers";
    if (c->heartbeat_s == 0)
        return "heartbeat: at least 1 s";
    if (m->slow_chance > 0 && m->slow_ns <= longest_ns + 2 * c->step_ns)
        return "slow answers must be slower than the venue's latency, or nobody can tell them "
               "apart";
    if (m->late_fill_chance > 0 && m->late_fill_ns <= longest_ns + m->slow_ns + 2 * c->step_ns)
        return "late fills must be later than slow answers, or nobody can tell them apart";
    if (m->bust_chance > 0 &&
        m->bust_after_ns <= longest_ns + m->slow_ns + m->late_fill_ns + 2 * c->step_ns)
        return "busts must come after late fills: nobody takes back what nobody was told";
    if (m->silence_chance > 0 && m->silence_ns < 4000000000ULL * c->heartbeat_s)
        return "silence must outlast four heartbeats, or nobody notices it";
    return NULL;
}

/* A table that stays half empty. */
static uint32_t dues_for(const struct rl_drill_config *c)
{
    uint64_t n_actions = c->duration_ns / 1000 * c->actions_per_s / 1000000 + 1000;
    uint32_t n = 1 << 12;

    while (n < n_actions * EVENTS_PER_ACTION && n < DUES_MAX)
        n *= 2;
    return n;
}

static int open_all(struct rl_drill *d, const char **why)
{
    size_t n_bytes = drill_venue_bytes(d) + drill_desk_bytes(d);
    int err = n_bytes > 0 ? rl_arena_open(&d->arena, n_bytes, 0) : -EINVAL;

    if (!err)
        err = drill_open_venue(d, why);
    return err ? err : drill_open_desks(d, why);
}

int rl_drill_run(const struct rl_drill_config *config, struct rl_drill_result *result,
                 const char **why)
{
    struct rl_arena own;
    struct rl_drill *d;
    uint64_t end_ns;
    int err;

    *result = (struct rl_drill_result){0};
    *why = objection(config);
    if (*why)
        return -EINVAL;
    *why = "no memory for the drill";
    err = rl_arena_open(&own, sizeof *d + 2 * RL_CACHE_LINE, 0);
    if (err)
        return err;
    d = rl_arena_take(&own, sizeof *d, _Alignof(struct rl_drill));
    d->config = *config;
    d->config.mischief.seed = config->seed;
    d->now_ns = DRILL_START_NS;
    d->n_dues = dues_for(config);
    rl_random_seed(&d->random, config->seed + 1);
    err = open_all(d, why);
    if (!err) {
        *why = NULL;
        while (d->now_ns < DRILL_START_NS + config->duration_ns)
            step(d);
        calm(d);
        end_ns = d->now_ns + config->mischief.silence_ns + config->mischief.late_fill_ns +
                 SETTLE_HEARTBEATS * 1000000000ULL * config->heartbeat_s;
        do /* at least one step: the last actions are on the wire */
            step(d);
        while (!is_settled(d) && d->now_ns < end_ns);
        drill_judge(d, result);
    }
    rl_arena_close(&d->arena);
    rl_arena_close(&own);
    return err;
}
