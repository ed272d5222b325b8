/*
 * replay - captures as an index of records, read strictly: a damaged file is refused, not guessed.
 *
 * Threads:  functions of their arguments.
 * Memory:   the file's bytes and the index belong to the caller; nothing is copied.
 * Cost:     one pass, before anything is measured.
 */
#ifndef RL_MARKET_REPLAY_H
#define RL_MARKET_REPLAY_H

#include "base/defs.h"

/* X(name, text) */
#define RL_SOURCES(X)                                                                           \
    X(ITCH_FILE, "itch") /* ITCH 5.0 messages behind 2-byte lengths; 0 means the type's size */ \
    X(DBN, "dbn")        /* uncompressed DBN, MBO records */                                    \
    X(FIX_LOG, "fix")    /* FIX messages, line ends allowed between them */                     \
    X(PCAP, "pcap")      /* MoldUDP64 over UDP, IPv4, Ethernet (VLAN tags allowed); us or ns */

enum rl_source {
#define RL_SOURCE_ENUM(name, text) RL_SOURCE_##name,
    RL_SOURCES(RL_SOURCE_ENUM)
#undef RL_SOURCE_ENUM
        RL_N_SOURCES
};

/* One record: a message (ITCH, DBN, FIX) or a MoldUDP64 packet (PCAP). */
struct rl_stream_rec {
    uint64_t offset; /* of its first byte in the file: length prefixes and headers are left out */
    uint64_t
        ts_ns; /* ITCH: since midnight; DBN: ts_recv; FIX: SendingTime; PCAP: capture; 0 unknown */
    uint32_t n_bytes;
    uint16_t n_messages; /* 1, or the packet's count */
    uint8_t line;        /* captures of several lines: which one; else 0 */
    uint8_t unused;
};
_Static_assert(sizeof(struct rl_stream_rec) == 24, "mirrored by a numpy dtype");

struct rl_replay_error {
    uint64_t offset;  /* of the first byte that does not make sense */
    const char *what; /* a sentence, constant */
};

/*
 * Fills `out` with up to `max` records and `*n_out` with how many the file has; out == NULL counts.
 * 0; -EBADMSG with `*error` set when the file is truncated, lies or is of another kind; -ENOSPC
 * when it has more than `max` records; -EINVAL for an unknown source.
 */
int rl_replay_index(enum rl_source source, const uint8_t *bytes, uint64_t n_bytes,
                    struct rl_stream_rec *out, uint64_t max, uint64_t *n_out,
                    struct rl_replay_error *error);

/*
 * What the first bytes look like, for a user who did not say; RL_N_SOURCES when like nothing here.
 */
enum rl_source rl_replay_guess(const uint8_t *bytes, uint64_t n_bytes);

#endif
