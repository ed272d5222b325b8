/* Whatever ends a writer, what was durable is there, and the next one goes on behind it. */
#include "audit_disk.h"

static struct rl_audit_verdict last_verdict;

/* What a segment of an abandoned log is left with. */
static void abandoned(struct log *log, unsigned n, unsigned block)
{
    log_make(log);
    log_must_open(log);
    log_write(log, n, block);
    rl_audit_writer_abandon(&log->writer);
}

static uint64_t first_number_after_reopening(struct log *log)
{
    log->config.clock = NULL; /* the real clock: after the virtual one */
    log_must_open(log);
    return log->writer.header.first_number;
}

static void numbers_go_on_after_a_clean_end_and_after_a_crash(void)
{
    for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
        struct log log;

        log_make(&log);
        for (unsigned i = 0; i < 5; i++) {
            log_must_open(&log);
            CHECK_EQ(log.writer.header.first_number, 7 * i + 1);
            CHECK_EQ(log.writer.header.previous_end, i == 0     ? RL_AUDIT_END_NONE
                                                     : is_clean ? RL_AUDIT_END_CLOSED
                                                                : RL_AUDIT_END_RECOVERED);
            log_write(&log, 7, 7);
            if (is_clean)
                log_close(&log);
            else
                rl_audit_writer_abandon(&log.writer);
            /* The ring outlives the writer; its durable position starts anew with the next one. */
        }
        last_verdict = log_verdict(&log);
        CHECK_EQ(last_verdict.fault, is_clean ? RL_AUDIT_WHOLE : RL_AUDIT_TORN);
        CHECK_EQ(last_verdict.n_records, 35);
        CHECK_EQ(last_verdict.n_recovered, is_clean ? 0 : 4);
        log_remove(&log);
    }
}

static void a_torn_tail_of_a_byte_is_kept_too(void)
{
    static uint8_t bytes[20000];
    struct log log;
    size_t n_good;

    abandoned(&log, 5, 5);
    n_good = log_read(&log, "00000001.audit", bytes, sizeof bytes);
    bytes[n_good] = 'x';
    log_replace(&log, "00000001.audit", bytes, n_good + 1);
    CHECK_EQ(first_number_after_reopening(&log), 6);
    CHECK_EQ(log_read(&log, "00000001.audit.torn", bytes, sizeof bytes), 1);
    CHECK_EQ(bytes[0], 'x');
    log_close(&log);
    log_remove(&log);
}

static blkcnt_t blocks_of_first(const struct log *log)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/00000001.audit", log->dir);
    CHECK_EQ(stat(path, &st), 0);
    return st.st_blocks;
}

static void what_a_dead_writer_had_reserved_is_given_back(void)
{
    struct log log;
    blkcnt_t n_blocks;

    log_make(&log);
    log.config.segment_bytes = 1 << 20;
    log_must_open(&log);
    log_write(&log, 5, 5);
    rl_audit_writer_abandon(&log.writer);
    n_blocks = blocks_of_first(&log);
    CHECK(n_blocks >= (1 << 20) / 512);
    CHECK_EQ(first_number_after_reopening(&log), 6);
    CHECK(blocks_of_first(&log) < n_blocks / 2);
    log_close(&log);
    log_remove(&log);
}

static void a_torn_tail_is_copied_and_never_deleted(void)
{
    static const uint8_t zeros[100];
    static uint8_t before[20000], after[20000], torn[20000];
    struct log log;
    size_t n_before, n_good;

    abandoned(&log, 5, 5);
    n_good = log_read(&log, "00000001.audit", before, sizeof before);
    memcpy(before + n_good, zeros, sizeof zeros);
    memcpy(before + n_good + sizeof zeros - 10, "something.", 10); /* less than a unit */
    n_before = n_good + sizeof zeros;
    log_replace(&log, "00000001.audit", before, n_before);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_TORN);
    CHECK_EQ(first_number_after_reopening(&log), 6);
    CHECK_EQ(log_read(&log, "00000001.audit", after, sizeof after), n_before);
    CHECK(memcmp(before, after, n_before) == 0);
    CHECK_EQ(log_read(&log, "00000001.audit.torn", torn, sizeof torn), sizeof zeros);
    CHECK(memcmp(torn, before + n_good, sizeof zeros) == 0);
    CHECK_EQ(log.writer.header.torn_bytes, sizeof zeros);
    log_write(&log, 2, 2);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_recovered, 1);
    before[n_before - 2] ^= 1; /* what was torn off is under the hash of the next header */
    log_replace(&log, "00000001.audit", before, n_before);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_CHAIN);
    log_remove(&log);
}

static void records_without_a_seal_are_kept(void)
{
    static uint8_t bytes[20000];
    struct log log;
    size_t n;

    abandoned(&log, 9, 9);
    n = log_read(&log, "00000001.audit", bytes, sizeof bytes);
    log_replace(&log, "00000001.audit", bytes,
                n - 3 * RL_AUDIT_UNIT); /* no seal, two records less */
    CHECK_EQ(first_number_after_reopening(&log), 8);
    log_write(&log, 1, 1);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 8);
    log_remove(&log);
}

