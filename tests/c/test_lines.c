/*
 * Several lines made one: whoever is first is heard, gaps wait, are asked for and given up, and
 * nothing that a hostile line says costs more than a counter.
 */
#include "mold_lines.h"

#include <errno.h>

#include "market/codec/ice.h"

static struct rig rig;
static struct rl_lines *l;
static struct stream_heard h;

static void open_as(const struct rl_lines_config *config)
{
    rig = rig_open(config);
    l = rig.lines;
    h = (struct stream_heard){0};
}

static void open_plain(void)
{
    struct rl_lines_config config = mold_config();

    open_as(&config);
}

static void push(uint32_t line, uint64_t seq, uint32_t n, uint64_t now_ns)
{
    push_mold(l, &h, line, 1, seq, n, now_ns);
}

/* --- arbitration ------------------------------------------------------------------------------ */

static void test_each_packet_comes_out_once_and_the_first_line_wins_it(void)
{
    open_plain();
    push(0, 1, 3, 10);
    push(1, 1, 3, 17); /* 7 ns behind */
    push(1, 4, 1, 20);
    push(0, 4, 1, 22);
    push(0, 5, 2, 30);
    CHECK_EQ(h.n_messages, 6);
    CHECK_EQ(l->line[0].wins, 2);
    CHECK_EQ(l->line[1].wins, 1);
    CHECK_EQ(l->line[0].duplicates, 1);
    CHECK_EQ(l->line[1].duplicates, 1);
    CHECK_EQ(rl_lines_skew_ns(l, 1, 0, 100), 7);
    CHECK_EQ(rl_lines_skew_ns(l, 1, 0, 0), -2);
    CHECK_EQ(l->n.gaps + l->n.parked, 0);
    push(0, 5, 2, 40); /* again on the same line */
    CHECK_EQ(l->line[0].repeats, 1);
    CHECK_EQ(h.n_messages, 6);
    rig_close(&rig);
}

static void test_the_new_part_of_an_overlap_comes_out(void)
{
    open_plain();
    push(0, 1, 3, 10);
    push(1, 2, 4, 11);
    CHECK_EQ(h.n_messages, 5);
    CHECK_EQ(h.next, 6);
    push(0, 8, 2, 12); /* parked, and overlapped from both sides */
    push(0, 9, 4, 12);
    push(1, 6, 3, 13);
    CHECK_EQ(h.next, 13);
    CHECK_EQ(h.n_messages, 12);
    CHECK_EQ(l->n.gaps, 1);
    CHECK_EQ(l->n.recovered_other, 1);
    rig_close(&rig);
}

static void test_a_gap_is_closed_by_whoever_brings_what_is_missing(void)
{
    open_plain();
    push(0, 1, 1, 0);
    push(0, 4, 1, 10);
    push(0, 3, 1, 11);
    CHECK_EQ(l->window.n, 2);
    CHECK(!rl_lines_is_synced(l));
    CHECK_EQ(rl_lines_due_ns(l), 110);
    push(1, 2, 1, 109);
    CHECK_EQ(h.n_messages, 4);
    CHECK_EQ(l->n.recovered_other, 1);
    push(0, 6, 1, 110);
    push(0, 5, 1, 111);
    CHECK_EQ(l->n.recovered_late, 1);
    CHECK_EQ(l->n.gaps, 2);
    CHECK_EQ(l->n.lost, 0);
    CHECK_EQ(rl_lines_due_ns(l), UINT64_MAX);
    CHECK_EQ(l->window.n_high, 2);
    rig_close(&rig);
}

