/*
 * record_ring - single-producer single-consumer byte ring of contiguous records of any length.
 *
 * Threads:  one thread claims and commits, one other thread peeks and releases.
 * Memory:   the caller owns the bytes (a power of two, aligned to 64); nothing is allocated.
 * Cost:     a record is its bytes, an 8-byte header before them and two 8-byte stores. No shared
 *           index is read per record: the header says whether its record is there.
 *
 * A record is `header | payload`, both on 8-byte boundaries. The header of a record that does not
 * exist yet reads 0: before the producer commits a record it clears the header that will follow
 * it (the terminator). A record that does not fit before the end of the bytes goes to their
 * start, and a skip header tells the consumer so; no record is ever split.
 *
 * Orders (tests/model/ shows that none may be weaker):
 *   B1  commit stores the header with release, peek loads it with acquire: payload, terminator
 *       and, for a skip header, the record it leads to are visible.
 *   B2  publish stores the head with release, claim loads it with acquire: the consumer has read
 *       these bytes before the producer writes them again.
 *
 * The consumer publishes its head every eighth of the ring and whenever it finds the ring empty;
 * one that waits for the producer without polling must call rl_record_ring_publish first.
 */
#ifndef RL_BASE_RECORD_RING_H
#define RL_BASE_RECORD_RING_H

#include <stdatomic.h>

#include "base/defs.h"
#include "base/ring.h" /* RL_RING_APART, rl_poll_fence, rl_prefetch_write */

#define RL_RECORD_HEADER_BYTES 8
#define RL_RECORD_RING_MIN_BYTES 64
/* How far ahead a producer that fills the ring asks for lines. */
#define RL_RECORD_AHEAD_BYTES 1024
/* Header word: the payload's length in the low 32 bits, and what follows. */
#define RL_RECORD_HERE (UINT64_C(1) << 32) /* a record follows */
#define RL_RECORD_SKIP (UINT64_C(1) << 33) /* the next record is at the start of the bytes */

struct rl_record_ring {
    /* The producer's line. Positions count bytes since init and never wrap. */
    _Alignas(RL_RING_APART) uint64_t tail; /* position of the next header */
    uint64_t limit;       /* position that must not be passed before the head is read again */
    uint64_t claim_at;    /* position of the claimed header: the tail, or the next start */
    uint64_t n_claimed;   /* bytes claimed with the header, 0 when none are */
    uint64_t ahead_until; /* below it claims also ask for a later line */
    uint8_t *bytes;
    uint64_t mask;
    uint32_t n_bytes_max; /* the longest payload that any position can take */
    uint64_t n_full;      /* claims refused for want of room now */
    uint64_t n_too_large; /* claims refused because they can never fit */

    /* The consumer's line. */
    _Alignas(RL_RING_APART) uint64_t next; /* position of the next header to read */
    uint64_t next_after; /* where the peeked record ends; `next` when none is peeked */
    uint64_t head;       /* everything below is released */
    uint64_t head_due;   /* publish when the head reaches this */
    uint64_t stride;
    uint8_t *bytes_seen; /* copies: reading them must not touch the producer's line */
    uint64_t mask_seen;

    /* Written by the consumer, read by the producer. */
    _Alignas(RL_RING_APART) _Atomic uint64_t head_published;
};

/*
 * Returns 0; -EINVAL when `bytes` is not aligned to 64 bytes or n_bytes is not a power of two in
 * 64..2^32. Touches every page.
 */
int rl_record_ring_init(struct rl_record_ring *r, void *bytes, uint64_t n_bytes);

/*
 * The longest payload a claim may ask for: half the ring less a header. A longer one could fit or
 * not, depending on where the tail happens to be: it is always refused, and counted in n_too_large.
 */
static inline uint32_t rl_record_ring_max(const struct rl_record_ring *r)
{
    return r->n_bytes_max;
}

/* Header and payload, rounded up to the next header's boundary. */
static inline uint64_t rl_record_span(uint64_t n_bytes)
{
    return (RL_RECORD_HEADER_BYTES + n_bytes + 7) & ~UINT64_C(7);
}

static inline _Atomic uint64_t *rl_record_header(uint8_t *bytes, uint64_t mask, uint64_t position)
{
    return (_Atomic uint64_t *)(void *)(bytes + (position & mask));
}

/* Producer: reads the consumer's index; true when the tail may advance to `end`. */
static inline bool rl_record_ring_refresh(struct rl_record_ring *r, uint64_t end)
{
    uint64_t n_bytes = r->mask + 1, n_free;

    /* B2: pairs with the release in rl_record_ring_publish - the bytes below the head are read. */
    r->limit = atomic_load_explicit(&r->head_published, memory_order_acquire) + n_bytes;
    n_free = r->limit - r->tail;
    /* As in rl_ring_n_free: ask ahead only when the consumer lags. */
    r->ahead_until = n_free < n_bytes - n_bytes / 8 && n_free > RL_RECORD_AHEAD_BYTES
                         ? r->limit - RL_RECORD_AHEAD_BYTES
                         : 0;
    return end <= r->limit;
}

