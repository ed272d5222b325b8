/* Who brought a packet first, how much later the others do, and who has gone silent. */
#include <math.h>
#include <string.h>

#include "market/feed/lines_inner.h"

/* Something of the content, to tell two packets of one number apart: the last eight bytes. */
static uint64_t sample_of(const struct rl_delivery *a)
{
    uint64_t sample = 0;
    uint32_t n = a->n_bytes < sizeof sample ? a->n_bytes : (uint32_t)sizeof sample;

    memcpy(&sample, a->bytes + a->n_bytes - n, n);
    return sample;
}

bool rl_lines_note(struct rl_lines *l, const struct rl_delivery *a)
{
    uint64_t hash = a->head.next * 0x9E3779B97F4A7C15ULL >> 32;
    struct rl_recent *r = &l->recent[hash & (RL_LINES_RECENT - 1)];
    struct rl_line_counters *n = &l->line[a->line];
    uint8_t bit = (uint8_t)(1u << a->line);

    if (a->line == RL_LINE_RECOVERY)
        return false; /* answers are cut otherwise than the stream */
    if (r->next != a->head.next || r->epoch != l->epoch) {
        *r = (struct rl_recent){.next = a->head.next,
                                .at_ns = l->now_ns,
                                .sample = sample_of(a),
                                .epoch = l->epoch,
                                .n_bytes = a->n_bytes,
                                .seen = bit};
        return false;
    }
    n->conflicts += r->n_bytes != a->n_bytes || r->sample != sample_of(a);
    if (r->seen & bit) {
        n->repeats++;
        return true;
    }
    r->seen |= bit;
    n->duplicates++;
    rl_hist_record(&l->lag[a->line], l->now_ns - r->at_ns);
    return true;
}

uint64_t rl_lines_gap_wait_ns(const struct rl_lines *l)
{
    const struct rl_lines_config *c = &l->config;
    uint64_t wait = 0;

    for (uint32_t i = 0; i < c->n_lines; i++) {
        uint64_t lag = rl_hist_percentile(&l->lag[i], 99.9);

        wait = lag > wait ? lag : wait;
    }
    wait *= c->gap_skews;
    wait = wait > c->gap_floor_ns ? wait : c->gap_floor_ns;
    return wait < c->gap_ceiling_ns ? wait : c->gap_ceiling_ns;
}

/* The value of rank 1 .. n: half a rank less, so that rounding cannot make it the next one. */
static int64_t value_of_rank(const struct rl_hist *h, uint64_t rank)
{
    return (int64_t)rl_hist_percentile(h, 100 * ((double)rank - 0.5) / (double)h->n_total);
}

int64_t rl_lines_skew_ns(const struct rl_lines *l, uint32_t a, uint32_t b, double pct)
{
    const struct rl_hist *earlier, *later;
    uint64_t n, rank;

    if (a >= l->config.n_lines || b >= l->config.n_lines)
        return 0;
    earlier = &l->lag[b]; /* a was first: the difference is negative */
    later = &l->lag[a];
    n = earlier->n_total + later->n_total;
    if (n == 0)
        return 0;
    pct = pct < 0 ? 0 : pct > 100 ? 100 : pct;
    rank = (uint64_t)ceil(pct / 100 * (double)n);
    rank = rank < 1 ? 1 : rank > n ? n : rank;
    if (rank <= earlier->n_total)
        return -value_of_rank(earlier, earlier->n_total - rank + 1);
    return value_of_rank(later, rank - earlier->n_total);
}

uint64_t rl_lines_silent_ns(const struct rl_lines *l, uint32_t line, uint64_t now_ns)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i <= RL_LINE_RECOVERY; i++) {
        if (!l->was_heard[i] || (line != i && line != RL_LINE_ANY))
            continue;
        if (now_ns <= l->heard_ns[i])
            return 0;
        if (now_ns - l->heard_ns[i] < least)
            least = now_ns - l->heard_ns[i];
    }
    return least;
}
