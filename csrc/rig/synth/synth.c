#include "rig/synth/synth.h"

#include <errno.h>

#include "rig/synth/synth_repair.h"

/* Longer tables gain nothing; the limit keeps the scale of time within 128 bits. */
#define TABLE_MAX (1U << 16)

static const char *const op_names[] = {
#define NAME(name, text) text,
    RL_SYNTH_OPS(NAME)
#undef NAME
};

static const struct {
    const char *name;
    int32_t lowest, highest;
} tables[] = {
#define ROW(name, text, lowest, highest) {text, lowest, highest},
    RL_SYNTH_TABLES(ROW)
#undef ROW
};

const char *rl_synth_op_name(unsigned op)
{
    return op < RL_SYNTH_N_OPS ? op_names[op] : "?";
}

const char *rl_synth_table_name(unsigned table)
{
    return table < RL_SYNTH_N_TABLES ? tables[table].name : "?";
}

static bool table_is_valid(const struct rl_synth_table *t, int32_t lowest, int32_t highest)
{
    if (!t->values || !t->n || t->n > TABLE_MAX)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->values[i] < lowest || t->values[i] > highest)
            return false;
    }
    return true;
}

static bool config_is_valid(const struct rl_synth_config *c)
{
    uint64_t sum = 0;

    if (c->n_instruments < 1 || c->n_instruments > RL_SYNTH_MAX_INSTRUMENTS ||
        c->n_live_orders > RL_SYNTH_MAX_LIVE ||
        c->n_live_orders < c->n_instruments * RL_SYNTH_ORDERS_MIN ||
        c->n_body > RL_SYNTH_MAX_BODY || c->mean_gap_ns > RL_NANO_PER_UNIT ||
        c->px_change_permille > 1000 || (c->format != RL_SYNTH_ITCH && c->format != RL_SYNTH_FIX))
        return false;
    for (int i = 0; i < RL_SYNTH_N_TABLES; i++) {
        if (!table_is_valid(&c->tables[i], tables[i].lowest, tables[i].highest))
            return false;
    }
    for (int i = 0; i < RL_SYNTH_N_OPS; i++)
        sum += c->weights[i];
    return sum <= RL_SYNTH_WEIGHTS_SUM && c->weights[RL_SYNTH_ADD] && c->weights[RL_SYNTH_CANCEL];
}

int rl_synth_sizes(const struct rl_synth_config *config, struct rl_synth_sizes *sizes)
{
    uint64_t n_orders = 0, n_ops;

    if (!config_is_valid(config))
        return -EINVAL;
    for (uint32_t i = 0; i < config->n_instruments; i++)
        n_orders += rl_synth_market_orders_max(config, i);
    /* The prefix, the body, and repairs: at most every order out and the prefix in again. */
    n_ops = n_orders + config->n_body + 2 * n_orders;
    sizes->work_bytes = rl_synth_market_bytes(config) + rl_synth_repairs_bytes(config);
    sizes->n_recs = config->n_instruments + n_ops;
    if (config->format == RL_SYNTH_FIX)
        sizes->stream_bytes = sizes->n_recs * RL_SYNTH_FIX_BYTES + RL_SYNTH_FIX_ROOM;
    else
        sizes->stream_bytes = sizes->n_recs * RL_SYNTH_ITCH_BYTES;
    return 0;
}

int rl_synth_write(const struct rl_synth_config *config, struct rl_arena *arena, uint8_t *bytes,
                   size_t n_bytes, struct rl_stream_rec *recs, uint64_t n_recs,
                   struct rl_stream *stream, struct rl_synth_stats *stats)
{
    struct rl_synth_market market;
    struct rl_synth_repairs repairs;
    uint64_t loop_from;
    int err;

    if (!config_is_valid(config))
        return -EINVAL;
    if ((err = rl_synth_market_init(&market, config, stats, arena)) < 0 ||
        (err = rl_synth_repairs_init(&repairs, config, arena)) < 0)
        return err;
    rl_synth_writer_init(&market.writer, config->format, bytes, n_bytes, recs, n_recs);

    rl_synth_market_settle(&market);
    rl_synth_market_write_prefix(&market);
    rl_synth_repairs_remember(&repairs, &market);
    loop_from = market.writer.n_recs;
    for (uint64_t i = 0; i < config->n_body; i++)
        rl_synth_market_step(&market);
    rl_synth_write_flush(&market.writer); /* the last trade may have been cut short */
    rl_synth_repairs_apply(&repairs, &market);

    if (market.writer.is_full)
        return -ENOSPC;
    stats->last_id = market.last_id;
    *stream = (struct rl_stream){
        .bytes = bytes,
        .n_bytes = market.writer.n_bytes,
        .recs = recs,
        .n_recs = market.writer.n_recs,
        .loop_from = loop_from,
        .framing = config->format == RL_SYNTH_FIX ? RL_FRAMING_FIX_STAMP : RL_FRAMING_MOLD_WRAP,
        .feed = config->format == RL_SYNTH_FIX ? RL_FEED_FIX : RL_FEED_ITCH,
    };
    return 0;
}
