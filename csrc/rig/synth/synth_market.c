#include "rig/synth/synth_market.h"

#include <errno.h>
#include <string.h>

#define START_NS (34200ULL * 1000000000ULL) /* 09:30 */
/* Prices of $250 to $1000: farther from 0 than the calibration's orders lie behind their best. */
#define FIRST_TICK 25000
#define FIRST_TICK_RANGE 75000
#define TICK_MIN 1
#define TICK_MAX 42000000 /* ITCH's 32-bit price field ends at $429,496 */
/* A side with so few orders only gains: the best price must exist. */
#define SIDE_MIN 4
/* Above the target by 1/32 of it, every add becomes a cancel; below, the reverse. */
#define CONTROL_SHARE 32
/* The state after which the books no longer remember how they were first filled. */
#define BURN_IN_PER_ORDER 4
#define PRESSURE_LAG 16 /* changes of a best price that are missing when all that can lean does */
#define NEAR_TICKS 3    /* cancels so close to the best lean towards it */
#define TRIES 8         /* to find an order of more than one lot */

static int32_t draw(struct rl_synth_market *m, enum rl_synth_table_id table)
{
    const struct rl_synth_table *t = &m->config->tables[table];

    return t->values[rl_random_below(&m->random, t->n)];
}

static int32_t tick_of(enum rl_side side, int32_t key)
{
    return side == RL_BUY ? key : -key;
}

/* The key `behind` ticks behind the best; it improves and never crosses when that is negative. */
static int32_t key_behind(const struct rl_synth_book *b, enum rl_side side, int64_t behind)
{
    int64_t room = rl_synth_book_spread(b) - 1;
    int64_t key = rl_synth_book_best(b, side)->key - (behind < -room ? -room : behind);
    int64_t low = side == RL_BUY ? TICK_MIN : -TICK_MAX;

    return (int32_t)(key < low ? low : key);
}

static void pass_time(struct rl_synth_market *m)
{
    if (m->burst_left) {
        m->burst_left--;
        return;
    }
    m->burst_left = (uint64_t)draw(m, RL_SYNTH_BURST) - 1;
    m->now_ns += m->gap_ns;
    m->now_ns += (uint64_t)((uint32_t)draw(m, RL_SYNTH_GAP_PPM) * m->gap_q32 >> 32);
}

static void emit(struct rl_synth_market *m, uint32_t instrument, struct rl_synth_event e)
{
    if (m->is_silent)
        return;
    e.instrument = instrument;
    e.ts_ns = m->now_ns;
    rl_synth_write_event(&m->writer, &e);
    m->stats->n_live_min = m->n_live < m->stats->n_live_min ? m->n_live : m->stats->n_live_min;
    m->stats->n_live_max = m->n_live > m->stats->n_live_max ? m->n_live : m->stats->n_live_max;
}

static void add(struct rl_synth_market *m, uint32_t instrument, enum rl_side side, uint64_t id,
                int32_t key, uint32_t qty)
{
    bool is_special = rl_random_permille(&m->random, m->config->attributed_permille);

    rl_synth_book_enter(&m->books[instrument], id, side, key, qty);
    m->n_live++;
    emit(m, instrument,
         (struct rl_synth_event){.kind = RL_SYNTH_EV_ADD,
                                 .side = side,
                                 .id = id,
                                 .tick = tick_of(side, key),
                                 .qty = qty,
                                 .is_special = is_special});
}

/* Leaves `left` of an order's quantity; 0 removes it. */
static void take(struct rl_synth_market *m, uint32_t instrument, uint32_t order, uint32_t left,
                 struct rl_synth_event e)
{
    struct rl_synth_book *b = &m->books[instrument];
    struct rl_synth_order *o = &b->orders[order];

    e.side = o->side;
    e.id = o->id;
    e.tick = tick_of(o->side, o->key);
    e.qty = o->qty;
    e.new_qty = left;
    o->qty = left;
    if (!left) {
        rl_synth_book_leave(b, order);
        m->n_live--;
    }
    emit(m, instrument, e);
}

static void cancel(struct rl_synth_market *m, uint32_t instrument, uint32_t order)
{
    take(m, instrument, order, 0, (struct rl_synth_event){.kind = RL_SYNTH_EV_TAKE});
}

