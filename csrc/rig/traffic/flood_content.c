#include "rig/traffic/flood_content.h"

bool rl_flood_traffic_is_good(const struct rl_flood_traffic *t)
{
    uint64_t longest = 0;

    if (t->n_bytes < sizeof(struct rl_probe_header) || t->n_bytes > RL_PROBE_MAX ||
        t->prefix.n_bytes > RL_PREFIX_MAX || t->n_frames >= RL_FLOOD_SEQ_END ||
        t->first_seq >= RL_FLOOD_SEQ_END - t->n_frames)
        return false;
    if (t->stream == NULL)
        return true;
    if (t->stream->n_recs == 0 || t->n_pack == 0 || t->n_pack > t->n_bytes)
        return false;
    for (uint64_t i = 0; i < t->stream->n_recs; i++) {
        const struct rl_stream_rec *rec = &t->stream->recs[i];

        if (rec->n_bytes > UINT16_MAX || rec->offset > t->stream->n_bytes ||
            rec->n_bytes > t->stream->n_bytes - rec->offset)
            return false;
        longest = rec->n_bytes > longest ? rec->n_bytes : longest;
    }
    return RL_PROBE_CONTENT_AT + t->n_pack * (RL_FLOOD_LENGTH + longest) <= t->n_bytes;
}

void rl_flood_write_live(const struct rl_flood_traffic *t, uint8_t *bytes)
{
    struct rl_probe_header h = {.magic = RL_PROBE_MAGIC, .flow = t->flow};

    rl_probe_write(bytes, &h);
    rl_probe_fill(bytes, t->n_bytes, &h, t->seed);
}

void rl_flood_write_records(const struct rl_flood_traffic *t, uint8_t *bytes,
                            const struct rl_probe_header *h, uint64_t record)
{
    uint64_t check = rl_probe_check(h, t->seed);

    memcpy(bytes + RL_PROBE_CHECK_AT, &check, 8);
    bytes += RL_PROBE_CONTENT_AT;
    for (uint32_t i = 0; i < t->n_pack; i++, record = rl_flood_next_record(t, record)) {
        const struct rl_stream_rec *rec = &t->stream->recs[record];

        rl_net16_put(bytes, (uint16_t)rec->n_bytes);
        memcpy(bytes + RL_FLOOD_LENGTH, t->stream->bytes + rec->offset, rec->n_bytes);
        bytes += RL_FLOOD_LENGTH + rec->n_bytes;
    }
}

bool rl_flood_records_are_whole(const struct rl_flood_traffic *t, const uint8_t *bytes,
                                const struct rl_probe_header *h, uint64_t record)
{
    uint64_t check = rl_probe_check(h, t->seed);

    if (memcmp(bytes + RL_PROBE_CHECK_AT, &check, 8) != 0)
        return false;
    bytes += RL_PROBE_CONTENT_AT;
    for (uint32_t i = 0; i < t->n_pack; i++, record = rl_flood_next_record(t, record)) {
        const struct rl_stream_rec *rec = &t->stream->recs[record];

        if (rl_net16(bytes) != rec->n_bytes ||
            memcmp(bytes + RL_FLOOD_LENGTH, t->stream->bytes + rec->offset, rec->n_bytes) != 0)
            return false;
        bytes += RL_FLOOD_LENGTH + rec->n_bytes;
    }
    return true;
}
