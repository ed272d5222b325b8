/* Random life of orders, the table beside its slow reference: whatever comes, they agree. */
#include <stdlib.h>

#include "order_pair.h"

#ifdef __SANITIZE_THREAD__
#define N_STEPS 50000 /* there is nothing to find for it here, and it makes the steps slow */
#define N_STEPS_LOCKED 100
#else
#define N_STEPS 200000
#define N_STEPS_LOCKED 2000
#endif
#define SEED 0x0DDBA11C0FFEEULL

/* What a step draws from. */
struct life {
    struct pair p;
    struct rl_ids ids;
    uint64_t random;
    uint64_t next_exec;
    uint64_t n_steps;
    struct pair_op op; /* the last */
};

static uint64_t draw(struct life *l, uint64_t below)
{
    return check_random(&l->random) % below;
}

/* The id of something that is known; rarely of nothing. */
static uint64_t some_id(struct life *l)
{
    if (l->p.s.n_orders == 0 || draw(l, 50) == 0)
        return draw(l, 2) == 0 ? draw(l, 500) : l->ids.next + draw(l, 3);
    return l->p.s.orders[draw(l, l->p.s.n_orders)].id;
}

/* Of something that lives, of an order that ended, or of anything: each often enough. */
static uint64_t some_named_id(struct life *l)
{
    bool wants_live = draw(l, 3) != 0;

    for (int i = 0; i < 12; i++) {
        struct slow_order *o = slow_find(&l->p.s, some_id(l));

        if (o == NULL)
            continue;
        if (wants_live ? (o->what == SLOW_ORDER ? o->end == SLOW_LIVES : o->waits)
                       : (o->what == SLOW_ORDER && o->end != SLOW_LIVES))
            return o->id;
    }
    return some_id(l);
}

static int64_t some_px(struct life *l)
{
    static const int64_t prices[] = {100, 101, 99, -100, 0, -7, INT64_MAX, INT64_MIN + 1};
    uint64_t k = draw(l, 40);

    return k < RL_COUNT(prices) ? prices[k] : k == 39 ? RL_PX_NONE : 100;
}

static uint64_t some_qty(struct life *l)
{
    static const uint64_t odd[] = {
        0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, INT64_MAX - 3};
    uint64_t k = draw(l, 120);

    return k < RL_COUNT(odd) ? odd[k] : 1 + draw(l, 9);
}

/* The next execution, or one that may still be remembered, or none. */
static uint64_t some_exec(struct life *l)
{
    uint64_t k = draw(l, 20);

    if (k == 0)
        return 0;
    return k < 4 ? l->next_exec - draw(l, PAIR_EXECS + 6) : l->next_exec++;
}

static struct pair_op some_send(struct life *l)
{
    static const uint8_t times[] = {RL_TIF_DAY, RL_TIF_DAY, RL_TIF_GTC, RL_TIF_IOC, RL_TIF_FOK};
    struct rl_request r = {
        .scopes = {.instrument = (uint32_t)draw(l, 3), .venue = (uint8_t)draw(l, 2)},
        .px_nano = some_px(l),
        .qty = some_qty(l),
        .trigger = draw(l, 1000),
        .side = (uint8_t)draw(l, 2),
        .type = draw(l, 12) == 0,
        .time_in_force = times[draw(l, RL_COUNT(times))],
    };
    uint64_t id = draw(l, 60) == 0 ? some_id(l) : rl_orders_next_id(&l->p.o, &l->ids);

    return (struct pair_op){.what = PAIR_SEND, .id = id, .request = r};
}

static struct pair_op some_request(struct life *l)
{
    struct pair_op op = {.order_id = some_named_id(l),
                         .request = {.qty = some_qty(l), .px_nano = some_px(l)}};

    op.what = draw(l, 2) == 0 ? PAIR_CANCEL : PAIR_REPLACE;
    if (op.what == PAIR_CANCEL)
        op.id = rl_orders_next_cancel_id(&l->p.o, &l->ids);
    else
        op.id = rl_orders_next_id(&l->p.o, &l->ids);
    if (draw(l, 60) == 0)
        op.id = some_id(l);
    return op;
}

/* An answer as a venue would give it, with the ids bent now and then. */
static struct pair_op some_event(struct life *l)
{
    static const uint8_t often[] = {
        RL_EVENT_ACK,      RL_EVENT_ACK,           RL_EVENT_ACK,      RL_EVENT_FILL,
        RL_EVENT_FILL,     RL_EVENT_FILL,          RL_EVENT_FILL,     RL_EVENT_FILL,
        RL_EVENT_REPLACED, RL_EVENT_CANCEL_REJECT, RL_EVENT_REPLACED, RL_EVENT_REPLACE_REJECT,
        RL_EVENT_BUST,     RL_EVENT_CORRECT,       RL_EVENT_CANCELLED};
    struct rl_order_event e = {.id = some_named_id(l), .qty = some_qty(l), .px_nano = some_px(l)};
    struct slow_order *named = slow_find(&l->p.s, e.id);

