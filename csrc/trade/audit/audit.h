/*
 * audit - one record for every decision and every event, written on the way and made durable by
 * somebody else.
 *
 * The order thread claims its record before it decides and commits it before the bytes of an order
 * leave: an order without a record cannot exist. A full ring refuses the claim, and with it the
 * order; nothing is ever dropped. A claim asks for room beyond its own record, so that the answers
 * to orders already sent find a place.
 *
 * The records leave through a writer (writer.h), which numbers and chains them, writes them to
 * segments and says here how far they are durable, and whether it has failed.
 *
 * Threads:  one thread claims and commits; one other is the writer; any reads the words.
 * Memory:   64 bytes a slot, the caller's. The struct holds no pointer that readers of the words
 *           need, so those of another process may map it.
 * Cost:     a claim, the store of one line and a store-release; nothing is formatted or hashed: 3
 * ns a record in bursts of 20 (p99 of bursts 17), where non-temporal stores took 51, since the
 * ring's word lies in the same line; asking for lines ahead gained nothing (bench_audit, Zen 4
 * guest, gcc 12).
 *
 * Orders (tests/model/ shows that none may be weaker); those of the ring are in base/ring.h:
 *   D1  durable: what a reader of the word is told lies on the disk, lies there.
 *   D2  error: who sees that the writer failed, sees its last durable position.
 */
#ifndef RL_TRADE_AUDIT_AUDIT_H
#define RL_TRADE_AUDIT_AUDIT_H

#include "base/defs.h"
#include "base/ring.h"
#include "trade/audit/record.h"

_Static_assert(sizeof(struct rl_audit_record) == RL_RING_SLOT_BYTES, "one record, one slot");

/* What became of the writer; in `health`. */
enum rl_audit_health {
    RL_AUDIT_GOOD = 0,
    RL_AUDIT_FULL = 1,   /* no space for the next segment: records still find emergency space */
    RL_AUDIT_FAILED = 2, /* a write or a sync failed: nothing later will be durable */
};

/* Written by the writer alone, each a running figure; any thread reads them relaxed. */
struct rl_audit_words {
    RL_ALIGNED _Atomic uint64_t durable; /* D1: records of the ring that are on the disk */
    _Atomic uint64_t durable_number;     /* number of the last record that is on the disk */
    _Atomic uint32_t error;              /* D2: errno of what failed or is full, 0 */
    _Atomic uint32_t health;             /* enum rl_audit_health */
    _Atomic uint64_t n_written;          /* records written, durable or not */
    _Atomic uint64_t backlog;            /* records that the last step found waiting */
    _Atomic uint64_t max_backlog;
    _Atomic uint64_t stall_ns;     /* by how much, in all, steps came later than a commit is due */
    _Atomic uint64_t max_stall_ns; /* the latest of them */
    _Atomic uint64_t n_stalls;     /* those that were worth a record */
    _Atomic uint64_t n_commits;    /* fdatasync calls */
    _Atomic uint64_t max_commit_ns;
    _Atomic uint64_t n_blocks;
    _Atomic uint64_t n_segments;
    _Atomic uint64_t segment; /* number of the segment being written */
};

struct rl_audit {
    struct rl_ring ring;
    struct rl_audit_words words;
};

/*
 * `slots` is aligned to a cache line and holds n_slots * 64 bytes. -EINVAL unless n_slots is a
 * power of two. Choose them by the longest stall of the disk that orders shall survive: 65,536 are
 * 4 MiB and last 65 ms at a million records a second.
 */
int rl_audit_init(struct rl_audit *a, void *slots, uint64_t n_slots);

/* The sentence of a kind of record; "unknown kind" for a number that is none. */
const char *rl_audit_kind_text(uint32_t kind);

/* Its name, as in RL_AUDIT_KINDS; NULL for a number that is none. */
const char *rl_audit_kind_name(uint32_t kind);

/*
 * Order thread: the next record to fill (all but number and crc), or NULL unless it and n_more
 * after it have room. Claiming again before the commit gives the same record. It holds what an
 * older record left: every member is the caller's to set.
 */
static inline struct rl_audit_record *rl_audit_claim(struct rl_audit *a, uint64_t n_more)
{
    struct rl_ring *r = &a->ring;

    /* The stale view of the writer's progress first: reading it anew moves a cache line. */
    if (RL_UNLIKELY(r->limit - r->tail <= n_more) && rl_ring_n_free(r) <= n_more)
        return NULL;
    return (struct rl_audit_record *)rl_ring_claim(r);
}

/* Order thread: the claimed record is the writer's from here on. */
static inline void rl_audit_commit(struct rl_audit *a)
{
    rl_ring_commit(&a->ring);
}

/* Order thread: how many records it has committed; the position to wait for with rl_audit_durable.
 */
static inline uint64_t rl_audit_position(const struct rl_audit *a)
{
    return a->ring.tail;
}

/* Order thread: records that the writer has not taken; exact to the ring's stride. */
static inline uint64_t rl_audit_backlog(const struct rl_audit *a)
{
    return a->ring.tail - atomic_load_explicit(&a->ring.head_published, memory_order_relaxed);
}

/* Any thread: so many records of the ring, from its first, are on the disk. */
static inline uint64_t rl_audit_durable(const struct rl_audit *a)
{
    /* D1: pairs with the release in rl_audit_tell_durable - these records are on the disk. */
    return atomic_load_explicit(&a->words.durable, memory_order_acquire);
}

/*
 * Any thread: 0, or the errno that ended or threatens the log. Whoever sees it trips the switch:
 * the writer has called its `on_trouble`, this word is for those who poll.
 */
static inline uint32_t rl_audit_error(const struct rl_audit *a)
{
    /* D2: pairs with the release in rl_audit_tell_error - `durable` is final when it failed. */
    return atomic_load_explicit(&a->words.error, memory_order_acquire);
}

/* Writer: records up to this position, whose last has this number, are on the disk. */
static inline void rl_audit_tell_durable(struct rl_audit *a, uint64_t position, uint64_t number)
{
    atomic_store_explicit(&a->words.durable_number, number, memory_order_relaxed);
    /* D1: pairs with the acquire in rl_audit_durable - the disk has them. */
    atomic_store_explicit(&a->words.durable, position, memory_order_release);
}

/* Writer: what is wrong; 0 when there is space again. */
static inline void rl_audit_tell_error(struct rl_audit *a, enum rl_audit_health health, int error)
{
    atomic_store_explicit(&a->words.health, (uint32_t)health, memory_order_relaxed);
    /* D2: pairs with the acquire in rl_audit_error - what was said of `durable` came before. */
    atomic_store_explicit(&a->words.error, (uint32_t)error, memory_order_release);
}

#endif
