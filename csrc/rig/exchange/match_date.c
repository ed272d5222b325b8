/* Orders with a date, in a heap: the earliest first, of equal dates the one accepted first. */
#include "rig/exchange/match_inner.h"

static bool is_before(const struct rl_match *m, uint32_t a, uint32_t b)
{
    const struct rl_match_extra *x = &m->extras[a], *y = &m->extras[b];

    return x->expire_ns != y->expire_ns ? x->expire_ns < y->expire_ns : x->born < y->born;
}

static void set(struct rl_match *m, uint32_t at, uint32_t n)
{
    m->heap[at] = n;
    m->extras[n].heap_at = at;
}

/* Puts n where it belongs, from `at` on, which is free. */
static void sift(struct rl_match *m, uint32_t at, uint32_t n)
{
    while (at > 0 && is_before(m, n, m->heap[(at - 1) / 2])) {
        set(m, at, m->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < m->n_heap && is_before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (child >= m->n_heap || !is_before(m, m->heap[child], n))
            break;
        set(m, at, m->heap[child]);
        at = child;
    }
    set(m, at, n);
    m->next_expiry_ns = m->extras[m->heap[0]].expire_ns;
}

void rl_match_date_put(struct rl_match *m, uint32_t n)
{
    sift(m, m->n_heap++, n);
}

void rl_match_date_drop(struct rl_match *m, uint32_t n)
{
    uint32_t at = m->extras[n].heap_at, last = m->heap[--m->n_heap];

    if (m->n_heap == 0)
        m->next_expiry_ns = UINT64_MAX;
    else if (last != n)
        sift(m, at, last);
    else
        m->next_expiry_ns = m->extras[m->heap[0]].expire_ns;
}

RL_MATCH_RARE void rl_match_expire(struct rl_match *m)
{
    while (m->next_expiry_ns <= m->now_ns && m->n_heap > 0) {
        uint32_t n = m->heap[0], instrument = rl_match_node(m, n)->instrument;

        rl_match_end(m, n, RL_MATCH_EVENT_EXPIRED, RL_MATCH_REASON_DATE_REACHED);
        rl_match_settle(m, instrument);
    }
}
