/* The writer in trouble: a full disk, a limit, a broken one. Told, recorded and survived. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "audit_log.h"

static uint64_t word(const _Atomic uint64_t *w)
{
    return atomic_load_explicit(w, memory_order_relaxed);
}

/* ---- Faults of the disk ------------------------------------------------------------------------
 */

static struct {
    int fdatasync_errno, pwrite_errno, fallocate_errno;
    size_t n_most;       /* bytes a write takes at most; 0: all */
    bool takes_nothing;  /* a write says 0 */
    const char *shrinks; /* a write cuts this file off */
    int stale_errno;     /* of a call before, where one succeeds */
    unsigned n_interrupts;
    unsigned n_fallocates; /* asked for so far */
} broken;

static bool is_interrupted(void)
{
    if (broken.n_interrupts == 0)
        return false;
    broken.n_interrupts--;
    errno = EINTR;
    return true;
}

static ssize_t broken_pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    if (is_interrupted())
        return -1;
    errno = broken.pwrite_errno;
    if (errno)
        return -1;
    if (broken.shrinks)
        CHECK_EQ(truncate(broken.shrinks, 0), 0);
    errno = broken.stale_errno;
    return broken.takes_nothing
               ? 0
               : pwrite(fd, bytes, broken.n_most && n > broken.n_most ? broken.n_most : n, offset);
}

static int broken_fdatasync(int fd)
{
    errno = broken.fdatasync_errno;
    return errno ? -1 : fdatasync(fd);
}

static int broken_fallocate(int fd, int mode, off_t offset, off_t n)
{
    if (is_interrupted())
        return -1;
    broken.n_fallocates++;
    errno = broken.fallocate_errno;
    return errno ? -1 : fallocate(fd, mode, offset, n);
}

static const struct rl_audit_io broken_io = {.pwrite = broken_pwrite,
                                             .fdatasync = broken_fdatasync,
                                             .fsync = fsync,
                                             .fallocate = broken_fallocate};

static void log_on_broken_disk(struct log *log)
{
    memset(&broken, 0, sizeof broken);
    log_make(log);
    log->config.io = &broken_io;
    log_must_open(log);
}

/* ---- Full --------------------------------------------------------------------------------------
 */

static void a_full_disk_is_recorded_told_once_and_survived(void)
{
    struct log log;
    struct last_record last;

    log_on_broken_disk(&log);
    broken.fallocate_errno = ENOSPC;
    log_write(&log, 2, 2);
    CHECK_EQ(rl_audit_error(&log.audit), ENOSPC);
    CHECK_EQ(log.trouble, ENOSPC);
    CHECK_EQ(log.n_trouble, 1);
    CHECK_EQ(log.n_fatal, 0);
    log_write(&log, 30, 3); /* into the emergency space, past the end of the segment */
    CHECK_EQ(log.n_trouble, 1);
    CHECK_EQ(rl_audit_durable(&log.audit), 32);
    CHECK_EQ(word(&log.audit.words.segment), 1);
    last = log_last_of(&log, RL_AUDIT_LOG_FAILED);
    CHECK_EQ(last.n, 1);
    CHECK_EQ(last.record.detail, ENOSPC);
    CHECK_EQ(last.record.number, 3);

    broken.fallocate_errno = 0; /* space again */
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200000000), 0);
    CHECK_EQ(rl_audit_error(&log.audit), 0);
    log_write(&log, 3, 3);
    CHECK(word(&log.audit.words.segment) > 1);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 36);
    log_remove(&log);
}

static void a_full_disk_is_asked_again_ten_times_a_second(void)
{
    struct log log;
    unsigned n;

    log_on_broken_disk(&log);
    broken.fallocate_errno = ENOSPC;
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), 0);
    n = broken.n_fallocates;
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 99999999), 0);
    CHECK_EQ(broken.n_fallocates, n);
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 1), 0);
    CHECK_EQ(broken.n_fallocates, n + 1);
    CHECK_EQ(rl_audit_error(&log.audit), ENOSPC); /* asking is not getting */
    log_close(&log);
    log_remove(&log);
}

