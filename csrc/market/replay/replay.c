#include "market/replay/replay.h"

#include <errno.h>
#include <string.h>

#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/codec/mold.h"
#include "market/fix/fix.h"

/* --- the index under construction ------------------------------------------------------------- */

struct index {
    const uint8_t *bytes;
    uint64_t n_bytes;
    struct rl_stream_rec *out;
    uint64_t max;
    uint64_t n;
    struct rl_replay_error *error;
};

static int damaged(struct index *x, uint64_t offset, const char *what)
{
    x->error->offset = offset;
    x->error->what = what;
    return -EBADMSG;
}

static int record(struct index *x, uint64_t offset, uint64_t ts_ns, uint32_t n_bytes,
                  uint16_t n_messages)
{
    if (x->out) {
        if (x->n == x->max) {
            x->error->offset = offset;
            x->error->what = "more records than there is room for";
            return -ENOSPC;
        }
        x->out[x->n] = (struct rl_stream_rec){
            .offset = offset, .ts_ns = ts_ns, .n_bytes = n_bytes, .n_messages = n_messages};
    }
    x->n++;
    return 0;
}

/* --- ITCH ------------------------------------------------------------------------------------- */

static int index_itch(struct index *x)
{
    for (uint64_t at = 0; at < x->n_bytes;) {
        const uint8_t *message = x->bytes + at + 2;
        uint32_t n, size;
        int err;

        if (x->n_bytes - at < 3)
            return damaged(x, at, "the file ends in a length prefix");
        n = rl_be16(x->bytes + at);
        size = rl_itch_sizes[message[0]];
        if (size == 0)
            return damaged(x, at + 2, "not a message type of ITCH 5.0");
        if (n != 0 && n != size)
            return damaged(x, at, "the length prefix is not the size of that message type");
        if (x->n_bytes - at - 2 < size)
            return damaged(x, at, "the file ends in a message");
        err = record(x, at + 2, rl_itch_ts_ns(message), size, 1);
        if (err)
            return err;
        at += 2 + (uint64_t)size;
    }
    return 0;
}

/* --- DBN -------------------------------------------------------------------------------------- */

static int index_dbn(struct index *x)
{
    uint64_t at;

    if (x->n_bytes < 8 || memcmp(x->bytes, "DBN", 3) != 0)
        return damaged(x, 0, "not an uncompressed DBN file");
    if (x->bytes[3] < 1 || x->bytes[3] > 3)
        return damaged(x, 3, "a DBN version other than 1 to 3");
    if (x->n_bytes - 8 < rl_dbn_u32(x->bytes + 4))
        return damaged(x, 4, "the file ends in its metadata");
    for (at = 8 + (uint64_t)rl_dbn_u32(x->bytes + 4); at < x->n_bytes; at += RL_DBN_MBO_BYTES) {
        const uint8_t *r = x->bytes + at;
        int err;

        if (x->n_bytes - at < 2)
            return damaged(x, at, "the file ends in a record");
        if (r[1] != RL_DBN_MBO_TYPE || r[0] != RL_DBN_MBO_BYTES / 4)
            return damaged(x, at, "not a market-by-order record");
        if (x->n_bytes - at < RL_DBN_MBO_BYTES)
            return damaged(x, at, "the file ends in a record");
        err = record(x, at, rl_dbn_u64(r + 40), RL_DBN_MBO_BYTES, 1);
        if (err)
            return err;
    }
    return 0;
}

/* --- FIX -------------------------------------------------------------------------------------- */

static int index_fix(struct index *x)
{
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_fix_msg m;

    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    for (uint64_t at = 0; at < x->n_bytes;) {
        const struct rl_fix_field *time;
        uint64_t ts_ns = 0;
        uint32_t n;
        int err;

        if (x->bytes[at] == '\n' || x->bytes[at] == '\r') {
            at++;
            continue;
        }
        switch (rl_fix_frame(x->bytes + at, x->n_bytes - at, &n)) {
        case RL_FIX_OK:
            break;
        case RL_FIX_PARTIAL:
            return damaged(x, at, "the file ends in a message");
        default:
            return damaged(x, at, "not a FIX message: 8=FIX, 9=length and 10= do not fit together");
        }
        switch (rl_fix_parse(&m, x->bytes + at, n)) {
        case RL_FIX_OK:
            break;
        default:
            return damaged(x, at + m.ref_off, m.what);
        }
        time = rl_fix_find(&m, RL_FIX_SendingTime, 3);
        if (time && !rl_fix_read_time(rl_fix_value(&m, time), time->len, &ts_ns))
            return damaged(x, at + time->off, "SendingTime is no time");
        err = record(x, at, ts_ns, n, 1);
        if (err)
            return err;
        at += n;
    }
    return 0;
}