static void test_a_gap_that_nobody_closes_is_given_up_in_time_and_told(void)
{
    open_plain();
    push(0, 1, 1, 0);
    push(0, 5, 1, 10);
    push(1, 8, 1, 50);
    poll_mold(l, &h, 109);
    CHECK_EQ(h.n_messages, 1);
    poll_mold(l, &h, 110);
    CHECK_EQ(h.n_messages, 2);
    CHECK_EQ(h.n_lost, 3);
    CHECK_EQ(l->state, RL_LINES_GAP); /* the second: its time runs since it showed */
    poll_mold(l, &h, 149);
    CHECK_EQ(h.n_messages, 2);
    push(0, 9, 1, 150);
    CHECK_EQ(h.n_messages, 4);
    CHECK_EQ(l->n.gaps_lost, 2);
    CHECK_EQ(l->n.lost, 5);
    CHECK_EQ(l->n_losses, 2);
    CHECK(l->losses[0].first == 2 && l->losses[0].n == 3);
    CHECK(l->losses[1].first == 6 && l->losses[1].n == 2);
    push(1, 2, 1, 151); /* too late */
    CHECK_EQ(l->line[1].late, 1);
    CHECK_EQ(h.n_messages, 4);
    rig_close(&rig);
}

static void test_a_packet_that_closes_the_gap_in_the_last_moment_is_heard(void)
{
    open_plain();
    push(0, 1, 1, 0);
    push(0, 3, 1, 10);
    push(1, 2, 1, 5000); /* no call came between: it is here now */
    CHECK_EQ(h.n_messages, 3);
    CHECK_EQ(l->n.lost, 0);
    rig_close(&rig);
}

static void test_a_heartbeat_shows_what_was_lost_at_the_end(void)
{
    open_plain();
    push(0, 1, 1, 0);
    push(0, 4, 0, 10);
    push(1, 4, 0, 20);
    CHECK_EQ(l->n.gaps, 1);
    CHECK_EQ(l->line[0].heartbeats, 1);
    push(1, 2, 1, 30);
    CHECK_EQ(l->state, RL_LINES_GAP);
    push(1, 3, 1, 40);
    CHECK_EQ(l->n.recovered_other, 1);
    CHECK_EQ(h.n_messages, 3);
    push(0, 6, 0, 50);
    poll_mold(l, &h, 150);
    CHECK_EQ(l->n.lost, 2);
    CHECK(l->n_lost_before == 2); /* nothing was delivered since that could have told */
    push(0, 6, 1, 160);
    CHECK_EQ(h.n_lost, 2);
    rig_close(&rig);
}

static void test_the_wait_follows_what_the_lines_differ(void)
{
    struct rl_lines_config config = mold_config();

    config.gap_skews = 4;
    config.gap_ceiling_ns = 5000;
    open_as(&config);
    for (uint64_t i = 1; i <= 2000; i++) { /* line 1 is 500 ns behind, once 1,000 */
        push(0, i, 1, i * 10000);
        push(1, i, 1, i * 10000 + (i % 500 == 0 ? 1000 : 500));
    }
    push(0, 2002, 1, 30000000);
    CHECK_EQ(rl_lines_due_ns(l), 30000000 + 4 * 1000);
    push(1, 2001, 1, 30002000);
    for (uint64_t i = 2003; i <= 2200; i++) {
        push(0, i, 1, i * 20000);
        push(1, i, 1, i * 20000 + 10000);
    }
    push(0, 2202, 1, 60000000);
    CHECK_EQ(rl_lines_due_ns(l), 60000000 + 5000); /* the ceiling */
    rig_close(&rig);
}

static void test_copies_that_differ_are_told(void)
{
    uint8_t a[PACKET_MAX], b[PACKET_MAX];
    uint32_t n = mold_packet(a, 1, 1, 1);

    open_plain();
    memcpy(b, a, n);
    b[n - 1] ^= 1;
    CHECK(rl_lines_push(l, 0, a, n, 0));
    hear_all(l, &h);
    CHECK(!rl_lines_push(l, 1, b, n, 1));
    CHECK_EQ(l->line[1].conflicts, 1);
    CHECK_EQ(l->line[1].duplicates, 1);
    rig_close(&rig);
}

