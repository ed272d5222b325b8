/* pcap captures: every byte order, resolution and link type is read, every lie is refused. */
#include "replay_packets.h"

#include "market/codec/ice.h"
#include "market/codec/mdp3.h"

#define HEADER 24

struct pcap_kind {
    bool swapped, nanoseconds, vlan;
};

static void pcap_begin(struct pcap_kind kind, uint32_t link)
{
    file_begin();
    put_u32(kind.nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4, kind.swapped);
    put("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    put_u32(link, kind.swapped);
    file_may_end();
}

static void pcap_packet(struct pcap_kind kind, uint32_t second, const uint8_t *frame, uint32_t n)
{
    put_u32(second, kind.swapped);
    put_u32(7, kind.swapped);
    put_u32(n, kind.swapped);
    put_u32(n, kind.swapped);
    put(frame, n);
    file_may_end();
}

/* A capture of MoldUDP64 packets with 1, 2 ... messages; behind them an ARP and a TCP frame. */
static void make_pcap(struct pcap_kind kind, uint32_t link, bool ipv6, uint32_t n_packets)
{
    pcap_begin(kind, link);
    for (uint32_t i = 0; i < n_packets + 2; i++) {
        uint8_t payload[512], frame[1024];
        struct frame_kind f = {.link = link,
                               .vlan = kind.vlan,
                               .ipv6 = ipv6,
                               .inside = i == n_packets       ? INSIDE_ARP
                                         : i == n_packets + 1 ? INSIDE_TCP
                                                              : INSIDE_UDP};

        if (i == n_packets && (link == LINK_RAW || link == LINK_IPV4 || link == LINK_IPV6))
            f.inside = INSIDE_TCP; /* where there is nothing but IP */
        pcap_packet(kind, 1000 + i, frame,
                    put_frame(frame, f, payload, mold_payload(payload, 1 + i, i + 1)));
    }
}

static void test_packets_are_found_in_every_byte_order_and_resolution(void)
{
    for (unsigned bits = 0; bits < 8; bits++) {
        struct pcap_kind kind = {bits & 1, bits & 2, bits & 4};

        make_pcap(kind, LINK_ETHERNET, false, 3);
        CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
        CHECK_EQ(n_indexed, 3);
        CHECK_EQ(recs[2].n_messages, 3);
        CHECK_EQ(recs[2].n_bytes, RL_MOLD_HEADER + 3 * 5);
        CHECK_EQ(recs[2].ts_ns, 1002000000000 + (kind.nanoseconds ? 7 : 7000));
        CHECK_EQ(recs[2].line, 0);
        CHECK(memcmp(file + recs[2].offset, "SESSION  1", 10) == 0);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_PCAP);
    }
}

static void test_packets_are_found_behind_every_link_header(void)
{
    static const uint32_t links[] = {LINK_NULL, LINK_ETHERNET, LINK_RAW,  LINK_LOOP,
                                     LINK_SLL,  LINK_IPV4,     LINK_IPV6, LINK_SLL2};

    for (uint32_t i = 0; i < RL_COUNT(links); i++)
        for (int ipv6 = 0; ipv6 < 2; ipv6++) {
            struct rl_replay_want want = {.source = RL_SOURCE_PCAP};
            struct rl_replay_survey s;

            if (links[i] == (ipv6 ? LINK_IPV4 : LINK_IPV6))
                continue;
            make_pcap((struct pcap_kind){.nanoseconds = true}, links[i], ipv6, 3);
            CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
            CHECK_EQ(n_indexed, 3);
            CHECK(memcmp(file + recs[2].offset, "SESSION  1", 10) == 0);
            CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), 0);
            CHECK_EQ(s.skips.not_udp + s.skips.not_ip, 2);
            CHECK_EQ(s.lines[0].is_ipv6, ipv6);
        }
}

static void test_a_pcap_file_cut_anywhere_is_refused_but_between_packets(void)
{
    uint8_t payload[512], frame[1024];
    struct pcap_kind kind = {0};

    pcap_begin(kind, LINK_ETHERNET);
    for (uint32_t i = 0; i < 3; i++)
        pcap_packet(kind, i, frame,
                    put_frame(frame, (struct frame_kind){.link = LINK_ETHERNET}, payload,
                              mold_payload(payload, i, i)));
    check_every_cut(RL_SOURCE_PCAP, 1, false);
}

