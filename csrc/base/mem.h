/*
 * mem - memory that is there before the first message, and proof that nobody asked for more.
 *
 * An arena is one mapping, touched when it is opened, in huge pages and locked where the host
 * allows; `obtained` says what was granted, since a refusal must be a fact in the report and not an
 * error. Pieces are taken from it during set-up and freed together.
 *
 * The allocation trap counts the heap calls of the thread that armed it, and the bytes that it took
 * and did not give back (whole blocks, as the heap counts them). It sees the calls of code
 * linked with -Wl,--wrap (malloc, calloc, realloc, aligned_alloc, free), not those inside libc; the
 * page faults in rl_usage see those.
 *
 * Threads:  an arena belongs to its opener until it is handed over; trap and usage are per thread.
 * Cost:     a trapped call adds one thread-local load and test.
 */
#ifndef RL_BASE_MEM_H
#define RL_BASE_MEM_H

#include "base/defs.h"

/* Asked for by rl_arena_open's flags and, in `obtained`, granted. */
#define RL_ARENA_THP 1U     /* transparent huge pages: at least half of the mapping got them */
#define RL_ARENA_HUGETLB 2U /* reserved huge pages; falls back to plain ones */
#define RL_ARENA_LOCK 4U    /* mlock: never swapped or migrated lazily */
#define RL_ARENA_PREFAULT 8U
#define RL_ARENA_ALL \
    (RL_ARENA_THP | RL_ARENA_LOCK | RL_ARENA_PREFAULT) /* what an engine asks for */

struct rl_arena {
    uint8_t *base;
    size_t n_bytes;
    size_t n_used;
    uint32_t asked, obtained; /* RL_ARENA_* */
    void *map;                /* the mapping: base with room for alignment around it */
    size_t n_map_bytes;
};

/*
 * Zeroed memory of n_bytes, rounded up to whole pages. -EINVAL for 0 bytes, -ENOMEM. What the flags
 * ask for and the host refuses is missing from a->obtained and not an error.
 */
int rl_arena_open(struct rl_arena *a, size_t n_bytes, uint32_t flags);

/* Gives everything back; every piece taken dies with it. Closing twice is harmless. */
void rl_arena_close(struct rl_arena *a);

/* A zeroed piece aligned to `align` (a power of two; 0: a cache line); NULL when exhausted. */
void *rl_arena_take(struct rl_arena *a, size_t n_bytes, size_t align);

static inline size_t rl_arena_left(const struct rl_arena *a)
{
    return a->n_bytes - a->n_used;
}

/* The trap. Arming starts from zero; disarming keeps the count. */
void rl_trap_arm(void);
void rl_trap_disarm(void);
uint64_t rl_trap_count(void); /* heap calls of this thread while it was armed */
bool rl_trap_is_linked(void); /* false: linked without --wrap, a count of 0 proves nothing */

/* What the kernel, and the trap, charged to the calling thread so far. */
struct rl_usage {
    uint64_t minflt, majflt; /* page faults without and with I/O */
    uint64_t nvcsw, nivcsw;  /* voluntary and involuntary context switches */
    uint64_t n_allocs;       /* trapped heap calls */
    int64_t n_heap_bytes;    /* taken by them, less what they gave back; below 0: gave back more */
};

struct rl_usage rl_usage_now(void);
struct rl_usage rl_usage_diff(struct rl_usage before, struct rl_usage after);

#endif
