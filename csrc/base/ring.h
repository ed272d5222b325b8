/*
 * ring - bounded single-producer single-consumer queue of 64-byte slots; a record moves one line.
 *
 * Threads:  one thread claims and commits, one other thread peeks and releases.
 * Memory:   the caller owns the slots (n_slots * 64 bytes, aligned to 64); nothing is allocated.
 * Cost:     a record is one store-release on the line it lives on. The consumer's index is read
 *           by the producer once per lap quarter, not once per record.
 *
 * Each slot begins with its own sequence number, which the producer stores last: the consumer
 * learns of a record from the very line that carries it, so a hand-over costs one line transfer
 * and not two.
 *
 * It is fast because neither side touches a line too early (bench_ring, two cores of one L3):
 *   - The consumer's next address is computed from the sequence it just loaded, not from a
 *     counter. A counter lets the core run ahead into slots that are not written yet, and each
 *     such load tears a line from the producer about to fill it: 7 ns a record instead of 2.3.
 *   - A poll that finds nothing is followed by a load fence, so that one poll is in flight and
 *     not thirty: round trip 96 ns instead of 140, where one line there and back takes 93.
 *   - A producer that fills the ring asks for its lines RL_RING_AHEAD slots early, as far as it
 *     knows them to be free: 2.3 ns a record instead of 4.0 at 1,024 slots.
 *
 * Two orders make it correct (tests/model/ shows that neither may be weaker):
 *   R1  commit stores the sequence with release, peek loads it with acquire: the payload is
 *       visible before the sequence is.
 *   R2  publish stores the head with release, claim loads it with acquire: the consumer has
 *       finished reading a slot before the producer writes it again.
 *
 * The consumer publishes its head every `stride` records and whenever it finds the ring empty. A
 * consumer that stops polling may therefore hide up to stride - 1 free slots from the producer;
 * one that waits for the producer without polling must call rl_ring_publish first. With up to 7
 * slots the stride is 1 and nothing is ever hidden.
 */
#ifndef RL_BASE_RING_H
#define RL_BASE_RING_H

#include <stdatomic.h>

#include "base/defs.h"

#define RL_RING_SLOT_BYTES 64
#define RL_RING_PAYLOAD_BYTES 56
/* Fields of the two threads lie this far apart: the prefetcher of the L2 fetches lines in pairs. */
#define RL_RING_APART 128
/* How many slots ahead a producer that fills the ring asks for lines; see rl_ring_n_free. */
#define RL_RING_AHEAD 16

/* What a claimed or peeked slot points to; records overlay it and keep their first 8 bytes free. */
struct rl_ring_slot {
    RL_ALIGNED _Atomic uint64_t sequence; /* the ring's: position + 1 once committed */
    uint8_t payload[RL_RING_PAYLOAD_BYTES];
};

struct rl_ring {
    /* The producer's line. */
    _Alignas(RL_RING_APART) uint64_t tail; /* position of the next record */
    uint64_t limit;       /* the tail may come this far before the head is read again */
    uint64_t ahead_until; /* below it claims also ask for a later line */
    struct rl_ring_slot *slots;
    uint64_t mask;

    /* The consumer's line. */
    _Alignas(RL_RING_APART) uint64_t head; /* position of the next record to read */
    uint64_t head_due;                     /* publish when the head arrives here */
    uint64_t stride;
    struct rl_ring_slot *slots_seen; /* copies: reading them must not touch the producer's line */
    uint64_t mask_seen;
    /*
     * Sequence of the peeked slot, which is the head after its release. Not beside `head`:
     * compilers would join the two stores into a vector, whose detour doubled the cost of a record.
     */
    uint64_t head_after;

    /* Written by the consumer, read by the producer. */
    _Alignas(RL_RING_APART) _Atomic uint64_t head_published;
};

/*
 * Returns 0; -EINVAL when `slots` is not aligned to 64 bytes or n_slots is not a power of two in
 * 1..2^32. Clears every slot's sequence, and so also touches every page.
 */
int rl_ring_init(struct rl_ring *r, void *slots, uint64_t n_slots);

