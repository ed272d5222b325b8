/* FIX: every instruction set says the same as the plain rules, about every input, in its bounds. */
#include "fix_message.h"
#include "fix_reference.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "market/fix/fix.h"
#include "market/fix/parse_inner.h"

#ifdef __SANITIZE_THREAD__
enum { SCALE = 16 }; /* one thread: nothing to find here, and all of it is slow */
#else
enum { SCALE = 1 };
#endif

static struct fence fence;
static struct rl_fix_field fields[REFERENCE_FIELDS];
static struct reference wanted;
static uint64_t n_outcomes[4];

static void tell(const uint8_t *b, uint32_t n, enum rl_fix_path path, const struct rl_fix_msg *m,
                 enum rl_fix_result result)
{
    fprintf(stderr,
            "%s: result %d, wanted %d; %u fields, wanted %u; reason %u/%u tag %u/%u at "
            "%u/%u: ",
            rl_fix_path_name(path), (int)result, (int)wanted.result, m->n_fields, wanted.n_fields,
            m->reason, wanted.reason, m->ref_tag, wanted.ref_tag, m->ref_off, wanted.ref_off);
    for (uint32_t i = 0; i < n; i++)
        fprintf(stderr, b[i] >= ' ' && b[i] < 127 ? "%c" : b[i] == 1 ? "|" : "<%02x>", b[i]);
    fprintf(stderr, "\n");
    exit(1);
}

/* All paths, with a table of n_max fields, against the reference. */
static void check_all(const uint8_t *b, uint32_t n, uint32_t n_max)
{
    struct rl_fix_msg m;

    reference_parse(&wanted, b, n, n_max);
    n_outcomes[wanted.result]++;
    for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
        enum rl_fix_result result;

        if (rl_fix_use(path) != 0)
            continue;
        rl_fix_init(&m, fields, n_max);
        result = rl_fix_parse(&m, b, n);
        if (result != wanted.result || m.n_fields != wanted.n_fields || m.type != wanted.type ||
            memcmp(fields, wanted.fields, wanted.n_fields * sizeof fields[0]) != 0 ||
            (result == RL_FIX_REJECT && (m.reason != wanted.reason || m.ref_tag != wanted.ref_tag ||
                                         m.ref_off != wanted.ref_off)) ||
            (result != RL_FIX_OK && (m.what == NULL || m.ref_off > n)))
            tell(b, n, path, &m, result);
    }
}

static void test_there_is_a_path_for_every_machine(void)
{
    CHECK((rl_fix_paths() & 3) == 3);
    CHECK((rl_fix_paths() & 1u << rl_fix_path()) != 0);
    CHECK_EQ(rl_fix_paths() >> rl_fix_path(), 1); /* the best one */
    CHECK(rl_fix_use(RL_FIX_N_PATHS) != 0);
    CHECK(strcmp(rl_fix_path_name(RL_FIX_SCALAR), "scalar") == 0);
    CHECK(strcmp(rl_fix_path_name(RL_FIX_AVX512), "avx512") == 0);
    CHECK(strcmp(rl_fix_path_name(RL_FIX_N_PATHS), "?") == 0);
    for (enum rl_fix_path p = RL_FIX_SCALAR; p < RL_FIX_N_PATHS; p++)
        CHECK_EQ(rl_fix_use(p) == 0, (rl_fix_paths() & 1u << p) != 0);
}

/* As the kernel tells it: a path is there when the processor has all that it is made of. */
static void test_the_paths_are_those_that_the_processor_can(void)
{
    static const struct {
        enum rl_fix_path path;
        const char *flags[6];
    } needs[] = {{RL_FIX_AVX2, {"avx2", "bmi1", "bmi2"}},
                 {RL_FIX_AVX512,
                  {"avx512bw", "avx512vl", "avx512dq", "avx512vbmi", "avx512_vbmi2", "avx2"}}};
    static char line[16384];
    FILE *cpuinfo = fopen("/proc/cpuinfo", "r");

    CHECK(cpuinfo != NULL);
    while (fgets(line, sizeof line, cpuinfo) && strncmp(line, "flags", 5) != 0)
        ;
    fclose(cpuinfo);
    CHECK(strncmp(line, "flags", 5) == 0);
    line[strcspn(line, "\n")] = ' ';
    for (uint32_t i = 0; i < RL_COUNT(needs); i++) {
        bool can = true;

        for (uint32_t k = 0; k < RL_COUNT(needs[i].flags) && needs[i].flags[k]; k++) {
            char word[32];

            snprintf(word, sizeof word, " %s ", needs[i].flags[k]);
            can = can && strstr(line, word);
        }
        CHECK_EQ((rl_fix_paths() & 1u << needs[i].path) != 0, can);
    }
}

