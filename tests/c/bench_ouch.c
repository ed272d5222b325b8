/*
 * Order entry by OUCH over shm: a client on one CPU, the exchange on another; an order goes in,
 * through gateway, venue and matching, and its answer comes out. Beside it a floor of the same
 * minute: the same messages in the same frames, sent back as they came.
 *
 * usage: bench_ouch [--json] [REPEATS [CPU CPU]]      (default 7 repeats, the first two allowed
 * CPUs)
 *
 *   orders      new orders; every second one trades with the one before
 *   mix         82 % replace, 9 % new, 6 % cancel, 3 % immediate or cancel
 *   round trip  one order at a time: from before it is encoded until its answer is decoded
 *
 * After every run the client's orders, as it knows them by its messages, are compared with the
 * venue's books; a run in which they differ ends the program.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/hist.h"
#include "bench_report.h"
#include "check.h"
#include "net/port/port_shm.h"
#include "rig/exchange/ouch_client.h"
#include "rig/exchange/ouch_desk.h"

enum {
    N_RATE = 2000000,
    N_TRIPS = 100000,
    N_SLOTS = 4096, /* orders of the client at a time */
    N_REFS = 1 << 20,
    WINDOW = 512, /* requests without an answer */
    MAX_REPEATS = 100,
    UTC_NS = 1700000000,
};

enum flow { ORDERS, MIX };

struct row {
    const char *name;
    enum flow flow;
    uint32_t n, window;
    bool reflects;
};

static const struct row rows[] = {
    {"reflected", ORDERS, N_RATE, WINDOW, true},
    {"orders", ORDERS, N_RATE, WINDOW, false},
    {"mix", MIX, N_RATE, WINDOW, false},
    {"reflected, one at a time", ORDERS, N_TRIPS, 1, true},
    {"orders, one at a time", ORDERS, N_TRIPS, 1, false},
    {"mix, one at a time", MIX, N_TRIPS, 1, false},
};

/* --- the exchange ----------------------------------------------------------------------------- */

static int cpus[2];
static struct rl_arena arena;
static struct rl_cable cable;
static struct rl_venue venue;
static struct rl_ouch_gateway gateway;
static struct rl_ouch_desk desk;
static struct rl_ouch_port mirror; /* instead of the desk */
static _Atomic bool stops, is_ready;
static const struct row *running;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A CPU that is shared with others is given away by who has waited for long; a free one never is.
 */
static void wait_politely(bool was_busy, uint32_t *n_idle)
{
    *n_idle = was_busy ? 0 : *n_idle + 1;
    if (*n_idle > 5000)
        sched_yield();
}

static void reflect(void *context, const uint8_t *message, uint32_t n_bytes)
{
    (void)context;
    CHECK(rl_ouch_port_send(&mirror, message, n_bytes));
}

static void no_news(void *context, enum rl_ouch_port_news news)
{
    (void)context;
    (void)news;
}

static void count(void *context, const struct rl_match_event *e)
{
    *(uint64_t *)context += e->kind == RL_MATCH_EVENT_FILL ? e->qty : 0;
}

static void *exchange(void *argument)
{
    uint32_t n_idle = 0;

    (void)argument;
    CHECK_EQ(rl_cpu_pin(cpus[1]), 0);
    atomic_store_explicit(&is_ready, true, memory_order_release);
    while (!atomic_load_explicit(&stops, memory_order_acquire)) {
        uint64_t ns = now_ns();

        wait_politely(running->reflects
                          ? rl_ouch_port_turn(&mirror, ns)
                          : rl_ouch_desk_turn(&desk, ns, (uint64_t)UTC_NS * 1000000000 + ns),
                      &n_idle);
    }
    return NULL;
}

/* --- the client ------------------------------------------------------------------------------- */

struct order {
    uint64_t id; /* RL_ID_NONE: the slot is free */
    int64_t px_nano, asked_px_nano;
    uint32_t qty;
    uint8_t side;
    bool is_pending;
};

static struct rl_ouch_client client;
static struct rl_ouch_port link;
static struct order orders[N_SLOTS];
static uint32_t slot_of[N_REFS];  /* by UserRefNum */
static uint64_t n_venue_executed; /* lots, both sides */
static uint32_t n_live;           /* orders */
static uint64_t counter, n_sent, n_answered, n_executed, n_events, seed;

