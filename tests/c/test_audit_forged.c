/*
 * Logs that somebody forged who knows how checksums and hashes are made: two segments, one lie in
 * one unit, everything behind it made anew. Each lie is found, and nothing is found without one.
 */
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "trade/audit/read.h"

#define N_RECORDS 4 /* of each segment, one block */
#define MAX_UNITS 8

struct segment {
    struct rl_audit_header header;
    struct rl_audit_record units[MAX_UNITS];
};

/* What is told of the log; a lie changes it before it is hashed and chained. */
struct forged {
    struct segment segments[2];
    struct rl_audit_chain chain;
    uint32_t n_units[2];
};

typedef void lie(struct forged *f);
static void no_lie(struct forged *f)
{
    (void)f;
}

/* Where a lie is told. */
struct lies {
    lie *in_header;  /* of the second segment, before it is sealed */
    lie *in_records; /* of the second segment, before they are chained */
    void (*in_seal)(struct rl_audit_record *seal, struct rl_audit_chain *chain);
    void (*in_footer)(struct rl_audit_record *footer, struct rl_audit_chain *chain);
    bool has_no_footer, has_no_seal; /* the first segment */
    size_t n_torn;                   /* bytes of zero behind the first segment */
};

static void close_unit(struct rl_audit_record *unit, struct rl_audit_chain *chain, uint32_t crc)
{
    unit->crc = chain->crc = rl_audit_crc(crc, unit);
}

static void fill(struct forged *f, unsigned s, const struct lies *lies)
{
    struct segment *segment = &f->segments[s];
    struct rl_audit_record *u = segment->units;
    struct rl_audit_chain *chain = &f->chain;
    uint32_t crc;

    memcpy(chain->hash, segment->header.hash, sizeof chain->hash);
    for (unsigned i = 0; i < N_RECORDS; i++)
        u[i] = (struct rl_audit_record){
            .number = chain->number + i + 1, .tsc = 100 * (s + 1) + i, .kind = 1, .id = i};
    if (s == 1)
        lies->in_records(f);
    for (unsigned i = 0; i < N_RECORDS; i++)
        close_unit(&u[i], chain, chain->crc);
    chain->number = u[N_RECORDS - 1].number;
    f->n_units[s] = N_RECORDS;
    rl_audit_block_hash(chain->hash, u, N_RECORDS); /* a reader takes it with or without a seal */
    if (s == 0 && lies->has_no_seal)
        return;
    crc = chain->crc;
    rl_audit_make_seal(&u[N_RECORDS], chain, N_RECORDS, 0);
    if (s == 1 && lies->in_seal) {
        lies->in_seal(&u[N_RECORDS], chain);
        close_unit(&u[N_RECORDS], chain, crc);
    }
    f->n_units[s]++;
}

static void end(struct forged *f, unsigned s, const struct lies *lies)
{
    struct rl_audit_record *footer = &f->segments[s].units[f->n_units[s]];
    struct rl_audit_chain chain = f->chain; /* a footer is no part of what the next continues */
    uint32_t crc = chain.crc;

    if (s == 0 && (lies->has_no_footer || lies->has_no_seal))
        return;
    rl_audit_make_footer(footer, &chain, s == 0 ? RL_AUDIT_END_ROTATED : RL_AUDIT_END_CLOSED);
    if (s == 1 && lies->in_footer) {
        lies->in_footer(footer, &chain);
        close_unit(footer, &chain, crc);
    }
    f->n_units[s]++;
}

static size_t bytes_of(const struct forged *f, unsigned s)
{
    return RL_AUDIT_HEADER + f->n_units[s] * sizeof f->segments[s].units[0];
}

static struct forged forge(const struct lies *lies)
{
    struct forged f = {.chain = {.number = 0}};
    bool is_recovered = lies->has_no_footer || lies->has_no_seal;