static void test_random_messages_are_read_the_same_on_every_path(void)
{
    static struct message m;
    uint64_t random = 11;

    memset(n_outcomes, 0, sizeof n_outcomes);
    for (uint32_t i = 0; i < 60000 / SCALE; i++) {
        message_random(&m, &random);
        check_all(fence_last(&fence, m.bytes, m.n), m.n, REFERENCE_FIELDS);
        if (i % 4 == 0)
            check_all(fence_first(&fence, m.bytes, m.n), m.n, REFERENCE_FIELDS);
    }
    /* Not all: a random tag may be a length that nothing numeric follows. */
    CHECK(n_outcomes[RL_FIX_OK] > 55000 / SCALE && n_outcomes[RL_FIX_GARBLED] == 0);
}

/* Tags of at most eight digits that state no length, and not 16 fields of four bytes in a row. */
static bool is_ordinary(void)
{
    uint32_t n_tiny = 0;

    for (uint32_t i = 0; i < wanted.n_fields; i++) {
        const struct rl_fix_field *f = &wanted.fields[i];

        if (f->tag > 99999999 || rl_fix_data_tag(f->tag) != 0)
            return false;
        n_tiny = f->tag < 10 && f->len == 1 ? n_tiny + 1 : 0;
        if (n_tiny == 15)
            return false;
    }
    return wanted.result == RL_FIX_OK;
}

static void test_no_path_leaves_an_ordinary_message_to_the_careful_walk(void)
{
    static rl_fix_fields_fn *const find_fields[RL_FIX_N_PATHS] = {
        rl_fix_fields_scalar, rl_fix_fields_sse2, rl_fix_fields_avx2, rl_fix_fields_avx512};
    static struct message m;
    uint64_t random = 43, n_ordinary = 0, n_long = 0;

    for (uint32_t i = 0; i < 60000 / SCALE; i++) {
        message_random(&m, &random);
        reference_parse(&wanted, m.bytes, m.n, REFERENCE_FIELDS);
        if (!is_ordinary())
            continue;
        n_ordinary++;
        n_long += m.n > 1100; /* more than a path looks at in one go */
        for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
            struct rl_fix_msg msg = {.bytes = fence_last(&fence, m.bytes, m.n),
                                     .n_bytes = m.n,
                                     .fields = fields,
                                     .n_fields_max = REFERENCE_FIELDS};
            uint32_t sum, check;

            if (!(rl_fix_paths() & 1u << path))
                continue;
            if (!find_fields[path](&msg, m.n - 7, &sum))
                tell(m.bytes, m.n, path, &msg, RL_FIX_OK);
            CHECK_EQ(msg.n_fields + 1, wanted.n_fields);
            CHECK(memcmp(fields, wanted.fields, msg.n_fields * sizeof fields[0]) == 0);
            check = (uint32_t)(m.bytes[m.n - 4] - '0') * 100 +
                    (uint32_t)(m.bytes[m.n - 3] - '0') * 10 + (uint32_t)(m.bytes[m.n - 2] - '0');
            CHECK_EQ(sum % 256, check);
        }
    }
    CHECK(n_ordinary > 10000 / SCALE && n_long > 300 / SCALE);
}

/* Longer than what a path looks at in one go, of little but separators, or of none. */
static void test_long_hostile_messages_are_read_the_same_on_every_path(void)
{
    static const char *const patterns[] = {
        "1=2\001",  "\001",   "=",         "1=\001", "=\001",         "1\001",
        "1=2\0013", "=1\001", "11=22\001", "x",      "9=\0011=2\001", "1=22\0011\001"};
    static struct message m;
    uint64_t random = 47;

    for (uint32_t i = 0; i < 12000 / SCALE; i++) {
        uint8_t body[MESSAGE_MAX];
        uint32_t n_max = 1 + (uint32_t)(check_random(&random) % 5000), n;
        const char *usual = patterns[check_random(&random) % RL_COUNT(patterns)];

        n = (uint32_t)snprintf((char *)body, 16, "35=X\001");
        while (n < n_max) { /* one pattern, now and then another */
            const char *p = check_random(&random) % 64 != 0
                                ? usual
                                : patterns[check_random(&random) % RL_COUNT(patterns)];

            memcpy(body + n, p, strlen(p));
            n += (uint32_t)strlen(p);
        }
        body[n++] = RL_FIX_SOH;
        message_frame(&m, "FIX.4.4", body, n, 0);
        check_all(fence_last(&fence, m.bytes, m.n), m.n, REFERENCE_FIELDS);
    }
}