static void a_segment_without_a_whole_header_is_put_aside(void)
{
    static uint8_t bytes[20000];

    for (unsigned n = 0; n <= 1000; n += 500) {
        struct log log;

        abandoned(&log, 5, 5);
        CHECK_EQ(first_number_after_reopening(&log), 6);
        rl_audit_writer_abandon(&log.writer);
        CHECK(log_read(&log, "00000002.audit", bytes, sizeof bytes) == RL_AUDIT_HEADER);
        log_replace(&log, "00000002.audit", bytes, n);
        CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_TORN);
        CHECK_EQ(first_number_after_reopening(&log), 6);
        CHECK_EQ(log.writer.header.segment, 2);
        CHECK_EQ(log_has(&log, "00000002.audit.torn"), n > 0);
        log_close(&log);
        CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
        log_remove(&log);
    }
}

static void a_damaged_log_is_not_continued(void)
{
    static uint8_t bytes[20000];
    struct log log;
    const char *why = NULL;
    size_t n;

    abandoned(&log, 5, 5);
    n = log_read(&log, "00000001.audit", bytes, sizeof bytes);
    bytes[RL_AUDIT_HEADER + 100] ^= 1;
    log_replace(&log, "00000001.audit", bytes, n);
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &log.config, log.now, &why), -EBADMSG);
    CHECK(strstr(why, "checksum") != NULL);
    CHECK(!log_has(&log, "00000002.audit"));
    log_remove(&log);
}

static void other_files_in_the_directory_do_not_matter(void)
{
    static const char *const names[] = {"1.audit",        "00000002.audit~",  "x00000001.audit",
                                        "00000000.audit", "4294967297.audit", "readme"};
    struct log log;

    log_make(&log);
    for (unsigned i = 0; i < RL_COUNT(names); i++)
        log_replace(&log, names[i], "x", 1);
    log_must_open(&log);
    log_write(&log, 3, 3);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 3);
    log_remove(&log);
}

/* ---- Power loss at every call ------------------------------------------------------------------
 */

/*
 * A life of a log on a disk that dies at call `dies_at`: opened, written over several segments,
 * closed. Returns whether it lived to its end; *durable is what it said was on the disk.
 */
static bool live(struct log *log, unsigned dies_at, bool forgets_sync, uint64_t *durable)
{
    memset(&disk, 0, sizeof disk);
    disk.dies_at = dies_at ? dies_at : 1u << 30;
    disk.forgets_sync = forgets_sync;
    CHECK_EQ(rl_audit_init(&log->audit, log->slots, LOG_SLOTS), 0);
    log->now += 1000;
    if (rl_audit_writer_open(&log->writer, &log->audit, &log->config, log->now, NULL) != 0)
        return false;
    for (unsigned i = 0; i < 40; i++) {
        CHECK(log_put(log));
        if (i % 3 == 0 && rl_audit_writer_step(&log->writer, log->now += 60) < 0)
            break;
    }
    if (log->writer.error == 0 && rl_audit_writer_close(&log->writer, log->now) == 0)
        disk.dies_at = 0;
    *durable = atomic_load_explicit(&log->audit.words.durable_number, memory_order_relaxed);
    rl_audit_writer_abandon(&log->writer);
    return disk.dies_at == 0;
}

/*
 * Lives with power losses at call first, first + 1 ... in one directory each, twice in a row; the
 * number of trials in which something durable was lost.
 */
static unsigned n_lost(bool forgets_sync, uint64_t seed)
{
    unsigned n_trials = 0, n_wrong = 0;
    bool has_lived = false;

    for (unsigned dies_at = 1; !has_lived; dies_at++, n_trials++) {
        struct log log;
        uint64_t durable = 0, random = seed * 1000003 + dies_at;
        bool is_wrong = false;

        log_make(&log);
        log.config.io = &disk_io;
        for (unsigned round = 0; round < 3 && !is_wrong; round++) {
            struct rl_audit_scan s = {0};
            uint32_t segment;
            int err;

            has_lived = live(&log, round == 1 ? dies_at / 2 + 1 : dies_at, forgets_sync, &durable);
            disk_power_on(&random);
            err = rl_audit_scan_dir(&s, log.dir, &segment);
            is_wrong = (err && (err != -ENOENT || durable > 0)) ||
                       s.verdict.fault > RL_AUDIT_TORN || s.chain.number < durable;
        }
        n_wrong += is_wrong;
        if (!is_wrong) { /* and it goes on, on a good disk, to a whole log */
            uint64_t n = log_has(&log, "00000001.audit") ? log_verdict(&log).head.number : 0;

            CHECK(live(&log, 0, false, &durable));
            CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
            CHECK_EQ(log_verdict(&log).head.number, n + 40);
            CHECK_EQ(log_verdict(&log).n_records, n + 40);
        }
        disk_power_on(&random);
        log_remove(&log);
    }
    CHECK(n_trials > 40);
    return n_wrong;
}

static void power_lost_at_any_call_loses_nothing_that_was_durable(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        CHECK_EQ(n_lost(false, seed), 0);
}

static void a_writer_that_does_not_sync_is_caught(void)
{
    CHECK(n_lost(true, 1) > 20);
}

int main(void)
{
    numbers_go_on_after_a_clean_end_and_after_a_crash();
    what_a_dead_writer_had_reserved_is_given_back();
    a_torn_tail_of_a_byte_is_kept_too();
    a_torn_tail_is_copied_and_never_deleted();
    records_without_a_seal_are_kept();
    a_segment_without_a_whole_header_is_put_aside();
    a_damaged_log_is_not_continued();
    other_files_in_the_directory_do_not_matter();
    power_lost_at_any_call_loses_nothing_that_was_durable();
    a_writer_that_does_not_sync_is_caught();
    return 0;
}