/* --- pcap ------------------------------------------------------------------------------------- */

#define PCAP_HEADER 24
#define PCAP_PACKET 16
#define PCAP_US 0xA1B2C3D4u
#define PCAP_NS 0xA1B23C4Du
#define PCAPNG 0x0A0D0D0Au
#define LINK_ETHERNET 1
#define ETHER_IPV4 0x0800
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88A8
#define IP_UDP 17
#define UDP_HEADER 8

struct pcap {
    bool swapped;
    bool nanoseconds;
};

static uint32_t pcap_u32(const struct pcap *p, const uint8_t *at)
{
    uint32_t v = rl_dbn_u32(at);

    return p->swapped ? __builtin_bswap32(v) : v;
}

static int pcap_open(struct index *x, struct pcap *p)
{
    uint32_t magic;

    if (x->n_bytes < 4)
        return damaged(x, 0, "not a pcap file");
    magic = rl_dbn_u32(x->bytes);
    if (magic == PCAPNG)
        return damaged(x, 0, "a pcapng file: convert it with `editcap -F nsecpcap IN OUT`");
    p->swapped = magic == __builtin_bswap32(PCAP_US) || magic == __builtin_bswap32(PCAP_NS);
    if (p->swapped)
        magic = __builtin_bswap32(magic);
    if (magic != PCAP_US && magic != PCAP_NS)
        return damaged(x, 0, "not a pcap file");
    p->nanoseconds = magic == PCAP_NS;
    if (x->n_bytes < PCAP_HEADER)
        return damaged(x, 4, "the file ends in its header");
    if ((pcap_u32(p, x->bytes + 20) & 0xFFFF) !=
        LINK_ETHERNET) /* above: whether frames carry an FCS */
        return damaged(x, 20, "a link type other than Ethernet");
    return 0;
}

/*
 * The UDP payload of an Ethernet frame: 1 and its place, 0 when the frame carries something else
 * (ARP, TCP, IPv6 ...), -EBADMSG when its lengths lie.
 */
static int udp_payload(struct index *x, uint64_t frame, uint32_t n_frame, uint64_t *offset,
                       uint32_t *n_payload)
{
    const uint8_t *bytes = x->bytes + frame;
    uint32_t at = 12, n_ip_header, n_ip, n_udp;
    uint16_t type;

    if (n_frame < at + 2)
        return damaged(x, frame, "a frame shorter than an Ethernet header");
    for (type = rl_be16(bytes + at); type == ETHER_VLAN || type == ETHER_QINQ;
         type = rl_be16(bytes + at)) {
        at += 4;
        if (n_frame < at + 2)
            return damaged(x, frame, "a frame that ends in a VLAN tag");
    }
    at += 2;
    if (type != ETHER_IPV4)
        return 0;
    if (n_frame - at < 20 || bytes[at] >> 4 != 4)
        return damaged(x, frame + at, "not an IPv4 header");
    n_ip_header = (bytes[at] & 0xFu) * 4;
    n_ip = rl_be16(bytes + at + 2);
    if (n_ip_header < 20 || n_ip < n_ip_header || n_ip > n_frame - at)
        return damaged(x, frame + at, "IPv4 lengths that do not fit the frame");
    if (bytes[at + 9] != IP_UDP)
        return 0;
    if ((rl_be16(bytes + at + 6) & 0x3FFF) != 0) /* more fragments, or not the first */
        return damaged(x, frame + at, "a fragmented packet");
    at += n_ip_header;
    n_ip -= n_ip_header;
    n_udp = n_ip < UDP_HEADER ? 0 : rl_be16(bytes + at + 4);
    if (n_udp < UDP_HEADER || n_udp > n_ip)
        return damaged(x, frame + at, "a UDP length that does not fit the packet");
    *offset = frame + at + UDP_HEADER;
    *n_payload = n_udp - UDP_HEADER;
    return 1;
}