static void test_a_line_that_went_silent_shows(void)
{
    open_plain();
    CHECK(rl_lines_silent_ns(l, RL_LINE_ANY, 5) == UINT64_MAX);
    push(0, 1, 1, 10);
    push(1, 2, 1, 30);
    CHECK_EQ(rl_lines_silent_ns(l, 0, 50), 40);
    CHECK_EQ(rl_lines_silent_ns(l, 1, 50), 20);
    CHECK_EQ(rl_lines_silent_ns(l, RL_LINE_ANY, 50), 20);
    CHECK(rl_lines_silent_ns(l, RL_LINE_RECOVERY, 50) == UINT64_MAX);
    push(0, 2, 1, 25); /* a stamp from the past counts as now */
    CHECK_EQ(l->n.clock_back, 1);
    CHECK_EQ(rl_lines_silent_ns(l, 0, 50), 20);
    push(0, 3, 0, 60); /* a heartbeat is a sign of life */
    CHECK_EQ(rl_lines_silent_ns(l, 0, 61), 1);
    rig_close(&rig);
}

/* --- asking ----------------------------------------------------------------------------------- */

static struct rl_lines_config asking_config(void)
{
    struct rl_lines_config c = mold_config();

    c.n_requests = 3;
    c.request_wait_ns = 1000;
    return c;
}

static void test_what_stays_missing_is_asked_for_with_back_off_and_then_given_up(void)
{
    struct rl_lines_config config = asking_config();
    struct rl_lines_request r;

    open_as(&config);
    push(0, 1, 1, 0);
    push(0, 6, 1, 10);
    CHECK(!rl_lines_request(l, 20, &r));
    poll_mold(l, &h, 110);
    CHECK(rl_lines_request(l, 110, &r));
    CHECK(r.first == 2 && r.n == 4 && r.attempt == 1 && !r.is_snapshot);
    CHECK(!rl_lines_request(l, 111, &r)); /* once each */
    CHECK_EQ(rl_lines_due_ns(l), 1110);
    push(1, 2, 1, 200); /* a part comes by itself */
    poll_mold(l, &h, 1110);
    CHECK(rl_lines_request(l, 1110, &r));
    CHECK(r.first == 3 && r.n == 3 && r.attempt == 2);
    CHECK_EQ(rl_lines_due_ns(l), 3110);
    poll_mold(l, &h, 3110);
    CHECK(rl_lines_request(l, 3110, &r));
    CHECK_EQ(r.attempt, 3);
    CHECK_EQ(rl_lines_due_ns(l), 7110);
    poll_mold(l, &h, 7109);
    CHECK_EQ(l->n.lost, 0);
    poll_mold(l, &h, 7110);
    CHECK_EQ(l->n.lost, 3);
    CHECK_EQ(h.n_messages, 3);
    CHECK(!rl_lines_request(l, 9000, &r));
    CHECK_EQ(l->n.requests, 3);
    rig_close(&rig);
}

static void test_an_answer_closes_the_gap_and_a_part_of_it_asks_for_the_rest(void)
{
    struct rl_lines_config config = asking_config();
    struct rl_lines_request r;

    config.n_request_max = 3;
    open_as(&config);
    push(0, 1, 1, 0);
    push(0, 9, 1, 10);
    poll_mold(l, &h, 110);
    CHECK(rl_lines_request(l, 110, &r));
    CHECK(r.first == 2 && r.n == 3);
    push(RL_LINE_RECOVERY, 2, 3, 300);
    CHECK(rl_lines_request(l, 300, &r));
    CHECK(r.first == 5 && r.n == 3 && r.attempt == 1);
    push(RL_LINE_RECOVERY, 5, 3, 400);
    CHECK(rl_lines_request(l, 400, &r));
    CHECK(r.first == 8 && r.n == 1);
    push(RL_LINE_RECOVERY, 7, 5, 500); /* more than was asked for */
    CHECK_EQ(h.next, 12);
    CHECK_EQ(l->n.recovered_request, 1);
    CHECK_EQ(l->n.lost, 0);
    CHECK(rl_lines_is_synced(l));
    rig_close(&rig);
}

