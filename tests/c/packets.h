/*
 * packets - the packets of a capture with their lines and times, and faults seeded into them.
 */
#ifndef RL_TESTS_PACKETS_H
#define RL_TESTS_PACKETS_H

#include "base/mem.h"
#include "capture.h"
#include "market/feed/lines.h"
#include "market/replay/replay.h"

/* One packet on its way: where it lies, when it comes, on which line. */
struct packet {
    const uint8_t *bytes;
    uint64_t at_ns;
    uint32_t n_bytes;
    uint8_t line;
    uint64_t order; /* among packets of one moment */
};

struct packets {
    struct packet *all;
    uint64_t n;
    struct capture file;
};

static inline int packet_by_time(const void *a, const void *b)
{
    const struct packet *x = a, *y = b;

    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static inline void packets_sort(struct packets *p)
{
    for (uint64_t i = 0; i < p->n; i++)
        p->all[i].order = i;
    qsort(p->all, p->n, sizeof p->all[0], packet_by_time);
}

/* All UDP payloads of a capture in the order of their stamps. */
static inline struct packets packets_read(const char *name, enum rl_source source)
{
    struct packets p = {.file = capture_read(name)};
    struct rl_replay_error error;
    struct rl_stream_rec *recs;

    CHECK_EQ(rl_replay_index(source, p.file.bytes, p.file.n_bytes, NULL, 0, &p.n, &error), 0);
    recs = calloc(p.n, sizeof *recs);
    p.all = calloc(p.n, sizeof *p.all);
    CHECK(recs && p.all);
    CHECK_EQ(rl_replay_index(source, p.file.bytes, p.file.n_bytes, recs, p.n, &p.n, &error), 0);
    for (uint64_t i = 0; i < p.n; i++)
        p.all[i] = (struct packet){.bytes = p.file.bytes + recs[i].offset,
                                   .at_ns = recs[i].ts_ns,
                                   .n_bytes = recs[i].n_bytes,
                                   .line = recs[i].line};
    free(recs);
    packets_sort(&p);
    return p;
}

static inline void packets_free(struct packets *p)
{
    free(p->all);
    free(p->file.bytes);
}

/* An order-dependent hash of what was delivered. */
static inline uint64_t fold_bytes(uint64_t hash, const uint8_t *bytes, uint32_t n_bytes)
{
    hash = (hash ^ n_bytes) * 0x9E3779B97F4A7C15ULL;
    for (uint32_t i = 0; i < n_bytes; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3ULL;
    return hash ^ hash >> 29;
}

/* Lines over an arena of their own. */
struct rig {
    struct rl_arena arena;
    struct rl_lines *lines;
};

static inline struct rig rig_open(const struct rl_lines_config *config)
{
    struct rig rig;

    CHECK(rl_lines_bytes(config) > 0);
    CHECK_EQ(rl_arena_open(&rig.arena, rl_lines_bytes(config) + sizeof *rig.lines + 128, 0), 0);
    rig.lines = rl_arena_take(&rig.arena, sizeof *rig.lines, 0);
    CHECK_EQ(rl_lines_init(rig.lines, &rig.arena, config), 0);
    return rig;
}

static inline void rig_close(struct rig *rig)
{
    rl_arena_close(&rig->arena);
}

/* Every gap has exactly one end, or is still open. */
static inline void check_gaps_add_up(const struct rl_lines *l)
{
    CHECK_EQ(l->n.gaps, l->n.recovered_other + l->n.recovered_late + l->n.recovered_request +
                            l->n.recovered_snapshot + l->n.gaps_lost + l->has_gap);
}

#endif