/*
 * Producer: room for a payload of up to n_bytes, 8-byte aligned and contiguous; NULL when the ring
 * is full now (n_full) or when n_bytes exceeds rl_record_ring_max (n_too_large). Claiming again
 * before a commit drops the earlier claim.
 */
static inline uint8_t *rl_record_ring_claim(struct rl_record_ring *r, uint32_t n_bytes)
{
    uint64_t span = rl_record_span(n_bytes);
    uint64_t n_bytes_to_end = r->mask + 1 - (r->tail & r->mask);
    uint64_t at = r->tail;
    uint64_t end;

    if (RL_UNLIKELY(n_bytes > r->n_bytes_max)) {
        r->n_too_large++;
        return NULL;
    }
    if (RL_UNLIKELY(span > n_bytes_to_end))
        at += n_bytes_to_end;
    end = at + span + RL_RECORD_HEADER_BYTES; /* with room for the terminator */
    if (RL_UNLIKELY(end > r->limit) && !rl_record_ring_refresh(r, end)) {
        r->n_full++;
        return NULL;
    }
    if (at < r->ahead_until)
        rl_prefetch_write(r->bytes + ((at + RL_RECORD_AHEAD_BYTES) & r->mask));
    r->claim_at = at;
    r->n_claimed = span;
    return r->bytes + (at & r->mask) + RL_RECORD_HEADER_BYTES;
}

/*
 * Producer: hands over the claimed record with its first n_bytes_used bytes. More than were
 * claimed, or no claim at all, would overwrite unread records: the process stops.
 */
static inline void rl_record_ring_commit(struct rl_record_ring *r, uint32_t n_bytes_used)
{
    uint64_t span = rl_record_span(n_bytes_used);
    uint64_t end = r->claim_at + span;
    _Atomic uint64_t *terminator = rl_record_header(r->bytes, r->mask, end);
    _Atomic uint64_t *header = rl_record_header(r->bytes, r->mask, r->claim_at);

    if (RL_UNLIKELY(span > r->n_claimed))
        __builtin_trap();
    /* Relaxed: B1 below orders it before the header that leads the consumer here. */
    atomic_store_explicit(terminator, 0, memory_order_relaxed);
    /* B1: pairs with the acquire in rl_record_ring_peek - payload and terminator are visible. */
    atomic_store_explicit(header, RL_RECORD_HERE | n_bytes_used, memory_order_release);
    if (RL_UNLIKELY(r->claim_at != r->tail))
        /* B1: last, so that the consumer cannot arrive at the start before its record does. */
        atomic_store_explicit(rl_record_header(r->bytes, r->mask, r->tail), RL_RECORD_SKIP,
                              memory_order_release);
    r->tail = end;
    r->claim_at = end;
    r->n_claimed = 0;
}

/* Consumer: tells the producer of everything released so far. */
static inline void rl_record_ring_publish(struct rl_record_ring *r)
{
    r->head_due = r->head + r->stride;
    /* B2: pairs with the acquire in rl_record_ring_refresh - these bytes may be written again. */
    atomic_store_explicit(&r->head_published, r->head, memory_order_release);
}

/*
 * Consumer: the oldest record that rl_record_ring_next has not passed, and its length; NULL and 0
 * when there is none. The bytes stay valid until rl_record_ring_release.
 */
static inline const uint8_t *rl_record_ring_peek(struct rl_record_ring *r, uint32_t *n_bytes)
{
    uint64_t header, at = r->next;

    /* B1: pairs with the releases in rl_record_ring_commit. */
    header = atomic_load_explicit(rl_record_header(r->bytes_seen, r->mask_seen, r->next),
                                  memory_order_acquire);
    if (RL_UNLIKELY(header == RL_RECORD_SKIP)) {
        at += r->mask_seen + 1 - (at & r->mask_seen);
        /* Relaxed: the acquire of the skip header has made this one visible with its record. */
        header = atomic_load_explicit(rl_record_header(r->bytes_seen, r->mask_seen, at),
                                      memory_order_relaxed);
    }
    *n_bytes = (uint32_t)header;
    if (header == 0) {
        rl_poll_fence();
        if (r->head_due != r->head + r->stride)
            rl_record_ring_publish(r); /* idle: no released byte stays hidden */
        return NULL;
    }
    r->next_after = at + rl_record_span((uint32_t)header);
    return r->bytes_seen + (at & r->mask_seen) + RL_RECORD_HEADER_BYTES;
}

/* Consumer: like peek, and moves on: the following call gives the following record. For bursts. */
static inline const uint8_t *rl_record_ring_next(struct rl_record_ring *r, uint32_t *n_bytes)
{
    const uint8_t *bytes = rl_record_ring_peek(r, n_bytes);

    if (bytes != NULL)
        r->next = r->next_after;
    return bytes;
}

/* Consumer: frees every record that peek or next has returned so far. */
static inline void rl_record_ring_release(struct rl_record_ring *r)
{
    r->next = r->next_after;
    r->head = r->next;
    if (r->head >= r->head_due)
        rl_record_ring_publish(r);
}

#endif
