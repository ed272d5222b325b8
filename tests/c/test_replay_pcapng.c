/* pcapng captures: sections, interfaces, resolutions and blocks as specified; a lie is refused. */
#include "replay_packets.h"

#define BLOCK_SECTION 0x0A0D0D0Au
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 2
#define BLOCK_SIMPLE 3
#define BLOCK_ENHANCED 6
#define BLOCK_NAMES 4

static bool swapped;
static uint32_t block_at;

static void block_begin(uint32_t type)
{
    block_at = n_file;
    put_u32(type, swapped);
    put_u32(0, false);
}

static void pad(void)
{
    while (n_file % 4 != 0)
        put("", 1);
}

static void block_end(void)
{
    uint32_t n, v;

    pad();
    n = n_file + 4 - block_at;
    put_u32(n, swapped);
    v = swapped ? __builtin_bswap32(n) : n;
    memcpy(file + block_at + 4, &v, 4);
    file_may_end();
}

static void option(uint16_t code, const void *bytes, uint16_t n)
{
    put_u16(code, swapped);
    put_u16(n, swapped);
    put(bytes, n);
    pad();
}

static void section(uint64_t n_bytes)
{
    block_begin(BLOCK_SECTION);
    put_u32(0x1A2B3C4D, swapped);
    put_u16(1, swapped);
    put_u16(0, swapped);
    put_u64(n_bytes, swapped);
    option(4, "a writer", 8);
    option(0, "", 0);
    block_end();
}

/* `resol` < 0: the default. */
static void interface(uint32_t link, uint32_t snaplen, int resol, int64_t offset_s)
{
    uint8_t r = (uint8_t)resol;
    uint64_t o = (uint64_t)offset_s;

    o = swapped ? __builtin_bswap64(o) : o;
    block_begin(BLOCK_INTERFACE);
    put_u16((uint16_t)link, swapped);
    put_u16(0, swapped);
    put_u32(snaplen, swapped);
    option(2, "eth0", 4);
    if (resol >= 0)
        option(9, &r, 1);
    if (offset_s != 0)
        option(14, &o, 8);
    block_end();
}

static uint8_t frame_bytes[1024];

static uint32_t frame(uint32_t link, uint64_t seq)
{
    uint8_t payload[512];

    return put_frame(frame_bytes, (struct frame_kind){.link = link}, payload,
                     mold_payload(payload, seq, 1));
}

static void enhanced(uint32_t number, uint32_t link, uint64_t units, uint64_t seq)
{
    uint32_t n = frame(link, seq);

    block_begin(BLOCK_ENHANCED);
    put_u32(number, swapped);
    put_u32((uint32_t)(units >> 32), swapped);
    put_u32((uint32_t)units, swapped);
    put_u32(n, swapped);
    put_u32(n, swapped);
    put(frame_bytes, n);
    pad();
    option(2, "\1\0\0\0", 4);
    option(0, "", 0);
    block_end();
}

static void simple(uint32_t link, uint64_t seq)
{
    uint32_t n = frame(link, seq);

    block_begin(BLOCK_SIMPLE);
    put_u32(n, swapped);
    put(frame_bytes, n);
    block_end();
}

static void names(void)
{
    block_begin(BLOCK_NAMES);
    put("whatever is in here", 19);
    block_end();
}

static void test_blocks_of_either_byte_order_are_read_and_others_passed_over(void)
{
    for (int s = 0; s < 2; s++) {
        const struct rl_replay_want want = {.source = RL_SOURCE_PCAPNG};
        struct rl_replay_survey survey;

        swapped = s;
        file_begin();
        section(UINT64_MAX);
        interface(LINK_ETHERNET, 0, -1, 0);
        names();
        enhanced(0, LINK_ETHERNET, 1500000000123456, 1);
        simple(LINK_ETHERNET, 2);
        CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
        CHECK_EQ(n_indexed, 2);
        CHECK_EQ(recs[0].ts_ns, 1500000000123456000);
        CHECK_EQ(recs[1].ts_ns, 0);
        CHECK_EQ(rl_be64(file + recs[1].offset + RL_MOLD_SESSION), 2);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_PCAPNG);
        CHECK_EQ(rl_replay_survey(&want, file, n_file, &survey, &error), 0);
        CHECK_EQ(survey.skips.other_blocks, 1);
        CHECK_EQ(survey.payload, RL_PAYLOAD_MOLD);
    }
    swapped = false;
}

