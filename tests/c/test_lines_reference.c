/*
 * The lines against a slow arbiter that keeps everything it ever heard: random lines, losses,
 * repeats, disorder, sessions, overlapping packets. Both must say the same numbers, losses and
 * session changes in the same order at the same packet; arbiters with a seeded mistake do not.
 */
#include "mold_lines.h"

#define WAIT_NS 1000

/* --- the slow arbiter ------------------------------------------------------------------------- */

/* Mistakes that somebody might make. */
enum mistake {
    RIGHT = 0,
    WAITS_ONE_LONGER,
    SKIPS_ONE_TOO_MANY,
    DELIVERS_REPEATS,
    FORGETS_PARKED_ON_LOSS,
    TRUSTS_OLD_SESSIONS,
    LOSES_ONE_TOO_MANY,
    N_MISTAKES
};

struct kept {
    uint64_t first, end, at_ns;
};

struct slow {
    enum mistake mistake;
    struct kept *kept;         /* everything of this session */
    const struct kept *newest; /* what was pushed just now */
    uint64_t n_kept, n_max;
    uint64_t next, now_ns, gap_at_ns;
    uint32_t session;
    bool is_gap;
    uint64_t n_lost_before;
    bool is_new_session;
    struct stream_heard heard;
};

static void slow_say(struct slow *s, uint64_t first, uint64_t end)
{
    struct stream_heard *h = &s->heard;

    if (s->is_new_session) {
        h->n_sessions++;
        h->hash = (h->hash ^ 0x5E55) * 0x9E3779B97F4A7C15ULL;
    }
    if (s->n_lost_before > 0)
        h->hash = (h->hash ^ s->n_lost_before) * 0xBF58476D1CE4E5B9ULL;
    h->n_lost += s->n_lost_before;
    s->n_lost_before = 0;
    s->is_new_session = false;
    for (; first < end; first++) {
        h->hash = (h->hash ^ first) * 0x9E3779B97F4A7C15ULL;
        h->n_messages++;
    }
}

/* Of what lies beyond `next`, the packet with the lowest number; NULL when there is none. */
static const struct kept *slow_lowest(const struct slow *s)
{
    const struct kept *lowest = NULL;

    for (uint64_t i = 0; i < s->n_kept; i++) {
        const struct kept *k = &s->kept[i];

        if (k->end <= s->next && !(k->first == k->end && k->first > s->next))
            continue;
        if (!lowest || k->first < lowest->first ||
            (k->first == lowest->first && k->end < lowest->end))
            lowest = k;
    }
    return lowest;
}

static void slow_drain(struct slow *s)
{
    for (;;) {
        const struct kept *k = slow_lowest(s);
        uint64_t wait = WAIT_NS + (s->mistake == WAITS_ONE_LONGER);

        if (!k) {
            s->is_gap = false;
            return;
        }
        if (k->first <= s->next) {
            uint64_t from = s->next + (s->mistake == SKIPS_ONE_TOO_MANY && k->first < s->next);

            slow_say(s, from, k->end);
            s->next = k->end;
            /* What just came may fill a part: the gap is over when what lay behind it comes out. */
            s->is_gap = s->is_gap && k == s->newest;
            continue;
        }
        if (!s->is_gap) {
            s->is_gap = true;
            s->gap_at_ns = k->at_ns;
        }
        if (s->now_ns < s->gap_at_ns + wait)
            return;
        s->n_lost_before += k->first - s->next + (s->mistake == LOSES_ONE_TOO_MANY);
        s->next = k->first;
        s->is_gap = false;
        if (s->mistake == FORGETS_PARKED_ON_LOSS)
            s->n_kept = 0;
    }
}

