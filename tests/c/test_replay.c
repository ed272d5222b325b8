/* Captures are indexed exactly or refused with the place and a sentence; nothing in between. */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/codec/mold.h"
#include "market/fix/fix.h"
#include "market/replay/replay.h"

static uint8_t file[4096];
static uint32_t n_file;
static struct rl_stream_rec recs[64];
static struct rl_replay_error error;
static uint64_t n_recs;

/* In memory of exactly its size. */
static int index_part(enum rl_source source, uint32_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    int err;

    CHECK(copy != NULL);
    memcpy(copy, file, n);
    err = rl_replay_index(source, copy, n, recs, RL_COUNT(recs), &n_recs, &error);
    free(copy);
    return err;
}

static int index_file(enum rl_source source)
{
    return index_part(source, n_file);
}

static void put(const void *bytes, uint32_t n)
{
    CHECK(n_file + n <= sizeof file);
    memcpy(file + n_file, bytes, n);
    n_file += n;
}

/* Every cut that is not between records is refused, with a place inside what is there. */
static void check_every_cut(enum rl_source source, uint32_t n_header)
{
    uint32_t n_whole = n_file, n_good = 0;

    CHECK_EQ(index_file(source), 0);
    for (uint32_t n = 0; n < n_whole; n++) {
        int err = index_part(source, n);

        if (err == 0) {
            n_good++;
            CHECK(n >= n_header);
            continue;
        }
        CHECK_EQ(err, -EBADMSG);
        CHECK(error.what != NULL && error.offset <= n);
    }
    CHECK(index_file(source) == 0 && n_good <= n_recs);
}

/* --- ITCH ------------------------------------------------------------------------------------- */

static void make_itch(bool zero_lengths)
{
    struct rl_itch_head h = {.locate = 1, .ts_ns = 77};
    uint8_t m[2 + RL_ITCH_MAX_MESSAGE];
    uint32_t n;

    n_file = 0;
    for (uint32_t i = 0; i < 3; i++) {
        n = i == 0   ? rl_itch_put_system(m + 2, &h, 'O')
            : i == 1 ? rl_itch_put_add(m + 2, &h, 1, RL_BUY, 5, "A", 100000)
                     : rl_itch_put_delete(m + 2, &h, 1);
        rl_put_be16(m, zero_lengths ? 0 : (uint16_t)n);
        put(m, 2 + n);
    }
}

static void test_itch_messages_are_found_behind_their_lengths(void)
{
    for (int zero = 0; zero < 2; zero++) {
        make_itch(zero);
        CHECK_EQ(index_file(RL_SOURCE_ITCH_FILE), 0);
        CHECK_EQ(n_recs, 3);
        CHECK_EQ(recs[0].offset, 2);
        CHECK_EQ(recs[1].offset, 2 + 12 + 2);
        CHECK_EQ(recs[1].n_bytes, 36);
        CHECK_EQ(recs[1].n_messages, 1);
        CHECK_EQ(recs[2].ts_ns, 77);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_ITCH_FILE);
        check_every_cut(RL_SOURCE_ITCH_FILE, 1);
    }
}

static void test_itch_lengths_and_types_that_lie_are_refused(void)
{
    make_itch(false);
    file[15] = 35; /* the add's length */
    CHECK_EQ(index_file(RL_SOURCE_ITCH_FILE), -EBADMSG);
    CHECK_EQ(error.offset, 14);
    make_itch(true);
    file[16] = 'z';
    CHECK_EQ(index_file(RL_SOURCE_ITCH_FILE), -EBADMSG);
    CHECK_EQ(error.offset, 16);
}

/* --- DBN -------------------------------------------------------------------------------------- */

static void make_dbn(uint32_t n_metadata, uint32_t n)
{
    struct rl_dbn_mbo r = {.action = 'A', .side = 'B', .ts_recv_ns = 5, .ts_event_ns = 4};
    uint8_t record[RL_DBN_MBO_BYTES];

    memset(file, 0, sizeof file);
    memcpy(file, "DBN\001", 4);
    memcpy(file + 4, &n_metadata, 4);
    n_file = 8 + n_metadata;
    for (uint32_t i = 0; i < n; i++)
        put(record, rl_dbn_put_mbo(record, &r));
}

static void test_dbn_records_follow_the_metadata(void)
{
    make_dbn(100, 3);
    CHECK_EQ(index_file(RL_SOURCE_DBN), 0);
    CHECK_EQ(n_recs, 3);
    CHECK_EQ(recs[1].offset, 108 + RL_DBN_MBO_BYTES);
    CHECK_EQ(recs[1].n_bytes, RL_DBN_MBO_BYTES);
    CHECK_EQ(recs[1].ts_ns, 5);
    CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_DBN);
    check_every_cut(RL_SOURCE_DBN, 108);
}

