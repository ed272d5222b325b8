/* Draining step by step, against a script that reads the whole history anew at every step. */
#include <string.h>

#include "check.h"
#include "trade/kill/drain.h"

static const struct rl_drain_config plain = {.persist_ticks = 2,
                                             .send_ticks = 3,
                                             .answer_ticks = 2,
                                             .disconnect_ticks = 2,
                                             .has_mass_cancel = true,
                                             .may_disconnect = true};

/* ---- The reference ------------------------------------------------------------------------------
 */

struct moment {
    uint64_t tsc;
    struct rl_drain_input in;
};

static struct rl_drain_step said(enum rl_drain_action action, uint32_t n, bool is_new_round)
{
    return (struct rl_drain_step){action, n, is_new_round};
}

/* Says this at moment i, unless i is the last one: then that is the answer. */
#define SAY(...)                      \
    do {                              \
        if (i == n - 1)               \
            return said(__VA_ARGS__); \
        i++;                          \
    } while (0)
#define NOW (m[i].in)
#define IS_OVER (NOW.n_open == 0 || !NOW.is_connected)
#define LASTED(since, ticks) (m[i].tsc - (since) >= (ticks))

/* What is to be done at the last of n moments, told as a story from the first. */
static struct rl_drain_step reference(const struct rl_drain_config *c, const struct moment *m,
                                      int n)
{
    bool by_order = !c->has_mass_cancel;
    uint64_t since = m[0].tsc;
    int i = 0;

    SAY(RL_DRAIN_PERSIST, 0, false);
    while (!NOW.is_persisted && !LASTED(since, c->persist_ticks))
        SAY(RL_DRAIN_WAIT, 0, false);
    for (int round = 1; round <= 2; round++) {
        if (IS_OVER)
            goto publish;
        if (!by_order) {
            since = m[i].tsc;
            SAY(RL_DRAIN_MASS_CANCEL, 0, true);
            while (!IS_OVER && !NOW.is_mass_refused && !LASTED(since, c->answer_ticks))
                SAY(RL_DRAIN_WAIT, 0, false);
            if (IS_OVER)
                goto publish;
            if (!NOW.is_mass_refused)
                continue;
            by_order = true;
        }
        since = m[i].tsc;
        for (bool is_first = true;; is_first = false) {
            uint32_t left = is_first ? NOW.n_open : NOW.n_unasked;
            uint32_t now = left < NOW.budget ? left : NOW.budget;

            if (IS_OVER)
                goto publish;
            if (left == 0 || LASTED(since, c->send_ticks))
                break;
            SAY(now ? RL_DRAIN_CANCEL : RL_DRAIN_WAIT, now, is_first);
        }
        since = m[i].tsc;
        SAY(RL_DRAIN_WAIT, 0, false);
        while (!IS_OVER && !LASTED(since, c->answer_ticks))
            SAY(RL_DRAIN_WAIT, 0, false);
    }
    if (!IS_OVER && c->may_disconnect) {
        since = m[i].tsc;
        SAY(RL_DRAIN_DISCONNECT, 0, false);
        while (NOW.is_connected && !LASTED(since, c->disconnect_ticks))
            SAY(RL_DRAIN_WAIT, 0, false);
    }
publish:
    SAY(RL_DRAIN_PUBLISH, NOW.n_open, false);
    return said(RL_DRAIN_NONE, 0, false);
}

/* ---- What must hold of any course
 * ----------------------------------------------------------------- */

struct course {
    struct rl_drain drain;
    struct moment moments[64];
    int n, n_mass, n_rounds, n_disconnects, n_publishes;
};

static void check_step(struct course *c, struct rl_drain_step step)
{
    const struct rl_drain_input *in = &c->moments[c->n - 1].in;
    bool asks = step.action == RL_DRAIN_MASS_CANCEL || step.action == RL_DRAIN_CANCEL;

    CHECK_EQ(step.action == RL_DRAIN_PERSIST, c->n == 1);
    CHECK(!asks || (in->n_open > 0 && in->is_connected && c->n_publishes == 0));
    c->n_mass += step.action == RL_DRAIN_MASS_CANCEL;
    c->n_rounds += step.is_new_round;
    c->n_disconnects += step.action == RL_DRAIN_DISCONNECT;
    c->n_publishes += step.action == RL_DRAIN_PUBLISH;
    CHECK(c->n_mass <= 2);
    CHECK(c->n_rounds <= 3); /* two, and one refused mass cancel that was asked again by order */
    CHECK(c->n_disconnects <= (c->drain.config.may_disconnect ? 1 : 0));
    CHECK(c->n_publishes <= 1);
    if (step.action == RL_DRAIN_CANCEL)
        CHECK(step.n > 0 && step.n <= in->budget && step.n <= in->n_open);
    if (step.action == RL_DRAIN_PUBLISH)
        CHECK_EQ(step.n, in->n_open);
    CHECK_EQ(rl_drain_is_busy(&c->drain), c->n_publishes == 0);
}

