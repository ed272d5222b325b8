/*
 * Images of the book for who comes late or lost too much, and the port where they are asked for.
 */
#include "md_lines_world.h"

/* --- who comes late --------------------------------------------------------------------------- */

static void late_joiner(uint32_t n_packets_missed)
{
    struct rl_lines_config lines = two_lines();
    uint64_t now_ns = 1000000;

    lines.has_snapshots = lines.starts_with_snapshot = true;
    subscriber_open(&s, 3, &lines);
    for (uint32_t i = n_packets_missed; i < w.n_packets; i++) {
        now_ns += 10;
        subscriber_push(&s, 0, w.bytes + w.packets[i].at, w.packets[i].n_bytes, now_ns);
        CHECK_EQ(s.books.n_orders, 0); /* nothing is believed before the image */
    }
    CHECK(!rl_feed_is_synced(&s.feed, 0));
    for (int i = 0; i < 100 && !rl_lines_is_synced(s.feed.lines); i++) {
        uint64_t due_ns = rl_lines_due_ns(s.feed.lines);

        (void)serve(&now_ns, true);
        now_ns = due_ns > now_ns && due_ns != UINT64_MAX ? due_ns : now_ns + 1000000;
        subscriber_poll(&s, now_ns);
    }
    CHECK(rl_lines_is_synced(s.feed.lines));
}

static void test_a_late_joiner_has_the_same_queues(void)
{
    trade(7, 3000, NULL);
    late_joiner(w.n_packets - 20);
    CHECK(books_agree(&w, &s));
    CHECK(rl_feed_is_synced(&s.feed, 2));
    CHECK_EQ(s.feed.n_instruments, 3);
    CHECK(strcmp(rl_feed_symbol(&s.feed, 2), "S002") == 0);
    /* And stays in step. */
    s.n_read = w.n_packets;
    for (uint32_t i = 0; i < 500; i++) {
        world_random_request(&w);
        world_turn(&w);
        subscriber_follow(&s, &w);
    }
    CHECK(books_agree(&w, &s));
    close_both();
}

/* What the image says is joined to what was kept: an image without its last order is noticed. */
static void test_an_image_that_lacks_an_order_is_noticed(void)
{
    struct rl_lines_config lines = two_lines();
    const struct rl_md_image *image;
    enum rl_md_joined joined = RL_MD_JOIN_MORE;
    uint64_t n;

    lines.has_snapshots = lines.starts_with_snapshot = true;
    trade(8, 3000, NULL);
    image = rl_md_itch_image(&w.md, w.now_ns);
    n = rl_md_image_n(image);
    CHECK_EQ(n, 2 * 3 + image->n_orders + 1);
    CHECK(rl_md_image_message(image, 0, &(uint32_t){0}) == NULL);
    CHECK(rl_md_image_message(image, n + 1, &(uint32_t){0}) == NULL);
    for (int with = 0; with <= 1; with++) {
        subscriber_open(&s, 3, &lines);
        subscriber_push(&s, 0, w.bytes + w.packets[w.n_packets - 1].at, RL_MOLD_HEADER, 1000);
        for (uint64_t k = 1; k <= n; k++) {
            uint32_t n_bytes;
            const uint8_t *m = rl_md_image_message(image, k, &n_bytes);

            CHECK(joined == RL_MD_JOIN_MORE);
            if (k != n - 1 || with)
                joined = rl_md_join_message(&s.join, m, n_bytes, 2000);
        }
        CHECK_EQ(joined, RL_MD_JOIN_DONE);
        joined = RL_MD_JOIN_MORE;
        CHECK_EQ(books_agree(&w, &s), with);
        subscriber_close(&s);
    }
    world_close(&w);
}

static void ask_image(const char *session, uint64_t seq, uint32_t n)
{
    uint8_t request[RL_MOLD_HEADER];
    uint8_t name[RL_MOLD_SESSION];

    memcpy(name, session, sizeof name);
    rl_mold_put_request(request, name, seq, n);
    w.n_answers = 0;
    rl_md_itch_request(&w.md, 42, request, sizeof request, w.now_ns);
}

