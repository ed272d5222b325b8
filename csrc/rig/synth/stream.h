/*
 * stream - what the rig sends: bytes, where each record lies in them, and how to put one on the
 * wire.
 *
 * Threads:  a stream is never changed once built, so any thread may read it; the sender stamps its
 * own copy of a message. Memory:   all of it is the caller's: a mapped capture, or buffers that the
 * generator filled. Cost:     rl_stream_stamp_fix is about twenty byte stores.
 *
 * A stream may be sent for hours: after the last record the sender goes on with `loop_from`. A
 * capture has loop_from == n_recs, which means once; a synthetic stream starts with a snapshot of
 * the books, and its body ends with the very orders with which it began (see rig/synth/synth.h).
 */
#ifndef RL_RIG_STREAM_H
#define RL_RIG_STREAM_H

#include "base/defs.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

/* X(name, text) */
#define RL_FRAMINGS(X)                                                                    \
    X(MOLD_WRAP,                                                                          \
      "mold-wrap")  /* a record is a message: wrap it in a MoldUDP64 packet, number it */ \
    X(MOLD, "mold") /* a record is a captured MoldUDP64 packet: send it as it is */       \
    X(FIX_STAMP,                                                                          \
      "fix-stamp") /* a record is a FIX message laid out as below: number it in place */  \
    X(RAW, "raw")  /* a record is a message: send it as it is */

enum rl_framing {
#define RL_FRAMING_ENUM(name, text) RL_FRAMING_##name,
    RL_FRAMINGS(RL_FRAMING_ENUM)
#undef RL_FRAMING_ENUM
        RL_N_FRAMINGS
};

struct rl_stream {
    const uint8_t *bytes;
    uint64_t n_bytes;
    const struct rl_stream_rec *recs;
    uint64_t n_recs;
    uint64_t loop_from; /* the record that follows the last one; n_recs: none does */
    enum rl_framing framing;
    enum rl_feed_kind feed;
};

/*
 * A FIX_STAMP message begins "8=FIX.4.4|9=nnn|35=X|34=ssssssssss|" and ends "10=ccc|" (| is SOH):
 * the body length has three digits in every message, so the ten digits of MsgSeqNum always lie
 * here.
 */
#define RL_FIX_STAMP_SEQ_AT 24
#define RL_FIX_STAMP_SEQ_DIGITS 10
/* From the end of the message to the first digit of CheckSum. */
#define RL_FIX_STAMP_SUM_FROM_END 4

/*
 * Writes the sequence number (modulo 10^10) into a FIX_STAMP message and corrects the checksum by
 * the difference of the digits: the message stays valid and keeps its length.
 */
static inline void rl_stream_stamp_fix(uint8_t *message, uint32_t n_bytes, uint64_t seq)
{
    uint8_t *digits = message + RL_FIX_STAMP_SEQ_AT;
    uint8_t *sum = message + n_bytes - RL_FIX_STAMP_SUM_FROM_END;
    uint32_t total =
        (uint32_t)(sum[0] - '0') * 100 + (uint32_t)(sum[1] - '0') * 10 + (sum[2] - '0');

    for (int i = RL_FIX_STAMP_SEQ_DIGITS - 1; i >= 0; i--) {
        uint8_t digit = (uint8_t)('0' + seq % 10);

        total += 256U + digit - digits[i]; /* 256 is 0 here: it keeps the difference positive */
        digits[i] = digit;
        seq /= 10;
    }
    total %= 256;
    sum[0] = (uint8_t)('0' + total / 100);
    sum[1] = (uint8_t)('0' + total / 10 % 10);
    sum[2] = (uint8_t)('0' + total % 10);
}

#endif
