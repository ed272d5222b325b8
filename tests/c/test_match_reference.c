/*
 * Matching agrees with slow_match.h, event by event, over random requests of every kind; and every
 * wrong rule that slow_match.h knows is told apart.
 *
 *     test_match_reference [requests [seed]]      $RL_SOAK_OPS: as many requests
 */
#include "match_world.h"
#include "slow_match_take.h"

#ifdef __SANITIZE_THREAD__
#define N_REQUESTS 40000 /* one thread: nothing to be found there that takes longer */
#else
#define N_REQUESTS 200000
#endif
#define SEED 0x5EEDED0EULL

static struct world w;
static struct slow_match slow;

static uint64_t below(uint64_t *random, uint64_t n)
{
    return check_random(random) % n;
}

static bool one_in(uint64_t *random, uint64_t n)
{
    return below(random, n) == 0;
}

/* What a world is like: of each seed another. */
static struct {
    uint32_t n_prices; /* most orders are at one of so many, */
    uint64_t special;  /* one in so many has conditions, */
    uint64_t decision; /* and one request in so many is the venue's */
} mood;

static struct rl_match_config small_world(uint64_t seed)
{
    mood.n_prices = seed & 4 ? 11 : 61;
    mood.special = seed & 8 ? 3 : 40; /* seldom: most requests go the fast way */
    mood.decision = seed & 8 ? 20 : 300;
    return (struct rl_match_config){
        .n_instruments = 2,
        .n_orders = seed & 16 ? 14 : 60,
        .n_stops = seed & 16 ? 5 : 16,
        .n_levels_per_side = 14,
        .n_owners = 3,
        .n_trades = 8,
        .tick_nano = TICK,
        .max_qty = seed & 1 ? 1000000 : 0,
        .trigger = seed >> 1 & 1,
        .seed = seed + 1,
    };
}

/* --- requests --------------------------------------------------------------------------------- */

/* Most prices are near 1000 units; some are off the tick or far out. */
static int64_t any_price(uint64_t *random)
{
    static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX,  INT64_MAX - 2, 0,
                                  -5,        5003,          -999999995, INT64_MIN + 3};

    if (one_in(random, 60))
        return odd[below(random, RL_COUNT(odd))];
    return (1000 - mood.n_prices / 2 + (int64_t)below(random, mood.n_prices)) * TICK;
}

static uint64_t any_qty(uint64_t *random)
{
    static const uint64_t odd[] = {0, UINT64_MAX, UINT64_MAX / 40, 1000001, 1000000};

    return one_in(random, 80) ? odd[below(random, RL_COUNT(odd))] : 1 + below(random, 20);
}

static const struct slow_order *any_order(uint64_t *random)
{
    return slow.n_orders > 0 ? &slow.orders[below(random, slow.n_orders)] : NULL;
}

static struct rl_match_request any_new(uint64_t *random, uint64_t next_id)
{
    struct rl_match_request r = {
        .op = RL_MATCH_NEW,
        .id = next_id,
        .user = check_random(random),
        .px_nano = any_price(random),
        .stop_px_nano = any_price(random),
        .slippage_nano = (int64_t)below(random, 6) * TICK - TICK,
        .trail_nano = (int64_t)below(random, 6) * TICK,
        .trail_step_nano = (int64_t)below(random, 3) * TICK,
        .qty = any_qty(random),
        .expire_ns = w.now_ns + below(random, 200),
        .instrument = (uint32_t)below(random, 2),
        .owner = (uint32_t)below(random, 3),
        .side = (uint8_t)below(random, 2),
        .tif = (uint8_t)below(random, 2),
    };
    const struct slow_order *o = any_order(random);

