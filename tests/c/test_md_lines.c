/*
 * Both lines and the retransmission port against the product's own feed handler: what was lost,
 * repeated and swapped is what the handler says it saw, and whatever is still there to help, the
 * book ends as the exchange's.
 */
#include "md_lines_world.h"

static const struct faults none = {0}, dead = {.is_dead = true};

static void test_what_one_line_drops_the_other_brings(void)
{
    struct rl_lines_config lines = two_lines();
    const struct faults a = {.drop = 200};
    uint64_t random = 5;
    struct injected on_a;

    trade(1, 2000, NULL);
    subscriber_open(&s, 3, &lines);
    on_a = damage(0, &a, &random);
    (void)damage(1, &none, &random);
    CHECK(on_a.dropped > 50);
    CHECK_EQ(play(false), 0);
    CHECK_EQ(s.feed.lines->line[0].packets, on_a.sent);
    CHECK_EQ(s.feed.lines->line[1].packets, w.n_packets);
    CHECK_EQ(s.feed.lines->line[1].wins, on_a.dropped);
    CHECK_EQ(s.feed.lines->n.lost, 0);
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_repeats_are_counted_one_by_one(void)
{
    struct rl_lines_config lines = two_lines();
    const struct faults a = {.repeat = 300}, b = {.repeat = 100};
    uint64_t random = 6;
    struct injected on_a, on_b;

    trade(2, 2000, NULL);
    subscriber_open(&s, 3, &lines);
    on_a = damage(0, &a, &random);
    on_b = damage(1, &b, &random);
    (void)play(false);
    CHECK_EQ(s.feed.lines->line[0].repeats, on_a.repeated);
    CHECK_EQ(s.feed.lines->line[1].repeats, on_b.repeated);
    CHECK_EQ(s.feed.lines->n.gaps, 0);
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_swapped_packets_of_one_line_are_put_right(void)
{
    struct rl_lines_config lines = two_lines();
    const struct faults a = {.swap = 200};
    uint64_t random = 7;
    struct injected on_a;

    trade(3, 2000, NULL);
    subscriber_open(&s, 3, &lines);
    on_a = damage(0, &a, &random);
    (void)damage(1, &dead, &random);
    CHECK(on_a.swapped > 50);
    CHECK_EQ(play(false), 0);
    CHECK_EQ(s.feed.lines->n.gaps, on_a.swapped);
    CHECK_EQ(s.feed.lines->n.recovered_late, on_a.swapped);
    CHECK_EQ(s.feed.lines->n.lost, 0);
    CHECK(books_agree(&w, &s));
    close_both();
}

/* Messages of packets that came on neither line. */
static uint64_t gone_for_good(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < w.n_packets; i++)
        n += arrived[0][i] || arrived[1][i] ? 0 : n_messages_of(i);
    return n;
}

static void test_what_both_drop_is_lost_when_nobody_helps(void)
{
    struct rl_lines_config lines = two_lines();
    const struct faults both = {.drop = 300};
    uint64_t random = 8;

    trade(4, 2000, NULL);
    subscriber_open(&s, 3, &lines);
    (void)damage(0, &both, &random);
    (void)damage(1, &both, &random);
    CHECK(gone_for_good() > 20);
    (void)play(false);
    CHECK_EQ(s.feed.lines->n.lost, gone_for_good());
    CHECK_EQ(s.feed.n.lost, gone_for_good());
    CHECK(!books_agree(&w, &s)); /* so this can fail */
    CHECK(!rl_feed_is_synced(&s.feed, 0));
    close_both();
}

static void test_what_both_drop_is_sent_again(void)
{
    struct rl_lines_config lines = two_lines();
    const struct faults both = {.drop = 300, .repeat = 50, .swap = 50};
    uint64_t random = 9, asked;

    lines.n_requests = 5;
    trade(5, 3000, NULL);
    subscriber_open(&s, 3, &lines);
    (void)damage(0, &both, &random);
    (void)damage(1, &both, &random);
    CHECK(gone_for_good() > 20);
    asked = play(true);
    CHECK_EQ(s.feed.lines->n.lost, 0);
    CHECK_EQ(s.feed.lines->n.requests, asked);
    CHECK_EQ(w.md.retransmit.n.requests, asked);
    CHECK_EQ(w.md.retransmit.n.answers, asked);
    CHECK_EQ(w.md.retransmit.n.messages, gone_for_good());
    CHECK(s.feed.lines->n.recovered_request > 0);
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_what_is_kept_no_more_is_made_good_by_an_image(void)
{
    struct rl_lines_config lines = two_lines();
    struct rl_md_itch_config config = world_md_config(&w);
    const struct faults both = {.drop = 300};
    uint64_t random = 10;

    lines.n_requests = 2;
    lines.has_snapshots = true;
    config.n_kept = 64;
    trade(6, 3000, &config);
    subscriber_open(&s, 3, &lines);
    (void)damage(0, &both, &random);
    (void)damage(1, &both, &random);
    (void)play(true);
    CHECK(w.md.retransmit.n.too_old > 0);
    CHECK(s.feed.lines->n.recovered_snapshot > 0);
    CHECK(s.join.n_joined > 0);
    CHECK_EQ(s.feed.lines->n.lost, 0);
    CHECK(rl_feed_is_synced(&s.feed, 0));
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_any_mixture_of_faults_ends_with_the_right_book(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rl_lines_config lines = two_lines();
        struct faults f[2];
        struct injected n[2];
        uint64_t random = seed * 77;

        lines.n_requests = 5;
        lines.has_snapshots = true;
        trade(20 + seed, 1500, NULL);
        subscriber_open(&s, 3, &lines);
        for (uint32_t line = 0; line < 2; line++) {
            f[line] = (struct faults){.drop = (uint32_t)(check_random(&random) % 400),
                                      .repeat = (uint32_t)(check_random(&random) % 200),
                                      .swap = (uint32_t)(check_random(&random) % 200)};
            n[line] = damage(line, &f[line], &random);
        }
        (void)play(true);
        for (uint32_t line = 0; line < 2; line++) {
            CHECK_EQ(s.feed.lines->line[line].packets, n[line].sent);
            CHECK_EQ(s.feed.lines->line[line].repeats, n[line].repeated);
            CHECK_EQ(s.feed.lines->line[line].bad, 0);
        }
        CHECK_EQ(s.feed.lines->n.lost, 0);
        CHECK(books_agree(&w, &s));
        close_both();
    }
}

int main(void)
{
    test_what_one_line_drops_the_other_brings();
    test_repeats_are_counted_one_by_one();
    test_swapped_packets_of_one_line_are_put_right();
    test_what_both_drop_is_lost_when_nobody_helps();
    test_what_both_drop_is_sent_again();
    test_what_is_kept_no_more_is_made_good_by_an_image();
    test_any_mixture_of_faults_ends_with_the_right_book();
    return 0;
}
