/*
 * flood_content - what a flood's frames hold when their content comes from a stream, for the one
 * who writes them and the one who compares.
 *
 * Threads:  functions of their arguments.
 */
#ifndef RL_RIG_FLOOD_CONTENT_H
#define RL_RIG_FLOOD_CONTENT_H

#include "rig/traffic/flood_send.h"

#define RL_FLOOD_LENGTH 2 /* bytes before each record, big endian */

/* False for sizes that make no sense, and for a stream of which some frame could be too long. */
bool rl_flood_traffic_is_good(const struct rl_flood_traffic *t);

/* The first record of the frame with this number of all frames, counted from 0. */
static inline uint64_t rl_flood_record_of(const struct rl_flood_traffic *t, uint64_t frame)
{
    return frame % t->stream->n_recs * t->n_pack % t->stream->n_recs;
}

/* The first record of the next frame. */
static inline uint64_t rl_flood_record_after(const struct rl_flood_traffic *t, uint64_t record)
{
    record += t->n_pack;
    while (record >= t->stream->n_recs)
        record -= t->stream->n_recs;
    return record;
}

static inline uint64_t rl_flood_next_record(const struct rl_flood_traffic *t, uint64_t record)
{
    return record + 1 == t->stream->n_recs ? 0 : record + 1;
}

/* How long the datagram is whose records begin with `record`. */
static inline uint32_t rl_flood_frame_bytes(const struct rl_flood_traffic *t, uint64_t record)
{
    uint32_t n = RL_PROBE_CONTENT_AT;

    if (t->stream == NULL)
        return t->n_bytes;
    for (uint32_t i = 0; i < t->n_pack; i++, record = rl_flood_next_record(t, record))
        n += RL_FLOOD_LENGTH + t->stream->recs[record].n_bytes;
    return n;
}

/* The datagram that the kernel is given for live frames: what its program writes is 0. */
void rl_flood_write_live(const struct rl_flood_traffic *t, uint8_t *bytes);

/* Check word and records behind the header *h, which is written. */
void rl_flood_write_records(const struct rl_flood_traffic *t, uint8_t *bytes,
                            const struct rl_probe_header *h, uint64_t record);
/* Whether they are what rl_flood_write_records writes; n_bytes is the length of such a frame. */
bool rl_flood_records_are_whole(const struct rl_flood_traffic *t, const uint8_t *bytes,
                                const struct rl_probe_header *h, uint64_t record);

#endif