/* --- a simulated server ----------------------------------------------------------------------- */

/*
 * Two lines lose packets, the server that is asked loses requests and answers. Whatever one of the
 * three brings comes out; the rest is what the lines report.
 */
static void test_a_server_with_losses_of_its_own_is_asked_until_it_answers(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct rl_lines_config config = asking_config();
        uint64_t random = seed, now = 1000, n_lost_packets = 0, n_numbers = 0;
        uint64_t n_server_lost = 0;

        config.n_requests = seed == 5 ? 1 : 8;
        config.n_losses = 1 << 16;
        open_as(&config);
        for (uint64_t seq = 1; seq < 20000; now += 200) {
            uint32_t n = 1 + (uint32_t)(check_random(&random) % 5);
            bool lost[2] = {check_random(&random) % 4 == 0, check_random(&random) % 4 == 0};
            struct rl_lines_request r;

            if (seq == 1)
                lost[0] = false;
            n_lost_packets += lost[0] && lost[1];
            for (uint32_t line = 0; line < 2; line++)
                if (!lost[line])
                    push(line, seq, n, now + line * 20);
            seq += n;
            n_numbers = seq - 1;
            poll_mold(l, &h, now + 150);
            if (!rl_lines_request(l, now + 150, &r))
                continue;
            /* Over the wire and back, as the server would see and say it. */
            uint8_t request[RL_MOLD_HEADER];
            const uint8_t *session;
            uint64_t first;
            uint32_t n_wanted;

            rl_mold_put_request(request, (const uint8_t *)"S000000001", r.first, r.n);
            CHECK(rl_mold_read_request(request, sizeof request, &session, &first, &n_wanted));
            if (check_random(&random) % 3 == 0) {
                n_server_lost++;
                continue;
            }
            push(RL_LINE_RECOVERY, first, n_wanted < 4 ? n_wanted : 4, now + 180);
        }
        push(0, n_numbers + 1, 0, now += 1000000); /* the end shows what came last */
        for (int i = 0; i < 40; i++) {
            struct rl_lines_request r;

            poll_mold(l, &h, now += 1000000);
            if (rl_lines_request(l, now, &r) && seed != 5)
                push(RL_LINE_RECOVERY, r.first, (uint32_t)(r.n < 4 ? r.n : 4), now);
        }
        CHECK(n_lost_packets > 100 && n_server_lost > 20);
        CHECK(rl_lines_is_synced(l));
        CHECK_EQ(h.n_messages + l->n.lost, n_numbers);
        CHECK(l->n.recovered_request > 100 || seed == 5);
        CHECK((l->n.lost > 0) == (seed == 5)); /* asked once, an unlucky gap is lost */
        rig_close(&rig);
    }
}

/* --- snapshots -------------------------------------------------------------------------------- */

static void test_a_snapshot_read_elsewhere_joins_the_stream_where_it_fits(void)
{
    struct rl_lines_config config = mold_config();
    struct rl_lines_request r;

    config.has_snapshots = true;
    open_as(&config);
    push(0, 1, 2, 0);
    CHECK(!rl_lines_adopt(l, 2, 1)); /* nothing is missing */
    CHECK_EQ(l->n.snapshots_unused, 1);
    push(0, 6, 1, 10);
    push(0, 7, 3, 20);
    poll_mold(l, &h, 110);
    CHECK_EQ(l->state, RL_LINES_RECOVERING);
    CHECK_EQ(l->n.recoveries, 1);
    CHECK(rl_lines_request(l, 110, &r));
    CHECK(r.is_snapshot && r.first == 3 && r.n == 0);
    CHECK(!rl_lines_adopt(l, 1, 120)); /* older than what was delivered */
    CHECK(!rl_lines_adopt(l, 4, 130)); /* 5 would still be missing */
    CHECK_EQ(l->n.snapshots_old, 2);
    CHECK(rl_lines_request(l, 130, &r)); /* a newer one, at once */
    CHECK(rl_lines_adopt(l, 7, 140));
    hear_all(l, &(struct stream_heard){0});
    CHECK_EQ(l->seq.next, 10);
    CHECK_EQ(l->n.recovered_snapshot, 1);
    CHECK_EQ(l->n.lost, 0);
    CHECK(rl_lines_is_synced(l));
    check_gaps_add_up(l);
    push(0, 13, 1, 150); /* the missing packet may still come by itself */
    poll_mold(l, &(struct stream_heard){0}, 250);
    CHECK_EQ(l->state, RL_LINES_RECOVERING);
    h = (struct stream_heard){0};
    push(1, 10, 3, 260);
    CHECK_EQ(h.n_messages, 4);
    CHECK_EQ(l->n.recovered_other, 1);
    CHECK(!rl_lines_request(l, 300, &r));
    rig_close(&rig);
}

