/*
 * Audit logs that somebody wrote by hand: the input is a sequence of units, in up to three segments
 * whose headers are made here. Its first byte says what is mended (checksums, hashes, numbers),
 * so that mutations also come past the first check. However wrong, a walk ends, proves no
 * more than is there, says the same again, and proves no more of a log that is cut.
 *
 * The input is also a tape: a whole log is built from it, must be found whole, and with any one
 * bit flipped it must not.
 */
#include "fuzz.h"
#include "trade/audit/read.h"

enum { MAX_SEGMENTS = 3, UNIT = RL_AUDIT_UNIT };
enum { MEND_CRC = 1, MEND_HASH = 2, MEND_NUMBER = 4, MEND_LINK = 8, MEND_KIND = 16 };

struct image {
    uint8_t *bytes[MAX_SEGMENTS]; /* each of exactly its size */
    size_t n_bytes[MAX_SEGMENTS];
    unsigned n;
};

static bool count(void *user, const struct rl_audit_record *record)
{
    CHECK(record->kind > 0 && record->kind < RL_AUDIT_SEAL);
    ++*(uint64_t *)user;
    return true;
}

static struct rl_audit_scan walk(const struct image *image)
{
    static struct rl_audit_scan s;
    uint64_t n_seen = 0;

    s.on_record = count;
    s.user = &n_seen;
    rl_audit_scan_init(&s);
    for (unsigned i = 0; i < image->n; i++) {
        if (!rl_audit_scan_segment(&s, i + 1, image->bytes[i], image->n_bytes[i],
                                   i + 1 == image->n))
            break;
    }
    rl_audit_scan_end(&s);
    CHECK_EQ(s.verdict.n_records, n_seen);
    return s;
}

static uint64_t n_units(const struct image *image)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < image->n; i++)
        n += (image->n_bytes[i] - RL_AUDIT_HEADER) / UNIT;
    return n;
}

static void check_verdict(const struct image *image, const struct rl_audit_verdict *v)
{
    CHECK(v->fault <= RL_AUDIT_TIME);
    CHECK(v->n_records + v->n_blocks <= n_units(image));
    CHECK(v->n_segments <= image->n);
    CHECK((v->fault == RL_AUDIT_WHOLE) == (v->text == NULL));
    if (v->fault == RL_AUDIT_WHOLE)
        return;
    CHECK(v->segment >= 1 && v->segment <= image->n);
    CHECK(v->offset <= image->n_bytes[v->segment - 1]);
    CHECK(v->offset == 0 || v->offset >= RL_AUDIT_HEADER);
}

static void free_image(struct image *image)
{
    for (unsigned i = 0; i < image->n; i++)
        free(image->bytes[i]);
}

/* A segment of these units behind what `s` has proven so far. */
static void put_segment(struct image *image, const struct rl_audit_scan *s, const uint8_t *units,
                        size_t n, unsigned mends)
{
    struct rl_audit_header h = {.segment = image->n + 1,
                                .first_number = s->chain.number + 1,
                                .session = {1},
                                .tsc_hz = 1000000000};
    uint8_t *bytes = calloc(1, sizeof h + n);

    CHECK(bytes != NULL);
    if (image->n > 0 && (mends & MEND_LINK)) {
        h.previous_crc = s->chain.crc;
        h.previous_bytes = s->last.good_bytes;
        h.previous_end = s->last.end ? s->last.end : RL_AUDIT_END_RECOVERED;
        memcpy(h.previous_hash, s->chain.hash, sizeof h.previous_hash);
        if (s->last.end == RL_AUDIT_END_NONE) {
            h.torn_bytes = s->last.torn_bytes;
            memcpy(h.torn_hash, s->last.torn_hash, sizeof h.torn_hash);
        }
    }
    rl_audit_header_seal(&h);
    memcpy(bytes, &h, sizeof h);
    if (n > 0)
        memcpy(bytes + sizeof h, units, n);
    image->bytes[image->n] = bytes;
    image->n_bytes[image->n++] = sizeof h + n;
}