/* What follows a message may add nothing to the sum: it is not part of the message all the same. */
static void test_a_second_trailer_behind_the_first_is_never_taken_for_it(void)
{
    static struct message m;
    uint32_t n_sums = 0;

    message_frame(&m, "FIX.4.4", (const uint8_t *)"35=0\001", 5, 0);
    for (unsigned a = 2; a < 256; a++) {
        for (unsigned b = 2; b < 256; b += 3) {
            uint8_t bytes[64];
            uint32_t n = m.n, sum = 0;

            memcpy(bytes, m.bytes, n);
            n += (uint32_t)snprintf((char *)bytes + n, 16, "58=%c%c\001", (int)a, (int)b);
            memcpy(bytes + n, m.bytes + m.n - 7, 7);
            n += 7;
            for (uint32_t i = m.n - 7; i < n - 7; i++)
                sum += bytes[i];
            n_sums += sum % 256 == 0;
            check_all(fence_last(&fence, bytes, n), n, 16);
            CHECK_EQ(wanted.result, RL_FIX_GARBLED);
        }
    }
    CHECK(n_sums > 0);
}

static void test_damaged_messages_are_read_the_same_on_every_path(void)
{
    static struct message m;
    uint64_t random = 13;

    memset(n_outcomes, 0, sizeof n_outcomes);
    for (uint32_t i = 0; i < 100000 / SCALE; i++) {
        message_random(&m, &random);
        message_mutate(&m, &random);
        check_all(fence_last(&fence, m.bytes, m.n), m.n, REFERENCE_FIELDS);
    }
    CHECK(n_outcomes[RL_FIX_OK] > 5000 / SCALE && n_outcomes[RL_FIX_REJECT] > 5000 / SCALE &&
          n_outcomes[RL_FIX_GARBLED] > 5000 / SCALE);
}

static void test_every_single_byte_change_is_read_the_same_on_every_path(void)
{
    static const char *const bodies[] = {
        "35=0\001",
        "35=X\00134=1000\001268=2\001279=0\001270=1.5\001279=1\001270=-2\001",
        "35=D\00134=1000\00149=BUYSIDE01\00156=EXCHSIM1\00152=20260921-13:55:15.038544\001"
        "11=ORD00001274\0011=ACCT7788\00121=1\00155=MSFT\00154=1\00138=12345\00140=2\00144=682."
        "5\001",
        "35=B\00195=4\00196=a\001b=\00158=x=y\0015001=a\00112345678=b\001",
        "35=U\0011=1\0012=2\0013=3\0014=4\0015=5\0016=6\0017=7\0018=8\0019=9\0011=0\0012=1\0013="
        "2\001"
        "4=3\0015=4\0016=5\0017=6\001",
    };
    static struct message m, changed;

    memset(n_outcomes, 0, sizeof n_outcomes);
    for (uint32_t i = 0; i < RL_COUNT(bodies); i++) {
        message_frame(&m, "FIX.4.4", (const uint8_t *)bodies[i], (uint32_t)strlen(bodies[i]), 0);
        for (uint32_t at = 0; at < m.n; at++) {
            for (uint32_t c = 0; c < 256; c += SCALE) {
                changed = m;
                changed.bytes[at] = (uint8_t)c;
                check_all(fence_last(&fence, changed.bytes, m.n), m.n, 64);
                message_sum(&changed); /* so that the change reaches the fields */
                check_all(fence_last(&fence, changed.bytes, m.n), m.n, 64);
            }
        }
    }
    CHECK(n_outcomes[RL_FIX_OK] > 1000 / SCALE && n_outcomes[RL_FIX_REJECT] > 1000 / SCALE &&
          n_outcomes[RL_FIX_GARBLED] > 1000 / SCALE);
}