/* Nor does a reason of long ago make it a matter of waiting. */
static void a_disk_that_takes_nothing_ends_the_log(void)
{
    static const int stale[] = {0, EINTR};

    for (unsigned i = 0; i < RL_COUNT(stale); i++) {
        struct log log;

        log_on_broken_disk(&log);
        broken.takes_nothing = true;
        broken.stale_errno = stale[i];
        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), -EIO);
        CHECK_EQ(log.n_fatal, 1);
        log_remove(&log);
    }
}

/* What somebody else put in its place is neither written into nor replaced. */
static void a_file_in_the_place_of_the_next_segment_ends_the_log(void)
{
    static uint8_t bytes[8];
    struct log log;
    int64_t n = 0;

    log_make(&log);
    log_must_open(&log);
    log_replace(&log, "00000002.audit", (const uint8_t *)"foreign", 7);
    for (unsigned i = 0; i < 30 && n >= 0; i++) {
        CHECK(log_put(&log));
        n = rl_audit_writer_step(&log.writer, log.now += 200);
    }
    CHECK_EQ(n, -EEXIST);
    CHECK_EQ(log.n_fatal, 1);
    CHECK_EQ(log_read(&log, "00000002.audit", bytes, sizeof bytes), 7);
    CHECK(memcmp(bytes, "foreign", 7) == 0);
    log_remove(&log);
}

/* Records that were stamped before a note of the writer may come to the ring after it. */
static void a_note_of_the_writer_never_turns_time_back(void)
{
    struct log log;
    struct rl_audit_record *r;

    log_on_broken_disk(&log);
    broken.fallocate_errno = ENOSPC;
    CHECK_EQ(rl_audit_writer_step(&log.writer, 5000), 0); /* LOG_FAILED is the first record */
    r = rl_audit_claim(&log.audit, 0);
    log_fill(r, 1, 4000);
    rl_audit_commit(&log.audit);
    CHECK_EQ(rl_audit_writer_step(&log.writer, 6000), 1);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_last_of(&log, RL_AUDIT_LOG_FAILED).record.number, 1);
    log_remove(&log);
}

static void without_emergency_space_left_the_writer_fails_for_good(void)
{
    struct log log;
    unsigned n = 0;

    log_on_broken_disk(&log);
    broken.fallocate_errno = EDQUOT;
    while (rl_audit_writer_step(&log.writer, log.now += 200) >= 0) {
        CHECK(log_put(&log));
        CHECK(++n < 1000);
    }
    CHECK_EQ(log.n_fatal, 1);
    CHECK_EQ(rl_audit_error(&log.audit), ENOSPC);
    CHECK(n > 30); /* 4 KiB of it */
    CHECK_EQ(rl_audit_durable(&log.audit), n - 1);
    for (unsigned i = 0; i < 2 * LOG_SLOTS; i++)
        log_put(&log);
    CHECK(!log_put(&log)); /* what is not taken fills the ring, and that refuses */
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), -ENOSPC);
    CHECK_EQ(rl_audit_writer_close(&log.writer, log.now), -ENOSPC);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_TORN);
    CHECK(log_verdict(&log).n_records >= n - 1);
    log_remove(&log);
}

