/*
 * pcapng: blocks that give their length at both ends, in sections of either byte order, with
 * interfaces that differ in link type, resolution and offset of the clock.
 *
 * Source: draft-ietf-opsawg-pcapng. Read are section headers, interface descriptions, enhanced,
 * simple and (obsolete) packet blocks; what else there is, is passed over by its length.
 */
#include "market/replay/replay_inner.h"

#include "market/codec/dbn.h"

#define BLOCK_SECTION 0x0A0D0D0Au /* reads the same in both byte orders */
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 2
#define BLOCK_SIMPLE 3
#define BLOCK_ENHANCED 6
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du
#define SECTION_UNKNOWN UINT64_MAX

#define BLOCK_MIN 12     /* type, length, length again */
#define BLOCK_BODY 8     /* before the body */
#define BLOCK_TAIL 4     /* behind it */
#define SECTION_BODY 16  /* magic, version, section length */
#define INTERFACE_BODY 8 /* link type, reserved, snaplen */
#define PACKET_BODY 20   /* interface, time, lengths; enhanced and obsolete */
#define SIMPLE_BODY 4    /* length */
#define OPTION_HEADER 4
#define OPTION_END 0
#define OPTION_TSRESOL 9
#define OPTION_TSOFFSET 14

#define MAX_INTERFACES 256
#define NS_PER_S 1000000000ULL
#define RESOL_POWER_OF_TWO 0x80
#define RESOL_US 6 /* the default: 10^-6 */

struct interface {
    uint32_t link;
    uint32_t snaplen; /* 0: no limit */
    int64_t offset_s;
    uint8_t resol; /* units are 10^-resol s, with RESOL_POWER_OF_TWO 2^-resol s */
};

struct pcapng {
    struct rl_replay_pass *x;
    bool swapped;
    uint64_t section_end; /* SECTION_UNKNOWN: at the next section header, or the end */
    uint32_t n_interfaces;
    struct interface interfaces[MAX_INTERFACES];
};

/* A block whose two lengths agree and which lies in the file. */
struct block {
    uint32_t type;
    uint64_t at;   /* of the block */
    uint64_t body; /* of its body */
    uint32_t n_body;
};