static void test_every_length_of_tag_and_value_is_read_at_every_place_of_a_block(void)
{
    static struct message m;

    for (uint32_t n_before = 1; n_before <= 140; n_before += SCALE) {
        for (uint32_t n_digits = 1; n_digits <= 11; n_digits++) {
            for (uint32_t n_value = 0; n_value <= 140; n_value += 1 + n_value / 4) {
                uint8_t body[512];
                uint32_t n =
                    (uint32_t)snprintf((char *)body, sizeof body,
                                       "35=B\00158=%.*s\001%.*s=%.*s\00159=0\001", (int)n_before,
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                       (int)n_digits, "12345678901", (int)n_value,
                                       "===bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
                                       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
                                       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");

                message_frame(&m, "FIX.4.4", body, n, 0);
                check_all(fence_last(&fence, m.bytes, m.n), m.n, 16);
                CHECK_EQ(wanted.result, n_value == 0     ? RL_FIX_REJECT
                                        : n_digits <= 10 ? RL_FIX_OK
                                                         : RL_FIX_REJECT);
            }
        }
    }
}

static void test_tables_of_every_size_are_kept_to_on_every_path(void)
{
    static struct message m;
    uint64_t random = 17;

    for (uint32_t i = 0; i < 3000 / SCALE; i++) {
        message_random(&m, &random);
        for (uint32_t n_max = 3; n_max < 60; n_max += 1 + (uint32_t)(check_random(&random) % 7)) {
            const uint8_t *b = fence_last(&fence, m.bytes, m.n);

            memset(fields + n_max, 0xA5, 64 * sizeof fields[0]);
            check_all(b, m.n, n_max);
            for (uint32_t k = 0; k < 64 * sizeof fields[0]; k++)
                CHECK_EQ(((uint8_t *)(fields + n_max))[k], 0xA5);
        }
    }
}

static void test_the_largest_message_is_read_on_every_path(void)
{
    const uint32_t n_body = RL_FIX_MAX_MESSAGE;
    uint8_t *b = malloc(n_body + 64);
    struct rl_fix_msg m;
    uint32_t n, n_head, sum = 0;

    CHECK(b != NULL);
    n_head = (uint32_t)snprintf((char *)b, 64, "8=FIX.4.4\0019=%u\001", n_body);
    n = n_head + n_body;
    memset(b + n_head, 'x', n_body);
    memcpy(b + n_head, "35=B\00158=", 8);
    b[n - 1] = RL_FIX_SOH;
    for (uint32_t i = 0; i < n; i++)
        sum += b[i];
    n += (uint32_t)snprintf((char *)b + n, 8, "10=%03u\001", sum % 256);
    for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
        if (rl_fix_use(path) != 0)
            continue;
        rl_fix_init(&m, fields, 8);
        CHECK_EQ(rl_fix_parse(&m, b, n), RL_FIX_OK);
        CHECK_EQ(m.n_fields, 5);
        CHECK_EQ(fields[3].len, n_body - 9);
        b[n - 20]++;
        CHECK_EQ(rl_fix_parse(&m, b, n), RL_FIX_GARBLED);
        b[n - 20]--;
    }
    free(b);
}

static void test_the_fence_notices_one_byte_too_many(void)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        volatile const uint8_t *p = fence.high;

        (void)freopen("/dev/null", "w", stderr);
        _exit(p[0] == 77 ? 0 : 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

static void test_nothing_is_allocated_while_parsing(void)
{
    static struct message m;
    void *volatile allocated;
    struct rl_fix_msg msg;
    uint64_t random = 19;

    CHECK(rl_trap_is_linked());
    rl_fix_init(&msg, fields, RL_COUNT(fields));
    for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
        if (rl_fix_use(path) != 0)
            continue;
        rl_trap_arm();
        for (uint32_t i = 0; i < 200; i++) {
            uint32_t n_used;

            message_random(&m, &random);
            if (i % 2)
                message_mutate(&m, &random);
            (void)rl_fix_next(&msg, m.bytes, m.n, &n_used);
        }
        rl_trap_disarm();
        CHECK_EQ(rl_trap_count(), 0);
    }
    rl_trap_arm();
    allocated = malloc(1); /* the trap does see */
    free(allocated);
    rl_trap_disarm();
    CHECK(rl_trap_count() > 0);
}

int main(void)
{
    test_there_is_a_path_for_every_machine();
    fence = fence_open();
    test_the_fence_notices_one_byte_too_many();
    test_the_paths_are_those_that_the_processor_can();
    test_random_messages_are_read_the_same_on_every_path();
    test_no_path_leaves_an_ordinary_message_to_the_careful_walk();
    test_long_hostile_messages_are_read_the_same_on_every_path();
    test_a_second_trailer_behind_the_first_is_never_taken_for_it();
    test_damaged_messages_are_read_the_same_on_every_path();
    test_every_single_byte_change_is_read_the_same_on_every_path();
    test_every_length_of_tag_and_value_is_read_at_every_place_of_a_block();
    test_tables_of_every_size_are_kept_to_on_every_path();
    test_the_largest_message_is_read_on_every_path();
    test_nothing_is_allocated_while_parsing();
    fence_close(&fence);
    return 0;
}
