/*
 * Two sessions, an initiator and an acceptor, over a wire that cuts, loses, doubles and spoils, in
 * virtual time, and with processes that die: every application message arrives exactly once and in
 * order, and no number is ever given out twice.
 */
#include "fix_sides.h"

enum { WIRE_MAX = 1 << 16, N_SEEDS = 20, N_TICKS = 2500 };

/* What goes wrong, in 1/1024 of the chances. */
struct trouble {
    uint32_t cut, lose, twice, spoil, die;
    uint32_t forget; /* a session forgets that it had a message: the check must notice */
    uint32_t reuse;  /* a store forgets a number that it gave out: likewise */
};

struct end {
    struct side d;
    struct rl_fix_session_config config;
    uint8_t wire[WIRE_MAX]; /* on the way to this end */
    uint32_t n_wire;
    uint64_t n_told, n_heard; /* application messages: given to the session, and taken from it */
    uint64_t last_new;        /* highest number sent as new */
};

struct world {
    struct end ends[2];
    struct trouble trouble;
    uint64_t random, now;
    bool is_wired;
    const char *broken; /* the first promise that was not kept; NULL */
    uint64_t n_cuts, n_lost, n_doubled, n_spoiled, n_died;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    return (check_random(&w->random) >> 16) % below;
}

static bool chance(struct world *w, uint32_t of_1024)
{
    return draw(w, 1024) < of_1024;
}

static void broke(struct world *w, const char *promise)
{
    if (!w->broken)
        w->broken = promise;
}

/* --- the wire --------------------------------------------------------------------------------- */

static void put_on_wire(struct world *w, struct end *to, const uint8_t *bytes, uint32_t n)
{
    uint32_t n_copies = chance(w, w->trouble.twice) ? 2 : 1;

    if (chance(w, w->trouble.lose)) {
        w->n_lost++;
        return;
    }
    w->n_doubled += n_copies == 2;
    for (uint32_t i = 0; i < n_copies && to->n_wire + n <= WIRE_MAX; i++) {
        memcpy(to->wire + to->n_wire, bytes, n);
        if (chance(w, w->trouble.spoil)) {
            to->wire[to->n_wire + draw(w, n)] ^= (uint8_t)(1 << draw(w, 7));
            w->n_spoiled++;
        }
        to->n_wire += n;
    }
}

static void unplug(struct world *w)
{
    for (int i = 0; i < 2; i++)
        w->ends[i].n_wire = 0;
    w->is_wired = false;
}

/* --- a session's actions ---------------------------------------------------------------------- */

static void step(struct world *w, int i, const struct rl_fix_event *e);

static void take(struct world *w, struct end *me, const struct rl_fix_action *a)
{
    uint64_t n;

    CHECK(rl_fix_uint(a->msg, rl_fix_find(a->msg, 11, 3), &n));
    if (n <= me->n_heard)
        broke(w, "a message arrived twice");
    else if (n != me->n_heard + 1)
        broke(w, "a message was left out");
    me->n_heard = n;
}

static void sent(struct world *w, struct end *me, const struct rl_fix_action *a)
{
    if (a->is_resent)
        return;
    if (a->seq <= me->last_new)
        broke(w, "a number was given out twice");
    me->last_new = a->seq;
}

/* A process dies and starts again: of the session only its store is left. */
static void die(struct world *w, struct end *me)
{
    rl_arena_close(&me->d.arena);
    CHECK_EQ(rl_arena_open(&me->d.arena, rl_fix_session_bytes(&me->config), 0), 0);
    CHECK_EQ(rl_fix_session_init(&me->d.s, &me->d.arena, &me->config, &me->d.store.store, NULL), 0);
    w->n_died++;
    unplug(w);
}

static void step(struct world *w, int i, const struct rl_fix_event *e)
{
    const struct rl_fix_event go_on = {.kind = RL_FIX_EV_CONTINUE};
    struct end *me = &w->ends[i], *other = &w->ends[!i];
    struct rl_fix_session *s = &me->d.s;
    bool is_ended = false;

    rl_fix_session_step(s, e, w->now);
    for (;;) {
        for (uint32_t k = 0; k < s->n_actions; k++) {
            const struct rl_fix_action *a = &s->actions[k];

            if (a->kind == RL_FIX_DO_SEND) {
                sent(w, me, a);
                put_on_wire(w, other, a->bytes, a->n_bytes);
            } else if (a->kind == RL_FIX_DO_DELIVER) {
                /* It dies before it has taken the message, which then comes again. */
                if (chance(w, w->trouble.die)) {
                    die(w, me);
                    return;
                }
                take(w, me, a);
            } else if (a->kind == RL_FIX_DO_DISCONNECT) {
                is_ended = true;
            }
        }
        if (!s->more)
            break;
        rl_fix_session_step(s, &go_on, w->now);
    }
    if (is_ended)
        w->is_wired = false; /* what is on the way still arrives */
}