static void replace(struct rl_synth_market *m, uint32_t instrument, uint32_t order, int32_t key,
                    uint32_t qty)
{
    struct rl_synth_book *b = &m->books[instrument];
    struct rl_synth_order was = b->orders[order];
    enum rl_side side = was.side;

    rl_synth_book_leave(b, order);
    rl_synth_book_enter(b, ++m->last_id, side, key, qty);
    emit(m, instrument,
         (struct rl_synth_event){.kind = RL_SYNTH_EV_REPLACE,
                                 .side = side,
                                 .id = was.id,
                                 .new_id = m->last_id,
                                 .tick = tick_of(side, was.key),
                                 .new_tick = tick_of(side, key),
                                 .qty = was.qty,
                                 .new_qty = qty});
}

/* --- pressure --- */

static bool leans(struct rl_synth_market *m, uint32_t instrument)
{
    int32_t lag = m->pressures[instrument].lag / PRESSURE_LAG;

    return lag > 0 && rl_random_permille(&m->random, (uint32_t)lag);
}

/* After an operation: which best prices changed. */
static void press(struct rl_synth_market *m, uint32_t instrument, const bool changed[2])
{
    struct rl_synth_pressure *p = &m->pressures[instrument];

    p->lag += m->config->px_change_permille;
    if (changed[RL_BUY] || changed[RL_SELL])
        p->lag -= 1000;
    if (p->lag > 1000 * PRESSURE_LAG)
        p->lag = 1000 * PRESSURE_LAG;
    if (changed[p->side])
        p->side = (enum rl_side)rl_random_below(&m->random, 2);
}

/* --- operations: each returns what it did, since a book may not offer what was drawn --- */

static enum rl_synth_op do_add(struct rl_synth_market *m, uint32_t instrument, enum rl_side side)
{
    struct rl_synth_book *b = &m->books[instrument];
    int32_t behind =
        draw(m, rl_synth_book_spread(b) > 1 ? RL_SYNTH_ADD_TICKS_WIDE : RL_SYNTH_ADD_TICKS_TIGHT);

    if (behind <= 0 && side == m->pressures[instrument].side && b->n_side[side] > SIDE_MIN &&
        leans(m, instrument))
        side = rl_side_opposite(side);
    add(m, instrument, side, ++m->last_id, key_behind(b, side, behind),
        (uint32_t)draw(m, RL_SYNTH_ORDER_QTY));
    return RL_SYNTH_ADD;
}

/* An order by the number of younger ones; when there are not so many, any. */
static uint32_t order_by_age(struct rl_synth_market *m, const struct rl_synth_book *b,
                             enum rl_synth_table_id table)
{
    uint32_t n = rl_synth_book_n(b), age = (uint32_t)draw(m, table);

    return rl_synth_book_by_age(b, age < n ? age : rl_random_below(&m->random, n));
}

/* One of the last in the queue: the young move most. */
static uint32_t order_near_tail(struct rl_synth_market *m, const struct rl_synth_book *b,
                                const struct rl_synth_level *level)
{
    uint32_t order = level->tail;

    for (uint32_t back = rl_random_below(&m->random, 4); back; back--) {
        if (b->orders[order].prev == RL_SYNTH_NIL)
            break;
        order = b->orders[order].prev;
    }
    return order;
}

static enum rl_synth_op do_cancel(struct rl_synth_market *m, uint32_t instrument)
{
    const struct rl_synth_book *b = &m->books[instrument];
    uint32_t order = order_by_age(m, b, RL_SYNTH_CANCEL_AGE);
    enum rl_side side = b->orders[order].side;

    if (rl_synth_book_best(b, side)->key - b->orders[order].key <= NEAR_TICKS &&
        leans(m, instrument)) {
        side = m->pressures[instrument].side;
        order = order_near_tail(m, b, rl_synth_book_best(b, side));
    }
    if (b->n_side[side] <= SIDE_MIN)
        return do_add(m, instrument, side);
    cancel(m, instrument, order);
    return RL_SYNTH_CANCEL;
}

static enum rl_synth_op do_reprice(struct rl_synth_market *m, uint32_t instrument)
{
    struct rl_synth_book *b = &m->books[instrument];
    enum rl_side side = (enum rl_side)rl_random_below(&m->random, 2);
    int32_t from = draw(m, RL_SYNTH_REPRICE_FROM_TICKS), to = draw(m, RL_SYNTH_REPRICE_TO_TICKS);
    const struct rl_synth_level *level = rl_synth_book_near(b, side, key_behind(b, side, from));
    uint32_t order = order_near_tail(m, b, level), qty;
    int32_t key = key_behind(b, side, to), was = level->key;

    if (key == was && (key = key_behind(b, side, (int64_t)to + 1)) == was)
        return do_cancel(m, instrument); /* at the very end of the prices */
    qty = b->orders[order].qty;
    if (!rl_random_permille(&m->random, m->config->reprice_keeps_qty_permille))
        qty = (uint32_t)draw(m, RL_SYNTH_ORDER_QTY);
    replace(m, instrument, order, key, qty);
    return RL_SYNTH_REPRICE;
}

