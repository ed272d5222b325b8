/* Whoever cuts or alters a log is found, and found at the right record. */
#include "audit_log.h"

#define MAX_SEGMENTS 16
#define MAX_BYTES 16384

struct image {
    uint8_t bytes[MAX_SEGMENTS][MAX_BYTES];
    size_t n_bytes[MAX_SEGMENTS];
    unsigned n_segments;
};

static void load(struct log *log, struct image *image)
{
    memset(image, 0, sizeof *image);
    for (unsigned i = 0; i < MAX_SEGMENTS; i++) {
        char name[RL_AUDIT_NAME_BYTES + 2];

        snprintf(name, sizeof name, RL_AUDIT_NAME, i + 1);
        if (!log_has(log, name))
            break;
        image->n_bytes[i] = log_read(log, name, image->bytes[i], MAX_BYTES);
        image->n_segments = i + 1;
    }
}

/* A log of five segments whose blocks have one to three records, and a clean end. */
static void five_segments(struct image *image)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    for (unsigned i = 0; i < 12; i++)
        log_write(&log, 1 + i % 3, 8);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    load(&log, image);
    CHECK(image->n_segments >= 4);
    log_remove(&log);
}

static struct rl_audit_verdict verdict_of(const struct image *image)
{
    static struct rl_audit_scan s;

    rl_audit_scan_init(&s);
    for (unsigned i = 0; i < image->n_segments; i++) {
        if (!rl_audit_scan_segment(&s, i + 1, image->bytes[i], image->n_bytes[i],
                                   i + 1 == image->n_segments))
            break;
    }
    rl_audit_scan_end(&s);
    return s.verdict;
}

/* Number of the first record that is not whole before this place. */
static uint64_t first_after(const struct image *image, unsigned segment, size_t offset)
{
    uint64_t n = 1;

    for (unsigned i = 0; i <= segment; i++) {
        size_t end = i < segment ? image->n_bytes[i] : offset;

        for (size_t at = RL_AUDIT_HEADER; at + RL_AUDIT_UNIT <= end; at += RL_AUDIT_UNIT)
            n += image->bytes[i][at + offsetof(struct rl_audit_record, kind)] < RL_AUDIT_SEAL;
    }
    return n;
}

static size_t unit_of(size_t offset)
{
    return offset < RL_AUDIT_HEADER ? 0 : offset / RL_AUDIT_UNIT * RL_AUDIT_UNIT;
}

static void a_cut_at_any_byte_is_found_at_its_record(void)
{
    static struct image whole, cut;
    unsigned n_cuts = 0;

    five_segments(&whole);
    CHECK_EQ(verdict_of(&whole).fault, RL_AUDIT_WHOLE);
    for (unsigned i = 0; i < whole.n_segments; i++) {
        bool is_last = i + 1 == whole.n_segments;

        cut = whole;
        for (size_t n = 0; n < whole.n_bytes[i]; n++, n_cuts++) {
            struct rl_audit_verdict v;

            cut.n_bytes[i] = n;
            v = verdict_of(&cut);
            CHECK_EQ(v.fault, is_last ? RL_AUDIT_TORN : RL_AUDIT_CHAIN);
            CHECK_EQ(v.segment, i + 1);
            CHECK_EQ(v.offset, unit_of(n));
            CHECK_EQ(v.record, first_after(&whole, i, n));
        }
    }
    CHECK(n_cuts > 15000);
}

static void a_log_cut_behind_any_segment_is_found(void)
{
    static struct image whole, cut;

    five_segments(&whole);
    cut = whole;
    for (cut.n_segments = whole.n_segments - 1; cut.n_segments > 0; cut.n_segments--) {
        struct rl_audit_verdict v = verdict_of(&cut);

        CHECK_EQ(v.fault, RL_AUDIT_CHAIN);
        CHECK_EQ(v.segment, cut.n_segments);
        CHECK_EQ(v.offset, cut.n_bytes[cut.n_segments - 1] - RL_AUDIT_UNIT); /* its footer */
    }
}

static void any_flipped_bit_is_found_at_its_record(void)
{
    static struct image image;
    unsigned n_flips = 0;
    uint64_t random = 7;

    five_segments(&image);
    for (unsigned i = 0; i < image.n_segments; i++) {
        for (size_t at = 0; at < image.n_bytes[i]; at++) {
            unsigned first = (unsigned)(check_random(&random) % 8);

            for (unsigned k = 0; k < 3; k++, n_flips++) {
                uint8_t flip = (uint8_t)(1u << (first + 3 * k) % 8);
                struct rl_audit_verdict v;

                image.bytes[i][at] ^= flip;
                v = verdict_of(&image);
                CHECK_EQ(v.fault, RL_AUDIT_CORRUPT);
                CHECK_EQ(v.segment, i + 1);
                CHECK_EQ(v.offset, unit_of(at));
                image.bytes[i][at] ^= flip;
                CHECK_EQ(v.record, first_after(&image, i, at));
            }
        }
    }
    CHECK(n_flips > 45000);
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_WHOLE);
}