/* One byte of a good capture is set; the index must refuse it there. */
static void check_lie(uint32_t at, uint8_t value, uint32_t offset, const char *what)
{
    make_pcap((struct pcap_kind){0}, LINK_ETHERNET, false, 2);
    CHECK(file[at] != value);
    file[at] = value;
    check_refused(RL_SOURCE_PCAP, offset, what);
}

static void test_pcap_files_that_lie_are_refused(void)
{
    const uint32_t packet = HEADER, frame = packet + 16, ip = frame + 14, udp = ip + 20,
                   mold = udp + 8;

    check_lie(0, 0, 0, "not a pcap");
    check_lie(20, 147, 20, "link type");
    check_lie(packet + 7, 0x7F, packet + 4, "time stamp");
    check_lie(packet + 12, 255, packet + 8, "cut off by the capture");
    check_lie(packet + 9, 0x7F, packet, "ends in a packet");
    check_lie(packet + 11, 0xFF, packet, "ends in a packet");
    check_lie(ip, 0x65, ip, "IPv4");
    check_lie(ip, 0x42, ip, "IPv4");
    check_lie(ip, 0x4D, ip + 52, "UDP length"); /* a header that swallows the payload's start */
    check_lie(ip + 2, 9, ip, "IPv4");
    check_lie(ip + 3, 19, ip, "IPv4");
    check_lie(ip + 6, 0x20, ip, "fragment");
    check_lie(ip + 7, 1, ip, "fragment");
    check_lie(udp + 4, 9, udp, "UDP length");
    check_lie(udp + 5, 1, udp, "UDP length");
    check_lie(mold + 19, 9, mold, "not MoldUDP64");
    check_lie(mold + 20, 9, mold, "not MoldUDP64");
    make_pcap((struct pcap_kind){0}, LINK_ETHERNET, false, 2);
    memcpy(file, "\x0A\x0D\x0D\x0A", 4);
    check_refused(RL_SOURCE_PCAP, 0, "pcapng");
}

static void test_ipv6_packets_that_lie_are_refused(void)
{
    const uint32_t ip = HEADER + 16 + 14;
    static const struct {
        uint32_t at;
        uint8_t value;
        const char *what;
    } lies[] = {{0, 0x40, "not an IPv6"}, {4, 9, "IPv6 length"}, {6, 44, "fragment"}};

    for (uint32_t i = 0; i < RL_COUNT(lies); i++) {
        make_pcap((struct pcap_kind){0}, LINK_ETHERNET, true, 2);
        file[ip + lies[i].at] = lies[i].value;
        check_refused(RL_SOURCE_PCAP, ip, lies[i].what);
    }
}