/* Makes the units of the last segment say what the mends want, one after the other. */
static void mend(struct image *image, const struct rl_audit_scan *s, unsigned mends)
{
    uint8_t *bytes = image->bytes[image->n - 1];
    const struct rl_audit_header *h = (const void *)bytes;
    struct rl_audit_chain chain = {.number = s->chain.number, .crc = h->previous_crc};
    size_t n = image->n_bytes[image->n - 1], block = RL_AUDIT_HEADER;

    memcpy(chain.hash, h->hash, sizeof chain.hash);
    for (size_t at = RL_AUDIT_HEADER; at + UNIT <= n; at += UNIT) {
        struct rl_audit_record unit;

        memcpy(&unit, bytes + at, sizeof unit);
        if ((mends & MEND_KIND) && (unit.kind == 0 || unit.kind > RL_AUDIT_FOOTER))
            unit.kind = 1;
        if (unit.kind >= RL_AUDIT_SEAL) {
            struct rl_sha256 sum;

            if (mends & MEND_HASH) {
                if (unit.kind == RL_AUDIT_SEAL) {
                    rl_sha256_init(&sum);
                    rl_sha256_put(&sum, chain.hash, sizeof chain.hash);
                    rl_sha256_put(&sum, bytes + block, at - block);
                    rl_sha256_end(&sum, chain.hash);
                    unit.detail = (uint32_t)((at - block) / UNIT);
                }
                memcpy(&unit.id, chain.hash, sizeof chain.hash);
                unit.number = chain.number;
            }
            block = at + UNIT;
        } else {
            if (mends & MEND_NUMBER)
                unit.number = chain.number + 1;
            chain.number = unit.number;
        }
        if (mends & MEND_CRC)
            unit.crc = rl_audit_crc(chain.crc, &unit);
        if (unit.kind != RL_AUDIT_FOOTER)
            chain.crc = unit.crc;
        memcpy(bytes + at, &unit, sizeof unit);
    }
}

static void check_written(const uint8_t *data, size_t size)
{
    struct rl_audit_scan s = {.on_record = NULL};
    struct image image = {.n = 0};
    unsigned mends = size > 0 ? data[0] : 0, n_segments = size > 1 ? 1 + data[1] % MAX_SEGMENTS : 1;
    const uint8_t *units = data + (size > 1 ? 2 : size);
    size_t n = size > 1 ? size - 2 : 0, n_each = n / n_segments;
    struct rl_audit_verdict v;

    for (unsigned i = 0; i < n_segments; i++) {
        size_t n_now = i + 1 == n_segments ? n - i * n_each : n_each;

        put_segment(&image, &s, units + i * n_each, n_now, mends);
        mend(&image, &s, mends);
        s = walk(&image);
    }
    v = s.verdict;
    check_verdict(&image, &v);
    s = walk(&image);
    CHECK(memcmp(&v, &s.verdict, sizeof v) == 0);
    if (size > 2) { /* cut: never more of it is proven */
        unsigned last = image.n - 1;
        size_t cut = RL_AUDIT_HEADER + data[size - 1] * 37u;

        if (cut < image.n_bytes[last]) {
            uint8_t *whole = image.bytes[last];

            image.bytes[last] = fuzz_exactly(whole, cut);
            image.n_bytes[last] = cut;
            free(whole);
            s = walk(&image);
            check_verdict(&image, &s.verdict);
            CHECK(s.verdict.n_records <= v.n_records);
            CHECK(s.verdict.fault != RL_AUDIT_WHOLE || v.fault != RL_AUDIT_WHOLE);
        }
    }
    free_image(&image);
}

/* ---- A whole log by the tape, and one bit of it
 * -------------------------------------------------- */