static void go(struct course *c, const struct rl_drain_input *in, uint64_t tsc)
{
    struct rl_drain_step step, wanted;

    c->moments[c->n++] = (struct moment){tsc, *in};
    step = rl_drain_step(&c->drain, in, tsc);
    wanted = reference(&c->drain.config, c->moments, c->n);
    CHECK_EQ(step.action, wanted.action);
    CHECK_EQ(step.n, wanted.n);
    CHECK_EQ(step.is_new_round, wanted.is_new_round);
    check_step(c, step);
}

/* Everything that can come between two steps, as far as it makes a difference. */
static const struct happening {
    uint8_t dt, n_ended, n_unasked, budget, persisted, down, refused;
} happenings[] = {
    {.dt = 1, .n_unasked = 2, .budget = 1},
    {.dt = 1, .n_unasked = 0, .budget = 5},
    {.dt = 2, .n_unasked = 1, .budget = 0},
    {.dt = 3, .n_unasked = 1, .budget = 5},
    {.dt = 0, .persisted = 1, .n_unasked = 2, .budget = 2},
    {.dt = 1, .n_ended = 1, .n_unasked = 1, .budget = 1},
    {.dt = 1, .n_ended = 3},
    {.dt = 1, .down = 1},
    {.dt = 1, .refused = 1, .n_unasked = 2, .budget = 1},
};

static void happen(struct course *c, const struct happening *h)
{
    struct rl_drain_input in = {.n_open = 3, .is_connected = true};
    uint64_t tsc = 100;

    if (c->n) {
        in = c->moments[c->n - 1].in;
        tsc = c->moments[c->n - 1].tsc;
    }
    in.n_open -= in.n_open < h->n_ended ? in.n_open : h->n_ended;
    in.n_unasked = in.n_open < h->n_unasked ? in.n_open : h->n_unasked;
    in.budget = h->budget;
    in.is_persisted |= h->persisted;
    in.is_connected &= !h->down;
    in.is_mass_refused |= h->refused;
    go(c, &in, tsc + h->dt);
}

static uint64_t n_courses;

static void explore(const struct course *c, int depth)
{
    if (depth == 0) {
        n_courses++;
        return;
    }
    for (size_t i = 0; i < RL_COUNT(happenings); i++) {
        struct course next = *c;

        happen(&next, &happenings[i]);
        explore(&next, depth - 1);
    }
}

static void test_every_short_course_is_as_the_story_tells_it(void)
{
    for (int mass = 0; mass < 2; mass++) {
        for (int disconnect = 0; disconnect < 2; disconnect++) {
            struct rl_drain_config config = plain;
            struct course c = {0};

            config.has_mass_cancel = mass;
            config.may_disconnect = disconnect;
            rl_drain_start(&c.drain, &config, 100);
            explore(&c, 5);
        }
    }
    CHECK_EQ(n_courses, 4 * 9 * 9 * 9 * 9 * 9);
}

static void test_long_courses_are_as_the_story_tells_them(void)
{
    uint64_t seed = 20240401;
    int n_published = 0;

    for (int i = 0; i < 20000; i++) {
        struct rl_drain_config config = plain;
        struct course c = {0};

        config.has_mass_cancel = check_random(&seed) & 1;
        config.may_disconnect = check_random(&seed) & 1;
        config.persist_ticks = check_random(&seed) % 6;
        config.send_ticks = 1 + check_random(&seed) % 6;
        config.answer_ticks = check_random(&seed) % 6;
        config.disconnect_ticks = check_random(&seed) % 6;
        rl_drain_start(&c.drain, &config, 100);
        while (c.n < 40) {
            uint64_t r = check_random(&seed);
            /* What ends a course early comes rarely, so that its later parts are seen. */
            size_t which = r % 16 == 0 ? 5 + (r >> 8) % 4 : (r >> 8) % 5;

            happen(&c, &happenings[which]);
        }
        n_published += c.n_publishes;
    }
    CHECK_EQ(n_published, 20000); /* time passes in all of them, so all of them end */
}

static void test_it_ends_whatever_is_withheld(void)
{
    struct rl_drain_input in = {.n_open = 9, .n_unasked = 9, .budget = 0, .is_connected = true};
    struct rl_drain d;
    int n = 0;

    rl_drain_start(&d, &plain, 0);
    while (rl_drain_is_busy(&d) && n < 100)
        rl_drain_step(&d, &in, (uint64_t)(3 * n++));
    CHECK(n <= 12);
    CHECK(d.is_persist_late);
    CHECK(d.did_disconnect);
}

