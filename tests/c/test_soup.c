/* SoupBinTCP: packets come out as they went in, wherever the stream was cut; liars are found out.
 */
#include "hex.h"

#include "market/codec/soup.h"

/* A session as both sides write it, one packet a line. */
static const struct {
    const char *wire;
    uint8_t type;
    uint16_t n_payload;
} packets[] = {
    {"002F 'L' 'USER  ' 'SECRET    ' '          ' '                   1'", 'L', 46},
    {"001F 'A' '0000000001' '                   1'", 'A', 30},
    {"0002 'J' 'S'", 'J', 1},
    {"0001 'H'", 'H', 0},
    {"0001 'R'", 'R', 0},
    {"0005 'U' 'ping'", 'U', 4},
    {"0001 'S'", 'S', 0}, /* data of no length is still data */
    {"000B 'S' 0001020304050607FFFE", 'S', 10},
    {"0006 '+' 'hello'", '+', 5},
    {"0001 'O'", 'O', 0},
    {"0001 'Z'", 'Z', 0},
};

static uint32_t session(uint8_t *out)
{
    uint32_t n = 0;

    for (size_t i = 0; i < RL_COUNT(packets); i++)
        n += hex_bytes(packets[i].wire, out + n);
    return n;
}

static void check_packet(const struct rl_soup *p, size_t i)
{
    uint8_t wire[128], again[128];
    uint32_t n = hex_bytes(packets[i].wire, wire);

    CHECK_EQ(p->type, packets[i].type);
    CHECK_EQ(p->n_bytes, packets[i].n_payload);
    hex_check(again, rl_soup_write(again, sizeof again, p->type, p->payload, p->n_bytes), wire, n,
              packets[i].wire);
    CHECK_EQ(rl_soup_write(again, n - 1, p->type, p->payload, p->n_bytes), 0);
}

static void test_a_stream_cut_at_any_two_places_gives_the_same_packets(void)
{
    uint8_t wire[512], buffer[512];
    uint32_t n = session(wire);

    for (uint32_t first = 0; first <= n; first++)
        for (uint32_t second = first; second <= n; second++) {
            const uint32_t cuts[] = {0, first, second, n};
            struct rl_soup_stream s;
            size_t n_packets = 0;

            rl_soup_stream_init(&s, buffer, sizeof buffer);
            for (size_t c = 0; c + 1 < RL_COUNT(cuts); c++) {
                size_t n_room;
                uint8_t *room = rl_soup_stream_room(&s, &n_room);
                enum rl_soup_result result;
                struct rl_soup p;

                CHECK(n_room >= cuts[c + 1] - cuts[c]);
                memcpy(room, wire + cuts[c], cuts[c + 1] - cuts[c]);
                rl_soup_stream_filled(&s, cuts[c + 1] - cuts[c]);
                while ((result = rl_soup_stream_next(&s, &p)) == RL_SOUP_OK)
                    check_packet(&p, n_packets++);
                CHECK_EQ(result, RL_SOUP_MORE);
            }
            CHECK_EQ(n_packets, RL_COUNT(packets));
        }
}

static void test_a_buffer_of_one_packet_carries_a_stream_a_byte_at_a_time(void)
{
    uint8_t wire[512], buffer[49]; /* the login is the longest */
    uint32_t n = session(wire);
    struct rl_soup_stream s;
    size_t n_packets = 0;

    rl_soup_stream_init(&s, buffer, sizeof buffer);
    for (uint32_t i = 0; i < n; i++) {
        struct rl_soup p;
        size_t n_room;
        uint8_t *room = rl_soup_stream_room(&s, &n_room);

        CHECK(n_room >= 1);
        *room = wire[i];
        rl_soup_stream_filled(&s, 1);
        if (rl_soup_stream_next(&s, &p) == RL_SOUP_OK)
            check_packet(&p, n_packets++);
    }
    CHECK_EQ(n_packets, RL_COUNT(packets));
}

static void test_a_packet_longer_than_the_buffer_is_a_lie(void)
{
    uint8_t buffer[16] = {0, 20, 'S'};
    struct rl_soup_stream s;
    struct rl_soup p;

    rl_soup_stream_init(&s, buffer, sizeof buffer);
    rl_soup_stream_filled(&s, 15);
    CHECK_EQ(rl_soup_stream_next(&s, &p), RL_SOUP_MORE);
    rl_soup_stream_filled(&s, 1);
    CHECK_EQ(rl_soup_stream_next(&s, &p), RL_SOUP_LIAR);
}

static void test_every_type_takes_its_size_and_no_other(void)
{
    for (uint32_t type = 0; type < 256; type++)
        for (uint32_t length = 0; length <= 1 + 46 + 8; length++) {
            uint8_t wire[64] = {0, (uint8_t)length, (uint8_t)type}, out[64];
            bool fits = length > 0 && rl_soup_fits((uint8_t)type, length - 1);
            struct rl_soup p;

            for (uint32_t n = 0; n <= 2 + length; n++) {
                uint8_t *m = hex_exactly(wire, n);
                enum rl_soup_result wanted = n < 2            ? RL_SOUP_MORE
                                             : length == 0    ? RL_SOUP_LIAR
                                             : n < 3          ? RL_SOUP_MORE
                                             : !fits          ? RL_SOUP_LIAR
                                             : n < 2 + length ? RL_SOUP_MORE
                                                              : RL_SOUP_OK;

                CHECK_EQ(rl_soup_read(m, n, &p), wanted);
                free(m);
            }
            if (length > 0)
                CHECK_EQ(rl_soup_write(out, sizeof out, (uint8_t)type, wire + 3, length - 1),
                         fits ? 2 + length : 0);
        }
}

