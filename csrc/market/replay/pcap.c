/* Classic pcap: a header that says byte order and resolution, then packets. */
#include "market/replay/replay_inner.h"

#include "market/codec/dbn.h"

#define PCAP_HEADER 24
#define PCAP_PACKET 16
#define PCAP_US 0xA1B2C3D4u
#define PCAP_NS 0xA1B23C4Du
#define PCAP_LINK_BITS 0xFFFFu /* above: whether frames carry an FCS, and how long it is */

struct pcap {
    bool swapped;
    bool nanoseconds;
    uint32_t link;
};

static uint32_t pcap_u32(const struct pcap *p, const uint8_t *at)
{
    uint32_t v = rl_dbn_u32(at);

    return p->swapped ? __builtin_bswap32(v) : v;
}

bool rl_replay_is_pcap(const uint8_t *bytes, uint64_t n_bytes)
{
    uint32_t magic = n_bytes < 4 ? 0 : rl_dbn_u32(bytes);

    return magic == PCAP_US || magic == PCAP_NS || magic == __builtin_bswap32(PCAP_US) ||
           magic == __builtin_bswap32(PCAP_NS);
}

static int pcap_open(struct rl_replay_pass *x, struct pcap *p)
{
    uint32_t magic;

    if (rl_replay_is_pcapng(x->bytes, x->n_bytes))
        return rl_replay_damaged(x, 0, "a pcapng file, not a pcap file");
    if (!rl_replay_is_pcap(x->bytes, x->n_bytes))
        return rl_replay_damaged(x, 0, "not a pcap file");
    magic = rl_dbn_u32(x->bytes);
    p->swapped = magic == __builtin_bswap32(PCAP_US) || magic == __builtin_bswap32(PCAP_NS);
    p->nanoseconds = magic == PCAP_NS || magic == __builtin_bswap32(PCAP_NS);
    if (x->n_bytes < PCAP_HEADER)
        return rl_replay_damaged(x, 4, "the file ends in its header");
    p->link = pcap_u32(p, x->bytes + 20) & PCAP_LINK_BITS;
    if (!rl_frame_link_is_known(p->link))
        return rl_replay_damaged(x, 20, "a link type that is not read here");
    return 0;
}

int rl_replay_read_pcap(struct rl_replay_pass *x)
{
    struct pcap p = {0};
    int err = pcap_open(x, &p);

    for (uint64_t at = PCAP_HEADER; !err && at < x->n_bytes;) {
        const uint8_t *head = x->bytes + at;
        uint32_t n_kept, n_sent, fraction;
        uint64_t ts_ns;

        if (x->n_bytes - at < PCAP_PACKET)
            return rl_replay_damaged(x, at, "the file ends in a packet header");
        fraction = pcap_u32(&p, head + 4);
        n_kept = pcap_u32(&p, head + 8);
        n_sent = pcap_u32(&p, head + 12);
        if (fraction >= (p.nanoseconds ? 1000000000u : 1000000u))
            return rl_replay_damaged(x, at + 4, "a time stamp beyond its second");
        if (x->n_bytes - at - PCAP_PACKET < n_kept)
            return rl_replay_damaged(x, at, "the file ends in a packet");
        if (n_kept < n_sent)
            return rl_replay_damaged(
                x, at + 8, "a packet cut off by the capture: capture with a larger snaplen");
        ts_ns =
            pcap_u32(&p, head) * 1000000000ULL + (p.nanoseconds ? fraction : fraction * 1000ULL);
        at += PCAP_PACKET;
        err = rl_frame_read(x, p.link, at, n_kept, ts_ns);
        at += n_kept;
    }
    return err;
}