static struct order *order_of(uint64_t id)
{
    return &orders[slot_of[rl_id_counter(id) & (N_REFS - 1)]];
}

static void answered(struct order *o)
{
    n_answered += o->is_pending;
    o->is_pending = false;
}

static void ended(struct order *o)
{
    n_live -= o->id != RL_ID_NONE;
    o->id = RL_ID_NONE;
}

static void on_event(const struct rl_order_event *e)
{
    struct order *o = order_of(e->id);

    n_events++;
    switch (e->kind) {
    case RL_EVENT_ACK:
    case RL_EVENT_REPLACE_REJECT:
        answered(o);
        break;
    case RL_EVENT_REPLACED:
        o->id = e->id;
        o->px_nano = e->px_nano;
        answered(o);
        break;
    case RL_EVENT_FILL:
        n_executed += e->qty;
        if (client.refs[rl_ouch_client_ref(&client, e->id) & client.mask].open > 0)
            break;
        answered(o);
        ended(o);
        break;
    default:
        CHECK(e->kind == RL_EVENT_CANCELLED || e->kind == RL_EVENT_EXPIRED);
        answered(o);
        ended(o);
        break;
    }
}

static void on_answer(void *context, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_order_event events[RL_OUCH_CLIENT_EVENTS];
    int n;

    (void)context;
    if (running->reflects) {
        n_answered++;
        return;
    }
    n = rl_ouch_client_read(&client, message, n_bytes, events, NULL);
    CHECK(n >= 0);
    for (int i = 0; i < n; i++)
        on_event(&events[i]);
}

static uint64_t new_id(uint32_t slot)
{
    uint64_t id = (uint64_t)1 << RL_ID_COUNTER_BITS | ++counter;

    slot_of[counter & (N_REFS - 1)] = slot;
    return id;
}

static uint32_t enter(uint32_t slot, uint8_t side, int64_t px_nano, uint8_t tif, uint8_t *out)
{
    struct order *o = &orders[slot];
    struct rl_request r = {.px_nano = px_nano, .qty = 100, .side = side, .time_in_force = tif};

    n_live++;
    *o = (struct order){
        .id = new_id(slot), .px_nano = px_nano, .qty = 100, .side = side, .is_pending = true};
    return rl_ouch_client_enter(&client, &r, o->id, "AAPL", 0, out, RL_OUCH_MAX_MESSAGE);
}

/* Buys below 100, sales above: only an immediate order trades. */
static int64_t price(uint8_t side, uint64_t draw)
{
    int64_t away = (int64_t)(1 + draw % 50) * (RL_NANO_PER_UNIT / 100);

    return 100 * RL_NANO_PER_UNIT + (side == RL_BUY ? -away : away);
}

/* About half of the slots are taken: as many orders begin as end. */
static uint32_t some_slot(bool is_taken)
{
    uint32_t slot = (uint32_t)(check_random(&seed) >> 32) % N_SLOTS;

    for (uint32_t i = 0; i < N_SLOTS; i++, slot = (slot + 1) % N_SLOTS)
        if ((orders[slot].id != RL_ID_NONE) == is_taken && !orders[slot].is_pending)
            return slot;
    CHECK(false);
    return 0;
}

static uint32_t next_message(uint8_t *out)
{
    uint64_t draw = check_random(&seed) >> 32;
    uint32_t kind = (uint32_t)(draw % 100), slot;
    uint8_t side = (uint8_t)(draw >> 8 & 1);
    struct order *o;

    if (running->flow == ORDERS)
        return enter((uint32_t)(counter % N_SLOTS), counter & 1, 100 * RL_NANO_PER_UNIT, RL_TIF_DAY,
                     out);
    if (n_live < N_SLOTS / 4)
        kind = 88;
    else if (n_live > 3 * N_SLOTS / 4)
        kind = 82;
    if (kind >= 97)
        return enter(some_slot(false), side, price(!side, 3), RL_TIF_IOC, out);
    if (kind >= 88)
        return enter(some_slot(false), side, price(side, draw >> 9), RL_TIF_DAY, out);
    slot = some_slot(true);
    o = &orders[slot];
    o->is_pending = true;
    if (kind >= 82)
        return rl_ouch_client_cancel(&client, o->id, out, RL_OUCH_MAX_MESSAGE);
    return rl_ouch_client_replace(&client, new_id(slot), o->id, 100 + kind,
                                  price(o->side, draw >> 9), out, RL_OUCH_MAX_MESSAGE);
}