static void test_frames_too_short_for_their_headers_are_refused(void)
{
    static const struct {
        uint32_t link, n;
        const char *bytes, *what;
    } shorts[] = {
        {LINK_ETHERNET, 13, "\0\0\0\0\0\0\0\0\0\0\0\0\x08", "shorter than its link header"},
        {LINK_ETHERNET, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\x81\0\0\1", "ends in a VLAN tag"},
        {LINK_ETHERNET, 20, "\0\0\0\0\0\0\0\0\0\0\0\0\x81\0\0\1\x81\0\0\1", "ends in a VLAN tag"},
        {LINK_ETHERNET, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x45\0", "IPv4"},
        {LINK_ETHERNET, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\x86\xDD\x60\0", "IPv6"},
        {LINK_SLL, 15, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08", "shorter than its link header"},
        {LINK_SLL2, 3, "\x08\0\0", "shorter than its link header"},
        {LINK_NULL, 3, "\2\0\0", "shorter than its link header"},
        {LINK_RAW, 0, "", "IPv4"},
        {LINK_RAW, 1, "\x60", "IPv6"},
    };

    for (uint32_t i = 0; i < RL_COUNT(shorts); i++) {
        pcap_begin((struct pcap_kind){0}, shorts[i].link);
        pcap_packet((struct pcap_kind){0}, 0, (const uint8_t *)shorts[i].bytes, shorts[i].n);
        CHECK_EQ(index_file(RL_SOURCE_PCAP), -EBADMSG);
        if (strstr(error.what, shorts[i].what) == NULL) {
            fprintf(stderr, "short frame %u: %s\n", i, error.what);
            exit(1);
        }
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Packets to (10.0.0.9, 7), (10.0.0.1, 9), (10.0.0.1, 8), again and again. */
static void make_lines(uint32_t n_packets)
{
    static const struct frame_kind kinds[] = {
        {.link = LINK_ETHERNET, .last_address = 9, .port = 7},
        {.link = LINK_ETHERNET, .last_address = 1, .port = 9},
        {.link = LINK_ETHERNET, .last_address = 1, .port = 8},
    };

    pcap_begin((struct pcap_kind){0}, LINK_ETHERNET);
    for (uint32_t i = 0; i < n_packets; i++) {
        uint8_t payload[512], frame[1024];

        pcap_packet((struct pcap_kind){0}, i, frame,
                    put_frame(frame, kinds[i % 3], payload, mold_payload(payload, i, i % 3)));
    }
}

static void test_destinations_are_lines_in_the_order_of_address_and_port(void)
{
    const struct rl_replay_want want = {.source = RL_SOURCE_PCAP};
    struct rl_replay_survey s;

    make_lines(7);
    CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
    CHECK_EQ(n_indexed, 7);
    for (uint32_t i = 0; i < 7; i++)
        CHECK_EQ(recs[i].line, i % 3 == 0 ? 2 : i % 3 == 1 ? 1 : 0);
    CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), 0);
    CHECK_EQ(s.payload, RL_PAYLOAD_MOLD);
    CHECK_EQ(s.n_records, 7);
    CHECK_EQ(s.n_lines, 3);
    CHECK(s.lines[0].port == 8 && s.lines[1].port == 9 && s.lines[2].port == 7);
    CHECK(memcmp(s.lines[2].address, "\x0A\0\0\x09", 5) == 0);
    CHECK_EQ(s.lines[2].n_packets, 3);
    CHECK_EQ(s.lines[0].n_messages, 4);
}

static void test_only_the_lines_that_are_asked_for_are_read(void)
{
    const struct rl_replay_line only[] = {{.address = {10, 0, 0, 1}, .port = 9}};
    struct rl_replay_want want = {.source = RL_SOURCE_PCAP, .only = only, .n_only = 1};
    struct rl_replay_survey s;

    make_lines(7);
    CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), 0);
    CHECK_EQ(s.n_records, 2);
    CHECK_EQ(s.skips.other_lines, 5);
    CHECK_EQ(rl_replay_fill(&want, &s, file, n_file, recs, RL_COUNT(recs), &error), 0);
    CHECK_EQ(recs[1].ts_ns, 4000007000);
    CHECK_EQ(recs[1].line, 0);
    CHECK_EQ(rl_replay_fill(&want, &s, file, n_file, recs, 1, &error), -ENOSPC);
    want.only = &(struct rl_replay_line){.address = {10, 0, 0, 1}, .port = 10};
    CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), -EBADMSG);
    CHECK(strstr(error.what, "lines that were asked for") != NULL);
}

static void test_more_destinations_than_can_be_numbered_are_refused(void)
{
    pcap_begin((struct pcap_kind){0}, LINK_IPV4);
    n_ends = 0;
    for (uint32_t i = 0; i <= RL_REPLAY_MAX_LINES; i++) {
        uint8_t payload[512], frame[1024];
        struct frame_kind kind = {.link = LINK_IPV4, .port = (uint16_t)i};

        pcap_packet((struct pcap_kind){0}, i, frame,
                    put_frame(frame, kind, payload, mold_payload(payload, i, 0)));
        n_ends = 0;
    }
    CHECK_EQ(index_file(RL_SOURCE_PCAP), -EBADMSG);
    CHECK(strstr(error.what, "256") != NULL);
}

/* --- protocols -------------------------------------------------------------------------------- */