/* ---- What a crash may leave, and what it may not ----------------------------------------------
 */

/* Without a footer: as left by a crash after the last commit. */
static void without_end(struct image *image)
{
    unsigned last;

    five_segments(image);
    last = image->n_segments - 1;
    image->n_bytes[last] -= RL_AUDIT_UNIT;
    memset(image->bytes[last] + image->n_bytes[last], 0, RL_AUDIT_UNIT);
}

static void zeros_behind_the_end_are_a_torn_tail(void)
{
    static struct image image;
    struct rl_audit_verdict v;
    uint64_t record;
    unsigned last;

    without_end(&image);
    v = verdict_of(&image);
    record = v.record;
    last = image.n_segments - 1;
    CHECK_EQ(v.fault, RL_AUDIT_TORN);
    for (unsigned n = 1; n < 1500; n += 37) {
        size_t n_before = image.n_bytes[last];

        image.n_bytes[last] += n;
        v = verdict_of(&image);
        CHECK_EQ(v.fault, RL_AUDIT_TORN);
        CHECK_EQ(v.offset, n_before);
        CHECK_EQ(v.record, record);
        image.n_bytes[last] = n_before;
    }
}

static void other_bytes_behind_the_end_are_no_torn_tail(void)
{
    static struct image image;
    unsigned last;

    without_end(&image);
    last = image.n_segments - 1;
    /* A disk writes zeros or what it was given. */
    image.bytes[last][image.n_bytes[last] + 70] = 1;
    image.n_bytes[last] += 100;
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_TORN); /* less than a unit: cut off */
    image.n_bytes[last] += 28;
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_CORRUPT);
    image.n_bytes[last] += RL_AUDIT_SECTOR - image.n_bytes[last] % RL_AUDIT_SECTOR;
    image.bytes[last][image.n_bytes[last] + 6] = 1; /* also where a sector begins */
    image.n_bytes[last] += RL_AUDIT_UNIT;
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_CORRUPT);
}

/* One segment with `n_synced` records in a synced block and 40 in a block that was not. */
static void with_unsynced_block(struct image *image, unsigned n_synced)
{
    struct log log;

    log_make(&log);
    log.config.segment_bytes = 12000;
    log_must_open(&log);
    log_write(&log, n_synced, n_synced);
    log_write(&log, 40, 40);
    rl_audit_writer_abandon(&log.writer);
    load(&log, image);
    CHECK_EQ(image->n_segments, 1);
    CHECK_EQ(verdict_of(image).fault, RL_AUDIT_TORN);
    CHECK_EQ(verdict_of(image).record, n_synced + 41);
    log_remove(&log);
}

static void a_sector_that_never_came_to_the_disk_is_a_torn_tail(void)
{
    static struct image image;
    struct rl_audit_verdict v;
    size_t sector = RL_AUDIT_HEADER + 2 * RL_AUDIT_SECTOR; /* in the middle of the second block */

    with_unsynced_block(&image, 4);
    memset(image.bytes[0] + sector, 0, RL_AUDIT_SECTOR);
    v = verdict_of(&image);
    CHECK_EQ(v.fault, RL_AUDIT_TORN);
    CHECK_EQ(v.offset, sector);
    CHECK_EQ(v.record, first_after(&image, 0, sector));

    with_unsynced_block(&image, 4);
    memset(image.bytes[0] + sector, 0, RL_AUDIT_SECTOR - RL_AUDIT_UNIT); /* not a whole one */
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_CORRUPT);

    with_unsynced_block(&image, 4);
    memset(image.bytes[0] + sector, 0, RL_AUDIT_SECTOR);
    image.bytes[0][sector + RL_AUDIT_SECTOR + 3 * RL_AUDIT_UNIT] ^= 1; /* and altered behind it */
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_CORRUPT);
}

static void a_hole_in_what_had_been_synced_is_damage(void)
{
    static struct image image;
    size_t sector = RL_AUDIT_HEADER + RL_AUDIT_SECTOR;

    with_unsynced_block(&image, 20); /* the seal behind the hole says that 20 were on the disk */
    memset(image.bytes[0] + sector, 0, RL_AUDIT_SECTOR);
    CHECK_EQ(verdict_of(&image).fault, RL_AUDIT_CORRUPT);
    CHECK_EQ(verdict_of(&image).record, first_after(&image, 0, sector));
}

/* ---- Logs whose checksums are right and whose story is not -------------------------------------
 */

static struct rl_audit_record *unit_at(struct image *image, size_t i)
{
    return (struct rl_audit_record *)(image->bytes[0] + RL_AUDIT_HEADER + i * RL_AUDIT_UNIT);
}

/* One segment, two blocks of four, closed; `spoil` may change records before all is chained. */
static struct rl_audit_verdict rechained(void (*spoil)(struct rl_audit_record *records))
{
    static RL_ALIGNED struct image image;
    struct rl_audit_header *h = (struct rl_audit_header *)image.bytes[0];
    struct rl_audit_chain chain = {.crc = 0};
    size_t at = 0;