static void slow_push(struct slow *s, uint32_t session, uint64_t first, uint32_t n, uint64_t now_ns)
{
    s->now_ns = now_ns;
    if (session != s->session) {
        if (session < s->session && s->mistake != TRUSTS_OLD_SESSIONS) {
            slow_drain(s);
            return;
        }
        if (s->session != 0) {
            uint64_t end = s->next;

            for (uint64_t i = 0; i < s->n_kept; i++)
                end = s->kept[i].end > end ? s->kept[i].end : end;
            s->n_lost_before += end - s->next;
            s->is_new_session = true;
        }
        s->session = session;
        s->n_kept = 0;
        s->is_gap = false;
        s->next = first;
        if (n == 0 && s->is_new_session)
            slow_say(s, 0, 0);
    }
    if (s->mistake == DELIVERS_REPEATS && first < s->next && first + n == s->next && n > 4)
        slow_say(s, first, s->next);
    if (s->n_kept == s->n_max) {
        s->n_max = s->n_max ? 2 * s->n_max : 1024;
        s->kept = realloc(s->kept, s->n_max * sizeof *s->kept);
        CHECK(s->kept != NULL);
    }
    if (first + n > s->next || first > s->next) {
        s->newest = &s->kept[s->n_kept++];
        s->kept[s->n_kept - 1] = (struct kept){first, first + n, now_ns};
    }
    slow_drain(s);
    s->newest = NULL;
    /* What is done with need not be looked at again: it is slow enough. */
    if (s->n_kept > 64) {
        uint64_t k = 0;

        for (uint64_t i = 0; i < s->n_kept; i++)
            if (s->kept[i].end > s->next || s->kept[i].first > s->next)
                s->kept[k++] = s->kept[i];
        s->n_kept = k;
    }
}

/* --- random traffic --------------------------------------------------------------------------- */

struct event {
    uint64_t at_ns, first, order;
    uint32_t session, n;
    uint8_t line;
};

static int event_by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* How rough a run is: each seed draws its own. */
struct roughness {
    uint32_t n_lines, drop, repeat, disorder, far, session, cut, beat; /* all per mille */
};

static struct event *make_events(uint64_t *random, const struct roughness *r, uint64_t n_packets,
                                 uint64_t *n_events)
{
    struct event *all = calloc(n_packets * r->n_lines * 3, sizeof *all);
    uint64_t n = 0, first = 1 + check_random(random) % 1000, at = 1000;
    uint32_t session = 1;

    CHECK(all != NULL);
    for (uint64_t i = 0; i < n_packets; i++) {
        uint32_t n_messages = 1 + (uint32_t)(check_random(random) % 6);

        at += check_random(random) % 300;
        if (check_random(random) % 10000 < r->session) {
            session++;
            first = 1 + check_random(random) % 50;
        }
        if (check_random(random) % 1000 < r->beat)
            n_messages = 0;
        for (uint32_t line = 0; line < r->n_lines; line++) {
            struct event e = {.at_ns = at + check_random(random) % 200,
                              .first = first,
                              .session = session,
                              .n = n_messages,
                              .line = (uint8_t)line};

            if (check_random(random) % 1000 < r->drop)
                continue;
            if (check_random(random) % 1000 < r->disorder)
                e.at_ns += check_random(random) % (WAIT_NS * 3 / 2);
            if (check_random(random) % 1000 < r->far)
                e.at_ns += 20 * WAIT_NS;
            if (n_messages > 1 && check_random(random) % 1000 < r->cut) {
                /* The line cuts the stream elsewhere: two packets that overlap others. */
                struct event tail = e;

                tail.first += n_messages / 2;
                tail.n -= n_messages / 2;
                e.n = n_messages / 2 + (uint32_t)(check_random(random) % 2);
                e.order = n;
                all[n++] = e;
                e = tail;
            }
            e.order = n;
            all[n++] = e;
            if (check_random(random) % 1000 < r->repeat) {
                e.at_ns += check_random(random) % (2 * WAIT_NS);
                e.order = n;
                all[n++] = e;
            }
        }
        first += n_messages;
    }
    qsort(all, n, sizeof *all, event_by_time);
    *n_events = n;
    return all;
}