    if (o && one_in(random, 50))
        r.id = o->id;
    if (one_in(random, 300)) {
        uint8_t *members[] = {&r.side, &r.type, &r.tif, &r.stp, &r.flags};

        *members[below(random, 5)] = (uint8_t)(4 + below(random, 252));
    }
    if (one_in(random, 300))
        r.instrument = 2;
    if (one_in(random, 300))
        r.owner = one_in(random, 2) ? 3 : RL_MATCH_ANYBODY;
    if (!one_in(random, mood.special))
        return r;
    r.type = (uint8_t)below(random, RL_MATCH_N_TYPES);
    if (one_in(random, 2))
        r.tif = (uint8_t)below(random, RL_MATCH_N_TIFS);
    if (one_in(random, 2))
        r.stp = (uint8_t)below(random, RL_MATCH_N_STPS);
    if (slow.instruments[r.instrument % 2].phase == RL_MATCH_AUCTION && one_in(random, 3))
        r.tif = RL_MATCH_AT_OPEN;
    if (one_in(random, 3))
        r.flags = (uint8_t)(1 + below(random, 3));
    if (one_in(random, 3))
        r.flags = RL_MATCH_ALL_OR_NONE;
    if (one_in(random, 3))
        r.show_qty = 1 + below(random, 8);
    if (one_in(random, 5))
        r.min_qty = 1 + below(random, 10);
    if (one_in(random, 4)) {
        r.trail_nano = -(int64_t)below(random, 60);
        r.trail_step_nano = -(int64_t)below(random, 30);
    }
    if (r.type == RL_MATCH_TRAILING_STOP && one_in(random, 3))
        r.stop_px_nano = RL_PX_NONE;
    if (r.type >= RL_MATCH_STOP && r.flags && one_in(random, 2))
        r.flags = 0;
    return r;
}

/* Of a live order most often. */
static struct rl_match_request any_change(uint64_t *random, unsigned op, uint64_t next_id)
{
    const struct slow_order *o = any_order(random);
    struct rl_match_request r = {
        .op = (uint8_t)op,
        .id = below(random, next_id + 1),
        .user = check_random(random),
        .px_nano = any_price(random),
        .stop_px_nano = one_in(random, 2) ? RL_PX_NONE : any_price(random),
        .qty = any_qty(random),
        .instrument = (uint32_t)below(random, 2),
        .owner = (uint32_t)below(random, 3),
        .flags = one_in(random, 6) ? RL_MATCH_TO_BACK : 0,
    };

    if (o && !one_in(random, 20)) {
        r.id = o->id;
        r.instrument = o->instrument;
        r.owner = o->owner;
        if (one_in(random, 3))
            r.px_nano = o->px;
        if (one_in(random, 3))
            r.qty = 1 + below(random, o->open + (op == RL_MATCH_MODIFY ? o->done : 0));
        if (one_in(random, 3))
            r.show_qty = one_in(random, 2) ? o->show_qty : 1 + below(random, 8);
    }
    if (one_in(random, 20))
        r.instrument = one_in(random, 4) ? 2 : RL_INSTRUMENT_ALL;
    if (one_in(random, 20))
        r.owner = one_in(random, 2) ? RL_MATCH_ANYBODY : (uint32_t)below(random, 3);
    if (op == RL_MATCH_CANCEL && one_in(random, 4))
        r.reason = (uint8_t)below(random, 255);
    r.new_id = r.id;
    if (one_in(random, 2))
        r.new_id = next_id;
    o = any_order(random);
    if (o && one_in(random, 50))
        r.new_id = o->id;
    return r;
}

