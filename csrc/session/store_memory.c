#include <errno.h>
#include <string.h>

#include "session/store.h"

static struct rl_memory_store *memory_of(struct rl_session_store *s)
{
    return (struct rl_memory_store *)s;
}

static int put(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_memory_store *m = memory_of(s);
    struct rl_memory_slot *slot = &m->slots[seq & (m->n_messages - 1)];
    uint64_t at = m->head & (m->n_bytes - 1);

    if (n_bytes > m->n_bytes)
        return -EMSGSIZE;
    if (at + n_bytes > m->n_bytes) { /* a message lies in one piece */
        m->head += m->n_bytes - at;
        at = 0;
    }
    memcpy(m->bytes + at, bytes, n_bytes);
    *slot = (struct rl_memory_slot){.seq = seq, .at = m->head, .n = n_bytes};
    m->head += n_bytes;
    s->next_out = seq + 1;
    return 0;
}

static const uint8_t *get(struct rl_session_store *s, uint64_t seq, uint32_t *n_bytes)
{
    struct rl_memory_store *m = memory_of(s);
    const struct rl_memory_slot *slot = &m->slots[seq & (m->n_messages - 1)];

    if (seq == 0 || slot->seq != seq || m->head - slot->at > m->n_bytes)
        return NULL;
    *n_bytes = slot->n;
    return m->bytes + (slot->at & (m->n_bytes - 1));
}

static int set_next(struct rl_session_store *s, uint64_t next_out, uint64_t next_in)
{
    s->next_out = next_out;
    s->next_in = next_in;
    return 0;
}

static int reset(struct rl_session_store *s, uint64_t now_utc_ns)
{
    struct rl_memory_store *m = memory_of(s);

    memset(m->slots, 0, m->n_messages * sizeof *m->slots);
    m->head = 0;
    s->next_out = s->next_in = 1;
    s->created_utc_ns = now_utc_ns;
    return 0;
}

static const struct rl_session_store_ops memory_ops = {"memory", put, get, set_next, reset};

size_t rl_memory_store_bytes(uint64_t n_bytes, uint64_t n_messages)
{
    return n_bytes + n_messages * sizeof(struct rl_memory_slot) + 2 * RL_CACHE_LINE;
}

int rl_memory_store_init(struct rl_memory_store *m, struct rl_arena *arena, uint64_t n_bytes,
                         uint64_t n_messages, uint64_t now_utc_ns)
{
    if (n_bytes == 0 || n_messages == 0 || n_bytes & (n_bytes - 1) || n_messages & (n_messages - 1))
        return -EINVAL;
    *m = (struct rl_memory_store){
        .store.ops = &memory_ops, .n_bytes = n_bytes, .n_messages = n_messages};
    m->bytes = rl_arena_take(arena, n_bytes, RL_CACHE_LINE);
    m->slots = rl_arena_take(arena, n_messages * sizeof *m->slots, RL_CACHE_LINE);
    if (!m->bytes || !m->slots)
        return -ENOMEM;
    return reset(&m->store, now_utc_ns);
}