/* --- a run ------------------------------------------------------------------------------------ */

static void tell(struct world *w, int i)
{
    struct end *me = &w->ends[i];
    uint8_t body[64];
    uint32_t n = (uint32_t)sprintf((char *)body, "11=%" PRIu64 "\x01", me->n_told + 1);
    uint64_t next_out = me->d.store.store.next_out;

    step(w, i,
         &(struct rl_fix_event){.kind = RL_FIX_EV_SEND, .type = "D", .bytes = body, .n_bytes = n});
    me->n_told++;
    CHECK_EQ(me->d.store.store.next_out, next_out + 1);
}

/* Some of what is on the way arrives, in pieces of any size; what is no message is skipped. */
static void arrive(struct world *w, int i)
{
    struct end *me = &w->ends[i];
    uint32_t n_now = chance(w, 512) ? me->n_wire : (uint32_t)draw(w, me->n_wire), at = 0;

    while (at < n_now) {
        uint32_t n;
        uint8_t piece[2048];
        enum rl_fix_result r = rl_fix_cut(me->wire + at, n_now - at, sizeof piece, &n);

        if (r == RL_FIX_PARTIAL)
            break;
        n = n < sizeof piece ? n : (uint32_t)sizeof piece;
        memcpy(piece, me->wire + at, n); /* the wire may be unplugged meanwhile */
        at += n;
        step(w, i, &(struct rl_fix_event){.kind = RL_FIX_EV_MESSAGE, .bytes = piece, .n_bytes = n});
        if (me->n_wire == 0)
            return;
    }
    memmove(me->wire, me->wire + at, me->n_wire - at);
    me->n_wire -= at;
}

static void plug(struct world *w)
{
    bool is_quiet = true;

    for (int i = 0; i < 2; i++) {
        step(w, i, &(struct rl_fix_event){.kind = RL_FIX_EV_DISCONNECTED});
        is_quiet &= w->ends[i].d.s.state == RL_FIX_AWAY;
    }
    CHECK(is_quiet);
    unplug(w);
    w->is_wired = true;
    for (int i = 1; i >= 0; i--) /* the acceptor first */
        step(w, i, &(struct rl_fix_event){.kind = RL_FIX_EV_CONNECTED});
}

static void tick(struct world *w, uint64_t ns)
{
    w->now += ns;
    for (int i = 0; i < 2; i++) {
        if (w->ends[i].n_wire > 0)
            arrive(w, i);
        if (w->now >= rl_fix_session_deadline(&w->ends[i].d.s))
            step(w, i, &(struct rl_fix_event){.kind = RL_FIX_EV_TIMER});
    }
    /* The rest of a message that was spoiled may lie there forever. */
    if (!w->is_wired && ((w->ends[0].n_wire | w->ends[1].n_wire) == 0 || chance(w, 64)))
        plug(w);
}

static void faults(struct world *w)
{
    struct end *me = &w->ends[draw(w, 2)];
    struct rl_session_store *store = &me->d.store.store;

    if (w->is_wired && chance(w, w->trouble.cut)) {
        w->n_cuts++;
        unplug(w);
    }
    if (chance(w, w->trouble.die))
        die(w, me);
    if (chance(w, w->trouble.forget) && store->next_in > 3)
        store->next_in--;
    if (chance(w, w->trouble.reuse) && store->next_out > 3)
        store->next_out--;
}

static void open_world(struct world *w, uint64_t seed, struct trouble trouble)
{
    memset(w, 0, sizeof *w);
    w->random = seed * 0x9E3779B97F4A7C15ULL + 1;
    w->now = SIDE_START;
    w->trouble = trouble;
    for (int i = 0; i < 2; i++) {
        struct rl_fix_session_config c = side_config();

        c.is_initiator = i == 0;
        c.sender = i == 0 ? "BUYER" : "SELLER";
        c.target = i == 0 ? "SELLER" : "BUYER";
        c.heartbeat_s = 5;
        c.max_message = 2048;
        c.queue_bytes = seed % 3 == 0 ? 1024 : 16384; /* at times too small */
        c.queue_messages = seed % 3 == 0 ? 4 : 64;
        c.sends_next_expected = seed % 4 == 1;
        c.asks_redundantly = seed % 8 == 2;
        side_open(&w->ends[i].d, &c);
        w->ends[i].config = c;
    }
}