    e.kind = draw(l, 2) == 0 ? often[draw(l, RL_COUNT(often))] : (uint8_t)draw(l, 17);
    switch (e.kind) {
    case RL_EVENT_FILL:
        e.exec = some_exec(l);
        break;
    case RL_EVENT_BUST:
    case RL_EVENT_CORRECT:
        e.exec = some_exec(l);
        e.ref_exec = l->next_exec - draw(l, PAIR_EXECS + 4);
        if (l->p.s.n_execs != 0 && draw(l, 4) != 0) { /* one that is known, under its order */
            const struct slow_exec *x = &l->p.s.execs[draw(l, l->p.s.n_execs)];

            e.ref_exec = x->exec;
            if (draw(l, 4) != 0)
                e.id = x->id;
        }
        break;
    case RL_EVENT_REPLACED:
        if (draw(l, 3) != 0) {
            e.qty = 0;
            e.px_nano = RL_PX_NONE;
        }
        break;
    default:
        break;
    }
    if (named != NULL && named->what != SLOW_ORDER && draw(l, 2) == 0)
        e.orig_id = named->of;
    else if (draw(l, 12) == 0)
        e.orig_id = some_id(l);
    /* A repeated execution is the same in all but a few cases. */
    if (e.kind == RL_EVENT_FILL && draw(l, 8) != 0)
        for (uint32_t i = 0; i < l->p.s.n_execs; i++)
            if (l->p.s.execs[i].exec == e.exec) {
                e.qty = l->p.s.execs[i].qty;
                e.px_nano = l->p.s.execs[i].px;
                e.id = draw(l, 4) == 0 ? e.id : l->p.s.execs[i].id;
            }
    return (struct pair_op){.what = PAIR_EVENT, .event = e};
}

static struct pair_op some_op(struct life *l)
{
    uint64_t k = draw(l, 1000);

    if (k < 4)
        return (struct pair_op){.what = PAIR_DISCONNECT, .request.scopes.venue = k & 1};
    return k < 180 ? some_send(l) : k < 330 ? some_request(l) : some_event(l);
}

static void life_init(struct life *l, uint64_t seed)
{
    pair_init(&l->p);
    CHECK_EQ(rl_ids_init(&l->ids, 1), 0);
    l->random = seed;
    l->next_exec = UINT64_MAX - 4000; /* numbers of executions go round too */
    l->n_steps = 0;
}

/* False at the first difference. */
static bool life_runs(struct life *l, uint64_t n_steps)
{
    while (l->n_steps < n_steps) {
        l->op = some_op(l);
        l->n_steps++;
        if (!pair_step(&l->p, &l->op))
            return false;
    }
    return true;
}

/* ---- Promises ------------------------------------------------------------------------------- */

/* States and events that were met, so that agreement is not agreement about nothing. */
static uint64_t n_met[RL_N_ORDER_STATES][RL_N_ORDER_EVENTS];

static void a_random_life_agrees_with_the_reference_at_every_step(uint64_t n_steps, uint64_t seed)
{
    static struct life l;
    uint64_t n_flags[RL_N_ORDER_FLAGS] = {0};

    life_init(&l, seed);
    for (uint64_t step = 1; step <= n_steps; step++) {
        bool agrees = life_runs(&l, step);

        if (!agrees) {
            fprintf(stderr, "seed %" PRIu64 " step %" PRIu64 "\n", seed, step);
            pair_print(&l.p, &l.op, "the order table and its reference disagree");
            exit(1);
        }
        if (l.p.c.kind < RL_N_ORDER_EVENTS)
            n_met[l.p.c.was.state][l.p.c.kind]++;
        for (unsigned i = 0; i < RL_N_ORDER_FLAGS; i++)
            n_flags[i] += l.op.what != PAIR_DISCONNECT && (l.p.c.flags >> i & 1) != 0;
    }
    for (unsigned i = 0; i < RL_N_ORDER_FLAGS; i++)
        CHECK(n_flags[i] != 0 && n_flags[i] == l.p.o.n_flags[i]);
    for (unsigned state = 1; state < RL_N_ORDER_STATES; state++)
        for (unsigned kind = RL_EVENT_CANCEL_SENT; kind < RL_N_ORDER_EVENTS; kind++)
            if (n_met[state][kind] == 0) {
                fprintf(stderr, "never met: '%s' in state '%s'\n", rl_order_event_name(kind),
                        rl_order_state_name(state));
                /* An execution of a REPLACED order is met as one of its successor. */
                CHECK(state == RL_STATE_REPLACED);
            }
}

static void the_same_life_ends_in_the_same_hash_and_another_in_another(void)
{
    static struct life l;
    uint64_t hash[3];

    for (int i = 0; i < 3; i++) {
        life_init(&l, i == 2 ? SEED + 1 : SEED);
        CHECK(life_runs(&l, 2000));
        hash[i] = rl_orders_hash(&l.p.o);
    }
    CHECK(hash[0] == hash[1]);
    CHECK(hash[0] != hash[2]);
}

