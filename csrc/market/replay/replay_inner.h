/*
 * replay_inner - what the readers of the file formats share among themselves; nobody else includes
 * it.
 *
 * A reader walks the file once, calls rl_replay_record for each message or rl_replay_packet for
 * each UDP payload, and stops at the first byte that does not make sense. Whether the pass counts,
 * guesses or fills an index is none of its business.
 */
#ifndef RL_MARKET_REPLAY_INNER_H
#define RL_MARKET_REPLAY_INNER_H

#include <errno.h>
#include <string.h>

#include "market/replay/replay.h"

struct rl_replay_pass {
    const uint8_t *bytes;
    uint64_t n_bytes;
    const struct rl_replay_want *want;
    struct rl_replay_error *error;
    struct rl_stream_rec *out; /* filling: room for `max`; else NULL */
    uint64_t max;
    uint64_t n;

    /* Packet captures; one of the three says what the pass is for. */
    struct rl_payload_votes *votes;       /* guessing: and the pass ends early */
    struct rl_replay_survey *survey;      /* counting: lines and skips are learnt */
    const struct rl_replay_survey *known; /* filling: the lines that the survey found */
    enum rl_payload payload;
    uint32_t last_line;                 /* of the packet before: most follow their own kind */
    struct rl_replay_error first_wrong; /* the first payload that is not what they speak */
};

/* Not an error: the guess has seen enough. */
#define RL_REPLAY_ENOUGH 1

static inline int rl_replay_damaged(struct rl_replay_pass *x, uint64_t offset, const char *what)
{
    x->error->offset = offset;
    x->error->what = what;
    return -EBADMSG;
}

static inline int rl_replay_record(struct rl_replay_pass *x, uint64_t offset, uint64_t ts_ns,
                                   uint32_t n_bytes, uint16_t n_messages, uint8_t line)
{
    if (x->out) {
        if (x->n == x->max) {
            x->error->offset = offset;
            x->error->what = "more records than there is room for";
            return -ENOSPC;
        }
        x->out[x->n] = (struct rl_stream_rec){.offset = offset,
                                              .ts_ns = ts_ns,
                                              .n_bytes = n_bytes,
                                              .n_messages = n_messages,
                                              .line = line};
    }
    x->n++;
    return 0;
}

/* The readers: 0, -EBADMSG, -ENOSPC, or RL_REPLAY_ENOUGH. */
int rl_replay_read_itch(struct rl_replay_pass *x);
int rl_replay_read_dbn(struct rl_replay_pass *x);
int rl_replay_read_fix(struct rl_replay_pass *x);
int rl_replay_read_binance(struct rl_replay_pass *x);
int rl_replay_read_pcap(struct rl_replay_pass *x);
int rl_replay_read_pcapng(struct rl_replay_pass *x);

bool rl_replay_is_pcap(const uint8_t *bytes, uint64_t n_bytes);
bool rl_replay_is_pcapng(const uint8_t *bytes, uint64_t n_bytes);
bool rl_replay_is_binance(const uint8_t *bytes, uint64_t n_bytes);

/* --- packets ---------------------------------------------------------------------------------- */

/* A link type whose frames can be read: Ethernet, raw IP, Linux cooked, loopback. */
bool rl_frame_link_is_known(uint32_t link);

/*
 * One captured frame: finds its UDP payload, if it has one, and deals with it (rl_replay_packet).
 * Frames of other kinds are counted in the survey. 0, -EBADMSG, -ENOSPC or RL_REPLAY_ENOUGH.
 */
int rl_frame_read(struct rl_replay_pass *x, uint32_t link, uint64_t frame, uint32_t n_frame,
                  uint64_t ts_ns);

/* A UDP payload: votes, counts or records, as the pass wants; same results. */
int rl_replay_packet(struct rl_replay_pass *x, const struct rl_replay_line *to, uint64_t offset,
                     uint32_t n_bytes, uint64_t ts_ns);

/* By address, then port; IPv4 before IPv6. As memcmp. */
int rl_replay_line_compare(const struct rl_replay_line *a, const struct rl_replay_line *b);

#endif