/* One segment of one to four blocks; in exactly its size. */
static void build(struct image *image, struct fuzz_tape *t)
{
    RL_ALIGNED struct rl_audit_record block[8];
    static uint8_t units[64 * UNIT];
    struct rl_audit_scan s = {.on_record = NULL};
    struct rl_audit_chain chain = {.number = 0};
    unsigned n_blocks = 1 + fuzz_u8(t) % 4;
    uint64_t tsc = fuzz_u8(t);
    size_t n = 0;

    image->n = 0;
    put_segment(image, &s, NULL, 0, 0); /* for the hash of its header */
    memcpy(chain.hash, ((struct rl_audit_header *)image->bytes[0])->hash, sizeof chain.hash);
    free_image(image);
    for (unsigned b = 0; b < n_blocks; b++) {
        unsigned n_records = 1 + fuzz_u8(t) % 7;

        memset(block, 0, sizeof block);
        for (unsigned i = 0; i < n_records; i++) {
            tsc += fuzz_u8(t);
            block[i] = (struct rl_audit_record){.number = ++chain.number,
                                                .tsc = tsc,
                                                .id = fuzz_u64(t),
                                                .px_nano = (int64_t)fuzz_u64(t),
                                                .qty = fuzz_u16(t),
                                                .kind = (uint8_t)(1 + fuzz_u8(t) % 239)};
            block[i].crc = chain.crc = rl_audit_crc(chain.crc, &block[i]);
        }
        rl_audit_block_hash(chain.hash, block, n_records);
        rl_audit_make_seal(&block[n_records], &chain, n_records, chain.number - n_records);
        memcpy(units + n, block, (n_records + 1u) * UNIT);
        n += (n_records + 1u) * UNIT;
    }
    rl_audit_make_footer(block, &chain, RL_AUDIT_END_CLOSED);
    memcpy(units + n, block, UNIT);
    image->n = 0;
    put_segment(image, &s, units, n + UNIT, 0);
}

static void check_built(const uint8_t *data, size_t size)
{
    struct fuzz_tape t = {data, data + size};
    struct image image;
    struct rl_audit_verdict v;
    size_t at;

    build(&image, &t);
    v = walk(&image).verdict;
    CHECK_EQ(v.fault, RL_AUDIT_WHOLE);
    CHECK_EQ(v.n_records + v.n_blocks + 1, n_units(&image));
    at = fuzz_u16(&t) % (image.n_bytes[0] - RL_AUDIT_HEADER) + RL_AUDIT_HEADER;
    image.bytes[0][at] ^= (uint8_t)(1u << fuzz_u8(&t) % 8);
    v = walk(&image).verdict;
    CHECK_EQ(v.fault, RL_AUDIT_CORRUPT);
    CHECK_EQ(v.offset, at / UNIT * UNIT);
    free_image(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_MAX)
        return 0;
    check_written(data, size);
    check_built(data, size);
    return 0;
}

/* Logs of one to three segments, and what is mended of them. */
size_t fuzz_seed(unsigned i, uint8_t *out)
{
    static const uint8_t mends[] = {MEND_CRC | MEND_HASH | MEND_NUMBER | MEND_LINK,
                                    MEND_CRC | MEND_HASH | MEND_LINK | MEND_KIND, MEND_CRC, 0};
    uint64_t random = i + 1;
    uint8_t tape_bytes[200];
    struct fuzz_tape tape = {tape_bytes, tape_bytes + sizeof tape_bytes};
    size_t n = 2;

    if (i >= 24)
        return 0;
    out[0] = mends[i % RL_COUNT(mends)];
    out[1] = (uint8_t)(i / 8);
    for (size_t k = 0; k < sizeof tape_bytes; k++)
        tape_bytes[k] = (uint8_t)(check_random(&random) >> 20);
    for (unsigned k = 0; k <= i / 8; k++) {
        struct image image;
        size_t n_units_bytes;

        build(&image, &tape);
        n_units_bytes = image.n_bytes[0] - RL_AUDIT_HEADER;
        n_units_bytes = n_units_bytes < 640 ? n_units_bytes : 640;
        memcpy(out + n, image.bytes[0] + RL_AUDIT_HEADER, n_units_bytes);
        n += n_units_bytes;
        free_image(&image);
    }
    return n;
}