static uint16_t ng_u16(const struct pcapng *p, uint64_t at)
{
    uint16_t v;

    memcpy(&v, p->x->bytes + at, sizeof v);
    return p->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t ng_u32(const struct pcapng *p, uint64_t at)
{
    uint32_t v = rl_dbn_u32(p->x->bytes + at);

    return p->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t ng_u64(const struct pcapng *p, uint64_t at)
{
    uint64_t v = rl_dbn_u64(p->x->bytes + at);

    return p->swapped ? __builtin_bswap64(v) : v;
}

bool rl_replay_is_pcapng(const uint8_t *bytes, uint64_t n_bytes)
{
    return n_bytes >= 4 && rl_dbn_u32(bytes) == BLOCK_SECTION;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* The byte order is the section's that begins here: it holds for the length before it, too. */
static int byte_order(struct pcapng *p, uint64_t at)
{
    uint32_t magic;

    if (p->x->n_bytes - at < BLOCK_BODY + 4)
        return rl_replay_damaged(p->x, at, "the file ends in a block");
    magic = rl_dbn_u32(p->x->bytes + at + BLOCK_BODY);
    p->swapped = magic == __builtin_bswap32(BYTE_ORDER_MAGIC);
    if (!p->swapped && magic != BYTE_ORDER_MAGIC)
        return rl_replay_damaged(p->x, at + BLOCK_BODY, "a section without a byte order");
    return 0;
}

static int block_open(struct pcapng *p, uint64_t at, struct block *b)
{
    struct rl_replay_pass *x = p->x;
    uint64_t end = p->section_end < x->n_bytes ? p->section_end : x->n_bytes;
    uint32_t n;

    if (x->n_bytes - at < BLOCK_BODY)
        return rl_replay_damaged(x, at, "the file ends in a block");
    b->type = ng_u32(p, at);
    if (b->type == BLOCK_SECTION) {
        int err = byte_order(p, at);

        if (err)
            return err;
        end = x->n_bytes;
    }
    n = ng_u32(p, at + 4);
    if (n < BLOCK_MIN || n % 4 != 0)
        return rl_replay_damaged(x, at + 4, "a block length that no block can have");
    if (n > x->n_bytes - at)
        return rl_replay_damaged(x, at, "the file ends in a block");
    if (n > end - at)
        return rl_replay_damaged(x, at, "a block that reaches beyond its section");
    if (ng_u32(p, at + n - BLOCK_TAIL) != n)
        return rl_replay_damaged(x, at + n - BLOCK_TAIL, "a block whose two lengths do not agree");
    b->at = at;
    b->body = at + BLOCK_BODY;
    b->n_body = n - BLOCK_MIN;
    return 0;
}

static uint64_t block_end(const struct block *b)
{
    return b->body + b->n_body + BLOCK_TAIL;
}

/* Every option lies in the block; `interface` (may be NULL) learns those that matter. */
static int options_read(struct pcapng *p, const struct block *b, uint32_t at,
                        struct interface *interface)
{
    while (at < b->n_body) {
        uint64_t option = b->body + at;
        uint32_t left = b->n_body - at, n, padded;
        uint16_t code;

        if (left < OPTION_HEADER)
            return rl_replay_damaged(p->x, option, "an option cut off by the end of its block");
        code = ng_u16(p, option);
        n = ng_u16(p, option + 2);
        padded = (n + 3) & ~3u;
        if (padded > left - OPTION_HEADER)
            return rl_replay_damaged(p->x, option, "an option longer than its block");
        if (code == OPTION_END)
            return n == 0 ? 0 : rl_replay_damaged(p->x, option, "an end of options with a length");
        if (interface && code == OPTION_TSRESOL) {
            if (n != 1)
                return rl_replay_damaged(p->x, option, "a time resolution that is not one byte");
            interface->resol = p->x->bytes[option + OPTION_HEADER];
        } else if (interface && code == OPTION_TSOFFSET) {
            if (n != 8)
                return rl_replay_damaged(p->x, option, "a time offset that is not eight bytes");
            interface->offset_s = (int64_t)ng_u64(p, option + OPTION_HEADER);
        }
        at += OPTION_HEADER + padded;
    }
    return 0;
}

static int section_open(struct pcapng *p, const struct block *b)
{
    uint64_t n_section, left;

    if (b->n_body < SECTION_BODY)
        return rl_replay_damaged(p->x, b->at, "a section header that is too short");
    if (ng_u16(p, b->body + 4) != 1) /* a minor version changes nothing that is read here */
        return rl_replay_damaged(p->x, b->body + 4, "a pcapng version other than 1");
    n_section = ng_u64(p, b->body + 8);
    left = p->x->n_bytes - block_end(b);
    if (n_section != SECTION_UNKNOWN && (n_section > left || n_section % 4 != 0))
        return rl_replay_damaged(p->x, b->body + 8, "a section longer than the file");
    p->section_end = n_section == SECTION_UNKNOWN ? SECTION_UNKNOWN : block_end(b) + n_section;
    p->n_interfaces = 0;
    return options_read(p, b, SECTION_BODY, NULL);
}

static int interface_open(struct pcapng *p, const struct block *b)
{
    struct interface *i = &p->interfaces[p->n_interfaces];

    if (b->n_body < INTERFACE_BODY)
        return rl_replay_damaged(p->x, b->at, "an interface description that is too short");
    if (p->n_interfaces == MAX_INTERFACES)
        return rl_replay_damaged(p->x, b->at, "more interfaces than 256 in a section");
    *i = (struct interface){
        .link = ng_u16(p, b->body), .snaplen = ng_u32(p, b->body + 4), .resol = RESOL_US};
    p->n_interfaces++;
    /* The link type is asked for when a packet needs it: an idle interface may have any. */
    return options_read(p, b, INTERFACE_BODY, i);
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A count of the interface's units as ns since 1970; false when that is no time of 64 bits. */
static bool to_ns(const struct interface *i, uint64_t units, uint64_t *ts_ns)
{
    uint32_t power = i->resol & (RESOL_POWER_OF_TWO - 1u);
    __int128 ns;

    if (i->resol & RESOL_POWER_OF_TWO) {
        if (power > 63)
            return false;
        ns = (__int128)(((unsigned __int128)units * NS_PER_S) >> power);
    } else {
        unsigned __int128 wide = (unsigned __int128)units;

        if (power > 19) /* a u64 of them is less than a second */
            return false;
        for (; power < 9; power++)
            wide *= 10;
        for (; power > 9; power--)
            wide /= 10;
        ns = (__int128)wide;
    }
    ns += (__int128)i->offset_s * (__int128)NS_PER_S;
    *ts_ns = (uint64_t)ns;
    return ns >= 0 && ns <= (__int128)UINT64_MAX;
}

/* Enhanced and obsolete packets: the same but for the width of the interface number. */
static int packet_read(struct pcapng *p, const struct block *b)
{
    const struct interface *interface;
    uint32_t number, n_kept, n_sent;
    uint64_t units, ts_ns;
    int err;

    if (b->n_body < PACKET_BODY)
        return rl_replay_damaged(p->x, b->at, "a packet block that is too short");
    number = b->type == BLOCK_ENHANCED ? ng_u32(p, b->body) : ng_u16(p, b->body);
    units = (uint64_t)ng_u32(p, b->body + 4) << 32 | ng_u32(p, b->body + 8);
    n_kept = ng_u32(p, b->body + 12);
    n_sent = ng_u32(p, b->body + 16);
    if (number >= p->n_interfaces)
        return rl_replay_damaged(p->x, b->body, "a packet of an interface that is not described");
    interface = &p->interfaces[number];
    if (n_kept > b->n_body - PACKET_BODY)
        return rl_replay_damaged(p->x, b->body + 12, "a packet longer than its block");
    if (interface->snaplen != 0 && n_kept > interface->snaplen)
        return rl_replay_damaged(p->x, b->body + 12, "a packet longer than its interface keeps");
    if (n_kept < n_sent)
        return rl_replay_damaged(p->x, b->body + 12,
                                 "a packet cut off by the capture: capture with a larger snaplen");
    if (!to_ns(interface, units, &ts_ns))
        return rl_replay_damaged(p->x, b->body + 4, "a time stamp beyond 64 bits of nanoseconds");
    err = options_read(p, b, PACKET_BODY + ((n_kept + 3) & ~3u), NULL);
    if (err)
        return err;
    if (!rl_frame_link_is_known(interface->link))
        return rl_replay_damaged(p->x, b->at, "a link type that is not read here");
    return rl_frame_read(p->x, interface->link, b->body + PACKET_BODY, n_kept, ts_ns);
}

/* A simple packet has no time, and is as long as the first interface keeps. */
static int simple_read(struct pcapng *p, const struct block *b)
{
    const struct interface *interface = &p->interfaces[0];
    uint32_t n_sent, n_room;

    if (b->n_body < SIMPLE_BODY)
        return rl_replay_damaged(p->x, b->at, "a packet block that is too short");
    if (p->n_interfaces == 0)
        return rl_replay_damaged(p->x, b->body, "a packet of an interface that is not described");
    n_sent = ng_u32(p, b->body);
    n_room = b->n_body - SIMPLE_BODY;
    if (interface->snaplen != 0 && n_sent > interface->snaplen)
        return rl_replay_damaged(p->x, b->body,
                                 "a packet cut off by the capture: capture with a larger snaplen");
    if (n_sent > n_room || n_room - n_sent > 3)
        return rl_replay_damaged(p->x, b->body, "a packet length that does not fit its block");
    if (!rl_frame_link_is_known(interface->link))
        return rl_replay_damaged(p->x, b->at, "a link type that is not read here");
    return rl_frame_read(p->x, interface->link, b->body + SIMPLE_BODY, n_sent, 0);
}

static int block_read(struct pcapng *p, const struct block *b)
{
    switch (b->type) {
    case BLOCK_SECTION:
        return section_open(p, b);
    case BLOCK_INTERFACE:
        return interface_open(p, b);
    case BLOCK_PACKET:
    case BLOCK_ENHANCED:
        return packet_read(p, b);
    case BLOCK_SIMPLE:
        return simple_read(p, b);
    default:
        if (p->x->survey)
            p->x->survey->skips.other_blocks++;
        return 0;
    }
}

int rl_replay_read_pcapng(struct rl_replay_pass *x)
{
    struct pcapng p = {.x = x, .section_end = SECTION_UNKNOWN};
    struct block b;
    int err = 0;

    if (!rl_replay_is_pcapng(x->bytes, x->n_bytes))
        return rl_replay_damaged(x, 0, "not a pcapng file");
    for (uint64_t at = 0; !err && at < x->n_bytes; at = block_end(&b)) {
        bool is_section_over = at == p.section_end;

        if (is_section_over)
            p.section_end = SECTION_UNKNOWN;
        err = block_open(&p, at, &b);
        if (err)
            return err;
        if (b.type == BLOCK_SECTION && p.section_end != SECTION_UNKNOWN)
            return rl_replay_damaged(x, at, "a section that begins within another");
        if (is_section_over && b.type != BLOCK_SECTION)
            return rl_replay_damaged(x, at, "no section header where a section is over");
        err = block_read(&p, &b);
    }
    return err;
}