    memset(&image, 0, sizeof image);
    *h = (struct rl_audit_header){.segment = 1, .first_number = 1, .tsc_hz = 1, .session = {1}};
    rl_audit_header_seal(h);
    memcpy(chain.hash, h->hash, sizeof chain.hash);
    for (unsigned block = 0; block < 2; block++) {
        struct rl_audit_record *first = unit_at(&image, at);

        for (unsigned i = 0; i < 4; i++) {
            log_fill(&first[i], 4 * block + i + 1, 100 + 4 * block + i);
            first[i].number = 4 * block + i + 1;
        }
        if (spoil && block == 1)
            spoil(first);
        for (unsigned i = 0; i < 4; i++)
            first[i].crc = chain.crc = rl_audit_crc(chain.crc, &first[i]);
        chain.number = first[3].number;
        rl_audit_block_hash(chain.hash, first, 4);
        rl_audit_make_seal(&first[4], &chain, 4, 0);
        at += 5;
    }
    rl_audit_make_footer(unit_at(&image, at), &chain, RL_AUDIT_END_CLOSED);
    image.n_bytes[0] = RL_AUDIT_HEADER + (at + 1) * RL_AUDIT_UNIT;
    image.n_segments = 1;
    return verdict_of(&image);
}

static void leave_one_out(struct rl_audit_record *records)
{
    for (unsigned i = 2; i < 4; i++)
        records[i].number++;
}

static void repeat_one(struct rl_audit_record *records)
{
    for (unsigned i = 2; i < 4; i++)
        records[i].number--;
}

static void turn_time_back(struct rl_audit_record *records)
{
    records[2].tsc = 50;
}

static void both(struct rl_audit_record *records)
{
    turn_time_back(records);
    records[3].number++;
}

static void a_log_with_right_checksums_may_still_tell_of_a_gap_or_of_time_turned_back(void)
{
    static const struct {
        void (*spoil)(struct rl_audit_record *);
        uint32_t fault;
        uint64_t record, n_gaps, n_backward;
    } cases[] = {{NULL, RL_AUDIT_WHOLE, 0, 0, 0},
                 {leave_one_out, RL_AUDIT_SEQUENCE, 7, 1, 0},
                 {repeat_one, RL_AUDIT_SEQUENCE, 7, 1, 0},
                 {turn_time_back, RL_AUDIT_TIME, 7, 0, 1},
                 {both, RL_AUDIT_TIME, 7, 1, 1}};

    for (unsigned i = 0; i < RL_COUNT(cases); i++) {
        struct rl_audit_verdict v = rechained(cases[i].spoil);

        CHECK_EQ(v.fault, cases[i].fault);
        CHECK_EQ(v.record, cases[i].record);
        CHECK_EQ(v.n_gaps, cases[i].n_gaps);
        CHECK_EQ(v.n_backward, cases[i].n_backward);
        CHECK_EQ(v.n_records, 8);
        if (cases[i].record)
            CHECK_EQ(v.offset, RL_AUDIT_HEADER + 7 * RL_AUDIT_UNIT);
    }
}

/* Someone who mends the checksums behind a change still fails at the hash of the block. */
static void a_mended_checksum_does_not_mend_the_hash(void)
{
    static RL_ALIGNED struct image image;
    struct rl_audit_verdict v;
    uint32_t crc = 0;

    with_unsynced_block(&image, 4);
    unit_at(&image, 1)->qty++;
    for (size_t i = 0; RL_AUDIT_HEADER + i * RL_AUDIT_UNIT < image.n_bytes[0]; i++)
        unit_at(&image, i)->crc = crc = rl_audit_crc(crc, unit_at(&image, i));
    v = verdict_of(&image);
    CHECK_EQ(v.fault, RL_AUDIT_CHAIN);
    CHECK_EQ(v.offset, RL_AUDIT_HEADER + 4 * RL_AUDIT_UNIT);
}

static void segments_of_two_logs_do_not_fit_together(void)
{
    static struct image a, b;
    struct rl_audit_verdict v;

    five_segments(&a);
    five_segments(&b); /* the same records, another session */
    memcpy(a.bytes[2], b.bytes[2], sizeof a.bytes[2]);
    v = verdict_of(&a);
    CHECK_EQ(v.fault, RL_AUDIT_CHAIN);
    CHECK_EQ(v.segment, 3);
    CHECK_EQ(v.offset, 0);
}

int main(void)
{
    a_cut_at_any_byte_is_found_at_its_record();
    a_log_cut_behind_any_segment_is_found();
    any_flipped_bit_is_found_at_its_record();
    zeros_behind_the_end_are_a_torn_tail();
    other_bytes_behind_the_end_are_no_torn_tail();
    a_sector_that_never_came_to_the_disk_is_a_torn_tail();
    a_hole_in_what_had_been_synced_is_damage();
    a_log_with_right_checksums_may_still_tell_of_a_gap_or_of_time_turned_back();
    a_mended_checksum_does_not_mend_the_hash();
    segments_of_two_logs_do_not_fit_together();
    return 0;
}
