/*
 * Random order flow of sessions of all versions: what each client makes of its reports is at every
 * step what the venue has in its books.
 */
#include "fix_gateway_view.h"

#include "rig/exchange/mischief.h"

#define N_SESSIONS 5

struct flow {
    struct rig rig;
    struct view *view;
    uint64_t random;
    uint32_t n_ids; /* numbers ClOrdIDs */
    uint64_t last_order;
    bool has_busts;
};

static uint64_t draw(struct flow *f, uint64_t n)
{
    return check_random(&f->random) % n;
}

/* --- what clients say ------------------------------------------------------------------------- */

static void say_new(struct flow *f, uint32_t h)
{
    static const char *const kinds[] = {"40=2|59=0",
                                        "40=2|59=0",
                                        "40=2|59=0",
                                        "40=2|59=1",
                                        "40=2|59=3",
                                        "40=2|59=4",
                                        "40=1",
                                        "40=2|18=6",
                                        "40=2|111=5",
                                        "40=2|18=G",
                                        "40=2|110=3|59=3",
                                        "40=3|99=%d",
                                        "40=4|99=%d",
                                        "40=2|8000=D",
                                        "40=2|8000=O",
                                        "40=2|8000=B",
                                        "40=P|18=a|211=3|99=%d"};
    char text[256], kind[64], stop[64];

    snprintf(kind, sizeof kind, "%s", kinds[draw(f, RL_COUNT(kinds))]);
    if (strchr(kind, '%')) {
        *strchr(kind, '%') = 0;
        snprintf(stop, sizeof stop, "%u", (unsigned)(90 + draw(f, 20)));
        strcat(kind, stop);
    }
    snprintf(text, sizeof text, "D|11=%u|55=%s|54=%u|38=%u|%s%s%u", ++f->n_ids,
             draw(f, 4) ? "ABC" : "SIXTEENLETTERSAB", 1 + (unsigned)draw(f, 2),
             (unsigned)draw(f, 30), kind,
             strstr(kind, "40=1") || strstr(kind, "40=3") ? "|5001=" : "|44=",
             95 + (unsigned)draw(f, 10));
    (void)rig_say(&f->rig, h, text);
    f->last_order = f->rig.venue.next_id - 1;
}

/* An order that the client knows, live or not. */
static const struct view_order *pick(struct flow *f, uint32_t h)
{
    for (int i = 0; i < 40; i++) {
        uint64_t back = draw(f, 60);
        const struct view_order *o =
            &f->view->orders[f->last_order > back ? f->last_order - back : 1];

        if (o->is_known && o->handle == h && (o->is_live || draw(f, 30) == 0))
            return o;
    }
    return NULL;
}

static void say_about(struct flow *f, uint32_t h)
{
    const struct view_order *o = pick(f, h);
    char text[256];

    if (!o)
        return;
    switch (draw(f, 8)) {
    case 0:
    case 1:
        snprintf(text, sizeof text, "F|11=%u|41=%s|54=%c", ++f->n_ids, o->cl_ord_id, o->side);
        break;
    case 2:
        snprintf(text, sizeof text, "H|11=%s|54=%c|55=ABC", o->cl_ord_id, o->side);
        break;
    default:
        snprintf(text, sizeof text, "G|11=%u|41=%s|54=%c|38=%u|44=%u%s", ++f->n_ids, o->cl_ord_id,
                 o->side, (unsigned)draw(f, 40), 95 + (unsigned)draw(f, 10),
                 draw(f, 6) ? "" : "|111=4");
        break;
    }
    (void)rig_say(&f->rig, h, text);
}

static void step(struct flow *f)
{
    uint32_t h = (uint32_t)draw(f, N_SESSIONS);
    char text[64];

    switch (draw(f, 40)) {
    case 0:
        snprintf(text, sizeof text, "q|11=%u|530=%s", ++f->n_ids, draw(f, 2) ? "7" : "1|55=ABC");
        (void)rig_say(&f->rig, h, text);
        f->last_order = f->rig.venue.next_id - 1;
        break;
    case 1:
        if (!f->has_busts)
            break;
        rl_venue_decide(&f->rig.venue,
                        &(struct rl_match_request){.op = RL_MATCH_BUST,
                                                   .instrument = (uint32_t)draw(f, 2),
                                                   .match = f->rig.venue.n.trades - draw(f, 10)},
                        ++f->rig.now_ns);
        break;
    case 2:
        if (draw(f, 20) == 0)
            rl_fix_gateway_disconnect(&f->rig.gateway, h, ++f->rig.now_ns);
        break;
    case 3:
        rl_fix_gateway_connect(&f->rig.gateway, h);
        break;
    default:
        if (draw(f, 3) == 0)
            say_new(f, h);
        else
            say_about(f, h);
    }
}