static struct rl_match_request any_decision(uint64_t *random)
{
    static const uint8_t phases[] = {RL_MATCH_OPEN,    RL_MATCH_AUCTION, RL_MATCH_HALTED,
                                     RL_MATCH_AUCTION, RL_MATCH_CLOSED,  RL_MATCH_N_PHASES};
    static const uint8_t ops[] = {RL_MATCH_PHASE,       RL_MATCH_PHASE,    RL_MATCH_PHASE,
                                  RL_MATCH_MASS_CANCEL, RL_MATCH_MATCHING, RL_MATCH_BUST,
                                  RL_MATCH_BUST,        RL_MATCH_DAY_END,  RL_MATCH_TIME};
    struct rl_match_request r = {
        .op = ops[below(random, RL_COUNT(ops))],
        .id = check_random(random),
        .user = check_random(random),
        .qty = below(random, 3),
        .match = slow.n_matches - below(random, one_in(random, 2) ? 2 : 12),
        .instrument = (uint32_t)below(random, 2),
        .owner = one_in(random, 3) ? RL_MATCH_ANYBODY : (uint32_t)below(random, 4),
        .side = (uint8_t)below(random, 3 + one_in(random, 10)),
        .phase = phases[below(random, RL_COUNT(phases))],
        .reason = one_in(random, 3) ? RL_MATCH_REASON_DISCONNECTED : 0,
    };

    if (one_in(random, 5))
        r.instrument = one_in(random, 3) ? 2 : RL_INSTRUMENT_ALL;
    if (r.op == RL_MATCH_DAY_END && one_in(random, 2))
        r.op = (uint8_t)(RL_MATCH_N_OPS + below(random, 200));
    return r;
}

static struct rl_match_request any_request(uint64_t *random, uint64_t next_id)
{
    uint64_t kind = below(random, 100);
    struct rl_match_request open = {.op = RL_MATCH_PHASE, .phase = RL_MATCH_OPEN};

    /* Whatever is shut is opened again before long. */
    for (uint32_t i = 0; i < 2; i++) {
        open.instrument = i;
        if (slow.instruments[i].phase != RL_MATCH_OPEN && one_in(random, 25))
            return open;
        if (slow.instruments[i].is_off && one_in(random, 25))
            return (struct rl_match_request){.op = RL_MATCH_MATCHING, .qty = 1, .instrument = i};
    }
    if (one_in(random, mood.decision))
        return any_decision(random);
    if (kind < 65)
        return any_new(random, next_id);
    if (kind < 75)
        return any_change(random, RL_MATCH_CANCEL, next_id);
    if (kind < 80)
        return any_change(random, RL_MATCH_REDUCE, next_id);
    if (kind < 92)
        return any_change(random, RL_MATCH_REPLACE, next_id);
    return any_change(random, RL_MATCH_MODIFY, next_id);
}

/* --- agreement -------------------------------------------------------------------------------- */

static bool is_same_event(const struct rl_match_event *a, const struct rl_match_event *b)
{
    return a->seq == b->seq && a->ts_ns == b->ts_ns && a->id == b->id &&
           a->other_id == b->other_id && a->user == b->user && a->match == b->match &&
           a->px_nano == b->px_nano && a->qty == b->qty && a->leaves == b->leaves &&
           a->shown == b->shown && a->done == b->done && a->shown_before == b->shown_before &&
           a->instrument == b->instrument && a->owner == b->owner && a->kind == b->kind &&
           a->side == b->side && a->reason == b->reason && a->flags == b->flags &&
           a->type == b->type && a->op == b->op;
}

static void print_event(const char *who, const struct rl_match_event *e)
{
    fprintf(stderr,
            "  %s #%" PRIu64 " %s (%s) id %" PRIu64 "/%" PRIu64 " user %" PRIx64 " match %" PRIu64
            " px %" PRId64 " qty %" PRIu64 " leaves %" PRIu64 " shown %" PRIu64 "->%" PRIu64
            " done %" PRIu64 " i%" PRIu32 " owner %" PRIu32 " side %u flags %u type %u op %s\n",
            who, e->seq, rl_match_event_name(e->kind), rl_match_reason_text(e->reason), e->id,
            e->other_id, e->user, e->match, e->px_nano, e->qty, e->leaves, e->shown_before,
            e->shown, e->done, e->instrument, e->owner, e->side, e->flags, e->type,
            rl_match_op_name(e->op));
}