/* To the last unit that a block, its seal and the footer fill, and never into the footer's. */
static void the_emergency_space_is_used_to_its_end(void)
{
    const uint64_t n_units = 12 + 4096 / RL_AUDIT_UNIT;

    for (unsigned n_first = 1; n_first <= 2; n_first++) {
        struct log log;
        uint64_t used = n_first + 1 + 2; /* with its seal; and a note that the disk is full */

        log_on_broken_disk(&log);
        broken.fallocate_errno = ENOSPC;
        log_write(&log, n_first, n_first);
        for (; used + 3 <= n_units; used += 2)
            log_write(&log, 1, 1);
        CHECK_EQ(log.writer.file.n_bytes, RL_AUDIT_HEADER + used * RL_AUDIT_UNIT);
        CHECK_EQ(log.n_fatal, 0);
        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), -ENOSPC);
        CHECK_EQ(log.writer.file.n_bytes, RL_AUDIT_HEADER + used * RL_AUDIT_UNIT);
        CHECK_EQ(log.n_fatal, 1);
        log_remove(&log);
    }
}

/* RLIMIT_FSIZE kills with SIGXFSZ whoever writes past it; here nobody does. */
static void a_limit_of_file_sizes_is_a_full_disk_and_no_signal(void)
{
    struct rlimit limit = {.rlim_cur = 20000, .rlim_max = 20000};
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        struct log log;

        CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
        log_make(&log);
        log_must_open(&log);
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        log_write(&log, 60, 3); /* segments are below the limit */
        CHECK_EQ(rl_audit_error(&log.audit), 0);
        limit.rlim_cur = 6000;
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        log_write(&log, 15, 3); /* the next one is not: FULL, and on into what is reserved */
        CHECK_EQ(rl_audit_error(&log.audit), EFBIG);
        CHECK_EQ(log.n_fatal, 0);
        for (unsigned i = 0; i < 60 && rl_audit_writer_step(&log.writer, log.now += 200) >= 0; i++)
            log_put(&log);
        CHECK_EQ(log.n_fatal, 1);
        CHECK_EQ(rl_audit_writer_close(&log.writer, log.now), -EFBIG);
        CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &log.config, log.now, NULL), -EFBIG);
        log_remove(&log);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == RL_SKIP)
        exit(RL_SKIP);
    CHECK_EQ(status, 0);
}

/* ---- Broken ------------------------------------------------------------------------------------
 */

static void a_failed_sync_or_write_is_final(void)
{
    for (unsigned by_sync = 0; by_sync < 2; by_sync++) {
        struct log log;
        uint64_t durable;

        log_on_broken_disk(&log);
        log_write(&log, 5, 5);
        durable = rl_audit_durable(&log.audit);
        CHECK_EQ(durable, 5);
        *(by_sync ? &broken.fdatasync_errno : &broken.pwrite_errno) = EIO;
        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), -EIO);
        CHECK_EQ(log.trouble, EIO);
        CHECK_EQ(log.n_fatal, 1);
        CHECK_EQ(rl_audit_error(&log.audit), EIO);
        broken.fdatasync_errno = broken.pwrite_errno = 0; /* well again: nobody may believe it */
        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), -EIO);
        CHECK_EQ(rl_audit_writer_commit(&log.writer, log.now), -EIO);
        CHECK_EQ(rl_audit_writer_rotate(&log.writer, log.now), -EIO);
        CHECK_EQ(rl_audit_durable(&log.audit), durable);
        CHECK_EQ(log.n_fatal, 1);
        CHECK_EQ(rl_audit_writer_close(&log.writer, log.now), -EIO);
        CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_TORN);
        CHECK(log_verdict(&log).n_records >= durable);
        log_remove(&log);
    }
}

static void short_and_interrupted_writes_are_finished(void)
{
    struct log log;

    log_on_broken_disk(&log);
    broken.n_most = 1;
    broken.n_interrupts = 3;
    log_write(&log, 40, 7);
    broken.n_interrupts = 3;
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 40);
    log_remove(&log);
}

/* A torn tail is copied in pieces: it is whole, or the log is not opened and nothing has its name.
 */
