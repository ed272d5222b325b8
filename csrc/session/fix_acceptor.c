#include <errno.h>
#include <string.h>

#include "session/fix_acceptor.h"

struct name {
    const uint8_t *p;
    size_t n;
};

static struct name name_of(const char *text)
{
    return (struct name){(const uint8_t *)text, strlen(text)};
}

static uint64_t hash_of(struct name begin, struct name us, struct name them)
{
    const struct name names[] = {begin, us, them};
    uint64_t h = 0;

    for (uint32_t i = 0; i < RL_COUNT(names); i++) {
        for (size_t k = 0; k < names[i].n; k++)
            h = (h ^ names[i].p[k]) * 0x100000001B3ULL;
        h = (h ^ 0xFF) * 0x100000001B3ULL;
    }
    return h ^ h >> 32;
}

static bool is_same(struct name a, const char *b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): names of a slot are set as one */
    return a.n == strlen(b) && memcmp(a.p, b, a.n) == 0;
}

/* The slot of that session, or the free one where it would be. */
static struct rl_fix_session **slot_of(const struct rl_fix_acceptor *a, struct name begin,
                                       struct name us, struct name them)
{
    uint32_t i = (uint32_t)hash_of(begin, us, them) & (a->n_slots - 1);

    for (;; i = (i + 1) & (a->n_slots - 1)) {
        const struct rl_fix_session *s = a->slots[i];

        if (!s || (is_same(begin, s->config.begin_string) && is_same(us, s->config.sender) &&
                   is_same(them, s->config.target)))
            return &a->slots[i];
    }
}

/* Twice as many as there may be sessions: a walk ends soon, and always. */
static uint32_t slots_for(uint32_t n_max)
{
    uint32_t n = 2;

    while (n < 2 * (uint64_t)n_max && n < 1u << 30)
        n *= 2;
    return n;
}

size_t rl_fix_acceptor_bytes(uint32_t n_max)
{
    return slots_for(n_max) * sizeof(struct rl_fix_session *) + RL_CACHE_LINE;
}

int rl_fix_acceptor_init(struct rl_fix_acceptor *a, struct rl_arena *arena, uint32_t n_max)
{
    if (n_max == 0 || n_max > 1u << 28)
        return -EINVAL;
    *a = (struct rl_fix_acceptor){.n_slots = slots_for(n_max), .n_max = n_max};
    a->slots = rl_arena_take(arena, a->n_slots * sizeof *a->slots, 0);
    return a->slots ? 0 : -ENOMEM;
}

int rl_fix_acceptor_add(struct rl_fix_acceptor *a, struct rl_fix_session *s)
{
    struct rl_fix_session **slot;

    if (s->config.is_initiator)
        return -EINVAL;
    slot = slot_of(a, name_of(s->config.begin_string), name_of(s->config.sender),
                   name_of(s->config.target));
    if (*slot)
        return -EEXIST;
    if (a->n_sessions == a->n_max)
        return -ENOSPC;
    *slot = s;
    a->n_sessions++;
    return 0;
}

static struct name field_of(const struct rl_fix_msg *m, uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 0);

    return f ? (struct name){m->bytes + f->off, f->len} : (struct name){0};
}

static enum rl_fix_cause look(struct rl_fix_acceptor *a, const uint8_t *bytes, uint32_t n_bytes,
                              struct rl_fix_session **session)
{
    struct rl_fix_field fields[64];
    struct rl_fix_msg m;
    struct name us, them;

    rl_fix_init(&m, fields, RL_COUNT(fields));
    /* One with a field that is none, or with too many, is for its session to refuse. */
    if (rl_fix_parse(&m, bytes, n_bytes) == RL_FIX_GARBLED)
        return RL_FIX_BYE_BAD_LOGON;
    if (m.type != RL_FIX_TYPE1('A'))
        return RL_FIX_BYE_NO_LOGON;
    us = field_of(&m, RL_FIX_TargetCompID);
    them = field_of(&m, RL_FIX_SenderCompID);
    if (!us.p || !them.p)
        return RL_FIX_BYE_BAD_LOGON;
    *session = *slot_of(a, field_of(&m, RL_FIX_BeginString), us, them);
    if (!*session)
        return RL_FIX_BYE_UNKNOWN;
    return (*session)->state == RL_FIX_AWAY ? RL_FIX_BYE_NONE : RL_FIX_BYE_TWICE;
}

enum rl_fix_cause rl_fix_admit(struct rl_fix_acceptor *a, const uint8_t *bytes, uint32_t n_bytes,
                               struct rl_fix_session **session)
{
    enum rl_fix_cause cause;

    *session = NULL;
    cause = look(a, bytes, n_bytes, session);
    if (cause != RL_FIX_BYE_NONE) {
        *session = NULL;
        a->n_refused++;
    } else {
        a->n_admitted++;
    }
    return cause;
}