/* The stream's first event that differs; both numbers of events when none does. */
static bool agree(void)
{
    if (w.n_events != slow.n_events)
        return false;
    for (uint32_t i = 0; i < w.n_events; i++)
        if (!is_same_event(&w.events[i], &slow.events[i]))
            return false;
    return true;
}

static void show_difference(uint64_t k, const struct rl_match_request *r)
{
    fprintf(stderr,
            "request %" PRIu64 ": %s id %" PRIu64 " new %" PRIu64 " px %" PRId64 " stop %" PRId64
            " qty %" PRIu64 " show %" PRIu64 " min %" PRIu64
            " i%u owner %u side %u type %u tif %u stp %u flags %u phase %u\n",
            k, rl_match_op_name(r->op), r->id, r->new_id, r->px_nano, r->stop_px_nano, r->qty,
            r->show_qty, r->min_qty, r->instrument, r->owner, r->side, r->type, r->tif, r->stp,
            r->flags, r->phase);
    for (uint32_t i = 0; i < w.n_events; i++)
        print_event("seen  ", &w.events[i]);
    for (uint32_t i = 0; i < slow.n_events; i++)
        print_event("wanted", &slow.events[i]);
}

/* How many requests go by until the two disagree; n when they do not. */
static uint64_t run(uint64_t n, uint64_t seed, enum slow_wrong wrong, uint64_t every,
                    uint64_t *n_kinds)
{
    struct rl_match_config config = small_world(seed);
    uint64_t random = seed, next_id = 1, k = 0;

    world_open(&w, &config);
    slow_init(&slow, &config, wrong);
    for (; k < n; k++) {
        struct rl_match_request r = any_request(&random, next_id++);

        w.now_ns += below(&random, 3);
        world_take(&w, r);
        slow_take(&slow, &r, w.now_ns);
        if (!agree()) {
            if (wrong == SLOW_RIGHT)
                show_difference(k, &r);
            break;
        }
        if (every > 0 && k % every == 0) {
            world_check(&w);
            CHECK_EQ(rl_books_hash(rl_match_books(&w.m)), slow_books_hash(&slow));
        }
        for (uint32_t i = 0; i < w.n_events && n_kinds; i++)
            n_kinds[w.events[i].kind * RL_MATCH_N_REASONS +
                    (w.events[i].kind == RL_MATCH_EVENT_PHASED ? 0 : w.events[i].reason)]++;
    }
    world_close(&w);
    slow_fini(&slow);
    return k;
}

/* --- promises --------------------------------------------------------------------------------- */