static void test_dbn_files_that_lie_are_refused(void)
{
    make_dbn(100, 3);
    file[108 + RL_DBN_MBO_BYTES + 1] = 0x01; /* a trade record */
    CHECK_EQ(index_file(RL_SOURCE_DBN), -EBADMSG);
    CHECK_EQ(error.offset, 108 + RL_DBN_MBO_BYTES);
    make_dbn(100, 3);
    file[3] = 9;
    CHECK_EQ(index_file(RL_SOURCE_DBN), -EBADMSG);
    make_dbn(100, 3);
    memset(file + 4, 0xFF, 4);
    CHECK_EQ(index_file(RL_SOURCE_DBN), -EBADMSG);
    CHECK_EQ(error.offset, 4);
}

/* --- FIX -------------------------------------------------------------------------------------- */

static void make_fix(const char *between)
{
    uint8_t m[256];
    struct rl_fix_enc e;

    n_file = 0;
    for (uint32_t i = 0; i < 3; i++) {
        rl_fix_begin(&e, m, sizeof m, "FIX.4.4");
        rl_fix_put_char(&e, 35, '0');
        rl_fix_put_time(&e, 52, 1789998915000000000ULL + i, 9);
        put(m, rl_fix_finish(&e));
        put(between, (uint32_t)strlen(between));
    }
}

static void test_fix_messages_stand_side_by_side_or_on_lines(void)
{
    static const char *const betweens[] = {"", "\n", "\r\n", "\n\n"};

    for (uint32_t i = 0; i < RL_COUNT(betweens); i++) {
        make_fix(betweens[i]);
        CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), 0);
        CHECK_EQ(n_recs, 3);
        CHECK_EQ(recs[2].ts_ns, 1789998915000000002);
        CHECK(memcmp(file + recs[2].offset, "8=FIX.4.4", 9) == 0);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_FIX_LOG);
    }
    make_fix("");
    check_every_cut(RL_SOURCE_FIX_LOG, 1);
}

static void test_fix_logs_with_a_wrong_byte_are_refused_with_its_message(void)
{
    make_fix("\n");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), 0);
    file[recs[1].offset + 20] ^= 1;
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
    CHECK(error.offset >= recs[0].n_bytes && error.offset < 2 * recs[0].n_bytes + 2);
    make_fix("junk");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
    make_fix(" ");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
}

/* --- pcap ------------------------------------------------------------------------------------- */

struct pcap_kind {
    bool swapped, nanoseconds, vlan;
};

static void put_u32(uint32_t v, bool swapped)
{
    v = swapped ? __builtin_bswap32(v) : v;
    put(&v, 4);
}

/* A capture of MoldUDP64 packets with 1, 2 ... messages; between them an ARP and a TCP frame. */
static void make_pcap(struct pcap_kind kind, uint32_t n_packets)
{
    n_file = 0;
    put_u32(kind.nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4, kind.swapped);
    put("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    put_u32(1, kind.swapped);
    for (uint32_t i = 0; i < n_packets + 2; i++) {
        uint8_t frame[256] = {0};
        uint32_t at = 12, n_payload, n_ip;
        struct rl_mold_writer w;

        rl_mold_begin(&w, frame + 64, 128, "SESSION  1", 1 + i);
        for (uint32_t k = 0; k <= i; k++)
            rl_mold_add(&w, "abc", 3);
        n_payload = rl_mold_finish(&w);
        if (kind.vlan) {
            memcpy(frame + at, "\x88\xA8\0\x01\x81\0\0\x02", 8);
            at += 8;
        }
        memcpy(frame + at, i == n_packets ? "\x08\x06" : "\x08\0", 2);
        at += 2;
        n_ip = 20 + 8 + n_payload;
        frame[at] = 0x45;
        rl_put_be16(frame + at + 2, (uint16_t)n_ip);
        frame[at + 9] = i == n_packets + 1 ? 6 : 17;
        rl_put_be16(frame + at + 24, (uint16_t)(8 + n_payload));
        memmove(frame + at + 28, frame + 64, n_payload);
        at += n_ip + 4; /* an FCS, or padding */
        put_u32(1000 + i, kind.swapped);
        put_u32(7, kind.swapped);
        put_u32(at, kind.swapped);
        put_u32(at, kind.swapped);
        put(frame, at);
    }
}

static void test_pcap_packets_are_found_in_every_byte_order_and_resolution(void)
{
    for (unsigned bits = 0; bits < 8; bits++) {
        struct pcap_kind kind = {bits & 1, bits & 2, bits & 4};

        make_pcap(kind, 3);
        CHECK_EQ(index_file(RL_SOURCE_PCAP), 0);
        CHECK_EQ(n_recs, 3);
        CHECK_EQ(recs[2].n_messages, 3);
        CHECK_EQ(recs[2].n_bytes, RL_MOLD_HEADER + 3 * 5);
        CHECK_EQ(recs[2].ts_ns, 1002000000000 + (kind.nanoseconds ? 7 : 7000));
        CHECK(memcmp(file + recs[2].offset, "SESSION  1", 10) == 0);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_PCAP);
    }
    make_pcap((struct pcap_kind){0}, 2);
    /* The last two frames yield no records, so that cuts after them are good too. */
    CHECK_EQ(index_part(RL_SOURCE_PCAP, n_file - 1), -EBADMSG);
    CHECK_EQ(index_part(RL_SOURCE_PCAP, 30), -EBADMSG);
    CHECK_EQ(index_part(RL_SOURCE_PCAP, 24), -EBADMSG); /* no packet at all */
    CHECK_EQ(index_part(RL_SOURCE_PCAP, 23), -EBADMSG);
    CHECK_EQ(index_part(RL_SOURCE_PCAP, 3), -EBADMSG);
}