static enum rl_synth_op do_reduce(struct rl_synth_market *m, uint32_t instrument)
{
    struct rl_synth_book *b = &m->books[instrument];

    for (int i = 0; i < TRIES; i++) {
        uint32_t order = order_by_age(m, b, RL_SYNTH_REDUCE_AGE), qty = b->orders[order].qty;
        uint64_t left;

        if (qty < 2)
            continue;
        left = (uint64_t)qty * (uint32_t)draw(m, RL_SYNTH_REDUCE_LEFT_PERMILLE) / 1000;
        left = left < 1 ? 1 : left < qty ? left : qty - 1;
        take(m, instrument, order, (uint32_t)left,
             (struct rl_synth_event){.kind = RL_SYNTH_EV_TAKE});
        return RL_SYNTH_REDUCE;
    }
    return do_cancel(m, instrument);
}

static enum rl_synth_op do_grow(struct rl_synth_market *m, uint32_t instrument)
{
    struct rl_synth_book *b = &m->books[instrument];
    uint32_t order = order_by_age(m, b, RL_SYNTH_REDUCE_AGE);
    uint32_t more = (uint32_t)draw(m, RL_SYNTH_ORDER_QTY), qty = b->orders[order].qty;

    if (qty > UINT32_MAX / 2)
        return do_cancel(m, instrument);
    replace(m, instrument, order, b->orders[order].key, qty + more);
    return RL_SYNTH_GROW;
}

/* The next fill of the trade that goes on. */
static enum rl_synth_op do_fill(struct rl_synth_market *m)
{
    struct rl_synth_book *b = &m->books[m->trade_instrument];
    uint32_t order = rl_synth_book_best(b, m->trade_side)->head, qty = b->orders[order].qty;
    uint32_t left = 0;
    struct rl_synth_event e = {.kind = RL_SYNTH_EV_FILL};

    m->fills_left--;
    if (!m->fills_left && qty > 1 &&
        rl_random_permille(&m->random, m->config->last_fill_part_permille))
        left = 1 + rl_random_below(&m->random, qty - 1);
    if (b->n_side[m->trade_side] - 1 <= SIDE_MIN)
        m->fills_left = 0;
    e.has_more = m->fills_left > 0;
    e.is_special = rl_random_permille(&m->random, m->config->priced_permille);
    take(m, m->trade_instrument, order, left, e);
    return left ? RL_SYNTH_EXECUTE_PART : RL_SYNTH_EXECUTE_FULL;
}

static enum rl_synth_op do_trade(struct rl_synth_market *m, uint32_t instrument)
{
    enum rl_side side = (enum rl_side)rl_random_below(&m->random, 2);

    if (leans(m, instrument))
        side = m->pressures[instrument].side;
    if (m->books[instrument].n_side[side] <= SIDE_MIN)
        return do_add(m, instrument, side);
    m->trade_instrument = instrument;
    m->trade_side = side;
    m->fills_left = (uint32_t)draw(m, RL_SYNTH_FILLS);
    return do_fill(m);
}

static uint32_t draw_instrument(struct rl_synth_market *m)
{
    uint32_t at = (uint32_t)(rl_random_next(&m->random) >> 32), low = 0;

    for (uint32_t n = m->config->n_instruments; n > 1;) {
        uint32_t half = n / 2;

        if (m->busy[low + half - 1] <= at) {
            low += half;
            n -= half;
        } else {
            n = half;
        }
    }
    return low;
}

static enum rl_synth_op draw_op(struct rl_synth_market *m, uint32_t instrument)
{
    uint32_t at = rl_random_below(&m->random, m->weights_sum), op = 0;
    uint32_t target = m->targets[instrument], n = rl_synth_book_n(&m->books[instrument]);
    uint32_t off = n > target ? n - target : target - n;

    while (at >= m->weights[op])
        at -= m->weights[op++];
    /* What holds the book at its size: the excess is the chance that an add turns into a cancel. */
    if (op == (n > target ? RL_SYNTH_ADD : RL_SYNTH_CANCEL) &&
        rl_random_below(&m->random, target / CONTROL_SHARE + 1) < off)
        op = n > target ? RL_SYNTH_CANCEL : RL_SYNTH_ADD;
    return (enum rl_synth_op)op;
}