static void test_a_wider_trip_while_draining_begins_anew(void)
{
    struct rl_drain_input in = {.n_open = 1, .is_persisted = true, .is_connected = true};
    struct rl_drain d;

    rl_drain_start(&d, &plain, 0);
    rl_drain_step(&d, &in, 0);
    CHECK_EQ(rl_drain_step(&d, &in, 1).action, RL_DRAIN_MASS_CANCEL);
    rl_drain_start(&d, &plain, 2);
    in.n_open = 5;
    CHECK_EQ(rl_drain_step(&d, &in, 2).action, RL_DRAIN_PERSIST);
    CHECK_EQ(rl_drain_step(&d, &in, 2).action, RL_DRAIN_MASS_CANCEL);
}

static void test_idle_until_started_and_after_the_end(void)
{
    struct rl_drain_input in = {.n_open = 1, .is_connected = true};
    struct rl_drain d = {0};

    CHECK(!rl_drain_is_busy(&d));
    CHECK_EQ(rl_drain_step(&d, &in, 1).action, RL_DRAIN_NONE);
}

/* ---- With a venue -------------------------------------------------------------------------------
 */

#define N_ORDERS 50

struct venue {
    bool open[N_ORDERS], asked[N_ORDERS], was_ever_asked[N_ORDERS];
    uint32_t percent_lost; /* of cancels */
    uint32_t n_fills;
};

static struct rl_drain_input counts(const struct venue *v)
{
    struct rl_drain_input in = {.budget = 3, .is_connected = true, .is_persisted = true};

    for (int i = 0; i < N_ORDERS; i++) {
        in.n_open += v->open[i];
        in.n_unasked += v->open[i] && !v->asked[i];
    }
    return in;
}

static void cancel(struct venue *v, uint32_t n, uint64_t *seed)
{
    for (int i = 0; i < N_ORDERS && n > 0; i++) {
        if (v->open[i] && !v->asked[i]) {
            v->asked[i] = v->was_ever_asked[i] = true;
            n--;
            if (check_random(seed) % 100 >= v->percent_lost)
                v->open[i] = false;
        }
    }
    CHECK_EQ(n, 0); /* never told to cancel more than there are */
}

static void test_every_order_is_asked_and_what_is_left_is_told_while_fills_go_on(void)
{
    static const uint32_t losses[] = {0, 30, 100};

    for (size_t l = 0; l < RL_COUNT(losses); l++) {
        struct rl_drain_config config = plain;
        struct venue v = {.percent_lost = losses[l]};
        struct rl_drain d;
        struct rl_drain_step step;
        uint64_t seed = 7, tsc = 0;
        int n_cancels = 0;

        config.has_mass_cancel = false;
        config.send_ticks = 1000;
        memset(v.open, 1, sizeof(v.open));
        rl_drain_start(&d, &config, tsc);
        do {
            struct rl_drain_input in = counts(&v);

            step = rl_drain_step(&d, &in, tsc++);
            if (step.is_new_round)
                memset(v.asked, 0, sizeof(v.asked));
            if (step.action == RL_DRAIN_CANCEL)
                cancel(&v, step.n, &seed);
            n_cancels += step.action == RL_DRAIN_CANCEL ? (int)step.n : 0;
            if (tsc % 5 == 0 && v.open[N_ORDERS - 1 - tsc % N_ORDERS]) { /* filled meanwhile */
                v.open[N_ORDERS - 1 - tsc % N_ORDERS] = false;
                v.n_fills++;
            }
            CHECK(tsc < 1000);
        } while (step.action != RL_DRAIN_PUBLISH && step.action != RL_DRAIN_DISCONNECT);
        CHECK(v.n_fills > 0);
        CHECK(n_cancels <= 2 * N_ORDERS);
        for (int i = 0; i < N_ORDERS; i++)
            CHECK(!v.open[i] || v.was_ever_asked[i]);
        CHECK_EQ(step.action == RL_DRAIN_PUBLISH, counts(&v).n_open == 0);
        CHECK_EQ(n_cancels > N_ORDERS, losses[l] > 0); /* a second round, when something is left */
        CHECK_EQ(step.action == RL_DRAIN_DISCONNECT, losses[l] == 100);
    }
}

int main(void)
{
    test_every_short_course_is_as_the_story_tells_it();
    test_long_courses_are_as_the_story_tells_them();
    test_it_ends_whatever_is_withheld();
    test_a_wider_trip_while_draining_begins_anew();
    test_idle_until_started_and_after_the_end();
    test_every_order_is_asked_and_what_is_left_is_told_while_fills_go_on();
    return 0;
}
