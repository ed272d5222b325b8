/*
 * format - what a log looks like on the disk; docs/reference/audit-format.md says it in words.
 *
 * A log is a directory of segments 00000001.audit, 00000002.audit ... A segment is a header of 4
 * KiB and units of 64 bytes: records, and after each block of records a seal; at its end a footer.
 * Seals and footers have the shape of a record, so that one checksum rule holds for all units.
 *
 * Threads:  pure functions.
 * Cost:     the CRC of a unit is 8 instructions in a chain, about 25 ticks.
 */
#ifndef RL_TRADE_AUDIT_FORMAT_H
#define RL_TRADE_AUDIT_FORMAT_H

#include "trade/audit/record.h"
#include "trade/audit/sha256.h"

#define RL_AUDIT_MAGIC "RLAUDIT\n"
#define RL_AUDIT_VERSION 1
#define RL_AUDIT_UNIT 64
#define RL_AUDIT_HEADER 4096
#define RL_AUDIT_BLOCK_MAX 1023 /* records; with its seal 64 KiB */
#define RL_AUDIT_SECTOR 512     /* what a disk writes whole or not at all */
#define RL_AUDIT_NAME "%08u.audit"
#define RL_AUDIT_NAME_BYTES 15 /* with the zero */

/* Kinds of units that are no records; see rl_audit_seal. */
#define RL_AUDIT_SEAL 240
#define RL_AUDIT_FOOTER 241

/* Of a footer (in `event`), and how a header says that the segment before it ended. */
enum rl_audit_end {
    RL_AUDIT_END_NONE = 0,      /* header: there is no segment before */
    RL_AUDIT_END_ROTATED = 1,   /* another segment follows */
    RL_AUDIT_END_CLOSED = 2,    /* the writer was closed */
    RL_AUDIT_END_RECOVERED = 3, /* header: it has no footer; a recovery found its end */
};

/* All integers little-endian. What is not named is zero. */
struct rl_audit_header {
    char magic[8];
    uint32_t version;
    uint32_t n_header_bytes;
    uint32_t n_unit_bytes;
    uint32_t segment;      /* as its name says */
    uint64_t first_number; /* of its first record */
    uint8_t session[16];   /* one for each opening of the log */
    uint64_t id_epoch;
    uint64_t tsc_hz;
    uint64_t
        tsc; /* one moment in both clocks: UTC ns of a record = wall_ns + (its tsc - tsc) ... */
    uint64_t wall_ns;
    uint32_t is_clock_synced;
    uint32_t previous_crc; /* of the last unit of the segment before; 0 */
    uint32_t previous_end; /* enum rl_audit_end */
    uint32_t zero;
    uint64_t previous_bytes; /* where the last good record or seal of the segment before ended */
    uint64_t torn_bytes;     /* RECOVERED: what lay behind, copied to NAME.torn */
    uint8_t previous_hash[RL_SHA256_BYTES];
    uint8_t torn_hash[RL_SHA256_BYTES]; /* SHA-256 of these bytes */
    uint8_t schema_hash[RL_SHA256_BYTES];
    uint8_t config_hash[RL_SHA256_BYTES];
    uint8_t limits_hash[RL_SHA256_BYTES];
    char build_id[32];
    char host_id[32];
    uint8_t zeros[RL_AUDIT_HEADER - 336 - RL_SHA256_BYTES];
    uint8_t hash[RL_SHA256_BYTES]; /* SHA-256 of all before */
};
_Static_assert(sizeof(struct rl_audit_header) == RL_AUDIT_HEADER, "no padding");

/* What the next unit continues. */
struct rl_audit_chain {
    uint64_t number;               /* of the last record */
    uint32_t crc;                  /* of the last unit */
    uint8_t hash[RL_SHA256_BYTES]; /* of the last block, or of the header before the first */
};

/* CRC-32C of a unit, continuing that of the unit before it; its own member counts as absent. */
uint32_t rl_audit_crc(uint32_t crc, const struct rl_audit_record *unit);

/* CRC-32C (Castagnoli) of bytes, as everybody computes it; start with 0. */
uint32_t rl_crc32c(uint32_t crc, const void *bytes, size_t n);

/* The same bit by bit: what the fast one is tested against. */
uint32_t rl_crc32c_plain(uint32_t crc, const void *bytes, size_t n);

/* The hash of a block: SHA-256 of the hash before it and its records. */
void rl_audit_block_hash(uint8_t hash[RL_SHA256_BYTES], const struct rl_audit_record *records,
                         size_t n);

/*
 * The seal of the n records that end at chain->number; chain->hash must be that of the block
 * already. `durable` is the number of the last record known to be on the disk.
 */
void rl_audit_make_seal(struct rl_audit_record *seal, struct rl_audit_chain *chain, uint32_t n,
                        uint64_t durable);
void rl_audit_make_footer(struct rl_audit_record *footer, struct rl_audit_chain *chain,
                          enum rl_audit_end end);

/* Sets magic, version, sizes, schema and, last, the hash. */
void rl_audit_header_seal(struct rl_audit_header *header);

/* NULL, or what is wrong with a header taken by itself. */
const char *rl_audit_header_fault(const struct rl_audit_header *header);

/* SHA-256 of the text that names every member and every kind; another one, another meaning. */
void rl_audit_schema_hash(uint8_t out[RL_SHA256_BYTES]);

/* That text; returns its length, of which at most n_max - 1 bytes and a zero are written. */
size_t rl_audit_schema(char *out, size_t n_max);

/* UTC in ns of a time stamp, by the clocks of its segment; saturates instead of wrapping. */
uint64_t rl_audit_wall_ns(const struct rl_audit_header *header, uint64_t tsc);

#endif