/* --- what the venue has ----------------------------------------------------------------------- */

static void compare(struct flow *f, uint64_t id)
{
    const struct view_order *o = &f->view->orders[id];
    struct rl_match_view m;
    bool is_live = rl_match_find(f->rig.venue.match, RL_INSTRUMENT_ALL, id, &m);

    if (!o->is_known)
        return;
    CHECK_EQ(o->is_live, is_live);
    if (!is_live)
        return;
    CHECK_EQ(o->leaves, m.leaves);
    CHECK(o->cum <= m.done); /* less what was taken back */
    if (m.px_nano != RL_PX_NONE && m.stop_px_nano == RL_PX_NONE)
        CHECK_EQ(o->px_nano, m.px_nano);
}

/* Everything bought was sold by somebody. */
static void compare_all(struct flow *f)
{
    uint64_t n_live = 0, n_books;
    const char *what = NULL;
    int64_t position = 0;
    __int128 cash = 0;

    for (uint64_t id = 1; id <= f->last_order; id++) {
        compare(f, id);
        n_live += f->view->orders[id].is_live;
    }
    n_books =
        rl_match_books(f->rig.venue.match)->n_orders + rl_match_stops(f->rig.venue.match)->n_orders;
    CHECK_EQ(n_live, n_books);
    CHECK_EQ(f->rig.gateway.table.n_live, n_books);
    for (uint32_t h = 0; h < N_SESSIONS; h++) {
        position += f->view->position[h];
        cash += f->view->cash[h];
    }
    CHECK_EQ(position, 0);
    CHECK(cash == 0);
    if (rl_fix_gateway_check(&f->rig.gateway, &what)) {
        fprintf(stderr, "broken: %s\n", what);
        exit(1);
    }
}

static void open_flow(struct flow *f, uint64_t seed, uint32_t n_orders)
{
    static const enum rl_fix_version versions[N_SESSIONS] = {RL_FIX_40, RL_FIX_41, RL_FIX_42,
                                                             RL_FIX_44, RL_FIX_50SP2};

    f->random = seed;
    f->n_ids = 0;
    f->last_order = 1;
    f->has_busts = false;
    f->view = calloc(1, sizeof *f->view);
    CHECK(f->view != NULL);
    rig_open_with(
        &f->rig,
        &(struct rl_venue_config){.match = {.n_instruments = 2,
                                            .n_orders = 512,
                                            .n_levels_per_side = 64,
                                            .n_owners = 8,
                                            .n_trades = 64,
                                            .tick_nano = 1000000}},
        &(struct rl_fix_gateway_config){.n_orders = n_orders, .n_sessions = 8, .seed = seed});
    for (uint32_t i = 0; i < N_SESSIONS; i++) {
        int handle = rl_fix_gateway_join(&f->rig.gateway, &(struct rl_fix_gateway_session_config){
                                                              .version = (uint8_t)versions[i],
                                                              .stp = (uint8_t)(i % RL_MATCH_N_STPS),
                                                              .cancels_on_disconnect = i == 3});
        CHECK_EQ(handle, i);
        f->view->versions[i] = versions[i];
    }
}

static void close_flow(struct flow *f)
{
    free(f->view);
    rig_close(&f->rig);
}