/* What the client knows against what the venue has. */
static void check_state(void)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < N_SLOTS; i++) {
        const struct order *o = &orders[i];
        const struct rl_ouch_client_ref *r =
            &client.refs[rl_ouch_client_ref(&client, o->id) & client.mask];

        if (o->id != RL_ID_NONE)
            hash += rl_books_hash_one(0, r->order_ref, o->side, o->px_nano, r->open);
    }
    if (hash != rl_books_hash(rl_match_books(venue.match))) {
        fprintf(stderr, "the client's orders are not those of the venue\n");
        exit(1);
    }
    CHECK_EQ(n_executed, n_venue_executed); /* both sides of every trade are ours */
    CHECK_EQ(client.n.unreadable + client.n.foreign + client.n.unwritable, 0);
    CHECK_EQ(gateway.n.malformed + gateway.n.unsent + gateway.n.full + desk.n_dropped, 0);
}

/* --- runs ------------------------------------------------------------------------------------- */

static uint64_t counts[RL_HIST_N_COUNTS];
static struct rl_hist trips;

static void open_run(const struct row *row)
{
    struct rl_venue_config v = {.match = {.n_instruments = 1,
                                          .n_orders = 2 * N_SLOTS,
                                          .n_levels_per_side = 256,
                                          .n_owners = 2,
                                          .tick_nano = RL_NANO_PER_UNIT / 100}};
    struct rl_ouch_gateway_config g = {.n_slots = 4 * N_SLOTS, .n_members = 2};
    struct rl_ouch_client_config c = {.n_refs = N_REFS};
    struct rl_ouch_port_config l = {.n_window = 4096};
    struct rl_ouch_member_config m = {.firms = {"FIRM"}, .cancels_on_disconnect = true};
    struct rl_ouch_port_handlers reflects = {reflect, no_news, NULL},
                                 reads = {on_answer, no_news, NULL};

    running = row;
    CHECK_EQ(rl_arena_open(&arena,
                           rl_venue_bytes(&v) + rl_ouch_gateway_bytes(&g) +
                               rl_ouch_client_bytes(&c) + 3 * rl_ouch_port_bytes(&l) +
                               rl_ouch_desk_bytes(1, 2) + (8 << 20),
                           RL_ARENA_ALL),
             0);
    CHECK_EQ(rl_cable_open(&cable, &arena, 1 << 21), 0);
    CHECK_EQ(rl_venue_init(&venue, &arena, &v), 0);
    CHECK_EQ(rl_venue_list(&venue, "AAPL"), 0);
    CHECK_EQ(rl_venue_feed(&venue, count, &n_venue_executed), 0);
    CHECK_EQ(rl_ouch_gateway_init(&gateway, &arena, &g, &venue, rl_ouch_desk_send, &desk), 0);
    CHECK_EQ(rl_ouch_desk_init(&desk, &arena, &gateway, 1), 0);
    CHECK_EQ(rl_ouch_desk_seat(&desk, &arena, cable.end[1], &l, &m), 0);
    CHECK_EQ(rl_ouch_port_init(&mirror, &arena, &l, cable.end[1], &reflects), 0);
    l.is_client = true;
    CHECK_EQ(rl_ouch_port_init(&link, &arena, &l, cable.end[0], &reads), 0);
    CHECK_EQ(rl_ouch_client_init(&client, &arena, &c), 0);
    memset(orders, 0, sizeof orders);
    n_live = 0;
    n_venue_executed = counter = n_sent = n_answered = n_executed = n_events = 0;
    seed = 1;
    CHECK_EQ(rl_hist_init(&trips, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, sizeof counts), 0);
}