static void test_images_are_shared_held_and_renewed(void)
{
    char first[RL_MOLD_SESSION], second[RL_MOLD_SESSION];
    struct rl_md_snapshot *snapshot = &w.md.snapshot;

    world_open(&w, 3, NULL);
    world_turn(&w);
    ask_image(w.md.session, 0, 10);
    CHECK(w.n_answers == 1 && w.answered == 42);
    memcpy(first, w.answer, sizeof first);
    CHECK_EQ(snapshot->n.images, 1);
    ask_image(w.md.session, 0, 10); /* nothing has happened since */
    CHECK(memcmp(w.answer, first, sizeof first) == 0 && snapshot->n.shared == 1);
    world_ask(&w, world_limit(&w, RL_BUY, 10000, 1));
    ask_image(w.md.session, 0, 10); /* too soon after the other */
    CHECK(memcmp(w.answer, first, sizeof first) == 0 && snapshot->n.shared == 2);
    w.now_ns += 200000000;
    ask_image(w.md.session, 0, 10);
    memcpy(second, w.answer, sizeof second);
    CHECK(memcmp(second, first, sizeof first) != 0 && snapshot->n.images == 2);
    ask_image(first, 1, 3); /* still there */
    CHECK(w.n_answers == 1 && rl_be16(w.answer + 18) == 3);
    world_ask(&w, world_limit(&w, RL_BUY, 10000, 1));
    w.now_ns += 200000000;
    ask_image(w.md.session, 0, 10); /* the older one is being read: the newer must do */
    CHECK(memcmp(w.answer, second, sizeof second) == 0);
    w.now_ns += 2000000000;
    ask_image(w.md.session, 0, 10);
    CHECK_EQ(snapshot->n.images, 3);
    ask_image(first, 1, 3); /* gone */
    CHECK(w.n_answers == 0 && snapshot->n.stale == 1);
    ask_image(second, 1000, 3); /* beyond its end */
    CHECK(w.n_answers == 0 && snapshot->n.stale == 2);
    world_close(&w);
}

/* A stream that has gone on beyond what was kept cannot be joined to an old image. */
static void test_an_image_that_is_too_old_is_asked_for_anew(void)
{
    struct rl_lines_config lines = two_lines();
    uint32_t before;

    trade(9, 500, NULL);
    ask_image(w.md.session, 0, 1); /* somebody else's */
    before = w.n_packets;
    for (int i = 0; i < 50; i++) {
        world_random_request(&w);
        world_turn(&w);
    }
    lines.has_snapshots = lines.starts_with_snapshot = true;
    subscriber_open(&s, 3, &lines);
    {
        const struct world_packet *p = &w.packets[w.n_packets - 1];
        uint64_t now_ns = 1000000;

        CHECK(w.n_packets > before);
        subscriber_push(&s, 0, w.bytes + p->at, p->n_bytes, now_ns);
        for (int i = 0; i < 100 && !rl_lines_is_synced(s.feed.lines); i++) {
            (void)serve(&now_ns, true);
            w.now_ns += 50000000;
            now_ns += 50000000;
            subscriber_poll(&s, now_ns);
        }
    }
    CHECK(s.join.n_old > 0 && s.join.n_joined == 1);
    CHECK(books_agree(&w, &s));
    close_both();
}

/* --- requests --------------------------------------------------------------------------------- */

static void test_a_request_is_answered_by_one_packet(void)
{
    struct rl_mold m;
    uint64_t next;

    world_open(&w, 1, NULL);
    for (int i = 0; i < 100; i++)
        world_ask(&w, world_limit(&w, RL_BUY, 9000 + i, 1));
    world_turn(&w);
    next = rl_md_itch_next(&w.md);
    ask_image(w.md.session, 10, 5);
    CHECK(w.n_answers == 1 && rl_mold_open(&m, w.answer, w.n_answer));
    CHECK(m.seq == 10 && m.n_left == 5);
    ask_image(w.md.session, 10, 5000); /* as many as fit */
    CHECK(w.n_answers == 1 && rl_mold_open(&m, w.answer, w.n_answer));
    CHECK(m.seq == 10 && m.n_left < 50 && w.n_answer <= 1400);
    ask_image(w.md.session, next - 1, 5); /* as many as there are */
    CHECK(w.n_answers == 1 && rl_mold_open(&m, w.answer, w.n_answer));
    CHECK_EQ(m.n_left, 1);
    world_close(&w);
}

