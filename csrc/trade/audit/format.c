#include "trade/audit/format.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert(offsetof(struct rl_audit_record, crc) == RL_AUDIT_UNIT - 4, "all but the crc");

uint32_t rl_crc32c_plain(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    crc = ~crc;
    for (; n > 0; n--, p++) {
        crc ^= *p;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

#ifdef __SSE4_2__
uint32_t rl_crc32c(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t state = (uint32_t)~crc;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    if (n >= 4) {
        uint32_t word;

        memcpy(&word, p, sizeof word);
        state = __builtin_ia32_crc32si((uint32_t)state, word);
        n -= 4, p += 4;
    }
    for (; n > 0; n--, p++)
        state = __builtin_ia32_crc32qi((uint32_t)state, *p);
    return ~(uint32_t)state;
}
#else
uint32_t rl_crc32c(uint32_t crc, const void *bytes, size_t n)
{
    return rl_crc32c_plain(crc, bytes, n);
}
#endif

uint32_t rl_audit_crc(uint32_t crc, const struct rl_audit_record *unit)
{
    return rl_crc32c(crc, unit, offsetof(struct rl_audit_record, crc));
}

void rl_audit_block_hash(uint8_t hash[RL_SHA256_BYTES], const struct rl_audit_record *records,
                         size_t n)
{
    struct rl_sha256 s;

    rl_sha256_init(&s);
    rl_sha256_put(&s, hash, RL_SHA256_BYTES);
    rl_sha256_put(&s, records, n * sizeof *records);
    rl_sha256_end(&s, hash);
}

/* The hash takes the place of id, ref, px and qty. */
static void make_unit(struct rl_audit_record *unit, struct rl_audit_chain *chain)
{
    unit->number = chain->number;
    memcpy(&unit->id, chain->hash, sizeof chain->hash);
    unit->crc = chain->crc = rl_audit_crc(chain->crc, unit);
}

void rl_audit_make_seal(struct rl_audit_record *seal, struct rl_audit_chain *chain, uint32_t n,
                        uint64_t durable)
{
    *seal = (struct rl_audit_record){.tsc = durable, .detail = n, .kind = RL_AUDIT_SEAL};
    make_unit(seal, chain);
}

void rl_audit_make_footer(struct rl_audit_record *footer, struct rl_audit_chain *chain,
                          enum rl_audit_end end)
{
    *footer = (struct rl_audit_record){.kind = RL_AUDIT_FOOTER, .event = (uint8_t)end};
    make_unit(footer, chain);
}

/* X(member, type) of a record, in order: what rl_audit_schema names. */
#define MEMBERS(X)     \
    X(number, u64)     \
    X(tsc, u64)        \
    X(id, u64)         \
    X(ref, u64)        \
    X(px_nano, i64)    \
    X(qty, u64)        \
    X(detail, u32)     \
    X(instrument, u16) \
    X(kind, u8)        \
    X(event, u8)       \
    X(flags, u8)       \
    X(venue, u8)       \
    X(account, u8)     \
    X(strategy, u8)    \
    X(crc, u32)

size_t rl_audit_schema(char *out, size_t n_max)
{
    static const struct {
        const char *name, *type;
        size_t at;
    } members[] = {
#define X(name, type) {#name, #type, offsetof(struct rl_audit_record, name)},
        MEMBERS(X)
#undef X
    };
    static const struct {
        const char *name;
        int number;
    } kinds[] = {
#define X(name, number, text) {#name, number},
        RL_AUDIT_KINDS(X)
#undef X
    };
    char line[64];
    size_t n = 0;

    for (size_t i = 0; i < RL_COUNT(members) + RL_COUNT(kinds); i++) {
        size_t k = i - RL_COUNT(members);
        int n_line = i < RL_COUNT(members)
                         ? snprintf(line, sizeof line, "%s %s %zu\n", members[i].name,
                                    members[i].type, members[i].at)
                         : snprintf(line, sizeof line, "%d %s\n", kinds[k].number, kinds[k].name);

        for (int c = 0; c < n_line; c++, n++) {
            if (n + 1 < n_max)
                out[n] = line[c];
        }
    }
    if (n_max > 0)
        out[n < n_max ? n : n_max - 1] = '\0';
    return n;
}

void rl_audit_schema_hash(uint8_t out[RL_SHA256_BYTES])
{
    char text[2048];
    size_t n = rl_audit_schema(text, sizeof text);

    rl_sha256(text, n < sizeof text ? n : sizeof text - 1, out);
}

void rl_audit_header_seal(struct rl_audit_header *header)
{
    memcpy(header->magic, RL_AUDIT_MAGIC, sizeof header->magic);
    header->version = RL_AUDIT_VERSION;
    header->n_header_bytes = RL_AUDIT_HEADER;
    header->n_unit_bytes = RL_AUDIT_UNIT;
    rl_audit_schema_hash(header->schema_hash);
    rl_sha256(header, offsetof(struct rl_audit_header, hash), header->hash);
}

const char *rl_audit_header_fault(const struct rl_audit_header *header)
{
    uint8_t hash[RL_SHA256_BYTES];

    if (memcmp(header->magic, RL_AUDIT_MAGIC, sizeof header->magic) != 0)
        return "no segment of an audit log";
    rl_sha256(header, offsetof(struct rl_audit_header, hash), hash);
    if (memcmp(hash, header->hash, sizeof hash) != 0)
        return "the header is damaged";
    if (header->version != RL_AUDIT_VERSION || header->n_header_bytes != RL_AUDIT_HEADER ||
        header->n_unit_bytes != RL_AUDIT_UNIT)
        return "a version of the format that is not known";
    if (header->tsc_hz == 0)
        return "the header has no clock";
    return NULL;
}

uint64_t rl_audit_wall_ns(const struct rl_audit_header *header, uint64_t tsc)
{
    bool is_after = tsc >= header->tsc;
    uint64_t ticks = is_after ? tsc - header->tsc : header->tsc - tsc;
    unsigned __int128 ns = (unsigned __int128)ticks * 1000000000u / header->tsc_hz;

    if (is_after)
        return ns > UINT64_MAX - header->wall_ns ? UINT64_MAX : header->wall_ns + (uint64_t)ns;
    return ns > header->wall_ns ? 0 : header->wall_ns - (uint64_t)ns;
}
