/* The frames of CME and ICE packets: what is whole is walked, every cut and every lie is caught. */
#include "check.h"

#include <string.h>

#include "market/codec/ice.h"
#include "market/codec/mdp3.h"

/* A packet in memory of exactly its size: a sanitizer sees one byte too many. */
static uint8_t *exactly(const uint8_t *bytes, uint32_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, n);
    return copy;
}

static bool is_whole(bool is_ice, const uint8_t *bytes, uint32_t n_bytes, uint32_t *n)
{
    uint8_t *copy = exactly(bytes, n_bytes);
    bool whole = is_ice ? rl_ice_is_whole(copy, n_bytes, n) : rl_mdp3_is_whole(copy, n_bytes, n);

    free(copy);
    return whole;
}

/* A packet of two messages, the first with four bytes of fields. */
static uint32_t cme_packet(uint8_t *out)
{
    uint8_t other[RL_MDP3_HEADER + RL_MDP3_FRAME];
    uint32_t n = rl_mdp3_put(out, 5616, 1478961000000000123ULL, 32);

    out[RL_MDP3_HEADER] = RL_MDP3_FRAME + 4;
    memset(out + n, 0xEE, 4);
    rl_mdp3_put(other, 0, 0, RL_MDP3_CHANNEL_RESET);
    memcpy(out + n + 4, other + RL_MDP3_HEADER, RL_MDP3_FRAME);
    return n + 4 + RL_MDP3_FRAME;
}

static void test_cme_messages_are_walked_with_their_templates(void)
{
    uint8_t bytes[128];
    uint32_t n_bytes = cme_packet(bytes), n;
    struct rl_mdp3 m;
    const uint8_t *message;

    CHECK(rl_mdp3_open(&m, bytes, n_bytes));
    CHECK_EQ(m.seq, 5616);
    CHECK_EQ(m.ts_ns, 1478961000000000123);
    message = rl_mdp3_next(&m, &n);
    CHECK(message == bytes + RL_MDP3_HEADER);
    CHECK_EQ(n, RL_MDP3_FRAME + 4);
    CHECK_EQ(rl_mdp3_template(message), 32);
    message = rl_mdp3_next(&m, &n);
    CHECK_EQ(n, RL_MDP3_FRAME);
    CHECK_EQ(rl_mdp3_template(message), RL_MDP3_CHANNEL_RESET);
    CHECK(rl_mdp3_next(&m, &n) == NULL);
    CHECK(m.at == m.end);
}

static void test_ice_messages_are_walked_with_their_types_and_numbers(void)
{
    uint8_t bytes[128];
    uint32_t n_bytes = rl_ice_put(bytes, 1291, 253572, 1534845600398ULL, 'T', 3), n;
    struct rl_ice b;

    CHECK(rl_ice_open(&b, bytes, n_bytes));
    CHECK_EQ(b.session, 1291);
    CHECK_EQ(b.seq, 253572);
    CHECK_EQ(b.n_left, 3);
    CHECK_EQ(b.ts_ns, 1534845600398000000);
    for (int i = 0; i < 3; i++) {
        const uint8_t *message = rl_ice_next(&b, &n);

        CHECK(message != NULL && message[0] == 'T');
        CHECK_EQ(n, RL_ICE_FRAME);
    }
    CHECK_EQ(b.seq, 253575);
    CHECK(rl_ice_next(&b, &n) == NULL);
    memset(bytes + 8, 0xFF, 8); /* a time that does not fit into ns */
    CHECK(rl_ice_open(&b, bytes, n_bytes));
    CHECK_EQ(b.ts_ns, 0);
}

static void test_every_cut_and_every_lie_is_caught(void)
{
    for (int is_ice = 0; is_ice < 2; is_ice++) {
        uint8_t bytes[128] = {0};
        uint32_t n_bytes = is_ice ? rl_ice_put(bytes, 1, 1, 1, 'T', 4) : cme_packet(bytes), n;
        uint32_t header = is_ice ? RL_ICE_HEADER : RL_MDP3_HEADER;
        uint32_t size_at = is_ice ? header + 2 : header;

        CHECK(is_whole(is_ice, bytes, n_bytes, &n));
        CHECK_EQ(n, is_ice ? 4 : 2);
        for (uint32_t cut = 0; cut < n_bytes; cut++) {
            /* CME does not say how many messages follow: it may end after any of them. */
            bool is_end = !is_ice && (cut == header || cut == header + RL_MDP3_FRAME + 4);

            CHECK_EQ(is_whole(is_ice, bytes, cut, &n), is_end);
        }
        CHECK(!is_whole(is_ice, bytes, n_bytes + 1, &n));
        for (uint32_t size = 0; size < 256; size++) {
            uint8_t was = bytes[size_at];

            bytes[size_at] = (uint8_t)size;
            CHECK_EQ(is_whole(is_ice, bytes, n_bytes, &n),
                     size == was || (!is_ice && size == n_bytes - header));
            bytes[size_at] = was;
        }
    }
}

static void test_an_ice_count_that_lies_is_caught(void)
{
    uint8_t bytes[128];
    uint32_t n_bytes = rl_ice_put(bytes, 1, 1, 1, 'T', 4), n;

    for (uint32_t count = 0; count < 300; count++) {
        rl_put_be16(bytes + 6, (uint16_t)count);
        CHECK_EQ(is_whole(true, bytes, n_bytes, &n), count == 4);
    }
}

int main(void)
{
    test_cme_messages_are_walked_with_their_templates();
    test_ice_messages_are_walked_with_their_types_and_numbers();
    test_every_cut_and_every_lie_is_caught();
    test_an_ice_count_that_lies_is_caught();
    return 0;
}