static inline uint64_t rl_ring_n_slots(const struct rl_ring *r)
{
    return r->mask + 1;
}

/* Asks for a line in a writable state; `__builtin_prefetch(p, 1)` does so only under -mprfchw. */
static inline void rl_prefetch_write(const void *line)
{
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
}

/* Lets no younger load start before the poll has its answer; x86 `lfence`, not a memory order. */
static inline void rl_poll_fence(void)
{
    __builtin_ia32_lfence();
}

/* Lets the compiler drop the caller's NULL test on the way that has a slot. */
static inline struct rl_ring_slot *rl_ring_at(struct rl_ring_slot *slots, uint64_t index)
{
    struct rl_ring_slot *slot = &slots[index];

    if (slot == NULL)
        __builtin_unreachable();
    return slot;
}

/* Producer: how many slots are certainly free to claim; reads the consumer's index. */
static inline uint64_t rl_ring_n_free(struct rl_ring *r)
{
    uint64_t n_slots = r->mask + 1, n_free;

    /* R2: pairs with the release in rl_ring_publish - the slots below the head have been read. */
    r->limit = atomic_load_explicit(&r->head_published, memory_order_acquire) + n_slots;
    n_free = r->limit - r->tail;
    /* Ask ahead only when the consumer lags: when it keeps up, its polls want the same lines. */
    r->ahead_until =
        n_free < n_slots - n_slots / 8 && n_free > RL_RING_AHEAD ? r->limit - RL_RING_AHEAD : 0;
    return n_free;
}

/* Producer: the next slot to fill, the same one until it is committed; NULL when all are full. */
static inline void *rl_ring_claim(struct rl_ring *r)
{
    uint64_t tail = r->tail;

    if (RL_UNLIKELY(tail == r->limit) && rl_ring_n_free(r) == 0)
        return NULL;
    if (tail < r->ahead_until)
        rl_prefetch_write(&r->slots[(tail + RL_RING_AHEAD) & r->mask]);
    return rl_ring_at(r->slots, tail & r->mask);
}

/* Producer: hands the claimed slot over. With none claimed and the ring full, the process stops. */
static inline void rl_ring_commit(struct rl_ring *r)
{
    uint64_t tail = r->tail;

    if (RL_UNLIKELY(tail == r->limit))
        __builtin_trap(); /* it would overwrite an unread record */
    r->tail = tail + 1;
    /* R1: pairs with the acquire in rl_ring_peek - the payload is visible before the sequence. */
    atomic_store_explicit(&r->slots[tail & r->mask].sequence, tail + 1, memory_order_release);
}

/* Consumer: tells the producer of all slots released so far. */
static inline void rl_ring_publish(struct rl_ring *r)
{
    r->head_due = r->head + r->stride;
    /* R2: pairs with the acquire in rl_ring_n_free - these slots are read and may be written. */
    atomic_store_explicit(&r->head_published, r->head, memory_order_release);
}

/* Consumer: the oldest record, or NULL when there is none. It stays put until rl_ring_release. */
static inline const void *rl_ring_peek(struct rl_ring *r)
{
    uint64_t head = r->head;
    struct rl_ring_slot *slot = rl_ring_at(r->slots_seen, head & r->mask_seen);
    /* R1: pairs with the release in rl_ring_commit. Equality, not order: an old lap is smaller. */
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);

    if (RL_LIKELY(sequence == head + 1)) {
        __asm__("" : "+r"(sequence)); /* hides the equality: see "too early" above */
        r->head_after = sequence;
        return slot;
    }
    rl_poll_fence();
    if (r->head_due != head + r->stride)
        rl_ring_publish(r); /* idle: nothing stays hidden, whatever the stride */
    return NULL;
}

/* Consumer: frees the record that the last rl_ring_peek returned. */
static inline void rl_ring_release(struct rl_ring *r)
{
    uint64_t head = r->head_after;

    r->head = head;
    if (RL_UNLIKELY(head == r->head_due))
        rl_ring_publish(r);
}

#endif
