/* The format of the log by itself: headers that are refused, times in UTC, the text of the schema.
 */
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "trade/audit/format.h"

static struct rl_audit_header sealed(void)
{
    struct rl_audit_header h = {.segment = 3, .tsc_hz = 1};

    rl_audit_header_seal(&h);
    return h;
}

/* As somebody would who knows how the hash is made. */
static const char *fault_with_its_hash_mended(struct rl_audit_header *h)
{
    rl_sha256(h, offsetof(struct rl_audit_header, hash), h->hash);
    return rl_audit_header_fault(h);
}

static void a_header_of_another_format_is_refused_by_each_of_its_numbers(void)
{
    static const char another[] = "a version of the format that is not known";
    struct rl_audit_header h = sealed();

    CHECK(rl_audit_header_fault(&h) == NULL);
    CHECK(fault_with_its_hash_mended(&h) == NULL);
    h.version++;
    CHECK(strcmp(fault_with_its_hash_mended(&h), another) == 0);
    h = sealed();
    h.n_header_bytes++;
    CHECK(strcmp(fault_with_its_hash_mended(&h), another) == 0);
    h = sealed();
    h.n_unit_bytes++;
    CHECK(strcmp(fault_with_its_hash_mended(&h), another) == 0);
    h = sealed();
    h.tsc_hz = 0;
    CHECK(strcmp(fault_with_its_hash_mended(&h), "the header has no clock") == 0);
    h = sealed();
    h.magic[7] ^= 1;
    CHECK(strcmp(fault_with_its_hash_mended(&h), "no segment of an audit log") == 0);
    h = sealed();
    h.hash[RL_SHA256_BYTES - 1] ^= 1;
    CHECK(strcmp(rl_audit_header_fault(&h), "the header is damaged") == 0);
}

static void a_header_says_what_the_format_is(void)
{
    struct rl_audit_header h = sealed();
    uint8_t hash[RL_SHA256_BYTES];
    char text[2048];

    CHECK_EQ(h.version, 1);
    CHECK_EQ(h.n_header_bytes, 4096);
    CHECK_EQ(h.n_unit_bytes, 64);
    rl_sha256(text, rl_audit_schema(text, sizeof text), hash);
    CHECK(memcmp(h.schema_hash, hash, sizeof hash) == 0);
}

/* One byte more than its room is never written, and the last one that is is the zero. */
static void a_schema_is_cut_to_its_room(void)
{
    char whole[2048], text[2048];
    size_t n = rl_audit_schema(whole, sizeof whole);
    const size_t rooms[] = {1, 2, n - 1, n, n + 1, n + 2};

    for (size_t i = 0; i < RL_COUNT(rooms); i++) {
        size_t n_kept = rooms[i] - 1 < n ? rooms[i] - 1 : n;

        memset(text, 'x', sizeof text);
        CHECK_EQ(rl_audit_schema(text, rooms[i]), n);
        CHECK_EQ(strlen(text), n_kept);
        CHECK(memcmp(text, whole, n_kept) == 0);
        CHECK_EQ(text[rooms[i]], 'x');
    }
}

static void a_time_is_told_on_both_sides_of_the_headers_and_never_wraps(void)
{
    static const struct {
        uint64_t hz, tsc, wall_ns, at, wanted;
    } cases[] = {
        {1000000000, 500, 10000, 500, 10000},
        {1000000000, 500, 10000, 501, 10001},
        {1000000000, 500, 10000, 499, 9999},
        {2000000000, 500, 10000, 504, 10002},
        {2000000000, 500, 10000, 496, 9998},
        {3, 0, 0, 3000000000, 1000000000000000000},
        {1, 0, 0, UINT64_MAX, UINT64_MAX}, /* half an eternity */
        {1000000000, 0, UINT64_MAX - 10, 10, UINT64_MAX},
        {1000000000, 0, UINT64_MAX - 10, 9, UINT64_MAX - 1},
        {1000000000, 0, UINT64_MAX - 10, 11, UINT64_MAX},
        {1000000000, 100, 10, 90, 0},
        {1000000000, 100, 10, 91, 1},
        {1000000000, 100, 10, 89, 0},
        {1, UINT64_MAX, 10, 0, 0},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_audit_header h = {
            .tsc_hz = cases[i].hz, .tsc = cases[i].tsc, .wall_ns = cases[i].wall_ns};

        CHECK_EQ(rl_audit_wall_ns(&h, cases[i].at), cases[i].wanted);
    }
}

/* The members that only seals and footers use; the rest of the unit is zero. */
static void seals_and_footers_say_what_they_end(void)
{
    struct rl_audit_chain chain = {.number = 77, .crc = 5}, before;
    struct rl_audit_record unit;

    memset(chain.hash, 0xAB, sizeof chain.hash);
    before = chain;
    rl_audit_make_seal(&unit, &chain, 9, 70);
    CHECK_EQ(unit.kind, 240);
    CHECK_EQ(unit.number, 77);
    CHECK_EQ(unit.detail, 9);
    CHECK_EQ(unit.tsc, 70);
    CHECK_EQ(unit.event, 0);
    CHECK(memcmp(&unit.id, before.hash, sizeof before.hash) == 0);
    CHECK_EQ(unit.crc, rl_audit_crc(before.crc, &unit));
    CHECK_EQ(chain.crc, unit.crc);
    CHECK_EQ(chain.number, 77);
    before = chain;
    rl_audit_make_footer(&unit, &chain, RL_AUDIT_END_CLOSED);
    CHECK_EQ(unit.kind, 241);
    CHECK_EQ(unit.event, 2);
    CHECK_EQ(unit.detail, 0);
    CHECK_EQ(unit.crc, rl_audit_crc(before.crc, &unit));
}

int main(void)
{
    a_header_of_another_format_is_refused_by_each_of_its_numbers();
    a_header_says_what_the_format_is();
    a_schema_is_cut_to_its_room();
    a_time_is_told_on_both_sides_of_the_headers_and_never_wraps();
    seals_and_footers_say_what_they_end();
    return 0;
}
