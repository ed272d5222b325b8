#include "trade/audit/read.h"

#include <string.h>

/* Faults of structure end the walk; of the others, the first of the worst kind stays. */
static void fault_at(struct rl_audit_scan *s, enum rl_audit_fault fault, uint32_t segment,
                     uint64_t offset, const char *text)
{
    struct rl_audit_verdict *v = &s->verdict;
    bool is_structure = fault == RL_AUDIT_CORRUPT || fault == RL_AUDIT_CHAIN;

    s->is_stopped |= is_structure;
    if (!is_structure && v->fault > RL_AUDIT_TORN)
        return;
    v->fault = fault;
    v->segment = segment;
    v->offset = offset;
    v->record = s->chain.number + 1;
    v->text = text;
}

void rl_audit_scan_init(struct rl_audit_scan *s)
{
    struct rl_audit_scan clean = {.on_header = s->on_header,
                                  .on_record = s->on_record,
                                  .user = s->user,
                                  .first_segment = s->first_segment};

    *s = clean;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

/*
 * Whether a crash explains that no good unit begins at `at`. A disk writes sectors whole, so what
 * was not synced is there, or zero up to the end of a sector, or cut off; anything else was
 * altered. Behind zeros there may be later sectors that came to the disk first, but none that
 * says that what is missing had been synced.
 */
static bool is_torn(const uint8_t *bytes, size_t at, size_t n, uint64_t missing)
{
    size_t begin = at;
    bool was_zero = true;
    uint32_t crc = 0;

    if (n - at >= RL_AUDIT_UNIT && !is_zero(bytes + at, RL_AUDIT_UNIT))
        return false;
    for (; n - at >= RL_AUDIT_UNIT; at += RL_AUDIT_UNIT) {
        struct rl_audit_record unit;

        memcpy(&unit, bytes + at, sizeof unit);
        if (is_zero(bytes + at, RL_AUDIT_UNIT)) {
            was_zero = true;
            continue;
        }
        if (was_zero ? at % RL_AUDIT_SECTOR != 0 : unit.crc != rl_audit_crc(crc, &unit))
            return false;
        /* The first unit behind zeros has nothing to be checked against but its place. */
        if (unit.kind == 0 || unit.number - (missing - 1) > (at - begin) / RL_AUDIT_UNIT + 1)
            return false;
        if (unit.kind == RL_AUDIT_FOOTER || (unit.kind == RL_AUDIT_SEAL && unit.tsc >= missing))
            return false;
        was_zero = false;
        crc = unit.crc;
    }
    return true;
}

/* How the segment before ended and how this header says it did. False: the walk is over. */
static bool check_link(struct rl_audit_scan *s, uint32_t number)
{
    const struct rl_audit_header *h = &s->header;
    const struct rl_audit_segment_end *last = &s->last;
    bool is_first = last->segment == 0;
    bool is_linked = h->first_number == s->chain.number + 1 && h->previous_crc == s->chain.crc &&
                     memcmp(h->previous_hash, s->chain.hash, sizeof h->previous_hash) == 0 &&
                     h->previous_bytes == last->good_bytes;
    bool is_end_known;

    s->must_be_empty = false;
    if (is_first && s->first_segment > 1) { /* what it continues was moved away */
        s->chain.number = h->first_number - 1;
        s->chain.crc = h->previous_crc;
        return true;
    }
    if (is_first || last->end != RL_AUDIT_END_NONE) {
        if (is_linked && h->previous_end == last->end && h->torn_bytes == 0)
            return true;
        fault_at(s, RL_AUDIT_CHAIN, number, 0, "it does not continue the segment before");
        return false;
    }
    is_end_known = h->previous_end == RL_AUDIT_END_RECOVERED && h->torn_bytes == last->torn_bytes &&
                   memcmp(h->torn_hash, last->torn_hash, sizeof h->torn_hash) == 0;
    /* A crash after a rotation made this segment and before the footer of the one before. */
    s->must_be_empty = h->previous_end == RL_AUDIT_END_ROTATED;
    if (!is_linked || (!is_end_known && !s->must_be_empty)) {
        fault_at(s, RL_AUDIT_CHAIN, last->segment, last->good_bytes,
                 "the segment ends before the next one begins");
        return false;
    }
    s->verdict.n_recovered += is_end_known;
    return true;
}

/* Everything before the first unit. False: there is nothing more to read in this segment. */
static bool read_header(struct rl_audit_scan *s, uint32_t number, const uint8_t *bytes, size_t n,
                        bool is_last)
{
    uint32_t wanted = s->last.segment ? s->last.segment + 1 : s->first_segment;
    uint64_t wall_ns = s->header.wall_ns;
    uint8_t session[sizeof s->header.session];
    const char *fault;

    memcpy(session, s->header.session, sizeof session);
    if (number != (wanted ? wanted : 1)) {
        fault_at(s, RL_AUDIT_CHAIN, number, 0, "a segment before it is missing");
        return false;
    }
    if (n < RL_AUDIT_HEADER || is_zero(bytes, RL_AUDIT_HEADER)) {
        if (is_last && (n < RL_AUDIT_HEADER || is_zero(bytes, n))) {
            s->before = s->last;
            s->last = (struct rl_audit_segment_end){
                .segment = number, .torn_bytes = n, .is_header_torn = true};
            rl_sha256(bytes, n, s->last.torn_hash);
            return false;
        }
        if (n < RL_AUDIT_HEADER)
            fault_at(s, RL_AUDIT_CHAIN, number, 0, "the segment ends within its header");
        else
            fault_at(s, RL_AUDIT_CORRUPT, number, 0, "the header is gone");
        return false;
    }
    memcpy(&s->header, bytes, sizeof s->header);
    fault = rl_audit_header_fault(&s->header);
    if (fault != NULL) {
        fault_at(s, RL_AUDIT_CORRUPT, number, 0, fault);
        return false;
    }
    if (s->header.segment != number) {
        fault_at(s, RL_AUDIT_CHAIN, number, 0, "the header is that of another segment");
        return false;
    }
    if (!check_link(s, number))
        return false;
    if (s->header.wall_ns < wall_ns) {
        s->verdict.n_backward++;
        fault_at(s, RL_AUDIT_TIME, number, 0, "the wall clock was set back before this segment");
    }
    if (memcmp(session, s->header.session, sizeof session) != 0)
        s->tsc = 0; /* another boot may have begun: its counter starts anew */
    memcpy(s->chain.hash, s->header.hash, sizeof s->chain.hash);
    s->verdict.n_segments++;
    if (s->on_header && !s->on_header(s->user, &s->header))
        s->is_stopped = true;
    return !s->is_stopped;
}

static void take_record(struct rl_audit_scan *s, const struct rl_audit_record *record, uint64_t at)
{
    if (record->number != s->chain.number + 1) {
        s->verdict.n_gaps++;
        fault_at(s, RL_AUDIT_SEQUENCE, s->last.segment, at,
                 record->number > s->chain.number ? "records are missing" : "a number repeats");
    }
    if (record->tsc < s->tsc) {
        s->verdict.n_backward++;
        fault_at(s, RL_AUDIT_TIME, s->last.segment, at,
                 "an older time than that of a record before");
    } else {
        s->tsc = record->tsc;
    }
    s->chain.number = record->number;
    s->chain.crc = record->crc;
    s->verdict.n_records++;
    if (s->on_record && !s->on_record(s->user, record))
        s->is_stopped = true;
}

/* A seal of n records that begin at `block`. False: the walk is over. */
static bool take_seal(struct rl_audit_scan *s, const struct rl_audit_record *seal,
                      const uint8_t *block, uint64_t n, uint64_t at)
{
    struct rl_sha256 sum;
    uint8_t hash[RL_SHA256_BYTES];

    rl_sha256_init(&sum);
    rl_sha256_put(&sum, s->chain.hash, sizeof s->chain.hash);
    rl_sha256_put(&sum, block, n * RL_AUDIT_UNIT);
    rl_sha256_end(&sum, hash);
    if (n == 0 || seal->number != s->chain.number || seal->detail != n ||
        memcmp(&seal->id, hash, sizeof hash) != 0) {
        fault_at(s, RL_AUDIT_CHAIN, s->last.segment, at, "the hash of the block before is another");
        return false;
    }
    memcpy(s->chain.hash, hash, sizeof hash);
    s->chain.crc = seal->crc;
    s->verdict.n_blocks++;
    return true;
}

/* `n_open` records stand before it without a seal. */
static void take_footer(struct rl_audit_scan *s, const struct rl_audit_record *footer,
                        uint64_t n_open, uint64_t at, size_t n)
{
    if (n_open > 0 || footer->number != s->chain.number ||
        (footer->event != RL_AUDIT_END_ROTATED && footer->event != RL_AUDIT_END_CLOSED) ||
        memcmp(&footer->id, s->chain.hash, sizeof s->chain.hash) != 0)
        fault_at(s, RL_AUDIT_CHAIN, s->last.segment, at, "the footer is that of another segment");
    else if (at + RL_AUDIT_UNIT != n)
        fault_at(s, RL_AUDIT_CORRUPT, s->last.segment, at + RL_AUDIT_UNIT,
                 "something was added behind the footer");
    else
        s->last.end = footer->event;
}

bool rl_audit_scan_segment(struct rl_audit_scan *s, uint32_t number, const uint8_t *bytes, size_t n,
                           bool is_last)
{
    struct rl_audit_segment_end before = s->last;
    size_t at = RL_AUDIT_HEADER, block = at;

    if (s->is_stopped || !read_header(s, number, bytes, n, is_last))
        return false;
    s->last = (struct rl_audit_segment_end){.segment = number};
    for (; n - at >= RL_AUDIT_UNIT && !s->is_stopped; at += RL_AUDIT_UNIT) {
        uint64_t n_open = (at - block) / RL_AUDIT_UNIT;
        struct rl_audit_record unit;

        memcpy(&unit, bytes + at, sizeof unit); /* `bytes` may lie anywhere */
        if (unit.kind == 0 || unit.crc != rl_audit_crc(s->chain.crc, &unit))
            break;
        if (unit.kind < RL_AUDIT_SEAL) {
            if (s->must_be_empty) {
                fault_at(s, RL_AUDIT_CHAIN, before.segment, before.good_bytes,
                         "the segment has lost its footer");
                return false;
            }
            take_record(s, &unit, at);
        } else if (unit.kind == RL_AUDIT_SEAL) {
            if (!take_seal(s, &unit, bytes + block, n_open, at))
                return false;
            block = at + RL_AUDIT_UNIT;
        } else if (unit.kind == RL_AUDIT_FOOTER) {
            s->last.good_bytes = at;
            take_footer(s, &unit, n_open, at, n);
            return !s->is_stopped;
        } else {
            break; /* no writer makes such a unit */
        }
    }
    if (s->is_stopped)
        return false;
    if (at < n && !is_torn(bytes, at, n, s->chain.number + 1)) {
        fault_at(s, RL_AUDIT_CORRUPT, number, at, "a record that does not match its checksum");
        return false;
    }
    /* What a recovery continues: records without a seal count, and are hashed as if they had one.
     */
    s->last.good_bytes = at;
    s->last.torn_bytes = n - at;
    rl_sha256(bytes + at, n - at, s->last.torn_hash);
    if (at > block) {
        struct rl_sha256 sum;

        rl_sha256_init(&sum);
        rl_sha256_put(&sum, s->chain.hash, sizeof s->chain.hash);
        rl_sha256_put(&sum, bytes + block, at - block);
        rl_sha256_end(&sum, s->chain.hash);
    }
    return true;
}

void rl_audit_scan_end(struct rl_audit_scan *s)
{
    const struct rl_audit_segment_end *last = &s->last;

    s->verdict.head = s->chain;
    if (s->is_stopped)
        return;
    if (last->is_header_torn && s->before.segment != 0 && s->before.end == RL_AUDIT_END_NONE)
        last = &s->before; /* the first of the two places */
    if (last->end == RL_AUDIT_END_ROTATED)
        fault_at(s, RL_AUDIT_CHAIN, last->segment, last->good_bytes,
                 "the segment that followed is missing");
    else if (last->end != RL_AUDIT_END_CLOSED)
        fault_at(s, RL_AUDIT_TORN, last->segment, last->good_bytes,
                 last->torn_bytes ? "a crash tore the end"
                                  : "it has no end: it is being written, or it was cut off");
}

const char *rl_audit_fault_text(uint32_t fault)
{
    switch (fault) {
#define RL_AUDIT_CASE(name, number, text) \
    case number:                          \
        return text;
        RL_AUDIT_FAULTS(RL_AUDIT_CASE)
#undef RL_AUDIT_CASE
    default:
        return "unknown fault";
    }
}
