/*
 * The strict readers on damaged files: counting and indexing agree, every record lies in the file
 * after the one before, every error has a place and a sentence, and what was indexed can be played.
 */
#include <errno.h>
#include <string.h>

#include "../check.h"
#include "fuzz.h"
#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/codec/mold.h"
#include "market/fix/fix.h"
#include "market/replay/replay.h"

enum { MAX_RECS = 2048 };

static void check_records(enum rl_source source, const uint8_t *data, size_t size,
                          const struct rl_stream_rec *recs, uint64_t n)
{
    uint64_t end = 0;

    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *r = data + recs[i].offset;
        uint32_t n_messages;
        struct rl_update u;

        CHECK(recs[i].offset >= end && recs[i].n_bytes <= size - recs[i].offset);
        end = recs[i].offset + recs[i].n_bytes;
        switch (source) {
        case RL_SOURCE_ITCH_FILE:
            CHECK(rl_itch_decode(r, recs[i].n_bytes, &u));
            break;
        case RL_SOURCE_DBN:
            (void)rl_dbn_decode(r, recs[i].n_bytes, &u);
            break;
        case RL_SOURCE_FIX_LOG:
            CHECK_EQ(rl_fix_frame(r, recs[i].n_bytes, &n_messages), RL_FIX_OK);
            break;
        default:
            CHECK(rl_mold_is_whole(r, recs[i].n_bytes, &n_messages));
            CHECK_EQ(recs[i].n_messages, n_messages);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rl_stream_rec recs[MAX_RECS];
    char symbol[32];

    (void)rl_replay_guess(data, size);
    (void)rl_dbn_symbol(data, size, 17077, symbol, sizeof symbol);
    for (unsigned source = 0; source < RL_N_SOURCES; source++) {
        struct rl_replay_error error, again;
        uint64_t n, n_again;
        int err = rl_replay_index((enum rl_source)source, data, size, NULL, 0, &n, &error);

        CHECK_EQ(
            rl_replay_index((enum rl_source)source, data, size, recs, MAX_RECS, &n_again, &again),
            err);
        CHECK_EQ(n, n_again);
        if (err) {
            CHECK_EQ(err, -EBADMSG);
            CHECK(error.what != NULL && error.offset <= size);
            CHECK_EQ(error.offset, again.offset);
        }
        check_records((enum rl_source)source, data, size, recs, n < MAX_RECS ? n : MAX_RECS);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static size_t itch_seed(uint8_t *out)
{
    struct rl_itch_head h = {.locate = 1, .ts_ns = 9};
    size_t n = 0;

    for (unsigned k = 0; k < 4; k++) {
        uint32_t size = k % 2 ? rl_itch_put_delete(out + n + 2, &h, k)
                              : rl_itch_put_add(out + n + 2, &h, k, RL_BUY, 1, "A", 100000);

        rl_put_be16(out + n, k == 3 ? 0 : (uint16_t)size);
        n += 2 + size;
    }
    return n;
}

static size_t dbn_seed(uint8_t *out)
{
    struct rl_dbn_mbo r = {.action = 'A', .side = 'B'};
    const uint32_t one = 1, n_metadata = 100 + 4 + 3 * 4 + 4 + 22 + 4 + 8 + 22;
    size_t n = 8 + n_metadata;

    memset(out, 0, n);
    memcpy(out, "DBN\001", 4);
    memcpy(out + 4, &n_metadata, 4);
    memcpy(out + 124, &one, 4); /* one mapping of one interval */
    memcpy(out + 128, "ESH4", 4);
    memcpy(out + 150, &one, 4);
    memcpy(out + 162, "17077", 5);
    for (unsigned k = 0; k < 3; k++)
        n += rl_dbn_put_mbo(out + n, &r);
    return n;
}

static size_t fix_seed(uint8_t *out)
{
    struct rl_fix_enc e;
    size_t n = 0;

    for (unsigned k = 0; k < 3; k++) {
        rl_fix_begin(&e, out + n, 256, "FIX.4.4");
        rl_fix_put_char(&e, 35, 'B');
        rl_fix_put_time(&e, 52, 1789998915000000000ULL + k, 3 * k);
        rl_fix_put_uint(&e, 95, 3);
        rl_fix_put(&e, 96, "a\001b", 3);
        n += rl_fix_finish(&e);
        if (k > 0)
            out[n++] = '\n';
    }
    return n;
}

/* A capture of MoldUDP64 packets; bit 0: big endian, bit 1: nanoseconds, bit 2: a VLAN tag. */
static size_t pcap_seed(uint8_t *out, unsigned bits)
{
    uint32_t head[6] = {bits & 2 ? 0xA1B23C4D : 0xA1B2C3D4, 0x00040002, 0, 0, 65535, 1};
    size_t n = sizeof head;

    for (unsigned i = 0; i < 6 && bits & 1; i++)
        head[i] = __builtin_bswap32(head[i]);
    memcpy(out, head, sizeof head);
    for (unsigned k = 0; k < 3; k++) {
        uint8_t *frame = out + n + 16;
        uint32_t at = bits & 4 ? 18 : 14, n_payload, packet[4];
        struct rl_mold_writer w;

        memset(frame, 0, at + 28);
        if (bits & 4)
            memcpy(frame + 12, "\x81\0\0\1", 4);
        frame[at - 2] = 0x08;
        rl_mold_begin(&w, frame + at + 28, 100, "SESSION  1", k);
        for (unsigned m = 0; m < k; m++)
            rl_mold_add(&w, "message", 7);
        n_payload = rl_mold_finish(&w);
        frame[at] = 0x45;
        frame[at + 9] = 17;
        rl_put_be16(frame + at + 2, (uint16_t)(28 + n_payload));
        rl_put_be16(frame + at + 24, (uint16_t)(8 + n_payload));
        packet[0] = 1000 + k;
        packet[1] = 5;
        packet[2] = packet[3] = at + 28 + n_payload;
        for (unsigned i = 0; i < 4 && bits & 1; i++)
            packet[i] = __builtin_bswap32(packet[i]);
        memcpy(out + n, packet, sizeof packet);
        n += 16 + at + 28 + n_payload;
    }
    return n;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    switch (i) {
    case 0:
        return itch_seed(out);
    case 1:
        return dbn_seed(out);
    case 2:
        return fix_seed(out);
    default:
        return i < 11 ? pcap_seed(out, i - 3) : 0;
    }
}