static void close_world(struct world *w)
{
    for (int i = 0; i < 2; i++)
        side_close(&w->ends[i].d);
}

/* Trouble for a while, then peace until all is said; NULL, or which promise broke. */
static const char *run(struct world *w)
{
    for (int i = 0; i < N_TICKS && !w->broken; i++) {
        tick(w, draw(w, 30000000));
        for (int k = 0; k < 2; k++)
            if (w->ends[k].n_told < 900 && chance(w, 300))
                tell(w, k);
        faults(w);
    }
    w->trouble = (struct trouble){0};
    for (int i = 0; i < 20000 && !w->broken; i++) {
        if (w->ends[0].n_heard == w->ends[1].n_told && w->ends[1].n_heard == w->ends[0].n_told)
            break;
        tick(w, 100000000);
    }
    if (w->ends[0].n_heard != w->ends[1].n_told || w->ends[1].n_heard != w->ends[0].n_told)
        broke(w, "a message never arrived");
    return w->broken;
}

static const struct trouble no_trouble,
    all_trouble = {.cut = 8, .lose = 10, .twice = 5, .spoil = 10, .die = 4};

static void test_what_is_told_is_heard_once_and_in_order_whatever_the_wire_does(void)
{
    static struct world w;
    uint64_t n_told = 0, n_troubles[5] = {0};

    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        const char *broken;

        open_world(&w, seed, all_trouble);
        broken = run(&w);
        if (broken)
            fprintf(stderr,
                    "seed %" PRIu64 ": %s (%" PRIu64 "/%" PRIu64 ", %" PRIu64 "/%" PRIu64 ")\n",
                    seed, broken, w.ends[0].n_heard, w.ends[1].n_told, w.ends[1].n_heard,
                    w.ends[0].n_told);
        CHECK(broken == NULL);
        n_told += w.ends[0].n_told + w.ends[1].n_told;
        n_troubles[0] += w.n_cuts;
        n_troubles[1] += w.n_lost;
        n_troubles[2] += w.n_doubled;
        n_troubles[3] += w.n_spoiled;
        n_troubles[4] += w.n_died;
        close_world(&w);
    }
    CHECK(n_told > 20000);
    for (size_t i = 0; i < RL_COUNT(n_troubles); i++)
        CHECK(n_troubles[i] > 100); /* a run without trouble proves nothing */
}

static void test_a_quiet_wire_needs_no_resend(void)
{
    static struct world w;

    open_world(&w, 1, no_trouble);
    for (int i = 0; i < 100 && !rl_fix_session_is_logged_on(&w.ends[0].d.s); i++)
        tick(&w, 1000000);
    CHECK(run(&w) == NULL);
    CHECK_EQ(w.ends[0].d.s.counts.n_asked_again + w.ends[1].d.s.counts.n_asked_again, 0);
    CHECK_EQ(w.ends[0].d.s.counts.n_resent + w.ends[1].d.s.counts.n_resent, 0);
    CHECK_EQ(w.ends[0].n_heard, w.ends[1].n_told);
    close_world(&w);
}

/* The check itself: a session or a store that forgets is found out. */
static void test_a_session_that_forgets_what_it_had_is_noticed(void)
{
    static struct world w;

    for (uint64_t seed = 0; seed < 4; seed++) {
        struct trouble t = all_trouble;

        t.forget = 20;
        open_world(&w, seed, t);
        CHECK(run(&w) != NULL);
        CHECK(strcmp(w.broken, "a message arrived twice") == 0);
        close_world(&w);
    }
}

static void test_a_store_that_forgets_a_number_is_noticed(void)
{
    static struct world w;

    for (uint64_t seed = 0; seed < 4; seed++) {
        struct trouble t = {.reuse = 20};

        open_world(&w, seed, t);
        CHECK(run(&w) != NULL);
        CHECK(strcmp(w.broken, "a number was given out twice") == 0);
        close_world(&w);
    }
}

int main(void)
{
    test_a_quiet_wire_needs_no_resend();
    test_what_is_told_is_heard_once_and_in_order_whatever_the_wire_does();
    test_a_session_that_forgets_what_it_had_is_noticed();
    test_a_store_that_forgets_a_number_is_noticed();
    return 0;
}