static uint32_t any_payload(uint8_t *out, enum rl_payload payload, uint32_t i)
{
    switch (payload) {
    case RL_PAYLOAD_MOLD:
        return mold_payload(out, i, 1 + i);
    case RL_PAYLOAD_MDP3:
        return rl_mdp3_put(out, i, 5, 32);
    default:
        return rl_ice_put(out, 9, i, 5, 'E', (uint16_t)(1 + i));
    }
}

static void make_of(enum rl_payload payload, uint32_t n_packets)
{
    pcap_begin((struct pcap_kind){0}, LINK_RAW);
    for (uint32_t i = 0; i < n_packets; i++) {
        uint8_t bytes[512], frame[1024];

        pcap_packet((struct pcap_kind){0}, i, frame,
                    put_frame(frame, (struct frame_kind){.link = LINK_RAW}, bytes,
                              any_payload(bytes, payload, i)));
    }
}

static void test_what_the_packets_speak_is_found_out(void)
{
    for (unsigned p = RL_PAYLOAD_GUESS + 1; p < RL_N_PAYLOADS; p++) {
        struct rl_replay_want want = {.source = RL_SOURCE_PCAP};
        struct rl_replay_survey s;

        make_of((enum rl_payload)p, 3);
        CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), 0);
        CHECK_EQ(s.payload, p);
        CHECK_EQ(s.lines[0].n_messages, p == RL_PAYLOAD_MDP3 ? 3 : 6);
        CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
        CHECK_EQ(recs[2].n_messages, p == RL_PAYLOAD_MDP3 ? 1 : 3);
        /* Said to be another, it is refused at its first packet. */
        want.payload = p == RL_PAYLOAD_ICE ? RL_PAYLOAD_MOLD : RL_PAYLOAD_ICE;
        CHECK_EQ(rl_replay_survey(&want, file, n_file, &s, &error), -EBADMSG);
        CHECK_EQ(error.offset, recs[0].offset);
        CHECK(strcmp(error.what, rl_payload_wrong(want.payload)) == 0);
        CHECK_EQ(s.n_lines, 1); /* the lines are told all the same */
    }
}

static void test_one_packet_of_something_else_is_refused_where_it_is(void)
{
    make_of(RL_PAYLOAD_ICE, 3);
    CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
    file[recs[1].offset + 7] += 1; /* the count of messages */
    check_refused(RL_SOURCE_PCAP, (uint32_t)recs[1].offset, "not ICE iMpact");
}

static void test_packets_that_speak_nothing_known_are_refused(void)
{
    uint8_t frame[1024];

    pcap_begin((struct pcap_kind){0}, LINK_RAW);
    pcap_packet(
        (struct pcap_kind){0}, 0, frame,
        put_frame(frame, (struct frame_kind){.link = LINK_RAW}, (const uint8_t *)"hello!", 6));
    check_refused(RL_SOURCE_PCAP, HEADER + 16 + 28, "neither MoldUDP64, CME MDP 3.0 nor ICE");
    pcap_begin((struct pcap_kind){0}, LINK_RAW);
    pcap_packet((struct pcap_kind){0}, 0, frame,
                put_frame(frame, (struct frame_kind){.link = LINK_RAW, .inside = INSIDE_TCP},
                          (const uint8_t *)"hello!", 6));
    check_refused(RL_SOURCE_PCAP, n_file, "no MoldUDP64");
}

int main(void)
{
    test_packets_are_found_in_every_byte_order_and_resolution();
    test_packets_are_found_behind_every_link_header();
    test_a_pcap_file_cut_anywhere_is_refused_but_between_packets();
    test_pcap_files_that_lie_are_refused();
    test_ipv6_packets_that_lie_are_refused();
    test_frames_too_short_for_their_headers_are_refused();
    test_destinations_are_lines_in_the_order_of_address_and_port();
    test_only_the_lines_that_are_asked_for_are_read();
    test_more_destinations_than_can_be_numbered_are_refused();
    test_what_the_packets_speak_is_found_out();
    test_one_packet_of_something_else_is_refused_where_it_is();
    test_packets_that_speak_nothing_known_are_refused();
    return 0;
}
