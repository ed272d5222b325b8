/*
 * audit - one record for every decision, written on the way and made durable by somebody else.
 *
 * The order thread claims its record before it decides and commits it before the bytes of an order
 * leave: an order without a record cannot exist. A full ring refuses the claim, and the order with
 * it. A claim asks for room beyond its own record, so that the answers to orders already sent find
 * a place.
 *
 * Records leave through a reader, which chains them: number is gapless from 1 and crc is the
 * CRC-32C of the previous record's crc and this record, so a missing, altered or exchanged record
 * shows.
 *
 * Threads:  one thread claims and commits, one other reads.
 * Memory:   64 bytes a slot, the caller's.
 * Cost:     a claim and a store-release; nothing is formatted or hashed on the order thread.
 */
#ifndef RL_TRADE_AUDIT_H
#define RL_TRADE_AUDIT_H

#include "base/defs.h"
#include "base/ring.h"

/* Numbers are stored in files: append, never renumber. `reasons` holds what the text names. */
#define RL_AUDIT_KINDS(X)                                                       \
    X(SENT, 1, "order sent")                                                    \
    X(RISK_REJECT, 2, "order refused by risk; reasons: mask of rl_risk_reason") \
    X(KILL_BLOCK, 3, "order refused by the kill word; reasons: its cause")      \
    X(TX_FULL, 4, "order refused: no room on the wire")                         \
    X(FILL, 5, "execution booked; reasons: 1 when the order is done")           \
    X(UNKNOWN_FILL, 6, "execution of an order that is not open")                \
    X(DUPLICATE_FILL, 7, "execution booked before, ignored")                    \
    X(OVERFILL, 8, "execution of more than was open, booked")                   \
    X(ENDED, 9, "order cancelled, rejected or expired by the exchange; reasons: its OrdStatus")

enum rl_audit_kind {
#define RL_AUDIT_ENUM(name, number, text) RL_AUDIT_##name = (number),
    RL_AUDIT_KINDS(RL_AUDIT_ENUM)
#undef RL_AUDIT_ENUM
};

struct rl_audit_record {
    RL_ALIGNED uint64_t number; /* gapless from 1; the ring's until the record is read */
    uint64_t tsc;               /* when it was decided, raw ticks */
    uint64_t id;                /* of the order; 0 when it never got one */
    uint64_t trigger; /* sequence of the market data message; execution number for fills */
    int64_t px_nano;
    uint64_t qty;
    uint32_t instrument;
    uint32_t reasons;
    uint8_t kind; /* enum rl_audit_kind */
    uint8_t side; /* enum rl_side */
    uint16_t zero;
    uint32_t crc; /* set when the record is read */
};
_Static_assert(sizeof(struct rl_audit_record) == RL_RING_SLOT_BYTES, "one record, one slot");

struct rl_audit {
    struct rl_ring ring;
};

/* `slots` is cache-line aligned; -EINVAL unless n_slots is a power of two. */
int rl_audit_init(struct rl_audit *a, void *slots, uint64_t n_slots);

/* The sentence of a kind; "unknown kind" for a number that is none. */
const char *rl_audit_kind_text(uint32_t kind);

/*
 * The next record to fill (all but number and crc), or NULL unless it and n_more after it have
 * room. Claiming again before the commit gives the same record.
 */
static inline struct rl_audit_record *rl_audit_claim(struct rl_audit *a, uint64_t n_more)
{
    struct rl_ring *r = &a->ring;

    /* The stale view of the reader's progress first: reading it anew moves a cache line. */
    if (RL_UNLIKELY(r->limit - r->tail <= n_more) && rl_ring_n_free(r) <= n_more)
        return NULL;
    return (struct rl_audit_record *)rl_ring_claim(r);
}

static inline void rl_audit_commit(struct rl_audit *a)
{
    rl_ring_commit(&a->ring);
}

/* The far end. A batch is kept until it is written whole: a failed write loses nothing. */
#define RL_AUDIT_BATCH 64
struct rl_audit_reader {
    struct rl_audit *audit;
    uint64_t n_read;
    uint32_t crc;
    uint32_t n_pending; /* records in the batch that rl_audit_drain_fd has not written whole */
    uint32_t n_pending_written; /* bytes of the batch that it has */
    struct rl_audit_record batch[RL_AUDIT_BATCH];
};

void rl_audit_reader_init(struct rl_audit_reader *reader, struct rl_audit *a);

/* Moves up to `max` finished records to `out`; returns how many. */
uint64_t rl_audit_drain(struct rl_audit_reader *reader, struct rl_audit_record *out, uint64_t max);

/*
 * Writes all finished records to fd. 0, or -errno of the write: what was not written is kept, and
 * the next call goes on there. Not to be mixed with rl_audit_drain while it has failed.
 */
int rl_audit_drain_fd(struct rl_audit_reader *reader, int fd);

/*
 * Index of the first record that breaks the chain, n when none does. `number` and `crc` are those
 * of the record before records[0]: 0 and 0 at the start of a log.
 */
uint64_t rl_audit_verify(const struct rl_audit_record *records, uint64_t n, uint64_t number,
                         uint32_t crc);

#endif