static enum rl_synth_op do_drawn(struct rl_synth_market *m, uint32_t instrument,
                                 enum rl_synth_op op)
{
    switch (op) {
    case RL_SYNTH_CANCEL:
        return do_cancel(m, instrument);
    case RL_SYNTH_REPRICE:
        return do_reprice(m, instrument);
    case RL_SYNTH_REDUCE:
        return do_reduce(m, instrument);
    case RL_SYNTH_GROW:
        return do_grow(m, instrument);
    case RL_SYNTH_EXECUTE_FULL:
    case RL_SYNTH_EXECUTE_PART:
        return do_trade(m, instrument);
    default:
        return do_add(m, instrument, (enum rl_side)rl_random_below(&m->random, 2));
    }
}

/* Exactly one operation. */
void rl_synth_market_step(struct rl_synth_market *m)
{
    bool goes_on = m->fills_left > 0;
    uint32_t instrument = goes_on ? m->trade_instrument : draw_instrument(m);
    struct rl_synth_book *b = &m->books[instrument];
    int32_t bid = rl_synth_book_best(b, RL_BUY)->key, offer = rl_synth_book_best(b, RL_SELL)->key;
    bool changed[2];
    enum rl_synth_op op;

    pass_time(m);
    op = goes_on ? do_fill(m) : do_drawn(m, instrument, draw_op(m, instrument));
    changed[RL_BUY] = bid != rl_synth_book_best(b, RL_BUY)->key;
    changed[RL_SELL] = offer != rl_synth_book_best(b, RL_SELL)->key;
    press(m, instrument, changed);
    if (m->is_silent)
        return;
    m->stats->counts[op]++;
    m->stats->n_wide += -(bid + offer) > 1;
    m->stats->n_px_changes += changed[RL_BUY] || changed[RL_SELL];
}

/* --- the prefix --- */

/* Both sides start one tick apart, with an order at the best; the others lie where orders live. */
static void fill_book(struct rl_synth_market *m, uint32_t instrument)
{
    struct rl_synth_book *b = &m->books[instrument];
    int32_t bid = FIRST_TICK + (int32_t)rl_random_below(&m->random, FIRST_TICK_RANGE);

    for (uint32_t i = 0; i < m->targets[instrument]; i++) {
        enum rl_side side = (enum rl_side)(i & 1);
        uint32_t qty = (uint32_t)draw(m, RL_SYNTH_ORDER_QTY);
        int32_t best = side == RL_BUY ? bid : -(bid + 1);
        int32_t key = i < 2 ? best : key_behind(b, side, draw(m, RL_SYNTH_LIVE_TICKS));

        add(m, instrument, side, ++m->last_id, key, qty);
    }
}

void rl_synth_market_write_prefix(struct rl_synth_market *m)
{
    const uint32_t n_instruments = m->config->n_instruments;

    m->is_silent = false;
    m->last_id = 0;
    m->now_ns = START_NS;
    m->burst_left = 0;
    for (uint32_t i = 0; i < n_instruments; i++)
        rl_synth_write_directory(&m->writer, i, m->now_ns);
    for (uint32_t i = 0; i < n_instruments; i++) {
        struct rl_synth_book *b = &m->books[i];

        for (uint32_t n = rl_synth_book_n(b); n--;) {
            struct rl_synth_order *o = &b->orders[rl_synth_book_by_age(b, n)];

            pass_time(m);
            o->id = ++m->last_id;
            emit(m, i,
                 (struct rl_synth_event){.kind = RL_SYNTH_EV_ADD,
                                         .side = o->side,
                                         .id = o->id,
                                         .tick = tick_of(o->side, o->key),
                                         .qty = o->qty});
        }
    }
    m->stats->n_prefix = m->n_live;
    m->stats->n_live_min = m->stats->n_live_max = m->n_live;
}

/* --- for the repairs --- */

void rl_synth_market_add(struct rl_synth_market *m, uint32_t instrument, enum rl_side side,
                         uint64_t id, int32_t key, uint32_t qty)
{
    pass_time(m);
    add(m, instrument, side, id, key, qty);
}

void rl_synth_market_cancel(struct rl_synth_market *m, uint32_t instrument, uint32_t order)
{
    pass_time(m);
    cancel(m, instrument, order);
}

/* --- set-up --- */

/* The k-th instrument has 1/(k+1) of the first's share of what is above the minimum. */
static uint32_t target_of(const struct rl_synth_config *c, uint32_t instrument)
{
    uint64_t q32_sum = 0, spare = c->n_live_orders - c->n_instruments * RL_SYNTH_ORDERS_MIN;

    for (uint32_t k = 0; k < c->n_instruments; k++)
        q32_sum += (1ULL << 32) / (k + 1);
    /* cppcheck-suppress zerodiv; an instrument is one of n_instruments */
    return RL_SYNTH_ORDERS_MIN + (uint32_t)(spare * ((1ULL << 32) / (instrument + 1)) / q32_sum);
}