/* What must be seen to happen, or agreement shows little. */
static const struct {
    uint8_t kind, reason;
} seen[] = {
#define SEEN(kind, reason) {RL_MATCH_EVENT_##kind, RL_MATCH_REASON_##reason}
    SEEN(ACCEPTED, NONE),
    SEEN(REJECTED, DUPLICATE_ID),
    SEEN(REJECTED, UNKNOWN_INSTRUMENT),
    SEEN(REJECTED, BAD_QUANTITY),
    SEEN(REJECTED, BAD_PRICE),
    SEEN(REJECTED, BAD_ORDER),
    SEEN(REJECTED, HALTED),
    SEEN(REJECTED, CLOSED),
    SEEN(REJECTED, WOULD_TRADE),
    SEEN(REJECTED, DATE_REACHED),
    SEEN(REJECTED, STOP_PASSED),
    SEEN(REJECTED, BOOK_FULL),
    SEEN(FILL, NONE),
    SEEN(CANCELLED, REQUESTED),
    SEEN(CANCELLED, SELF_TRADE),
    SEEN(CANCELLED, MASS_CANCEL),
    SEEN(CANCELLED, DISCONNECTED),
    SEEN(CANCELLED, BOOK_FULL),
    SEEN(REDUCED, REQUESTED),
    SEEN(REDUCED, SELF_TRADE),
    SEEN(REPLACED, NONE),
    SEEN(REFUSED, UNKNOWN_ORDER),
    SEEN(REFUSED, DUPLICATE_ID),
    SEEN(REFUSED, UNKNOWN_INSTRUMENT),
    SEEN(REFUSED, BAD_QUANTITY),
    SEEN(REFUSED, BAD_PRICE),
    SEEN(REFUSED, BAD_ORDER),
    SEEN(REFUSED, NOT_OWNER),
    SEEN(REFUSED, HALTED),
    SEEN(REFUSED, CLOSED),
    SEEN(REFUSED, WOULD_TRADE),
    SEEN(REFUSED, STOP_PASSED),
    SEEN(REFUSED, BOOK_FULL),
    SEEN(REFUSED, UNKNOWN_TRADE),
    SEEN(EXPIRED, WOULD_TRADE),
    SEEN(EXPIRED, IOC_REMAINDER),
    SEEN(EXPIRED, FOK_UNFILLED),
    SEEN(EXPIRED, MIN_QTY_UNMET),
    SEEN(EXPIRED, MARKET_REMAINDER),
    SEEN(EXPIRED, DAY_OVER),
    SEEN(EXPIRED, DATE_REACHED),
    SEEN(EXPIRED, AUCTION_OVER),
    SEEN(TRIGGERED, NONE),
    SEEN(RESTED, NONE),
    SEEN(REFILLED, NONE),
    SEEN(TRAILED, NONE),
    SEEN(PHASED, NONE),
    SEEN(BUSTED, VENUE),
    SEEN(MASS_CANCELLED, MASS_CANCEL),
};

static void matching_agrees_with_the_slow_reference_event_by_event(uint64_t n, uint64_t seed)
{
    static uint64_t n_kinds[RL_MATCH_N_EVENTS * RL_MATCH_N_REASONS];
    const uint64_t n_worlds = 32;

    for (uint64_t i = 0; i < n_worlds; i++)
        CHECK_EQ(run(n / n_worlds, seed + i, SLOW_RIGHT, 64, n_kinds), n / n_worlds);
    for (unsigned i = 0; i < RL_COUNT(seen) && n >= 200000; i++) {
        if (n_kinds[seen[i].kind * RL_MATCH_N_REASONS + seen[i].reason] == 0) {
            fprintf(stderr, "never seen: %s, %s\n", rl_match_event_name(seen[i].kind),
                    rl_match_reason_text(seen[i].reason));
            exit(1);
        }
    }
}

static void all_parts_hang_together_after_every_single_request(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        CHECK_EQ(run(2500, seed, SLOW_RIGHT, 1, NULL), 2500);
}

static void every_wrong_rule_is_told_apart(void)
{
    static const char *const names[] = {
#define SLOW_NAME(name, text) text,
        SLOW_WRONGS(SLOW_NAME)
#undef SLOW_NAME
    };

    for (unsigned wrong = SLOW_RIGHT + 1; wrong < SLOW_N_WRONGS; wrong++) {
        const uint64_t n = 20000;
        uint64_t k = n;

        for (uint64_t seed = 8; seed < 16 && k == n; seed++)
            k = run(n, seed, (enum slow_wrong)wrong, 0, NULL);
        if (k == n)
            fprintf(stderr, "not told apart: %s\n", names[wrong]);
        CHECK(k < n);
    }
}

int main(int argc, char **argv)
{
    const char *soak = argc > 1 ? argv[1] : getenv("RL_SOAK_OPS");
    uint64_t n = soak ? strtoull(soak, NULL, 0) : N_REQUESTS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;

    matching_agrees_with_the_slow_reference_event_by_event(n, seed);
    all_parts_hang_together_after_every_single_request();
    every_wrong_rule_is_told_apart();
    printf("%" PRIu64 " requests from seed %" PRIu64 "\n", n, seed);
    return 0;
}