/* One byte of a good capture is set; the index must refuse it near that byte. */
static void check_lie(uint32_t at, uint8_t value, const char *what)
{
    make_pcap((struct pcap_kind){0}, 2);
    file[at] = value;
    CHECK_EQ(index_file(RL_SOURCE_PCAP), -EBADMSG);
    if (strstr(error.what, what) == NULL) {
        fprintf(stderr, "byte %u: %s\n", at, error.what);
        exit(1);
    }
}

static void test_pcap_files_that_lie_are_refused(void)
{
    const uint32_t packet = 24, frame = packet + 16, ip = frame + 14, udp = ip + 20, mold = udp + 8;

    check_lie(0, 0, "not a pcap");
    check_lie(20, 113, "link type");
    check_lie(packet + 7, 0x7F, "time stamp");
    check_lie(packet + 12, 255, "cut off by the capture");
    check_lie(packet + 9, 0x7F, "ends in a packet");
    check_lie(ip, 0x65, "IPv4");
    check_lie(ip, 0x42, "IPv4");
    check_lie(ip + 2, 9, "IPv4");
    check_lie(ip + 6, 0x20, "fragment");
    check_lie(udp + 4, 9, "UDP length");
    check_lie(udp + 5, 1, "UDP length");
    check_lie(mold + 19, 9, "not MoldUDP64");
    check_lie(mold + 20, 9, "not MoldUDP64");
    make_pcap((struct pcap_kind){0}, 2);
    memcpy(file, "\x0A\x0D\x0D\x0A", 4);
    CHECK_EQ(index_file(RL_SOURCE_PCAP), -EBADMSG);
    CHECK(strstr(error.what, "pcapng") != NULL);
}

/* --- all -------------------------------------------------------------------------------------- */

static void test_counting_needs_no_room_and_too_little_room_is_told(void)
{
    uint64_t n;

    make_itch(false);
    CHECK_EQ(rl_replay_index(RL_SOURCE_ITCH_FILE, file, n_file, NULL, 0, &n, &error), 0);
    CHECK_EQ(n, 3);
    CHECK_EQ(rl_replay_index(RL_SOURCE_ITCH_FILE, file, n_file, recs, 2, &n, &error), -ENOSPC);
    CHECK_EQ(rl_replay_index((enum rl_source)77, file, n_file, recs, 2, &n, &error), -EINVAL);
    CHECK_EQ(rl_replay_guess((const uint8_t *)"hello, world", 12), RL_N_SOURCES);
    CHECK_EQ(rl_replay_guess(file, 0), RL_N_SOURCES);
}

int main(void)
{
    test_itch_messages_are_found_behind_their_lengths();
    test_itch_lengths_and_types_that_lie_are_refused();
    test_dbn_records_follow_the_metadata();
    test_dbn_files_that_lie_are_refused();
    test_fix_messages_stand_side_by_side_or_on_lines();
    test_fix_logs_with_a_wrong_byte_are_refused_with_its_message();
    test_pcap_packets_are_found_in_every_byte_order_and_resolution();
    test_pcap_files_that_lie_are_refused();
    test_counting_needs_no_room_and_too_little_room_is_told();
    return 0;
}