/* Returns ns, from the first message to the last answer. */
static double trade(const struct row *row)
{
    uint8_t out[RL_OUCH_MAX_MESSAGE];
    uint64_t start_ns, sent_ns = 0;
    uint32_t n_idle = 0;

    rl_ouch_port_open(&link, 1, now_ns());
    while (!rl_ouch_port_is_up(&link))
        (void)rl_ouch_port_turn(&link, now_ns());
    start_ns = now_ns();
    while (n_answered < row->n) {
        uint64_t before = n_answered;

        /* Bursts, as a client that has something to do while it waits sends them. */
        if (n_sent - n_answered <= row->window * 3 / 4)
            while (n_sent < row->n && n_sent - n_answered < row->window) {
                uint32_t n;

                sent_ns = row->window == 1 ? now_ns() : 0;
                n = next_message(out);
                CHECK(n > 0 && rl_ouch_port_send(&link, out, n));
                n_sent++;
            }
        wait_politely(rl_ouch_port_turn(&link, now_ns()), &n_idle);
        if (row->window == 1 && n_answered > before)
            rl_hist_record(&trips, now_ns() - sent_ns);
    }
    return (double)(now_ns() - start_ns);
}

static double run(const struct row *row)
{
    pthread_t thread;
    double ns;

    open_run(row);
    atomic_store(&stops, false);
    atomic_store(&is_ready, false);
    CHECK_EQ(pthread_create(&thread, NULL, exchange, NULL), 0);
    while (!atomic_load_explicit(&is_ready, memory_order_acquire))
        rl_pause();
    ns = trade(row);
    /* A few turns more, so that what follows the last answer has come, too. */
    for (uint64_t until = now_ns() + 5000000; now_ns() < until;)
        (void)rl_ouch_port_turn(&link, now_ns());
    atomic_store_explicit(&stops, true, memory_order_release);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    while (rl_ouch_port_turn(&link, now_ns()))
        ;
    if (!row->reflects)
        check_state();
    rl_arena_close(&arena);
    return ns;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double taken[RL_COUNT(rows)][MAX_REPEATS], p50[RL_COUNT(rows)][MAX_REPEATS],
        p99[RL_COUNT(rows)][MAX_REPEATS];
    int n_repeats;

    report_options(&argc, argv);
    n_repeats = argc > 1 ? atoi(argv[1]) : 7;
    if (rl_cpu_allowed(cpus, 2) < 2) {
        fprintf(stderr, "bench_ouch: needs two CPUs\n");
        return RL_SKIP;
    }
    if (argc > 3) {
        cpus[0] = atoi(argv[2]);
        cpus[1] = atoi(argv[3]);
    }
    if (n_repeats < 1 || n_repeats > MAX_REPEATS) {
        fprintf(stderr, "bench_ouch: repeats: 1 to %d, not '%s'\n", MAX_REPEATS, argv[1]);
        return 2;
    }
    CHECK_EQ(rl_cpu_pin(cpus[0]), 0);
    for (int repeat = 0; repeat < n_repeats; repeat++)
        for (size_t i = 0; i < RL_COUNT(rows); i++) {
            taken[i][repeat] = run(&rows[i]);
            report_row(rows[i].name, "", taken[i][repeat] / rows[i].n, rows[i].n);
            if (rows[i].window == 1)
                report_hist(&trips, 1);
            report_end();
            p50[i][repeat] = (double)rl_hist_percentile(&trips, 50);
            p99[i][repeat] = (double)rl_hist_percentile(&trips, 99);
        }
    printf("OUCH over shm, CPUs %d and %d, %d repeats interleaved: median (worst)\n\n", cpus[0],
           cpus[1], n_repeats);
    for (size_t i = 0; i < RL_COUNT(rows); i++) {
        double median, worst;

        qsort(taken[i], (size_t)n_repeats, sizeof(double), by_size);
        qsort(p50[i], (size_t)n_repeats, sizeof(double), by_size);
        qsort(p99[i], (size_t)n_repeats, sizeof(double), by_size);
        median = rows[i].n * 1e3 / taken[i][n_repeats / 2];
        worst = rows[i].n * 1e3 / taken[i][n_repeats - 1];
        printf("%-26s %7.2f (%5.2f) M/s", rows[i].name, median, worst);
        if (rows[i].window == 1)
            printf("   round trip p50 %6.0f ns, p99 %6.0f ns (worst run %.0f)",
                   p50[i][n_repeats / 2], p99[i][n_repeats / 2], p99[i][n_repeats - 1]);
        printf("\n");
    }
    report_state("", 0, "", "the client's orders, after every run");
    printf("\nAfter every run the client's orders were those of the venue's books.\n");
    return 0;
}
