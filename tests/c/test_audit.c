/* The audit log: every record once, in order, and any change shows. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "trade/audit.h"

#define N_SLOTS 64
RL_ALIGNED static uint8_t slots[N_SLOTS * RL_RING_SLOT_BYTES];

static void put(struct rl_audit *a, uint64_t id)
{
    struct rl_audit_record *record = rl_audit_claim(a, 0);

    CHECK(record != NULL);
    record->tsc = id * 3;
    record->id = id;
    record->trigger = id + 1;
    record->px_nano = -5;
    record->qty = 9;
    record->instrument = 2;
    record->reasons = 0x41;
    record->kind = RL_AUDIT_RISK_REJECT;
    record->side = 1;
    record->zero = 0;
    rl_audit_commit(a);
}

static void new_audit(struct rl_audit *a, struct rl_audit_reader *reader)
{
    CHECK_EQ(rl_audit_init(a, slots, N_SLOTS), 0);
    rl_audit_reader_init(reader, a);
}

static void test_what_was_committed_is_read_in_order_with_gapless_numbers(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[10];

    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= 7; id++)
        put(&a, id);
    CHECK_EQ(rl_audit_drain(&reader, out, 10), 7);
    for (uint64_t i = 0; i < 7; i++) {
        CHECK_EQ(out[i].number, i + 1);
        CHECK_EQ(out[i].id, i + 1);
        CHECK_EQ(out[i].reasons, 0x41);
    }
    CHECK_EQ(rl_audit_drain(&reader, out, 10), 0);
    put(&a, 8);
    CHECK_EQ(rl_audit_drain(&reader, out, 10), 1);
    CHECK_EQ(out[0].number, 8);
}

static void test_a_claim_that_is_not_committed_is_no_record(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[2];

    new_audit(&a, &reader);
    CHECK(rl_audit_claim(&a, 0) == rl_audit_claim(&a, 0));
    CHECK_EQ(rl_audit_drain(&reader, out, 2), 0);
}

static void test_a_full_log_refuses_the_claim_and_keeps_what_it_has(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[N_SLOTS];

    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= N_SLOTS; id++)
        put(&a, id);
    CHECK(rl_audit_claim(&a, 0) == NULL);
    CHECK_EQ(rl_audit_drain(&reader, out, N_SLOTS), N_SLOTS);
    CHECK_EQ(out[N_SLOTS - 1].id, N_SLOTS);
    CHECK(rl_audit_claim(&a, 0) != NULL);
}

static void test_room_kept_for_answers_refuses_the_order_before_the_log_is_full(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[1];

    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= N_SLOTS - 4; id++)
        put(&a, id);
    CHECK(rl_audit_claim(&a, 3) != NULL); /* itself and three more: exactly what is left */
    CHECK(rl_audit_claim(&a, 4) == NULL);
    CHECK_EQ(rl_audit_drain(&reader, out, 1), 1);
    CHECK(rl_audit_claim(&a, 4) != NULL);
    CHECK(rl_audit_claim(&a, N_SLOTS) == NULL);
}

static void test_any_changed_bit_breaks_the_chain_at_its_record(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[5];

    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= 5; id++)
        put(&a, id);
    CHECK_EQ(rl_audit_drain(&reader, out, 5), 5);
    CHECK_EQ(rl_audit_verify(out, 5, 0, 0), 5);
    for (size_t bit = 0; bit < sizeof out * 8; bit++) {
        uint8_t *bytes = (uint8_t *)out;

        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(rl_audit_verify(out, 5, 0, 0), bit / 8 / sizeof out[0]);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_a_missing_or_exchanged_record_breaks_the_chain(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[5], cut[4], swapped[5];

    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= 5; id++)
        put(&a, id);
    CHECK_EQ(rl_audit_drain(&reader, out, 5), 5);
    memcpy(cut, out, 2 * sizeof out[0]);
    memcpy(cut + 2, out + 3, 2 * sizeof out[0]);
    CHECK_EQ(rl_audit_verify(cut, 4, 0, 0), 2);
    memcpy(swapped, out, sizeof out);
    swapped[1] = out[2];
    swapped[2] = out[1];
    CHECK_EQ(rl_audit_verify(swapped, 5, 0, 0), 1);
    /* A log may be verified in pieces. */
    CHECK_EQ(rl_audit_verify(out + 2, 3, 2, out[1].crc), 3);
    CHECK_EQ(rl_audit_verify(out + 2, 3, 2, out[0].crc), 0);
}

