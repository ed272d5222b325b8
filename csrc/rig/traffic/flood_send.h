/*
 * flood_send - the open-loop sender: numbered frames by a schedule, or as fast as they go.
 *
 * By a schedule a frame that finds no room when it is due is unsent and counted, and its number
 * stays used: the receiver sees a gap. As fast as possible the sender waits for room, and a frame's
 * intended time is the time it was sent.
 *
 * Threads:  one turns it; any may read the counters.
 * Memory:   frames are written in place into the port's memory; stream and schedule are read.
 * Cost:     the frame's bytes, a clock read, one record of the lateness.
 */
#ifndef RL_RIG_FLOOD_SEND_H
#define RL_RIG_FLOOD_SEND_H

#include "base/counter.h"
#include "base/hist.h"
#include "rig/synth/stream.h"
#include "rig/traffic/probe_header.h"
#include "rig/traffic/run.h"
#include "rig/trial/blast.h" /* struct rl_schedule */

/* X(name, what it counts). planned = sent + unsent + whatever a stop left over. */
#define RL_FLOOD_SEND_COUNTERS(X)                                              \
    X(frames_planned, "frames of the schedule")                                \
    X(frames_sent, "frames handed to the port")                                \
    X(frames_unsent, "frames for which there was no room when due")            \
    X(bytes_sent, "bytes of the frames sent, without the headers before them") \
    X(messages_sent, "messages of the stream in the frames sent")              \
    X(flushes, "times that the port was flushed")                              \
    X(waits, "turns without room, as fast as possible")

#define RL_FLOOD_SEND_MEMBER(name, what) _Atomic uint64_t name;
struct rl_flood_send_counters {
    RL_FLOOD_SEND_COUNTERS(RL_FLOOD_SEND_MEMBER)
};
#undef RL_FLOOD_SEND_MEMBER

#define RL_FLOOD_BATCH 64 /* the default of n_batch */

#define RL_FLOOD_SEQ_END (UINT64_C(1) << 62) /* numbers stay below */

/* What both ends must agree on. */
struct rl_flood_traffic {
    uint64_t n_frames;
    uint64_t first_seq;
    uint32_t n_bytes; /* of a datagram, our header included: 32 .. RL_PROBE_MAX */
    uint32_t flow;
    uint64_t seed; /* of the content */
    /*
     * NULL, or the content comes from here: n_pack records a frame one behind the other, each
     * behind its length (2 bytes, big endian), from the first again behind the last. A frame is
     * then as long as its records; n_bytes is the most it may have, and holds every frame.
     */
    const struct rl_stream *stream;
    uint32_t n_pack;
    struct rl_prefix prefix;
};

struct rl_flood_send_config {
    struct rl_schedule schedule; /* n_due 0: as fast as possible */
    uint32_t n_batch;            /* flush after so many frames, when late; 0: RL_FLOOD_BATCH */
};

struct rl_flood_sender {
    struct rl_flood_traffic traffic;
    struct rl_flood_send_config config;
    struct rl_port *port;
    const struct rl_clock *clock;
    struct rl_hist lateness; /* ns, sent - intended, of frames sent or unsent */
    uint64_t n_next;         /* frames dealt with so far */
    uint64_t record;         /* the next record of the stream */
    uint64_t due;            /* index into due_ns */
    uint64_t cycle_ns;
    uint64_t start_tsc, due_tsc;
    uint64_t first_sent_tsc, last_sent_tsc;
    RL_ALIGNED struct rl_flood_send_counters n;
};

/* 0, -EINVAL for what makes no sense or does not fit the port, or -ENOMEM. */
int rl_flood_sender_init(struct rl_flood_sender *s, const struct rl_flood_traffic *traffic,
                         const struct rl_flood_send_config *config, struct rl_port *port,
                         const struct rl_clock *clock, struct rl_arena *arena);
/* What it takes from the arena. */
size_t rl_flood_sender_bytes(void);

/* Time 0 of the schedule. */
void rl_flood_sender_start(struct rl_flood_sender *s, uint64_t start_tsc);
/* Sends what is due, at most n_batch frames, and flushes; how many it dealt with. */
uint32_t rl_flood_sender_turn(struct rl_flood_sender *s);

static inline bool rl_flood_sender_is_done(const struct rl_flood_sender *s)
{
    return s->n_next == s->traffic.n_frames;
}

extern const char *const rl_flood_send_counter_names[]; /* NULL ends it */

#endif