static void test_what_waits_too_long_for_a_snapshot_makes_room_for_what_is_newer(void)
{
    struct rl_lines_config config = mold_config();

    config.has_snapshots = true;
    config.n_window = 4;
    open_as(&config);
    push(0, 1, 1, 0);
    for (uint64_t seq = 3; seq <= 10; seq++)
        push(0, seq, 1, 1000 * seq);
    CHECK_EQ(l->n.evicted, 4);
    CHECK_EQ(l->window.n, 4);
    CHECK(!rl_lines_adopt(l, 5, 20000)); /* 6 is gone */
    CHECK(rl_lines_adopt(l, 6, 20000));
    h.next = 7;
    hear_all(l, &h);
    CHECK_EQ(h.n_messages, 1 + 4);
    check_gaps_add_up(l);
    rig_close(&rig);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void test_a_new_session_ends_the_old_one_for_good(void)
{
    open_plain();
    push_mold(l, &h, 0, 1, 100, 2, 0);
    push_mold(l, &h, 0, 1, 105, 2, 10);
    push_mold(l, &h, 1, 2, 1, 1, 20);
    CHECK_EQ(h.n_sessions, 1);
    CHECK_EQ(h.next, 2);
    CHECK_EQ(l->n.sessions, 1);
    CHECK_EQ(l->n.lost, 5); /* 102 .. 106: what was parked will not come out any more */
    CHECK_EQ(l->n.gaps_lost, 1);
    push_mold(l, &h, 0, 1, 102, 3, 30); /* the slower line is not there yet */
    CHECK_EQ(l->line[0].stale, 1);
    CHECK_EQ(h.n_messages, 3);
    push_mold(l, &h, 0, 2, 2, 1, 40);
    CHECK_EQ(h.n_messages, 4);
    for (uint32_t i = 0; i < 1000; i++) /* flapping lines */
        push_mold(l, &h, i % 2, 1 + i % 2, 3, 1, 50 + i);
    CHECK_EQ(l->n.sessions, 1);
    CHECK_EQ(l->line[0].stale, 501);
    push_mold(l, &h, 0, 3, 50, 0, 2000); /* told at once, even by a heartbeat */
    CHECK_EQ(h.n_sessions, 2);
    push_mold(l, &h, 0, 3, 50, 1, 2001);
    CHECK_EQ(h.next, 51);
    rig_close(&rig);
}

static void test_packets_of_another_recording_need_a_word_first(void)
{
    open_plain();
    push(0, 1000, 1, 50);
    push(0, 1, 1, 60);
    CHECK_EQ(h.n_messages, 1); /* no session changed: it is old */
    rl_lines_forget(l);
    h = (struct stream_heard){0};
    push(0, 1, 1, 10);
    CHECK_EQ(h.next, 2);
    CHECK_EQ(l->n.clock_back, 0);
    rig_close(&rig);
}

/* --- numbers of 32 bits ----------------------------------------------------------------------- */

static void push_ice(uint32_t line, uint32_t seq, uint16_t n, uint64_t now_ns, uint64_t *n_heard,
                     uint64_t *next)
{
    uint8_t bytes[256];
    struct rl_delivery d;
    uint32_t n_bytes = rl_ice_put(bytes, 7, seq, 1, 'T', n);

    if (!rl_lines_push(l, line, bytes, n_bytes, now_ns))
        return;
    while (rl_lines_next(l, &d)) {
        *n_heard += d.head.n_messages - d.n_skip;
        *next = d.head.next;
    }
}

static void test_numbers_of_32_bits_go_on_after_the_wrap(void)
{
    struct rl_lines_config config = mold_config();
    uint64_t n = 0, next = 0;

    config.protocol = rl_protocol_of(RL_FEED_ICE, false);
    open_as(&config);
    push_ice(0, UINT32_MAX - 1000, 5, 0, &n, &next);
    for (uint32_t seq = UINT32_MAX - 995, i = 0; i < 400; seq += 5, i++) {
        if (i % 7 != 0)
            push_ice(0, seq, 5, 10 + i, &n, &next);
        push_ice(1, seq, 5, 10 + i, &n, &next);
        push_ice(0, seq - 5, 5, 10 + i, &n, &next); /* old, before the wrap and after */
    }
    CHECK_EQ(n, 5 * 401);
    CHECK_EQ(next, (uint64_t)UINT32_MAX - 1000 + 5 * 401);
    CHECK_EQ(l->n.gaps, 0);
    push_ice(0, (uint32_t)next + 10, 5, 1000, &n, &next); /* a gap, across nothing special */
    push_ice(1, (uint32_t)next, 10, 1001, &n, &next);
    CHECK_EQ(n, 5 * 404);
    /* A gap that spans the wrap itself. */
    rl_lines_forget(l);
    n = 0;
    push_ice(0, UINT32_MAX - 3, 2, 0, &n, &next);
    push_ice(0, 1, 2, 1, &n, &next); /* UINT32_MAX - 1, UINT32_MAX and 0 are missing */
    CHECK_EQ(l->window.n, 1);
    push_ice(1, UINT32_MAX - 1, 3, 2, &n, &next);
    CHECK_EQ(n, 7);
    CHECK_EQ(next, (1ULL << 32) + 3);
    CHECK_EQ(l->n.lost, 0);
    rl_lines_forget(l); /* from before the first number there is */
    push_ice(0, 5, 1, 0, &n, &next);
    push_ice(0, UINT32_MAX - 5, 1, 1, &n, &next);
    CHECK_EQ(n, 8);
    CHECK_EQ(l->line[0].late, 1);
    rl_lines_forget(l); /* begins with the very number after a wrap */
    push_ice(0, 0, 1, 0, &n, &next);
    push_ice(0, 1, 1, 1, &n, &next);
    CHECK_EQ(next, (1ULL << 32) + 2);
    rig_close(&rig);
}

/* --- hostile lines ---------------------------------------------------------------------------- */

static void test_a_number_that_cannot_be_is_not_followed(void)
{
    static const uint64_t numbers[] = {1ULL << 40,     1ULL << 63, UINT64_MAX,
                                       UINT64_MAX - 1, 0,          10 + (1ULL << 24) + 10};

    open_plain();
    push(0, 9, 1, 0);
    for (unsigned i = 0; i < RL_COUNT(numbers); i++) {
        push(0, numbers[i], 3, 10 + i);
        push(1, numbers[i], 0, 10 + i);
    }
    CHECK(l->line[0].bad + l->line[1].bad >= 2 * RL_COUNT(numbers) - 1);
    push(0, 10, 1, 5000);
    CHECK_EQ(h.n_messages, 2);
    CHECK_EQ(l->n.lost + l->n.gaps, 0);
    /* But a stream that really went there is found again. */
    for (uint64_t i = 0; i < 40; i++)
        push(0, (1ULL << 40) + i, 1, 6000 + i * 10);
    CHECK_EQ(h.next, (1ULL << 40) + 40);
    CHECK_EQ(l->n.gaps_lost, 1);
    CHECK_EQ(l->losses[0].first, 11);
    /* Nonsense between packets of a living stream never adds up to such a run. */
    for (uint64_t i = 0; i < 100; i++) {
        push(0, (1ULL << 50) + i, 1, 8000 + i * 10);
        push(1, (1ULL << 40) + 40 + i, 1, 8000 + i * 10);
    }
    CHECK_EQ(h.next, (1ULL << 40) + 140);
    CHECK_EQ(l->n.gaps, 1);
    rig_close(&rig);
}

static void test_a_packet_that_lies_never_wins(void)
{
    uint8_t bytes[PACKET_MAX];
    uint32_t n = mold_packet(bytes, 1, 2, 3);

    open_plain();
    push(0, 1, 1, 0);
    for (uint32_t cut = 0; cut < n; cut++)
        CHECK(!rl_lines_push(l, 0, bytes, cut, 1));
    rl_put_be16(bytes + 18, 4);
    CHECK(!rl_lines_push(l, 0, bytes, n, 2));
    rl_put_be16(bytes + 18, 2);
    CHECK(!rl_lines_push(l, 0, bytes, n, 2));
    CHECK_EQ(l->line[0].bad, n + 2);
    push(1, 2, 3, 3);
    CHECK_EQ(h.n_messages, 4);
    CHECK_EQ(l->line[1].wins, 1);
    rig_close(&rig);
}

static void test_a_full_window_gives_up_the_oldest_gap(void)
{
    struct rl_lines_config config = mold_config();

    config.n_window = 8;
    config.n_losses = 2;
    open_as(&config);
    push(0, 1, 1, 0);
    for (uint64_t seq = 3; seq <= 21; seq += 2) /* every second is missing */
        push(0, seq, 1, 1);
    CHECK_EQ(l->n.overflows, 2);
    CHECK_EQ(l->n.lost, 2);
    CHECK_EQ(h.n_messages, 3);
    CHECK_EQ(l->window.n, 8);
    push(1, 2, 20, 2);
    CHECK_EQ(h.next, 22);
    CHECK_EQ(h.n_messages, 19);
    /* More losses than are listed are counted. */
    for (uint64_t seq = 31; seq <= 61; seq += 10)
        push(0, seq, 1, seq * 1000);
    poll_mold(l, &h, 100000);
    CHECK_EQ(l->n_losses, 2);
    CHECK_EQ(l->n.losses_unlisted, 4);
    /* Full, and the packet at hand is the lowest: it is not lost with the gap. */
    for (uint64_t seq = 200; seq < 208; seq++)
        push(0, seq, 1, 200000);
    push(1, 100, 1, 200001);
    CHECK_EQ(h.next, 101);
    CHECK_EQ(l->window.n, 8);
    rig_close(&rig);
}

static void test_a_packet_larger_than_the_window_is_heard_at_the_price_of_its_gap(void)
{
    struct rl_lines_config config = mold_config();

    config.n_window_bytes = 1; /* the least there is: 4 KiB */
    config.n_window = 100;
    open_as(&config);
    push(0, 1, 1, 0);
    for (uint64_t i = 0; i < 5; i++)
        push(0, 100 + 70 * i, 70, 1); /* 1,280 bytes each: three fit */
    CHECK(l->n.overflows > 0);
    CHECK_EQ(h.next, 450);
    CHECK_EQ(h.n_messages, 1 + 350);
    rig_close(&rig);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void test_configs_that_cannot_be_served_are_refused(void)
{
    struct rl_lines_config good = mold_config();
    struct {
        struct rl_lines_config config;
    } bad[8] = {{good}, {good}, {good}, {good}, {good}, {good}, {good}, {good}};
    struct rl_arena arena;
    static struct rl_lines lines;

    bad[0].config.n_lines = 0;
    bad[1].config.n_lines = RL_LINES_MAX + 1;
    bad[2].config.protocol = rl_protocol_of(RL_FEED_ITCH, false); /* bare messages: no numbers */
    bad[3].config.n_window = 0;
    bad[4].config.n_requests = 1, bad[4].config.request_wait_ns = 0;
    bad[5].config.starts_with_snapshot = true;
    bad[6].config.gap_ceiling_ns = 1;
    bad[7].config.n_window_bytes = 0;
    CHECK_EQ(rl_arena_open(&arena, rl_lines_bytes(&good), 0), 0);
    for (unsigned i = 0; i < RL_COUNT(bad); i++) {
        CHECK_EQ(rl_lines_bytes(&bad[i].config), 0);
        CHECK_EQ(rl_lines_init(&lines, &arena, &bad[i].config), -EINVAL);
    }
    CHECK_EQ(rl_lines_init(&lines, &arena, &good), 0);
    CHECK_EQ(rl_lines_init(&lines, &arena, &good), -ENOMEM); /* nothing is left for a second */
    rl_arena_close(&arena);
}

static void test_nothing_is_allocated_once_the_lines_are_open(void)
{
    static uint8_t packets[64][PACKET_MAX];
    uint32_t n_bytes[64];
    uint64_t random = 5, now = 0;
    struct rl_lines_config config = asking_config();
    struct rl_delivery d;
    struct rl_lines_request r;

    if (!rl_trap_is_linked())
        return;
    config.n_window = 16;
    open_as(&config);
    for (uint32_t i = 0; i < 64; i++)
        n_bytes[i] = mold_packet(packets[i], 1 + i / 60, 1 + i * 3, 3);
    rl_trap_arm();
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t k = (uint32_t)(check_random(&random) % 64);

        if (rl_lines_push(l, (uint32_t)(check_random(&random) % 3), packets[k], n_bytes[k],
                          now += 50))
            while (rl_lines_next(l, &d))
                ;
        (void)rl_lines_request(l, now, &r);
        if (i % 200 == 0)
            rl_lines_forget(l);
    }
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 0);
    CHECK(l->n.parked > 100 && l->n.gaps > 100 && l->n.requests > 10 && l->n.overflows > 10);
    rig_close(&rig);
}

