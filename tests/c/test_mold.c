/* MoldUDP64: what is written is read, and what lies is caught before a byte too many is touched. */
#include "check.h"

#include <string.h>

#include "market/codec/mold.h"

static const char session[] = "REDLINE001";

/* A packet in memory of exactly its size: a sanitizer sees one byte too many. */
static uint8_t *exactly(const uint8_t *bytes, uint32_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, n);
    return copy;
}

static void test_messages_come_out_as_they_went_in(void)
{
    uint8_t packet[256];
    struct rl_mold_writer w;
    struct rl_mold m;
    uint32_t n = 0, n_bytes, n_messages;

    rl_mold_begin(&w, packet, sizeof packet, session, 41);
    CHECK(rl_mold_add(&w, "one", 3));
    CHECK(rl_mold_add(&w, "", 0));
    CHECK(rl_mold_add(&w, "three", 5));
    n_bytes = rl_mold_finish(&w);
    CHECK_EQ(n_bytes, RL_MOLD_HEADER + 3 * RL_MOLD_BLOCK + 8);
    CHECK(rl_mold_open(&m, packet, n_bytes));
    CHECK(memcmp(m.session, session, RL_MOLD_SESSION) == 0);
    CHECK_EQ(m.seq, 41);
    CHECK_EQ(m.n_left, 3);
    CHECK(memcmp(rl_mold_next(&m, &n), "one", 3) == 0);
    CHECK_EQ(n, 3);
    CHECK(rl_mold_next(&m, &n) != NULL);
    CHECK_EQ(n, 0);
    CHECK(memcmp(rl_mold_next(&m, &n), "three", 5) == 0);
    CHECK_EQ(m.seq, 44);
    CHECK(rl_mold_next(&m, &n) == NULL);
    CHECK(rl_mold_is_whole(packet, n_bytes, &n_messages));
    CHECK_EQ(n_messages, 3);
}

static void test_one_message_is_wrapped_as_the_writer_does(void)
{
    uint8_t a[64], b[64];
    struct rl_mold_writer w;
    uint32_t n = 0;

    rl_mold_begin(&w, a, sizeof a, session, 7);
    rl_mold_add(&w, "message", 7);
    n = rl_mold_finish(&w);
    CHECK_EQ(rl_mold_wrap(b, session, 7, (const uint8_t *)"message", 7), n);
    CHECK(memcmp(a, b, n) == 0);
}

static void test_a_packet_that_is_full_refuses_and_stays_whole(void)
{
    uint8_t packet[RL_MOLD_HEADER + 10];
    struct rl_mold_writer w;
    uint32_t n_messages;

    rl_mold_begin(&w, packet, sizeof packet, session, 1);
    CHECK(rl_mold_add(&w, "12345", 5));
    CHECK(!rl_mold_add(&w, "12", 2));
    CHECK(rl_mold_add(&w, "1", 1));
    CHECK(rl_mold_is_whole(packet, rl_mold_finish(&w), &n_messages));
    CHECK_EQ(n_messages, 2);
}

static void test_heartbeats_and_ends_carry_no_messages(void)
{
    uint8_t packet[RL_MOLD_HEADER];
    struct rl_mold_writer w;
    struct rl_mold m;
    uint32_t n = 0;

    rl_mold_begin(&w, packet, sizeof packet, session, 5);
    CHECK_EQ(rl_mold_finish(&w), RL_MOLD_HEADER);
    CHECK(rl_mold_open(&m, packet, sizeof packet));
    CHECK(!m.is_end && m.n_left == 0 && rl_mold_next(&m, &n) == NULL);
    rl_put_be16(packet + 18, RL_MOLD_END);
    CHECK(rl_mold_open(&m, packet, sizeof packet));
    CHECK(m.is_end && m.n_left == 0 && rl_mold_next(&m, &n) == NULL);
}

static void test_every_cut_and_every_lie_is_caught(void)
{
    uint8_t packet[128];
    struct rl_mold_writer w;
    uint32_t n_bytes, n_messages;

    rl_mold_begin(&w, packet, sizeof packet, session, 1);
    rl_mold_add(&w, "12345", 5);
    rl_mold_add(&w, "123", 3);
    n_bytes = rl_mold_finish(&w);
    for (uint32_t n = 0; n < n_bytes; n++) {
        uint8_t *cut = exactly(packet, n);

        CHECK(!rl_mold_is_whole(cut, n, &n_messages));
        free(cut);
    }
    CHECK(!rl_mold_is_whole(packet, n_bytes + 1, &n_messages)); /* a byte that nobody counted */
    rl_put_be16(packet + 18, 1);
    CHECK(!rl_mold_is_whole(packet, n_bytes, &n_messages));
    rl_put_be16(packet + 18, 3);
    CHECK(!rl_mold_is_whole(packet, n_bytes, &n_messages));
    rl_put_be16(packet + 18, 2);
    rl_put_be16(packet + RL_MOLD_HEADER, 0xFFFF);
    CHECK(!rl_mold_is_whole(packet, n_bytes, &n_messages));
}

static void test_a_request_says_what_is_missing_and_nothing_else_reads_as_one(void)
{
    uint8_t request[RL_MOLD_HEADER + 1] = {0}, heartbeat[RL_MOLD_HEADER];
    const uint8_t *asked;
    struct rl_mold_writer w;
    uint64_t seq;
    uint32_t n;

    rl_mold_put_request(request, (const uint8_t *)session, 1ULL << 40, 3);
    CHECK(rl_mold_read_request(request, RL_MOLD_HEADER, &asked, &seq, &n));
    CHECK(memcmp(asked, session, RL_MOLD_SESSION) == 0);
    CHECK_EQ(seq, 1LL << 40);
    CHECK_EQ(n, 3);
    rl_mold_put_request(request, (const uint8_t *)session, 1, UINT64_MAX);
    CHECK(rl_mold_read_request(request, RL_MOLD_HEADER, &asked, &seq, &n));
    CHECK_EQ(n, RL_MOLD_MAX_REQUEST);
    CHECK(!rl_mold_read_request(request, RL_MOLD_HEADER - 1, &asked, &seq, &n));
    CHECK(!rl_mold_read_request(request, RL_MOLD_HEADER + 1, &asked, &seq, &n));
    rl_mold_begin(&w, heartbeat, sizeof heartbeat, session, 5);
    rl_mold_finish(&w);
    CHECK(!rl_mold_read_request(heartbeat, RL_MOLD_HEADER, &asked, &seq, &n));
    rl_put_be16(heartbeat + 18, RL_MOLD_END);
    CHECK(!rl_mold_read_request(heartbeat, RL_MOLD_HEADER, &asked, &seq, &n));
}

int main(void)
{
    test_messages_come_out_as_they_went_in();
    test_one_message_is_wrapped_as_the_writer_does();
    test_a_packet_that_is_full_refuses_and_stays_whole();
    test_heartbeats_and_ends_carry_no_messages();
    test_every_cut_and_every_lie_is_caught();
    test_a_request_says_what_is_missing_and_nothing_else_reads_as_one();
    return 0;
}
