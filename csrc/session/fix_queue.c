/*
 * Messages that came before their turn. Places are by number, so that the next one is found at
 * once; bytes lie one behind the other, and the room is free again when the queue is empty, which
 * it is as soon as a gap is filled. What finds no room is dropped: the counterparty sends it again
 * when it is asked.
 */
#include "session/fix_inner.h"

static struct rl_fix_waiting *place_of(const struct rl_fix_session *s, uint64_t seq)
{
    return &s->inner->waiting[seq & (s->config.queue_messages - 1)];
}

void rl_fix_queue_clear(struct rl_fix_inner *in)
{
    in->n_waiting = 0;
    in->waiting_used = 0;
}

bool rl_fix_queue_has(const struct rl_fix_session *s, uint64_t seq)
{
    return s->inner->n_waiting > 0 && place_of(s, seq)->seq == seq && seq > 0;
}

bool rl_fix_queue_put(struct rl_fix_session *s, uint64_t seq, const uint8_t *bytes, uint32_t n)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_waiting *place = place_of(s, seq);

    if (in->n_waiting == 0) { /* places of an earlier gap are still there */
        memset(in->waiting, 0, s->config.queue_messages * sizeof *in->waiting);
        in->waiting_used = 0;
    }
    if (place->seq == seq)
        return true;
    if (place->seq != 0 || n > s->config.queue_bytes - in->waiting_used ||
        seq - s->store->next_in >= s->config.queue_messages) {
        s->counts.n_dropped++;
        return false;
    }
    *place = (struct rl_fix_waiting){seq, in->waiting_used, n};
    memcpy(in->waiting_bytes + in->waiting_used, bytes, n);
    in->waiting_used += n;
    in->n_waiting++;
    s->counts.n_queued++;
    return true;
}

struct rl_fix_view rl_fix_queue_take(struct rl_fix_session *s, uint64_t seq)
{
    struct rl_fix_waiting *place = place_of(s, seq);

    place->seq = 0;
    s->inner->n_waiting--;
    return (struct rl_fix_view){s->inner->waiting_bytes + place->at, place->n};
}

void rl_fix_queue_drop_below(struct rl_fix_session *s, uint64_t seq)
{
    struct rl_fix_inner *in = s->inner;

    for (uint32_t i = 0; in->n_waiting > 0 && i < s->config.queue_messages; i++)
        if (in->waiting[i].seq != 0 && in->waiting[i].seq < seq) {
            in->waiting[i].seq = 0;
            in->n_waiting--;
        }
}