static void test_the_obsolete_packet_block_is_read_too(void)
{
    uint32_t n;

    file_begin();
    section(UINT64_MAX);
    interface(LINK_RAW, 0, 9, 0);
    n = frame(LINK_RAW, 7);
    block_begin(BLOCK_PACKET);
    put_u16(0, false);
    put_u16(33, false); /* drops */
    put_u32(0, false);
    put_u32(99, false);
    put_u32(n, false);
    put_u32(n, false);
    put(frame_bytes, n);
    block_end();
    CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
    CHECK_EQ(n_indexed, 1);
    CHECK_EQ(recs[0].ts_ns, 99);
}

static void test_every_resolution_becomes_nanoseconds(void)
{
    static const struct {
        int resol;
        int64_t offset_s;
        uint64_t units, ts_ns;
    } cases[] = {
        {-1, 0, 7, 7000},
        {0, 0, 7, 7000000000},
        {3, 0, 7, 7000000},
        {9, 0, 7, 7},
        {12, 0, 7999, 7},
        {19, 0, 12345678901, 1},
        {9, 2, 7, 2000000007},
        {6, -1, 1000001, 1000},
        {0x80, 0, 7, 7000000000},
        {0x80 | 10, 0, 1536, 1500000000},
        {0x80 | 32, 0, (5ULL << 32) + (1ULL << 31), 5500000000},
        {0x80 | 63, 0, 1ULL << 63, 1000000000},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        file_begin();
        section(UINT64_MAX);
        interface(LINK_RAW, 0, cases[i].resol, cases[i].offset_s);
        enhanced(0, LINK_RAW, cases[i].units, 1);
        CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
        CHECK_EQ(recs[0].ts_ns, cases[i].ts_ns);
    }
}

static void test_times_that_no_clock_shows_are_refused(void)
{
    static const struct {
        int resol;
        int64_t offset_s;
        uint64_t units;
    } cases[] = {
        {0, 0, UINT64_MAX},         {20, 0, 1},        {0x80 | 64, 0, 1}, {9, -1, 1},
        {9, INT64_MAX, UINT64_MAX}, {9, INT64_MIN, 0},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        file_begin();
        section(UINT64_MAX);
        interface(LINK_RAW, 0, cases[i].resol, cases[i].offset_s);
        enhanced(0, LINK_RAW, cases[i].units, 1);
        check_refused(RL_SOURCE_PCAPNG, block_at + 12, "64 bits of nanoseconds");
    }
}

static void test_interfaces_differ_in_link_clock_and_begin_anew_with_a_section(void)
{
    file_begin();
    section(UINT64_MAX);
    interface(LINK_ETHERNET, 0, 9, 0);
    interface(LINK_SLL2, 0, 6, 0);
    interface(147, 0, 6, 0); /* a link type that no packet here uses */
    enhanced(1, LINK_SLL2, 5, 1);
    enhanced(0, LINK_ETHERNET, 5, 2);
    swapped = true;
    section(UINT64_MAX);
    interface(LINK_RAW, 0, 3, 0);
    enhanced(0, LINK_RAW, 5, 3);
    swapped = false;
    CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
    CHECK_EQ(n_indexed, 3);
    CHECK_EQ(recs[0].ts_ns, 5000);
    CHECK_EQ(recs[1].ts_ns, 5);
    CHECK_EQ(recs[2].ts_ns, 5000000);
}

