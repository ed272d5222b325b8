/*
 * replay - captures as an index of records, read strictly: a damaged file is refused, not guessed.
 *
 * Threads:  functions of their arguments.
 * Memory:   the file's bytes and the index belong to the caller; nothing is copied.
 * Cost:     one pass to count (packet captures: and one over their first packets to learn what they
 *           speak), one to fill, before anything is measured.
 */
#ifndef RL_MARKET_REPLAY_H
#define RL_MARKET_REPLAY_H

#include "base/defs.h"
#include "market/replay/payload.h"

/* X(name, text) */
#define RL_SOURCES(X)                                                                            \
    X(ITCH_FILE, "itch")  /* ITCH 5.0 messages behind 2-byte lengths; 0 means the type's size */ \
    X(DBN, "dbn")         /* uncompressed DBN, MBO records */                                    \
    X(FIX_LOG, "fix")     /* FIX messages, line ends allowed between them */                     \
    X(PCAP, "pcap")       /* UDP packets, stamps in us or ns, either byte order */               \
    X(PCAPNG, "pcapng")   /* the same in blocks: several interfaces, any resolution */           \
    X(BINANCE, "binance") /* a line each: local ns, a space, the JSON that the venue sent */

enum rl_source {
#define RL_SOURCE_ENUM(name, text) RL_SOURCE_##name,
    RL_SOURCES(RL_SOURCE_ENUM)
#undef RL_SOURCE_ENUM
        RL_N_SOURCES
};

/* One record: a message (ITCH, DBN, FIX, Binance) or the payload of a UDP packet. */
struct rl_stream_rec {
    uint64_t offset; /* of its first byte in the file: length prefixes and headers are left out */
    /* ITCH: since midnight; DBN: ts_recv; FIX: SendingTime; else when it was captured; 0 unknown */
    uint64_t ts_ns;
    uint32_t n_bytes;
    uint16_t n_messages; /* 1, or the packet's count */
    uint8_t line;        /* packets: index into the survey's lines; else 0 */
    uint8_t unused;
};
_Static_assert(sizeof(struct rl_stream_rec) == 24, "mirrored by a numpy dtype");

struct rl_replay_error {
    uint64_t offset;  /* of the first byte that does not make sense */
    const char *what; /* a sentence, constant */
};

/* A UDP destination. IPv4 addresses are the first 4 bytes, the other 12 are 0. */
struct rl_replay_line {
    uint8_t address[16];
    uint16_t port;
    bool is_ipv6;
    uint64_t n_packets;
    uint64_t n_messages; /* in these packets; the same message on two lines counts twice */
};

#define RL_REPLAY_MAX_LINES 256 /* a record numbers them in a byte */

/* What a packet capture holds beside its records. X(name, what was passed over) */
#define RL_REPLAY_SKIPS(X)                                                \
    X(not_ip, "frames that carry neither IPv4 nor IPv6")                  \
    X(not_udp, "IP packets that are not UDP, or IPv6 with other headers") \
    X(other_lines, "UDP packets of destinations that were not asked for") \
    X(other_blocks, "pcapng blocks that hold no packet and no interface")

struct rl_replay_skips {
#define RL_REPLAY_SKIP_MEMBER(name, what) uint64_t name;
    RL_REPLAY_SKIPS(RL_REPLAY_SKIP_MEMBER)
#undef RL_REPLAY_SKIP_MEMBER
};
extern const char *const rl_replay_skip_names[]; /* in the order of the struct; NULL ends it */

/* What to read of a file. Zeroed but for the source: everything. */
struct rl_replay_want {
    enum rl_source source;
    enum rl_payload payload;           /* of packets; RL_PAYLOAD_GUESS: found out */
    const struct rl_replay_line *only; /* by address and port, the rest is ignored ... */
    uint32_t n_only;                   /* ... 0: every destination */
};

struct rl_replay_survey {
    uint64_t n_records;
    enum rl_payload payload; /* what the packets speak; RL_PAYLOAD_GUESS: there are no packets */
    uint32_t n_lines;        /* 0 but for packets */
    struct rl_replay_line lines[RL_REPLAY_MAX_LINES]; /* sorted by address, then port */
    struct rl_replay_skips skips;
};

/*
 * Reads the file once and says what is in it. 0; -EBADMSG with `*error` set when the file is
 * truncated, lies or is of another kind (then the lines seen up to there are in the survey);
 * -EINVAL for an unknown source or payload. A packet whose payload is not what the capture speaks
 * is an error at that packet, told after everything else has been read.
 */
int rl_replay_survey(const struct rl_replay_want *want, const uint8_t *bytes, uint64_t n_bytes,
                     struct rl_replay_survey *survey, struct rl_replay_error *error);

/*
 * Fills `out`, of survey->n_records records, from a file that was surveyed with the same `want`.
 * Errors as above; -ENOSPC when it has more than `max` records.
 */
int rl_replay_fill(const struct rl_replay_want *want, const struct rl_replay_survey *survey,
                   const uint8_t *bytes, uint64_t n_bytes, struct rl_stream_rec *out, uint64_t max,
                   struct rl_replay_error *error);

/*
 * Both, for a caller who wants all of a file: fills `out` with up to `max` records and `*n_out`
 * with how many the file has; out == NULL counts. 0, -EBADMSG, -ENOSPC, -EINVAL; after an error of
 * the file nothing is filled and `*n_out` is 0.
 */
int rl_replay_index(enum rl_source source, const uint8_t *bytes, uint64_t n_bytes,
                    struct rl_stream_rec *out, uint64_t max, uint64_t *n_out,
                    struct rl_replay_error *error);

/*
 * What the first bytes look like, for a user who did not say; RL_N_SOURCES when like nothing here.
 */
enum rl_source rl_replay_guess(const uint8_t *bytes, uint64_t n_bytes);

#endif
