/*
 * Whatever happens at the exchange, whoever reads its ITCH has the same orders in the same queues
 * after every turn; and a publisher that tells one thing wrongly is found out.
 */
#include "md_world.h"

static struct world w;
static struct subscriber s;

static void open_both(uint32_t n_instruments)
{
    world_open(&w, n_instruments, NULL);
    subscriber_open(&s, n_instruments, NULL);
}

static void close_both(void)
{
    subscriber_close(&s);
    world_close(&w);
}

static void settle(void)
{
    world_turn(&w);
    subscriber_follow(&s, &w);
}

/* --- names ------------------------------------------------------------------------------------ */

/* Against a table that is searched from end to end. */
static void test_names_are_found_until_they_are_dropped(void)
{
    enum { N = 300, ROUNDS = 20000 };
    static struct {
        uint64_t id, ref;
        uint32_t instrument;
    } slow[N];
    struct rl_arena arena;
    struct rl_md_refs refs;
    uint64_t random = 3;
    uint32_t n = 0;

    CHECK_EQ(rl_arena_open(&arena, rl_md_refs_bytes(N), 0), 0);
    CHECK_EQ(rl_md_refs_init(&refs, &arena, N), 0);
    for (int i = 0; i < ROUNDS; i++) {
        /* Few ids, some of them far apart: places collide. */
        uint64_t id = check_random(&random) % 512 << (check_random(&random) % 2 ? 0 : 32);
        uint32_t instrument = (uint32_t)(check_random(&random) % 3), k = 0;

        while (k < n && (slow[k].id != id || slow[k].instrument != instrument))
            k++;
        CHECK_EQ(rl_md_refs_find(&refs, instrument, id), k < n ? slow[k].ref : id);
        if (k < n) {
            rl_md_refs_drop(&refs, instrument, id);
            slow[k] = slow[--n];
        } else if (n < N) {
            slow[n].id = id;
            slow[n].instrument = instrument;
            slow[n++].ref = 1 + check_random(&random) % 1000000;
            CHECK(rl_md_refs_put(&refs, instrument, id, slow[n - 1].ref));
        } else {
            CHECK(!rl_md_refs_put(&refs, instrument, id, 7));
            rl_md_refs_drop(&refs, instrument, id); /* is not there: harmless */
        }
        CHECK_EQ(refs.n, n);
    }
    CHECK(n > N / 2);
    rl_arena_close(&arena);
}

/* --- flows ------------------------------------------------------------------------------------ */

/* True when the books agreed after every turn. */
static bool run(uint64_t seed, uint32_t n, bool (*lie)(struct rl_match_event *))
{
    bool agreed = true;
    const char *what;

    w.random = seed;
    open_both(3);
    w.lie = lie;
    for (uint32_t i = 0; i < n && agreed; i++) {
        world_random_request(&w);
        (void)rl_venue_turn(&w.venue, w.now_ns);
        if (i % 4 != 0) /* several requests a turn */
            continue;
        settle();
        agreed = s.n_refused == 0 && (i % 32 || books_agree(&w, &s));
    }
    settle();
    agreed = agreed && books_agree(&w, &s);
    CHECK_EQ(rl_books_check(&s.books, &what), 0);
    return agreed;
}

static void test_any_flow_leaves_the_subscriber_with_the_same_queues(void)
{
    uint64_t n_kinds[RL_MATCH_N_EVENTS] = {0}, n_crosses = 0;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        CHECK(run(seed, 7000, NULL));
        CHECK_EQ(s.feed.n.lost, 0);
        CHECK_EQ(w.md.n.odd, 0);
        CHECK(w.md.n.refs_full == 0 && w.md.refs.n <= s.books.n_orders);
        for (int k = 0; k < RL_MATCH_N_EVENTS; k++)
            n_kinds[k] += w.n_kinds[k];
        n_crosses += w.md.n.crosses;
        close_both();
    }
    /* Nothing was left out by the flows themselves. */
    for (int k = 0; k < RL_MATCH_N_EVENTS; k++)
        if (n_kinds[k] == 0) {
            fprintf(stderr, "no event \"%s\" in any flow\n", rl_match_event_name((unsigned)k));
            CHECK(k == RL_MATCH_N_EVENTS);
        }
    CHECK(n_crosses > 0);
}

static bool forgets_the_refill(struct rl_match_event *e)
{
    return e->kind != RL_MATCH_EVENT_REFILLED;
}

/* The new order goes on under the old reference. */
static bool keeps_the_old_reference(struct rl_match_event *e)
{
    if (e->kind == RL_MATCH_EVENT_REPLACED)
        e->id = e->other_id;
    return true;
}

/* Whoever shrinks goes to the back: right quantities, wrong queue. */
static bool loses_the_place(struct rl_match_event *e)
{
    if (e->kind == RL_MATCH_EVENT_REPLACED)
        e->flags &= (uint8_t)~RL_MATCH_KEPT_PLACE;
    return true;
}

static bool forgets_expiries(struct rl_match_event *e)
{
    return e->kind != RL_MATCH_EVENT_EXPIRED;
}

static bool tells_what_is_hidden(struct rl_match_event *e)
{
    if (e->kind == RL_MATCH_EVENT_RESTED)
        e->shown = e->leaves;
    return true;
}

static void test_a_publisher_that_is_wrong_is_found_out(void)
{
    static bool (*const lies[])(struct rl_match_event *) = {
        forgets_the_refill, keeps_the_old_reference, loses_the_place, forgets_expiries,
        tells_what_is_hidden};

    for (uint32_t i = 0; i < RL_COUNT(lies); i++) {
        if (run(100 + i, 3000, lies[i])) {
            fprintf(stderr, "lie %u was believed\n", i);
            CHECK(i == RL_COUNT(lies));
        }
        close_both();
    }
}

int main(void)
{
    test_names_are_found_until_they_are_dropped();
    test_any_flow_leaves_the_subscriber_with_the_same_queues();
    test_a_publisher_that_is_wrong_is_found_out();
    return 0;
}