static void test_a_log_written_to_a_file_reads_back_whole(void)
{
    char path[] = "/tmp/redline_test_audit_XXXXXX";
    int fd = mkstemp(path);
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[2 * N_SLOTS];

    CHECK(fd >= 0);
    CHECK_EQ(unlink(path), 0);
    new_audit(&a, &reader);
    for (int round = 0; round < 2; round++) {
        for (uint64_t id = 1; id <= N_SLOTS; id++)
            put(&a, id);
        CHECK_EQ(rl_audit_drain_fd(&reader, fd), 0);
    }
    CHECK_EQ(pread(fd, out, sizeof out, 0), sizeof out);
    CHECK_EQ(rl_audit_verify(out, 2 * N_SLOTS, 0, 0), 2 * N_SLOTS);
    close(fd);
}

static void test_a_failed_write_says_so_and_loses_nothing(void)
{
    char path[] = "/tmp/redline_test_audit_XXXXXX";
    int fd = mkstemp(path);
    struct rlimit old, small;
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[N_SLOTS];

    CHECK(fd >= 0);
    CHECK_EQ(unlink(path), 0);
    new_audit(&a, &reader);
    for (uint64_t id = 1; id <= N_SLOTS; id++)
        put(&a, id);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1000; /* not a whole number of records */
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    CHECK_EQ(rl_audit_drain_fd(&reader, fd), -EFBIG);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    CHECK_EQ(rl_audit_drain_fd(&reader, fd), 0);
    CHECK_EQ(pread(fd, out, sizeof out, 0), sizeof out);
    CHECK_EQ(rl_audit_verify(out, N_SLOTS, 0, 0), N_SLOTS);
    CHECK_EQ(rl_audit_drain_fd(&reader, -1), 0); /* nothing left to write */
    put(&a, 1);
    CHECK_EQ(rl_audit_drain_fd(&reader, -1), -EBADF);
    close(fd);
}

static void *put_many(void *arg)
{
    struct rl_audit *a = arg;

    for (uint64_t id = 1; id <= 100000;) {
        struct rl_audit_record *record = rl_audit_claim(a, 2);

        if (record == NULL) {
            sched_yield();
            continue;
        }
        record->id = id++; /* not the whole struct: its first word is the ring's */
        rl_audit_commit(a);
    }
    return NULL;
}

static void test_a_reader_beside_the_writer_sees_every_record_once(void)
{
    struct rl_audit a;
    struct rl_audit_reader reader;
    struct rl_audit_record out[16];
    pthread_t writer;
    uint64_t n = 0, crc = 0;

    new_audit(&a, &reader);
    CHECK_EQ(pthread_create(&writer, NULL, put_many, &a), 0);
    while (n < 100000) {
        uint64_t n_new = rl_audit_drain(&reader, out, RL_COUNT(out));

        CHECK_EQ(rl_audit_verify(out, n_new, n, (uint32_t)crc), n_new);
        for (uint64_t i = 0; i < n_new; i++)
            CHECK_EQ(out[i].id, ++n);
        if (n_new > 0)
            crc = out[n_new - 1].crc;
        else
            sched_yield();
    }
    CHECK_EQ(pthread_join(writer, NULL), 0);
}

static void test_every_kind_has_a_sentence_of_its_own(void)
{
#define KIND(name, number, text) CHECK(strcmp(rl_audit_kind_text(number), text) == 0);
    RL_AUDIT_KINDS(KIND)
#undef KIND
    CHECK(strcmp(rl_audit_kind_text(0), "unknown kind") == 0);
}

static void test_a_ring_that_is_no_power_of_two_is_refused(void)
{
    struct rl_audit a;

    CHECK_EQ(rl_audit_init(&a, slots, 48), -EINVAL);
}

int main(void)
{
    test_what_was_committed_is_read_in_order_with_gapless_numbers();
    test_a_claim_that_is_not_committed_is_no_record();
    test_a_full_log_refuses_the_claim_and_keeps_what_it_has();
    test_room_kept_for_answers_refuses_the_order_before_the_log_is_full();
    test_any_changed_bit_breaks_the_chain_at_its_record();
    test_a_missing_or_exchanged_record_breaks_the_chain();
    test_a_log_written_to_a_file_reads_back_whole();
    test_a_failed_write_says_so_and_loses_nothing();
    test_a_reader_beside_the_writer_sees_every_record_once();
    test_every_kind_has_a_sentence_of_its_own();
    test_a_ring_that_is_no_power_of_two_is_refused();
    return 0;
}