    for (unsigned s = 0; s < 2; s++) {
        struct rl_audit_header *h = &f.segments[s].header;

        *h = (struct rl_audit_header){
            .segment = s + 1, .tsc_hz = 1, .wall_ns = 1000, .session = {7}};
        h->first_number = f.chain.number + 1;
        if (s == 1) {
            h->previous_crc = f.chain.crc;
            h->previous_bytes = RL_AUDIT_HEADER + (lies->has_no_seal ? 4 : 5) * RL_AUDIT_UNIT;
            h->previous_end = is_recovered ? RL_AUDIT_END_RECOVERED : RL_AUDIT_END_ROTATED;
            memcpy(h->previous_hash, f.chain.hash, sizeof h->previous_hash);
            if (is_recovered) {
                static const uint8_t zeros[256];

                h->torn_bytes = lies->n_torn;
                rl_sha256(zeros, lies->n_torn, h->torn_hash);
            }
            lies->in_header(&f);
        }
        rl_audit_header_seal(h);
        fill(&f, s, lies);
        end(&f, s, lies);
    }
    return f;
}

static struct rl_audit_verdict verdict(const struct forged *f, const struct lies *lies,
                                       uint32_t first_segment)
{
    static struct rl_audit_scan s;

    s = (struct rl_audit_scan){.first_segment = first_segment};
    rl_audit_scan_init(&s);
    for (uint32_t i = first_segment ? first_segment - 1 : 0; i < 2; i++) {
        size_t n = bytes_of(f, i) + (i == 0 ? lies->n_torn : 0);

        if (!rl_audit_scan_segment(&s, i + 1, (const uint8_t *)&f->segments[i], n, i == 1))
            break;
    }
    rl_audit_scan_end(&s);
    return s.verdict;
}

static struct rl_audit_verdict tell(struct lies lies)
{
    struct forged f;

    lies.in_header = lies.in_header ? lies.in_header : no_lie;
    lies.in_records = lies.in_records ? lies.in_records : no_lie;
    f = forge(&lies);
    return verdict(&f, &lies, 0);
}

static void check_found(struct lies lies, uint32_t fault, uint32_t segment, uint64_t units,
                        const char *text)
{
    struct rl_audit_verdict v = tell(lies);
    uint64_t offset = units ? RL_AUDIT_HEADER + (units - 1) * RL_AUDIT_UNIT : 0;

    if (v.fault != fault || v.segment != segment || v.offset != offset ||
        strcmp(v.text, text) != 0) {
        fprintf(stderr, "fault %u in %u at %" PRIu64 ": %s; wanted %u in %u at %" PRIu64 ": %s\n",
                v.fault, v.segment, v.offset, v.text ? v.text : "-", fault, segment, offset, text);
        exit(1);
    }
}

static void without_a_lie_nothing_is_found(void)
{
    static const struct lies none[] = {{.n_torn = 0},
                                       {.has_no_footer = true},
                                       {.has_no_footer = true, .n_torn = 100},
                                       {.has_no_seal = true}};

    for (unsigned i = 0; i < RL_COUNT(none); i++) {
        struct rl_audit_verdict v = tell(none[i]);

        CHECK_EQ(v.fault, RL_AUDIT_WHOLE);
        CHECK_EQ(v.n_records, 2 * N_RECORDS);
        CHECK_EQ(v.n_segments, 2);
        CHECK_EQ(v.n_recovered, i > 0);
        CHECK_EQ(v.n_blocks, i == 3 ? 1 : 2);
        CHECK_EQ(v.head.number, 2 * N_RECORDS);
    }
}

/* ---- Seals and footers -------------------------------------------------------------------------
 */

#define SEAL_LIE(name, change)                                                   \
    static void name(struct rl_audit_record *unit, struct rl_audit_chain *chain) \
    {                                                                            \
        (void)chain;                                                             \
        change;                                                                  \
    }