static struct roughness draw(uint64_t *random)
{
    struct roughness r = {.n_lines = 1 + (uint32_t)(check_random(random) % 4)};
    uint32_t *each[] = {&r.drop, &r.repeat, &r.disorder, &r.far, &r.session, &r.cut, &r.beat};
    static const uint32_t most[] = {400, 200, 500, 50, 30, 200, 100};

    for (unsigned i = 0; i < RL_COUNT(each); i++)
        *each[i] = check_random(random) % 4 == 0 ? 0 : (uint32_t)(check_random(random) % most[i]);
    return r;
}

/* Plays the same to both. True when they agree after every packet. */
static bool agree(uint64_t seed, uint64_t n_packets, enum mistake mistake, uint64_t *n_played,
                  struct rl_lines_counters *sums)
{
    uint64_t random = seed, n_events, i;
    struct roughness r = draw(&random);
    struct rl_lines_config config = mold_config();
    struct event *events = make_events(&random, &r, n_packets, &n_events);
    struct slow slow = {.mistake = mistake};
    struct stream_heard heard = {0};
    bool is_same = true;
    struct rig rig;

    config.n_lines = r.n_lines;
    config.gap_floor_ns = WAIT_NS;
    rig = rig_open(&config);
    for (i = 0; i < n_events && is_same; i++) {
        const struct event *e = &events[i];
        bool is_poll = check_random(&random) % 8 == 0;

        push_mold(rig.lines, &heard, e->line, e->session, e->first, e->n, e->at_ns);
        slow_push(&slow, e->session, e->first, e->n, e->at_ns);
        if (is_poll) {
            uint64_t at = e->at_ns + (i + 1 < n_events ? events[i + 1].at_ns - e->at_ns : 5000);

            poll_mold(rig.lines, &heard, at);
            slow.now_ns = at;
            slow_drain(&slow);
        }
        is_same = heard.hash == slow.heard.hash && heard.n_messages == slow.heard.n_messages &&
                  heard.n_lost == slow.heard.n_lost && heard.n_sessions == slow.heard.n_sessions &&
                  rig.lines->seq.next == slow.next && rl_lines_is_synced(rig.lines) == !slow.is_gap;
    }
    if (!is_same && mistake == RIGHT)
        fprintf(stderr, "seed %" PRIu64 ", packet %" PRIu64 " of %" PRIu64 " at %" PRIu64 "\n",
                seed, i, n_events, events[i - 1].at_ns);
    CHECK_EQ(rig.lines->n.overflows, 0); /* or the slow one would have to know of windows */
    *n_played += i;
    sums->gaps += rig.lines->n.gaps;
    sums->recovered_other += rig.lines->n.recovered_other;
    sums->recovered_late += rig.lines->n.recovered_late;
    sums->gaps_lost += rig.lines->n.gaps_lost;
    sums->sessions += rig.lines->n.sessions;
    rig_close(&rig);
    free(events);
    free(slow.kept);
    return is_same;
}

static void test_the_lines_say_what_the_slow_arbiter_says(void)
{
    struct rl_lines_counters sums = {0};
    uint64_t n = 0;

    for (uint64_t seed = 1; n < 1000000; seed++)
        CHECK(agree(seed, 1500, RIGHT, &n, &sums));
    CHECK(sums.gaps > 10000 && sums.recovered_other > 1000 && sums.recovered_late > 1000 &&
          sums.gaps_lost > 1000 && sums.sessions > 50);
}

static void test_an_arbiter_with_a_mistake_is_told_apart(void)
{
    for (int mistake = RIGHT + 1; mistake < N_MISTAKES; mistake++) {
        struct rl_lines_counters sums = {0};
        uint64_t n = 0, seed = 1;

        while (agree(seed, 1500, (enum mistake)mistake, &n, &sums))
            CHECK(++seed < 60);
    }
}

int main(void)
{
    test_the_lines_say_what_the_slow_arbiter_says();
    test_an_arbiter_with_a_mistake_is_told_apart();
    return 0;
}