static void test_a_section_that_gives_its_length_is_held_to_it(void)
{
    uint32_t header, n_section;

    for (int lie = -1; lie < 3; lie++) {
        file_begin();
        section(0);
        header = n_file;
        interface(LINK_RAW, 0, 9, 0);
        enhanced(0, LINK_RAW, 5, 1);
        n_section = n_file - header;
        section(UINT64_MAX);
        interface(LINK_RAW, 0, 9, 0);
        enhanced(0, LINK_RAW, 6, 2);
        n_section += lie == 0 ? 4 : lie == 1 ? n_file : lie == 2 ? 1u << 31 : 0;
        memcpy(file + 16, &n_section, 4);
        if (lie < 0) {
            CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
            CHECK_EQ(n_indexed, 2);
        } else if (lie == 0) {
            check_refused(RL_SOURCE_PCAPNG, header + n_section - 4, "begins within another");
        } else {
            check_refused(RL_SOURCE_PCAPNG, 16, "longer than the file");
        }
    }
    /* Shorter than it is: a block reaches beyond it, or something else follows. */
    file_begin();
    section(0);
    header = n_file;
    interface(LINK_RAW, 0, 9, 0);
    n_section = n_file - header;
    enhanced(0, LINK_RAW, 5, 1);
    memcpy(file + 16, &n_section, 4);
    check_refused(RL_SOURCE_PCAPNG, header + n_section, "no section header");
    n_section -= 4;
    memcpy(file + 16, &n_section, 4);
    check_refused(RL_SOURCE_PCAPNG, header, "beyond its section");
}

static void test_a_pcapng_file_cut_anywhere_is_refused_but_between_packets(void)
{
    for (int s = 0; s < 2; s++) {
        swapped = s;
        file_begin();
        section(UINT64_MAX);
        interface(LINK_ETHERNET, 65535, 9, 1);
        enhanced(0, LINK_ETHERNET, 5, 1);
        enhanced(0, LINK_ETHERNET, 6, 2);
        simple(LINK_ETHERNET, 3);
        check_every_cut(RL_SOURCE_PCAPNG, 2, false);
    }
    swapped = false;
}

/* The capture that is lied about: section, interface 0 and 1, one enhanced packet. */
struct parts {
    uint32_t interface, packet, body, options;
};

static struct parts make_good(void)
{
    struct parts p;

    file_begin();
    section(UINT64_MAX);
    interface(LINK_ETHERNET, 2000, 9, 0);
    p.interface = block_at;
    enhanced(0, LINK_ETHERNET, 5, 1);
    p.packet = block_at;
    p.body = block_at + 8;
    p.options = n_file - 4 - 12;
    CHECK_EQ(index_file(RL_SOURCE_PCAPNG), 0);
    return p;
}

static void test_blocks_that_lie_are_refused(void)
{
    struct parts p = make_good();
    const uint32_t no_lengths[] = {0, 4, 8, 13, 0xFFFFFFFD};
    uint32_t n;

    for (uint32_t i = 0; i < RL_COUNT(no_lengths); i++) {
        p = make_good();
        memcpy(file + p.packet + 4, &no_lengths[i], 4);
        check_refused(RL_SOURCE_PCAPNG, p.packet + 4, "no block can have");
    }
    p = make_good();
    n = 0xFFFFFFFC;
    memcpy(file + p.packet + 4, &n, 4);
    check_refused(RL_SOURCE_PCAPNG, p.packet, "ends in a block");
    p = make_good();
    file[n_file - 4] ^= 4;
    check_refused(RL_SOURCE_PCAPNG, n_file - 4, "two lengths do not agree");
    p = make_good();
    file[8] = 0;
    check_refused(RL_SOURCE_PCAPNG, 8, "without a byte order");
    p = make_good();
    file[12] = 2;
    check_refused(RL_SOURCE_PCAPNG, 12, "version other than 1");
    p = make_good();
    file[p.interface + 8] = 147;
    check_refused(RL_SOURCE_PCAPNG, p.packet, "link type");
    p = make_good();
    file[p.interface + 12] = 10; /* snaplen 1802: 2000 is 0x7D0 */
    file[p.interface + 13] = 0;
    check_refused(RL_SOURCE_PCAPNG, p.body + 12, "longer than its interface keeps");
    p = make_good();
    file[p.body] = 1;
    check_refused(RL_SOURCE_PCAPNG, p.body, "not described");
    p = make_good();
    file[p.body + 13] = 1;
    check_refused(RL_SOURCE_PCAPNG, p.body + 12, "longer than its block");
    p = make_good();
    file[p.body + 17] = 1;
    check_refused(RL_SOURCE_PCAPNG, p.body + 12, "cut off by the capture");
}