static void test_what_cannot_be_answered_is_met_with_silence_and_counted(void)
{
    struct rl_md_itch_config config = world_md_config(&w);
    const struct rl_md_retransmit_counters *n = &w.md.retransmit.n;
    uint8_t garbage[40] = {0};
    uint64_t next;

    config.n_kept = 64;
    config.n_answers_per_turn = 2;
    world_open(&w, 1, &config);
    for (int i = 0; i < 100; i++)
        world_ask(&w, world_limit(&w, RL_BUY, 9000 + i, 1));
    world_turn(&w);
    next = rl_md_itch_next(&w.md);
    ask_image(w.md.session, next - 65, 5);
    CHECK(w.n_answers == 0 && n->too_old == 1);
    ask_image(w.md.session, next, 5);
    CHECK(w.n_answers == 0 && n->too_new == 1);
    ask_image(w.md.session, UINT64_MAX, 5);
    CHECK(w.n_answers == 0 && n->too_new == 2);
    ask_image("20260921A ", next - 2, 5);
    CHECK(w.n_answers == 0 && n->strangers == 1);
    for (uint32_t n_bytes = 0; n_bytes <= sizeof garbage; n_bytes++)
        rl_md_itch_request(&w.md, 1, garbage, n_bytes, w.now_ns);
    CHECK(w.n_answers == 0 && n->garbled == sizeof garbage + 1);
    ask_image(w.md.session, next - 64, 5);
    ask_image(w.md.session, next - 64, 5);
    ask_image(w.md.session, next - 64, 5);
    CHECK(w.n_answers == 0 && n->over_budget == 1 && n->answers == 2);
    world_turn(&w);
    ask_image(w.md.session, next - 64, 5);
    CHECK_EQ(w.n_answers, 1);
    world_ask(&w, world_limit(&w, RL_BUY, 9000, 1)); /* written, not sent yet */
    ask_image(w.md.session, next, 1);
    CHECK(w.n_answers == 0 && n->too_new == 3);
    world_close(&w);
}

static void test_hostile_bytes_never_break_the_reader_of_images(void)
{
    struct rl_lines_config lines = two_lines();
    uint8_t packet[RL_MD_PACKET_MAX];
    uint64_t random = 11;
    uint32_t n_bytes;

    lines.has_snapshots = lines.starts_with_snapshot = true;
    trade(10, 1000, NULL);
    ask_image(w.md.session, 0, 1000);
    n_bytes = w.n_answer;
    subscriber_open(&s, 3, &lines);
    for (int i = 0; i < 20000; i++) {
        uint32_t n = (uint32_t)(check_random(&random) % (n_bytes + 1));
        uint8_t *copy = malloc(n ? n : 1);

        CHECK(copy != NULL);
        memcpy(packet, w.answer, n_bytes);
        for (uint64_t k = check_random(&random) % 4; k > 0; k--)
            packet[check_random(&random) % n_bytes] = (uint8_t)check_random(&random);
        n = check_random(&random) % 2 ? n_bytes : n;
        copy = realloc(copy, n ? n : 1);
        CHECK(copy != NULL);
        memcpy(copy, packet, n); /* ends where the packet ends */
        (void)rl_md_join_push(&s.join, copy, n, 1000);
        if (check_random(&random) % 8 == 0)
            rl_md_join_restart(&s.join);
        free(copy);
    }
    close_both();
}

static void test_an_end_that_is_none_is_refused(void)
{
    uint64_t next;

    CHECK(rl_md_image_read_end((const uint8_t *)"G00000000000000000042", 21, &next) && next == 42);
    CHECK(!rl_md_image_read_end((const uint8_t *)"G00000000000000000000", 21, &next));
    CHECK(!rl_md_image_read_end((const uint8_t *)"G0000000000000000004x", 21, &next));
    CHECK(!rl_md_image_read_end((const uint8_t *)"A00000000000000000042", 21, &next));
    CHECK(!rl_md_image_read_end((const uint8_t *)"G99999999999999999999", 21, &next));
    CHECK(!rl_md_image_read_end((const uint8_t *)"G0000000000000000042", 20, &next));
}

int main(void)
{
    test_a_late_joiner_has_the_same_queues();
    test_an_image_that_lacks_an_order_is_noticed();
    test_images_are_shared_held_and_renewed();
    test_an_image_that_is_too_old_is_asked_for_anew();
    test_a_request_is_answered_by_one_packet();
    test_what_cannot_be_answered_is_met_with_silence_and_counted();
    test_hostile_bytes_never_break_the_reader_of_images();
    test_an_end_that_is_none_is_refused();
    return 0;
}