int main(void)
{
    test_each_packet_comes_out_once_and_the_first_line_wins_it();
    test_the_new_part_of_an_overlap_comes_out();
    test_a_gap_is_closed_by_whoever_brings_what_is_missing();
    test_a_gap_that_nobody_closes_is_given_up_in_time_and_told();
    test_a_packet_that_closes_the_gap_in_the_last_moment_is_heard();
    test_a_heartbeat_shows_what_was_lost_at_the_end();
    test_the_wait_follows_what_the_lines_differ();
    test_copies_that_differ_are_told();
    test_a_line_that_went_silent_shows();
    test_what_stays_missing_is_asked_for_with_back_off_and_then_given_up();
    test_an_answer_closes_the_gap_and_a_part_of_it_asks_for_the_rest();
    test_a_server_with_losses_of_its_own_is_asked_until_it_answers();
    test_a_snapshot_read_elsewhere_joins_the_stream_where_it_fits();
    test_what_waits_too_long_for_a_snapshot_makes_room_for_what_is_newer();
    test_a_new_session_ends_the_old_one_for_good();
    test_packets_of_another_recording_need_a_word_first();
    test_numbers_of_32_bits_go_on_after_the_wrap();
    test_a_number_that_cannot_be_is_not_followed();
    test_a_packet_that_lies_never_wins();
    test_a_full_window_gives_up_the_oldest_gap();
    test_a_packet_larger_than_the_window_is_heard_at_the_price_of_its_gap();
    test_configs_that_cannot_be_served_are_refused();
    test_nothing_is_allocated_once_the_lines_are_open();
    return 0;
}