static void a_torn_tail_is_kept_whole_or_not_at_all(void)
{
    enum { N_TORN = 40000 }; /* more than two pieces */
    static uint8_t bytes[60000], torn[60000];
    static const struct {
        int pwrite_errno;
        bool takes_nothing, shrinks;
        int stale_errno, err;
        unsigned n_interrupts;
        size_t n_most;
    } disks[] = {{.pwrite_errno = ENOSPC, .err = -ENOSPC},
                 {.takes_nothing = true, .err = -EIO},
                 {.takes_nothing = true, .stale_errno = EINTR, .err = -EIO},
                 {.shrinks = true, .stale_errno = EINTR, .err = -EIO},
                 {.n_interrupts = 3, .n_most = 1000},
                 {.stale_errno = EINTR},
                 {0}};

    for (unsigned i = 0; i < RL_COUNT(disks); i++) {
        struct log log;
        const char *why;
        char path[128];
        size_t n;
        int err;

        log_on_broken_disk(&log);
        log_path(&log, "00000001.audit", path);
        log_write(&log, 3, 3);
        rl_audit_writer_abandon(&log.writer);
        n = log_read(&log, "00000001.audit", bytes, sizeof bytes);
        memset(bytes + n, 0, N_TORN);
        log_replace(&log, "00000001.audit", bytes, n + N_TORN);
        broken.pwrite_errno = disks[i].pwrite_errno;
        broken.takes_nothing = disks[i].takes_nothing;
        broken.shrinks = disks[i].shrinks ? path : NULL;
        broken.stale_errno = disks[i].stale_errno;
        broken.n_interrupts = disks[i].n_interrupts;
        broken.n_most = disks[i].n_most;
        err = rl_audit_writer_open(&log.writer, &log.audit, &log.config, log.now, &why);
        CHECK_EQ(err, disks[i].err);
        CHECK_EQ(log_has(&log, "00000001.audit.torn"), err == 0);
        if (err == 0) {
            CHECK_EQ(log_read(&log, "00000001.audit.torn", torn, sizeof torn), N_TORN);
            CHECK(memcmp(torn, bytes + n, N_TORN) == 0);
        }
        memset(&broken, 0, sizeof broken);
        log_remove(&log);
    }
}

static void a_file_system_that_cannot_reserve_space_is_refused(void)
{
    struct log log;
    const char *why = NULL;

    log_on_broken_disk(&log);
    log_close(&log);
    broken.fallocate_errno = EOPNOTSUPP;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &log.config, log.now, &why),
             -EOPNOTSUPP);
    CHECK(strstr(why, "reserved") != NULL);
    log_remove(&log);
}

/* A writer that was killed leaves the file it had prepared. */
static void what_a_killed_writer_had_prepared_is_in_nobodys_way(void)
{
    struct log log;
    char path[128];
    FILE *left;

    log_make(&log);
    snprintf(path, sizeof path, "%s/next.prepared", log.dir);
    left = fopen(path, "w");
    CHECK(left != NULL);
    fclose(left);
    log_must_open(&log);
    log_write(&log, 5, 5);
    CHECK_EQ(rl_audit_writer_rotate(&log.writer, log.now), 0);
    log_write(&log, 5, 5);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 10);
    CHECK_EQ(log_verdict(&log).n_segments, 2);
    log_remove(&log);
}

int main(void)
{
    a_full_disk_is_recorded_told_once_and_survived();
    a_full_disk_is_asked_again_ten_times_a_second();
    a_disk_that_takes_nothing_ends_the_log();
    a_file_in_the_place_of_the_next_segment_ends_the_log();
    a_note_of_the_writer_never_turns_time_back();
    without_emergency_space_left_the_writer_fails_for_good();
    the_emergency_space_is_used_to_its_end();
    a_limit_of_file_sizes_is_a_full_disk_and_no_signal();
    a_failed_sync_or_write_is_final();
    short_and_interrupted_writes_are_finished();
    a_torn_tail_is_kept_whole_or_not_at_all();
    a_file_system_that_cannot_reserve_space_is_refused();
    what_a_killed_writer_had_prepared_is_in_nobodys_way();
    return 0;
}