SEAL_LIE(another_number, unit->number++)
SEAL_LIE(another_count, unit->detail++)
SEAL_LIE(another_hash, unit->qty ^= 1ULL << 63)
SEAL_LIE(no_end, unit->event = RL_AUDIT_END_NONE)
SEAL_LIE(recovered, unit->event = RL_AUDIT_END_RECOVERED)
SEAL_LIE(seal_for_footer, (unit->kind = RL_AUDIT_SEAL, unit->detail = 0))
SEAL_LIE(footer_for_seal, (unit->kind = RL_AUDIT_FOOTER, unit->event = RL_AUDIT_END_CLOSED))

static void a_seal_of_another_block_is_found(void)
{
    static const char text[] = "the hash of the block before is another";

    check_found((struct lies){.in_seal = another_number}, RL_AUDIT_CHAIN, 2, 5, text);
    check_found((struct lies){.in_seal = another_count}, RL_AUDIT_CHAIN, 2, 5, text);
    check_found((struct lies){.in_seal = another_hash}, RL_AUDIT_CHAIN, 2, 5, text);
    check_found((struct lies){.in_footer = seal_for_footer}, RL_AUDIT_CHAIN, 2, 6, text);
}

static void a_footer_of_another_segment_is_found(void)
{
    static const char text[] = "the footer is that of another segment";

    check_found((struct lies){.in_footer = another_number}, RL_AUDIT_CHAIN, 2, 6, text);
    check_found((struct lies){.in_footer = another_hash}, RL_AUDIT_CHAIN, 2, 6, text);
    check_found((struct lies){.in_footer = no_end}, RL_AUDIT_CHAIN, 2, 6, text);
    check_found((struct lies){.in_footer = recovered}, RL_AUDIT_CHAIN, 2, 6, text);
    check_found((struct lies){.in_seal = footer_for_seal}, RL_AUDIT_CHAIN, 2, 5, text);
}

/* ---- Headers -----------------------------------------------------------------------------------
 */

#define HEADER_LIE(name, change)                            \
    static void name(struct forged *f)                      \
    {                                                       \
        struct rl_audit_header *h = &f->segments[1].header; \
        change;                                             \
    }
HEADER_LIE(later_number, (h->first_number++, f->chain.number++))
HEADER_LIE(another_crc, h->previous_crc ^= 1)
HEADER_LIE(another_previous_hash, h->previous_hash[31] ^= 1)
HEADER_LIE(another_length, h->previous_bytes++)
HEADER_LIE(closed_before, h->previous_end = RL_AUDIT_END_CLOSED)
HEADER_LIE(torn_before, h->torn_bytes++)
HEADER_LIE(another_torn_hash, h->torn_hash[31] ^= 1)
HEADER_LIE(rotated_before, h->previous_end = RL_AUDIT_END_ROTATED)
HEADER_LIE(another_segment, h->segment = 3)
HEADER_LIE(older_wall, h->wall_ns--)
HEADER_LIE(another_session, h->session[15] ^= 1)

static void a_header_that_does_not_continue_the_segment_before_is_found(void)
{
    static lie *const linked[] = {later_number, another_crc, another_previous_hash, another_length};
    static const char text[] = "it does not continue the segment before";

    for (unsigned i = 0; i < RL_COUNT(linked); i++) {
        check_found((struct lies){.in_header = linked[i]}, RL_AUDIT_CHAIN, 2, 0, text);
        check_found((struct lies){.in_header = linked[i], .has_no_footer = true}, RL_AUDIT_CHAIN, 1,
                    6, "the segment ends before the next one begins");
    }
    check_found((struct lies){.in_header = closed_before}, RL_AUDIT_CHAIN, 2, 0, text);
    check_found((struct lies){.in_header = torn_before}, RL_AUDIT_CHAIN, 2, 0, text);
}

static void a_header_that_lies_of_a_crash_is_found(void)
{
    static lie *const told[] = {closed_before, torn_before, another_torn_hash};

    for (unsigned i = 0; i < RL_COUNT(told); i++)
        check_found((struct lies){.in_header = told[i], .has_no_footer = true, .n_torn = 100},
                    RL_AUDIT_CHAIN, 1, 6, "the segment ends before the next one begins");
    /* A footer that was cut off: the next header still knows of it, and has records behind it. */
    check_found((struct lies){.in_header = rotated_before, .has_no_footer = true}, RL_AUDIT_CHAIN,
                1, 6, "the segment has lost its footer");
}