/* A cell that is wrong, in a table that is right but for it. */
static bool life_catches(unsigned state, unsigned kind, uint8_t wrong, uint64_t n_steps)
{
    static struct life l;
    static rl_transitions table;

    memcpy(table, rl_order_next, sizeof(table));
    table[state][kind] = wrong;
    life_init(&l, SEED + state * 16 + kind);
    l.p.o.next = &table;
    return !life_runs(&l, n_steps);
}

/*
 * Cells that a second lock guards: were they legal, the event would still be refused, because the
 * venue cannot say it, no such request is pending, it was acknowledged, something was executed, or
 * nothing is left.
 */
static bool is_locked_twice(unsigned state, unsigned kind)
{
    bool has_ended = rl_state_is_terminal(state);

    if (state == RL_STATE_NONE) /* no order is in it */
        return kind != RL_EVENT_SEND;
    switch (kind) {
    case RL_EVENT_SEND:
        return true;
    case RL_EVENT_REPLACE_SENT:
        return state == RL_STATE_PENDING_REPLACE || state == RL_STATE_REPLACED;
    case RL_EVENT_STATUS_GONE:
        return state == RL_STATE_PENDING_REPLACE;
    case RL_EVENT_ACK:
        return state == RL_STATE_WORKING || state == RL_STATE_REPLACED;
    case RL_EVENT_REJECT:
        return state == RL_STATE_PARTIAL || state == RL_STATE_FILLED;
    case RL_EVENT_CANCEL_REJECT:
        return has_ended || state == RL_STATE_PENDING_NEW || state == RL_STATE_WORKING ||
               state == RL_STATE_PARTIAL || state == RL_STATE_PENDING_REPLACE;
    case RL_EVENT_REPLACED:
    case RL_EVENT_REPLACE_REJECT:
        return has_ended || state == RL_STATE_PENDING_NEW || state == RL_STATE_WORKING ||
               state == RL_STATE_PARTIAL;
    default:
        return false;
    }
}

/* Cells that are legal and whose state no life comes to: what has no execution has none to correct.
 */
static bool is_out_of_reach(unsigned state, unsigned kind)
{
    return (state == RL_STATE_PENDING_NEW || state == RL_STATE_WORKING) &&
           (kind == RL_EVENT_BUST || kind == RL_EVENT_CORRECT);
}

static void every_wrong_cell_of_the_table_is_caught(void)
{
    unsigned n_caught = 0, n_locked = 0;

    for (unsigned state = 0; state < RL_N_ORDER_STATES; state++) {
        for (unsigned kind = 0; kind < RL_N_ORDER_EVENTS; kind++) {
            uint8_t right = rl_order_next[state][kind];
            bool is_illegal = right == RL_NEXT_ILLEGAL;
            bool is_locked =
                is_illegal ? is_locked_twice(state, kind) : is_out_of_reach(state, kind);
            uint8_t legal = right == RL_STATE_REJECTED || state == RL_STATE_REJECTED
                                ? RL_STATE_EXPIRED
                                : RL_STATE_REJECTED;
            uint8_t wrong[2] = {is_illegal ? RL_NEXT_STAY : RL_NEXT_ILLEGAL, legal};

            for (int i = 0; i < 2; i++) {
                /* A locked one is looked at to see that it does no harm. */
                if (life_catches(state, kind, wrong[i], is_locked ? N_STEPS_LOCKED : 200000)) {
                    n_caught++;
                } else if (is_locked) {
                    n_locked++;
                } else {
                    fprintf(stderr, "not caught: '%s' in state '%s' made %02x\n",
                            rl_order_event_name(kind), rl_order_state_name(state), wrong[i]);
                    exit(1);
                }
            }
        }
    }
    printf("wrong tables: %u caught, %u harmless behind a second lock\n", n_caught, n_locked);
    CHECK_EQ(n_caught + n_locked, 2 * RL_N_ORDER_STATES * RL_N_ORDER_EVENTS);
    CHECK(n_caught >= 2 * 130);
}

/* test_orders_reference [STEPS [SEED]]; or RL_SOAK_OPS in the environment. */
int main(int argc, char **argv)
{
    const char *soak = argc > 1 ? argv[1] : getenv("RL_SOAK_OPS");
    uint64_t n_steps = soak == NULL ? N_STEPS : strtoull(soak, NULL, 10);
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;

    printf("%" PRIu64 " steps from seed %" PRIu64 "\n", n_steps, seed);
    a_random_life_agrees_with_the_reference_at_every_step(n_steps, seed);
    the_same_life_ends_in_the_same_hash_and_another_in_another();
    every_wrong_cell_of_the_table_is_caught();
    return 0;
}
