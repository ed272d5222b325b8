/*
 * read - walks a log, proves every unit of it, and says what is wrong where.
 *
 * A walk goes through the segments in order and stops at the first fault of structure; what it
 * says is one of the faults below, the place, and the number of the first record that is not
 * proven. docs/reference/audit-format.md has the rules in words; harness/audit/ follows them anew.
 *
 * Threads:  one a scan. Reading a log that is being written is safe and finds it unfinished.
 * Memory:   rl_audit_scan_dir reads a segment at a time into memory.
 * Cost:     about 50 ns a record with SHA-NI.
 */
#ifndef RL_TRADE_AUDIT_READ_H
#define RL_TRADE_AUDIT_READ_H

#include "trade/audit/format.h"

/* Also the exit codes of `redline audit verify`. X(NAME, number, text) */
#define RL_AUDIT_FAULTS(X)                                                                 \
    X(WHOLE, 0, "whole")                                                                   \
    X(TORN, 1, "whole as far as it goes; it has no end, or one that a crash tore")         \
    X(CORRUPT, 2, "damaged or altered")                                                    \
    X(CHAIN, 3, "a segment or a part of one is missing, or the chain of hashes is broken") \
    X(SEQUENCE, 4, "record numbers have a gap or repeat")                                  \
    X(TIME, 5, "time runs backward")

enum rl_audit_fault {
#define RL_AUDIT_FAULT(name, number, text) RL_AUDIT_##name = (number),
    RL_AUDIT_FAULTS(RL_AUDIT_FAULT)
#undef RL_AUDIT_FAULT
};

struct rl_audit_verdict {
    uint32_t fault;   /* enum rl_audit_fault; CORRUPT and CHAIN end a walk, others do not */
    uint32_t segment; /* where: by the name of its file; 0 when the log is whole */
    uint64_t offset;  /* in it */
    uint64_t record;  /* number of the first record that is not proven */
    const char *text; /* what is wrong there; static */
    uint64_t n_records;
    uint64_t n_blocks;
    uint64_t n_segments;
    uint64_t n_recovered;       /* segments that a crash ended and a recovery continued */
    uint64_t n_gaps;            /* records whose number is not the next */
    uint64_t n_backward;        /* records, and headers, before the time of one before them */
    struct rl_audit_chain head; /* of the last record that is proven */
};

struct rl_audit_scan;
/* Called in order for what is proven by its checksum; false ends the walk without a fault. */
typedef bool rl_audit_on_header(void *user, const struct rl_audit_header *header);
typedef bool rl_audit_on_record(void *user, const struct rl_audit_record *record);

/* Where a segment ended; what a recovery continues. */
struct rl_audit_segment_end {
    uint32_t segment;
    uint32_t end;        /* of its footer; RL_AUDIT_END_NONE: it has none */
    uint64_t good_bytes; /* end of its last good record or seal */
    uint64_t torn_bytes; /* behind that, without a footer */
    uint8_t torn_hash[RL_SHA256_BYTES];
    bool is_header_torn; /* nothing of the segment is good, not even its header */
};

struct rl_audit_scan {
    rl_audit_on_header *on_header; /* may be NULL, as on_record */
    rl_audit_on_record *on_record;
    void *user;
    uint32_t first_segment; /* older ones were moved away; 0 or 1: none */
    /* The rest belongs to the scan. */
    struct rl_audit_verdict verdict;
    struct rl_audit_chain chain;
    struct rl_audit_header header;    /* of the last segment with a good one */
    struct rl_audit_segment_end last; /* segment 0: there was none yet */
    struct rl_audit_segment_end
        before;         /* of the segment before, kept when the last has no header */
    uint64_t tsc;       /* latest of the session */
    bool must_be_empty; /* the segment before has no footer though it was rotated */
    bool is_stopped;    /* by a fault of structure, or by a callback */
};

/* Callbacks and first_segment are kept, all else is cleared. */
void rl_audit_scan_init(struct rl_audit_scan *s);

/* The next segment, whole in memory; `number` is that of its name. False: the walk is over. */
bool rl_audit_scan_segment(struct rl_audit_scan *s, uint32_t number, const uint8_t *bytes, size_t n,
                           bool is_last);

/* After the last segment: the final verdict, in s->verdict. */
void rl_audit_scan_end(struct rl_audit_scan *s);

/*
 * All of these for a directory. 0 (the verdict tells), -ENOENT when it has no segment, or -errno of
 * what could not be read; *segment is then the one, or 0.
 */
int rl_audit_scan_dir(struct rl_audit_scan *s, const char *dir, uint32_t *segment);
int rl_audit_scan_at(struct rl_audit_scan *s, int dir_fd, uint32_t *segment);

const char *rl_audit_fault_text(uint32_t fault);

#endif