static int index_pcap(struct index *x)
{
    struct pcap p = {0};
    int err = pcap_open(x, &p);

    for (uint64_t at = PCAP_HEADER; !err && at < x->n_bytes;) {
        const uint8_t *head = x->bytes + at;
        uint32_t n_kept, n_sent, fraction, n_payload = 0, n_messages;
        uint64_t ts_ns, payload = 0;
        int is_udp;

        if (x->n_bytes - at < PCAP_PACKET)
            return damaged(x, at, "the file ends in a packet header");
        fraction = pcap_u32(&p, head + 4);
        n_kept = pcap_u32(&p, head + 8);
        n_sent = pcap_u32(&p, head + 12);
        if (fraction >= (p.nanoseconds ? 1000000000u : 1000000u))
            return damaged(x, at + 4, "a time stamp beyond its second");
        if (x->n_bytes - at - PCAP_PACKET < n_kept)
            return damaged(x, at, "the file ends in a packet");
        if (n_kept < n_sent)
            return damaged(x, at + 8,
                           "a packet cut off by the capture: capture with a larger snaplen");
        ts_ns =
            pcap_u32(&p, head) * 1000000000ULL + (p.nanoseconds ? fraction : fraction * 1000ULL);
        at += PCAP_PACKET;
        is_udp = udp_payload(x, at, n_kept, &payload, &n_payload);
        if (is_udp < 0)
            return is_udp;
        if (is_udp) {
            if (!rl_mold_is_whole(x->bytes + payload, n_payload, &n_messages))
                return damaged(x, payload, "a UDP packet that is not MoldUDP64");
            err = record(x, payload, ts_ns, n_payload, (uint16_t)n_messages);
        }
        at += n_kept;
    }
    if (!err && x->n == 0)
        return damaged(x, PCAP_HEADER, "no MoldUDP64 packet in the capture");
    return err;
}

/* --- all -------------------------------------------------------------------------------------- */

int rl_replay_index(enum rl_source source, const uint8_t *bytes, uint64_t n_bytes,
                    struct rl_stream_rec *out, uint64_t max, uint64_t *n_out,
                    struct rl_replay_error *error)
{
    struct index x = {.bytes = bytes, .n_bytes = n_bytes, .out = out, .max = max, .error = error};
    int err;

    *error = (struct rl_replay_error){0, NULL};
    *n_out = 0;
    if (n_bytes == 0)
        return damaged(&x, 0, "an empty file");
    switch (source) {
    case RL_SOURCE_ITCH_FILE:
        err = index_itch(&x);
        break;
    case RL_SOURCE_DBN:
        err = index_dbn(&x);
        break;
    case RL_SOURCE_FIX_LOG:
        err = index_fix(&x);
        break;
    case RL_SOURCE_PCAP:
        err = index_pcap(&x);
        break;
    default:
        return -EINVAL;
    }
    *n_out = x.n;
    return err;
}

enum rl_source rl_replay_guess(const uint8_t *bytes, uint64_t n_bytes)
{
    uint32_t magic;

    if (n_bytes < 4)
        return RL_N_SOURCES;
    if (memcmp(bytes, "DBN", 3) == 0)
        return RL_SOURCE_DBN;
    for (uint64_t i = 0; i + 4 <= n_bytes; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            continue;
        if (memcmp(bytes + i, "8=FI", 4) == 0)
            return RL_SOURCE_FIX_LOG;
        break;
    }
    magic = rl_dbn_u32(bytes);
    if (magic == PCAP_US || magic == PCAP_NS || magic == PCAPNG ||
        magic == __builtin_bswap32(PCAP_US) || magic == __builtin_bswap32(PCAP_NS))
        return RL_SOURCE_PCAP;
    if (rl_itch_sizes[bytes[2]] != 0 &&
        (rl_be16(bytes) == 0 || rl_be16(bytes) == rl_itch_sizes[bytes[2]]))
        return RL_SOURCE_ITCH_FILE;
    return RL_N_SOURCES;
}