/* Weights of events: a trade is drawn once for all its fills. Time: the tables' means set the
 * scale. */
static void scale(struct rl_synth_market *m)
{
    const struct rl_synth_config *c = m->config;
    uint64_t sums[RL_SYNTH_N_TABLES] = {0}, total = 0;
    unsigned __int128 burst_ns;

    for (int i = 0; i < RL_SYNTH_N_TABLES; i++) {
        for (uint32_t j = 0; j < c->tables[i].n; j++)
            sums[i] += (uint64_t)c->tables[i].values[j];
    }
    for (int i = 0; i < RL_SYNTH_N_OPS; i++)
        total += c->weights[i];
    for (int i = 0; i < RL_SYNTH_N_OPS; i++) {
        uint64_t weight = c->weights[i] * (RL_SYNTH_WEIGHTS_SUM / total);

        if (i == RL_SYNTH_EXECUTE_FULL || i == RL_SYNTH_EXECUTE_PART)
            weight = weight * c->tables[RL_SYNTH_FILLS].n / sums[RL_SYNTH_FILLS];
        m->weights[i] = (uint32_t)weight;
        m->weights_sum += m->weights[i];
    }
    burst_ns = (unsigned __int128)c->mean_gap_ns * sums[RL_SYNTH_BURST];
    if (sums[RL_SYNTH_GAP_PPM])
        m->gap_q32 = (burst_ns * c->tables[RL_SYNTH_GAP_PPM].n << 32) /
                     ((unsigned __int128)c->tables[RL_SYNTH_BURST].n * sums[RL_SYNTH_GAP_PPM]);
    else
        m->gap_ns = (uint64_t)(burst_ns / c->tables[RL_SYNTH_BURST].n);
}

uint32_t rl_synth_market_orders_max(const struct rl_synth_config *config, uint32_t instrument)
{
    return 2 * target_of(config, instrument) + 4 * RL_SYNTH_ORDERS_MIN;
}

size_t rl_synth_market_bytes(const struct rl_synth_config *config)
{
    size_t n = config->n_instruments,
           n_bytes = 4 * RL_CACHE_LINE; /* four pieces, each on its line */

    n_bytes += n * (sizeof(struct rl_synth_book) + sizeof(struct rl_synth_pressure) +
                    2 * sizeof(uint32_t));
    for (uint32_t k = 0; k < config->n_instruments; k++)
        n_bytes += rl_synth_book_bytes(rl_synth_market_orders_max(config, k));
    return n_bytes;
}

int rl_synth_market_init(struct rl_synth_market *m, const struct rl_synth_config *config,
                         struct rl_synth_stats *stats, struct rl_arena *arena)
{
    uint32_t n = config->n_instruments;
    uint64_t edge = 0, n_targets = 0;

    memset(m, 0, sizeof(*m));
    memset(stats, 0, sizeof(*stats));
    m->config = config;
    m->stats = stats;
    m->is_silent = true;
    m->books = rl_arena_take(arena, n * sizeof(*m->books), 0);
    m->pressures = rl_arena_take(arena, n * sizeof(*m->pressures), 0);
    m->targets = rl_arena_take(arena, n * sizeof(*m->targets), 0);
    m->busy = rl_arena_take(arena, n * sizeof(*m->busy), 0);
    if (!m->books || !m->pressures || !m->targets || !m->busy)
        return -ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        m->targets[k] = target_of(config, k);
        n_targets += m->targets[k];
        if (rl_synth_book_init(&m->books[k], arena, rl_synth_market_orders_max(config, k)) < 0)
            return -ENOMEM;
    }
    for (uint32_t k = 0; k < n; k++) {
        edge += ((uint64_t)m->targets[k] << 32) / n_targets;
        m->busy[k] = (uint32_t)(edge < UINT32_MAX ? edge : UINT32_MAX);
    }
    scale(m);
    rl_random_seed(&m->random, config->seed);
    return 0;
}

void rl_synth_market_settle(struct rl_synth_market *m)
{
    uint64_t n_steps;

    for (uint32_t i = 0; i < m->config->n_instruments; i++)
        fill_book(m, i);
    n_steps = (uint64_t)m->n_live * BURN_IN_PER_ORDER;
    for (uint64_t i = 0; i < n_steps || m->fills_left; i++) /* no trade spans the prefix's end */
        rl_synth_market_step(m);
}