static void a_header_under_another_name_is_found(void)
{
    check_found((struct lies){.in_header = another_segment}, RL_AUDIT_CHAIN, 2, 0,
                "the header is that of another segment");
}

/* ---- Time ---------------------------------------------------------------------------------------
 */

static void tsc_starts_anew(struct forged *f)
{
    for (unsigned i = 0; i < N_RECORDS; i++)
        f->segments[1].units[i].tsc = i;
}

static void as_late_as_the_last(struct forged *f)
{
    f->segments[1].units[0].tsc = 100 + N_RECORDS - 1;
}

static void time_turned_back_between_segments_is_found_unless_the_host_began_anew(void)
{
    check_found((struct lies){.in_header = older_wall}, RL_AUDIT_TIME, 2, 0,
                "the wall clock was set back before this segment");
    check_found((struct lies){.in_records = tsc_starts_anew}, RL_AUDIT_TIME, 2, 1,
                "an older time than that of a record before");
    CHECK_EQ(tell((struct lies){.in_records = as_late_as_the_last}).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(tell((struct lies){.in_header = another_session, .in_records = tsc_starts_anew}).fault,
             RL_AUDIT_WHOLE);
}

/* ---- A part of a log ----------------------------------------------------------------------------
 */

static void what_older_segments_said_is_believed_when_they_were_moved_away(void)
{
    struct lies none = {.in_header = no_lie, .in_records = no_lie};
    struct forged f = forge(&none);
    struct rl_audit_verdict v = verdict(&f, &none, 2);

    CHECK_EQ(v.fault, RL_AUDIT_WHOLE);
    CHECK_EQ(v.n_records, N_RECORDS);
    CHECK_EQ(v.head.number, 2 * N_RECORDS);
    CHECK_EQ(verdict(&f, &none, 1).n_records, 2 * N_RECORDS);
    /* But not of the first segment, before which there is nothing. */
    f.segments[0].header.first_number = 2;
    rl_audit_header_seal(&f.segments[0].header);
    v = verdict(&f, &none, 0);
    CHECK_EQ(v.fault, RL_AUDIT_CHAIN);
    CHECK_EQ(v.segment, 1);
}

/* Whatever follows the end was not written by who wrote the end. */
static void something_behind_the_footer_is_found(void)
{
    struct lies none = {.in_header = no_lie, .in_records = no_lie};

    for (size_t n = 1; n <= RL_AUDIT_UNIT; n += RL_AUDIT_UNIT - 1) {
        struct forged f = forge(&none);
        static struct rl_audit_scan s;

        rl_audit_scan_init(&s);
        CHECK(
            rl_audit_scan_segment(&s, 1, (const uint8_t *)&f.segments[0], bytes_of(&f, 0), false));
        CHECK(!rl_audit_scan_segment(&s, 2, (const uint8_t *)&f.segments[1], bytes_of(&f, 1) + n,
                                     true));
        CHECK_EQ(s.verdict.fault, RL_AUDIT_CORRUPT);
        CHECK_EQ(s.verdict.offset, bytes_of(&f, 1));
        CHECK(strcmp(s.verdict.text, "something was added behind the footer") == 0);
    }
}

int main(void)
{
    without_a_lie_nothing_is_found();
    a_seal_of_another_block_is_found();
    a_footer_of_another_segment_is_found();
    a_header_that_does_not_continue_the_segment_before_is_found();
    a_header_that_lies_of_a_crash_is_found();
    a_header_under_another_name_is_found();
    time_turned_back_between_segments_is_found_unless_the_host_began_anew();
    what_older_segments_said_is_believed_when_they_were_moved_away();
    something_behind_the_footer_is_found();
    return 0;
}