static void test_options_that_lie_are_refused(void)
{
    struct parts p = make_good();

    file[p.options + 2] = 9; /* the flags' length */
    check_refused(RL_SOURCE_PCAPNG, p.options, "longer than its block");
    p = make_good();
    file[p.options + 3] = 0xFF;
    check_refused(RL_SOURCE_PCAPNG, p.options, "longer than its block");
    p = make_good();
    file[p.options + 8 + 2] = 1;
    check_refused(RL_SOURCE_PCAPNG, p.options + 8, "longer than its block");
    p = make_good();
    file[p.interface + 16 + 8 + 2] = 2; /* behind the name: the resolution's length */
    check_refused(RL_SOURCE_PCAPNG, p.interface + 16 + 8, "not one byte");
    file_begin();
    section(UINT64_MAX);
    interface(LINK_RAW, 0, -1, 77);
    file[block_at + 16 + 8 + 2] = 4;
    check_refused(RL_SOURCE_PCAPNG, block_at + 16 + 8, "not eight bytes");
}

static void test_blocks_too_short_for_what_they_are_are_refused(void)
{
    static const struct {
        uint32_t type;
        const char *what;
    } blocks[] = {{BLOCK_INTERFACE, "too short"},
                  {BLOCK_ENHANCED, "too short"},
                  {BLOCK_PACKET, "too short"},
                  {BLOCK_SIMPLE, "too short"}};

    for (uint32_t i = 0; i < RL_COUNT(blocks); i++) {
        file_begin();
        section(UINT64_MAX);
        interface(LINK_RAW, 0, -1, 0);
        block_begin(blocks[i].type);
        block_end();
        check_refused(RL_SOURCE_PCAPNG, block_at, blocks[i].what);
    }
    file_begin();
    block_begin(BLOCK_SECTION);
    put_u32(0x1A2B3C4D, false);
    block_end();
    check_refused(RL_SOURCE_PCAPNG, 0, "too short");
    file_begin();
    interface(LINK_RAW, 0, -1, 0);
    check_refused(RL_SOURCE_PCAPNG, 0, "not a pcapng file");
}

static void test_simple_packets_that_lie_are_refused(void)
{
    file_begin();
    section(UINT64_MAX);
    simple(LINK_RAW, 1);
    check_refused(RL_SOURCE_PCAPNG, block_at + 8, "not described");
    file_begin();
    section(UINT64_MAX);
    interface(LINK_RAW, 20, -1, 0);
    simple(LINK_RAW, 1);
    check_refused(RL_SOURCE_PCAPNG, block_at + 8, "cut off by the capture");
    file_begin();
    section(UINT64_MAX);
    interface(LINK_RAW, 0, -1, 0);
    simple(LINK_RAW, 1);
    file[block_at + 8] += 4;
    check_refused(RL_SOURCE_PCAPNG, block_at + 8, "does not fit its block");
    file[block_at + 8] = 4;
    check_refused(RL_SOURCE_PCAPNG, block_at + 8, "does not fit its block");
}

static void test_more_interfaces_than_there_is_room_for_are_refused(void)
{
    file_begin();
    section(UINT64_MAX);
    for (uint32_t i = 0; i < 257; i++) {
        n_ends = 0;
        interface(LINK_RAW, 0, -1, 0);
    }
    check_refused(RL_SOURCE_PCAPNG, block_at, "more interfaces");
}

int main(void)
{
    test_blocks_of_either_byte_order_are_read_and_others_passed_over();
    test_the_obsolete_packet_block_is_read_too();
    test_every_resolution_becomes_nanoseconds();
    test_times_that_no_clock_shows_are_refused();
    test_interfaces_differ_in_link_clock_and_begin_anew_with_a_section();
    test_a_section_that_gives_its_length_is_held_to_it();
    test_a_pcapng_file_cut_anywhere_is_refused_but_between_packets();
    test_blocks_that_lie_are_refused();
    test_options_that_lie_are_refused();
    test_blocks_too_short_for_what_they_are_are_refused();
    test_simple_packets_that_lie_are_refused();
    test_more_interfaces_than_there_is_room_for_are_refused();
    return 0;
}
