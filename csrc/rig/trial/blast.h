/*
 * blast - the open-loop sender: every frame at its due time, whatever became of the ones before.
 *
 * The schedule is fixed before the run; the sender never skips and never waits for answers. When it
 * is late, frames follow each other as fast as they can and their lateness shows; when the ring is
 * full, the frame is lost and counted, and its sequence numbers stay used: the receiver sees a gap.
 *
 * Threads:  the rig thread.
 * Memory:   frames are written in place into the port's memory; the stream and the schedule are
 * read. Cost:     a copy of the message, one clock read, one record of the lateness.
 */
#ifndef RL_RIG_BLAST_H
#define RL_RIG_BLAST_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/hist.h"
#include "net/port/port.h"
#include "rig/synth/stream.h"
#include "rig/trial/sent.h"

/* X(name, what it counts) */
#define RL_BLAST_COUNTERS(X)                                                              \
    X(frames_planned, "frames of the schedule")                                           \
    X(frames_sent, "frames sent")                                                         \
    X(frames_unsent, "frames lost at the sender: no room on the wire when they were due") \
    X(messages_sent, "messages in the frames sent")                                       \
    X(messages_unsent, "messages in the frames lost")                                     \
    X(bytes_sent, "bytes of the frames sent")

#define RL_BLAST_MEMBER(name, what) _Atomic uint64_t name;
struct rl_blast_counters {
    RL_BLAST_COUNTERS(RL_BLAST_MEMBER)
};
#undef RL_BLAST_MEMBER

/* due(i) = i / n_due * span_ns + due_ns[i % n_due], ns after the start; due_ns rises, all <
 * span_ns. */
struct rl_schedule {
    const uint64_t *due_ns;
    uint64_t n_due;
    uint64_t span_ns;
};

struct rl_blast {
    const struct rl_stream *stream;
    struct rl_schedule schedule;
    const struct rl_clock *clock;
    struct rl_port *port;
    struct rl_sent *sent;
    const uint64_t *record_seqs; /* RAW: the sequence of each record; else NULL */
    uint64_t n_frames;
    uint64_t n_warmup;
    uint64_t measured_end; /* frames from here on are not measured; set by init, may be lowered */
    uint32_t n_pack;       /* MOLD_WRAP: messages a frame */
    uint64_t n_next;       /* frames dealt with so far */
    uint64_t seq;          /* of the next message of our own numbering */
    uint64_t record;       /* the next record of the stream */
    uint64_t due;          /* index into due_ns of the next frame */
    uint64_t cycle_ns;     /* start of the schedule's current cycle */
    uint64_t start_tsc;
    uint64_t due_tsc;        /* of the next frame */
    struct rl_hist lateness; /* ns, actual - intended, of measured frames, sent or lost */
    RL_ALIGNED struct rl_blast_counters n; /* rig thread */
};

/*
 * Makes ready to send n_frames, the first n_warmup of them unmeasured. `lateness` must be
 * initialised. `record_seqs` gives the sequence of each record's message for a RAW stream (0: it
 * has none). A MOLD_WRAP stream travels `n_pack` messages a frame, all of them due with it, as a
 * venue packs what one event gave rise to; any other framing has 1.
 */
void rl_blast_init(struct rl_blast *b, const struct rl_stream *stream,
                   const struct rl_schedule *schedule, const struct rl_clock *clock,
                   struct rl_port *port, struct rl_sent *sent, const uint64_t *record_seqs,
                   uint64_t n_frames, uint64_t n_warmup, uint32_t n_pack, uint64_t first_seq);

/* Time 0 of the schedule. */
void rl_blast_start(struct rl_blast *b, uint64_t start_tsc);

/* Sends what is due at now_tsc or falls due meanwhile, at most `max` frames; how many it dealt
 * with. */
uint32_t rl_blast_turn(struct rl_blast *b, uint64_t now_tsc, uint32_t max);

static inline bool rl_blast_is_done(const struct rl_blast *b)
{
    return b->n_next == b->n_frames;
}

/* The longest frame that the stream may need. */
uint64_t rl_blast_frame_max(const struct rl_stream *stream, uint32_t n_pack);

extern const char *const rl_blast_counter_names[]; /* NULL ends it */

#endif