static void reports_say_what_the_books_say_at_every_step(uint64_t seed)
{
    static struct flow f;

    open_flow(&f, seed, 512);
    f.has_busts = true;
    for (int i = 0; i < 6000; i++) {
        uint64_t before = f.last_order;

        step(&f);
        view_hear(f.view, &f.rig);
        for (uint64_t id = before > 30 ? before - 30 : 1; id <= f.last_order; id++)
            compare(&f, id);
        if (i % 100 == 0)
            compare_all(&f);
    }
    compare_all(&f);
    CHECK_EQ(f.rig.gateway.n.events_odd, 0);
    CHECK_EQ(f.rig.gateway.n.executions, f.view->n_fills);
    CHECK_EQ(2 * f.rig.venue.n.trades, f.view->n_fills);
    CHECK(f.view->n_fills > 500 && f.view->n_busts > 20 && f.view->n_rejects > 20 &&
          f.view->n_cancel_rejects > 20); /* it was about something */
    close_flow(&f);
}

/* Few slots: ended orders and ids are given up all the time. (A bust of theirs would find nobody.)
 */
static void a_small_table_forgets_the_dead_and_never_the_living(uint64_t seed)
{
    static struct flow f;

    open_flow(&f, seed, 12);
    for (int i = 0; i < 6000; i++) {
        step(&f);
        view_hear(f.view, &f.rig);
        if (i % 50 == 0)
            compare_all(&f);
    }
    compare_all(&f);
    CHECK(f.rig.gateway.n.full > 0);
    close_flow(&f);
}

/* At the end of the day all fills are known, whatever came late, twice, or in another order. */
static void a_venue_that_misbehaves_tells_the_same_in_the_end(uint64_t seed)
{
    static struct flow f;
    struct rl_mischief_config config = {.seed = seed,
                                        .request = {.fixed_ns = 3},
                                        .answer = {.fixed_ns = 2},
                                        .late_fill_chance = 100000,
                                        .late_fill_ns = 20,
                                        .duplicate_fill_chance = 100000,
                                        .swap_chance = 100000,
                                        .reject_burst_chance = 20000,
                                        .reject_burst = 3,
                                        .n_waiting = 4096};
    struct rl_mischief m;
    struct rl_arena arena;
    int64_t position = 0;

    open_flow(&f, seed, 512);
    f.view->is_rough = true;
    CHECK_EQ(rl_arena_open(&arena, rl_mischief_bytes(&config, 8), 0), 0);
    CHECK_EQ(rl_mischief_init(&m, &arena, &f.rig.venue, &config, f.rig.now_ns), 0);
    for (int i = 0; i < 6000; i++) {
        step(&f);
        rl_venue_turn(&f.rig.venue, ++f.rig.now_ns);
        view_hear(f.view, &f.rig);
    }
    while (m.n_heap > 0) /* what is let go may cause more */
        rl_venue_turn(&f.rig.venue, f.rig.now_ns += 1000000000);
    view_hear(f.view, &f.rig);
    CHECK(f.view->n_repeated > 20 && m.n.late_fills > 20 && m.n.swapped > 5);
    CHECK_EQ(f.view->n_repeated, m.n.duplicate_fills);
    CHECK_EQ(f.rig.gateway.n.events_again, m.n.duplicate_fills);
    CHECK_EQ(2 * f.rig.venue.n.trades, f.view->n_fills);
    for (uint64_t id = 1; id <= f.last_order; id++) { /* ask for each: the state is the venue's */
        struct view_order *o = &f.view->orders[id];
        char text[128];

        if (!o->is_known || o->status == '8')
            continue;
        snprintf(text, sizeof text, "H|11=%s|54=%c|55=ABC", o->cl_ord_id, o->side);
        (void)rig_say(&f.rig, o->handle, text);
    }
    f.view->is_rough = false;
    view_hear(f.view, &f.rig);
    for (uint64_t id = 1; id <= f.last_order; id++)
        compare(&f, id);
    for (uint32_t h = 0; h < N_SESSIONS; h++)
        position += f.view->position[h];
    CHECK_EQ(position, 0);
    close_flow(&f);
    rl_arena_close(&arena);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1,
             n = argc > 2 ? strtoull(argv[2], NULL, 0) : 3;

    for (uint64_t i = 0; i < n; i++) {
        printf("seed %" PRIu64 "\n", seed + i);
        reports_say_what_the_books_say_at_every_step(seed + i);
        a_small_table_forgets_the_dead_and_never_the_living(seed + i);
        a_venue_that_misbehaves_tells_the_same_in_the_end(seed + i);
    }
    return 0;
}