static void test_types_have_the_sizes_of_the_specification(void)
{
    uint32_t n_types = 0;

    for (uint32_t type = 0; type < 256; type++)
        n_types += strcmp(rl_soup_name((uint8_t)type), "unknown") != 0;
    CHECK_EQ(n_types, 10);
    CHECK(rl_soup_fits('L', 46) && !rl_soup_fits('L', 45) && !rl_soup_fits('L', 47));
    CHECK(rl_soup_fits('A', 30) && rl_soup_fits('J', 1));
    CHECK(rl_soup_fits('U', RL_SOUP_MAX_PAYLOAD) && !rl_soup_fits('U', RL_SOUP_MAX_PAYLOAD + 1));
    CHECK(!rl_soup_fits('H', 1) && !rl_soup_fits('X', 0));
    CHECK(strcmp(rl_soup_name('Z'), "end_of_session") == 0);
}

static void test_the_longest_packet_is_written_and_read(void)
{
    static uint8_t wire[RL_SOUP_MAX_PACKET], payload[RL_SOUP_MAX_PAYLOAD];
    struct rl_soup p;

    memset(payload, 7, sizeof payload);
    CHECK_EQ(rl_soup_write(wire, sizeof wire, 'S', payload, sizeof payload), sizeof wire);
    CHECK_EQ(rl_soup_read(wire, sizeof wire - 1, &p), RL_SOUP_MORE);
    CHECK_EQ(rl_soup_read(wire, sizeof wire, &p), RL_SOUP_OK);
    CHECK_EQ(p.n_bytes, RL_SOUP_MAX_PAYLOAD);
    CHECK(memcmp(p.payload, payload, sizeof payload) == 0);
}

static void test_a_login_says_who_and_from_where(void)
{
    struct rl_soup_login v = {.seq = 1}, seen;
    uint8_t wanted[64], out[64];
    struct rl_soup p;
    uint32_t n = hex_bytes(packets[0].wire, wanted);

    rl_put_alpha(v.username, "USER", sizeof v.username);
    rl_put_alpha(v.password, "SECRET", sizeof v.password);
    rl_put_alpha(v.session, "", sizeof v.session);
    hex_check(out, rl_soup_write_login(out, sizeof out, &v), wanted, n, "login");
    CHECK_EQ(rl_soup_read(out, n, &p), RL_SOUP_OK);
    CHECK(rl_soup_read_login(&p, &seen));
    CHECK_EQ(seen.seq, v.seq);
    CHECK(memcmp(seen.username, v.username, sizeof v.username) == 0);
    CHECK(memcmp(seen.password, v.password, sizeof v.password) == 0);
    CHECK(memcmp(seen.session, v.session, sizeof v.session) == 0);
    CHECK(rl_alpha_is(seen.username, sizeof seen.username, "USER"));
    CHECK_EQ(rl_alpha_len(seen.session, sizeof seen.session), 0);
    CHECK_EQ(rl_soup_write_login(out, n - 1, &v), 0);
}

static void test_an_answer_to_a_login_is_read_as_it_was_written(void)
{
    static const uint64_t numbers[] = {0, 1, 9, 10, 4294967296, UINT64_MAX};
    struct rl_soup_accepted v, seen;
    struct rl_soup_login login;
    uint8_t out[64];
    struct rl_soup p;

    rl_put_alpha(v.session, "0000000001", sizeof v.session);
    for (size_t i = 0; i < RL_COUNT(numbers); i++) {
        v.seq = numbers[i];
        CHECK_EQ(rl_soup_read(out, rl_soup_write_accepted(out, sizeof out, &v), &p), RL_SOUP_OK);
        CHECK(rl_soup_read_accepted(&p, &seen));
        CHECK(seen.seq == v.seq && memcmp(seen.session, v.session, sizeof v.session) == 0);
        CHECK(!rl_soup_read_login(&p, &login));
    }
    CHECK_EQ(rl_soup_read(out, rl_soup_write_rejected(out, sizeof out, RL_SOUP_NOT_AUTHORIZED), &p),
             RL_SOUP_OK);
    CHECK(p.type == 'J' && p.payload[0] == 'A' && !rl_soup_read_accepted(&p, &seen));
}

static void test_a_number_that_is_none_is_refused(void)
{
    static const struct {
        const char *number;
        bool is_right;
    } cases[] = {
        {"                   0", true},  {"00000000000000000007", true},
        {"18446744073709551615", true},  {"18446744073709551616", false},
        {"99999999999999999999", false}, {"                    ", false},
        {"1                   ", false}, {"                 1 2", false},
        {"                  -1", false}, {"                  1x", false},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint8_t payload[30] = "0000000001";
        struct rl_soup p = {.type = 'A', .n_bytes = sizeof payload, .payload = payload};
        struct rl_soup_accepted v;

        memcpy(payload + 10, cases[i].number, 20);
        if (rl_soup_read_accepted(&p, &v) != cases[i].is_right) {
            fprintf(stderr, "number: '%s'\n", cases[i].number);
            exit(1);
        }
    }
}

int main(void)
{
    test_a_stream_cut_at_any_two_places_gives_the_same_packets();
    test_a_buffer_of_one_packet_carries_a_stream_a_byte_at_a_time();
    test_a_packet_longer_than_the_buffer_is_a_lie();
    test_every_type_takes_its_size_and_no_other();
    test_types_have_the_sizes_of_the_specification();
    test_the_longest_packet_is_written_and_read();
    test_a_login_says_who_and_from_where();
    test_an_answer_to_a_login_is_read_as_it_was_written();
    test_a_number_that_is_none_is_refused();
    return 0;
}
