/* Opening a log: a directory whose name is durable, a configuration's defaults and its bounds. */
#include "audit_log.h"

static ino_t synced[8];
static unsigned n_synced;

static int noted_fsync(int fd)
{
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(n_synced < RL_COUNT(synced));
    synced[n_synced++] = st.st_ino;
    return 0;
}

static int endless_fallocate(int fd, int mode, off_t offset, off_t n)
{
    (void)fd, (void)mode, (void)offset, (void)n;
    return 0;
}

/* Whatever is asked for is there: what is tested is what is asked for. */
static const struct rl_audit_io noted_io = {.pwrite = pwrite,
                                            .fdatasync = noted_fsync,
                                            .fsync = noted_fsync,
                                            .fallocate = endless_fallocate};

static void a_directory_that_was_missing_is_made_and_its_name_is_durable(void)
{
    static const char *const names[] = {"%s/a", "%s/b/", "%s/c//", "d", "e/", "./f"};
    struct log log;
    struct stat parent, made;
    char path[128], back[4096];

    log_make(&log);
    CHECK(getcwd(back, sizeof back) != NULL);
    CHECK_EQ(chdir(log.dir), 0);
    CHECK_EQ(stat(log.dir, &parent), 0);
    for (unsigned i = 0; i < RL_COUNT(names); i++) {
        snprintf(path, sizeof path, names[i], log.dir);
        log.config.dir = path;
        log.config.io = &noted_io;
        n_synced = 0;
        log_must_open(&log);
        CHECK_EQ(synced[0], parent.st_ino);
        CHECK_EQ(stat(path, &made), 0);
        CHECK_EQ(made.st_mode & 07777, 0750);
        CHECK_EQ(synced[n_synced - 1], made.st_ino); /* the segment's name */
        log_close(&log);
        n_synced = 0;
        log_must_open(&log); /* it is there: nothing to make durable above it */
        CHECK(synced[0] != parent.st_ino);
        log_close(&log);
        CHECK_EQ(unlinkat(AT_FDCWD, strcat(path, "/00000001.audit"), 0), 0);
        *strrchr(path, '/') = '\0';
        CHECK_EQ(unlinkat(AT_FDCWD, strcat(path, "/00000002.audit"), 0), 0);
        *strrchr(path, '/') = '\0';
        CHECK_EQ(rmdir(path), 0);
    }
    CHECK_EQ(chdir(back), 0);
    log_remove(&log);
}

static void what_a_configuration_leaves_out_is_sixty_four_megabytes_and_ten_milliseconds(void)
{
    struct log log;
    struct rl_audit_writer_config only = {.tsc_hz = 2500000000u, .io = &noted_io};

    log_make(&log);
    only.dir = log.dir;
    log.config = only;
    n_synced = 0;
    log_must_open(&log);
    CHECK_EQ(log.writer.config.segment_bytes, 64 << 20);
    CHECK_EQ(log.writer.config.emergency_bytes, 4 << 20);
    CHECK_EQ(log.writer.file.n_reserved, 68 << 20);
    CHECK_EQ(log.writer.config.commit_records, 4096);
    CHECK_EQ(log.writer.ticks_commit, 25000000);
    CHECK_EQ(log.writer.ticks_stall, 250000000);
    CHECK_EQ(log.writer.ticks_rotate, 0); /* by size alone */
    CHECK_EQ(log.writer.max_block, RL_AUDIT_BLOCK_MAX);
    log_close(&log);
    log_remove(&log);
}

static void the_smallest_segment_holds_one_record(void)
{
    struct log log;

    log_make(&log);
    log.config.segment_bytes = RL_AUDIT_HEADER + 3 * RL_AUDIT_UNIT;
    log_must_open(&log);
    log_write(&log, 5, 5);
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 5);
    CHECK_EQ(log_verdict(&log).n_segments, 5);
    log_remove(&log);
}

static void sizes_that_no_file_can_have_are_refused(void)
{
    static const uint64_t large = INT64_MAX / 4;
    struct log log;
    struct rl_audit_writer_config config;

    log_make(&log);
    config = log.config;
    config.segment_bytes = large + 1;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -EINVAL);
    config.segment_bytes = large;
    CHECK(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL) != -EINVAL);
    config = log.config;
    config.emergency_bytes = large + 1;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -EINVAL);
    config.emergency_bytes = large;
    CHECK(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL) != -EINVAL);
    config = log.config;
    config.dir = NULL;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -EINVAL);
    log_remove(&log);
}

/* Names as long as their room have no zero; longer ones are cut. */
static void a_header_says_who_wrote_it(void)
{
    static const uint8_t none[16];
    char longer[64];
    struct log log;
    const struct rl_audit_header *h = &log.writer.header;
    uint8_t session[16];

    memset(longer, 'h', sizeof longer);
    longer[63] = '\0';
    log_make(&log);
    log.config.host_id = longer;
    memset(log.config.config_hash, 0xC0, sizeof log.config.config_hash);
    memset(log.config.limits_hash, 0x11, sizeof log.config.limits_hash);
    log_must_open(&log);
    CHECK_EQ(h->id_epoch, 7);
    CHECK(strcmp(h->build_id, "build") == 0);
    CHECK(memcmp(h->host_id, longer, sizeof h->host_id) == 0);
    CHECK_EQ(h->zeros[0], 0);
    CHECK(memcmp(h->config_hash, log.config.config_hash, sizeof h->config_hash) == 0);
    CHECK(memcmp(h->limits_hash, log.config.limits_hash, sizeof h->limits_hash) == 0);
    CHECK(memcmp(h->session, none, sizeof none) != 0);
    memcpy(session, h->session, sizeof session);
    CHECK_EQ(h->segment, 1);
    CHECK_EQ(h->first_number, 1);
    log_close(&log);
    log_must_open(&log);
    CHECK(memcmp(h->session, session, sizeof session) != 0);
    CHECK_EQ(h->segment, 2);
    log_close(&log);
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), -EBADF);
    CHECK_EQ(rl_audit_writer_commit(&log.writer, log.now), -EBADF);
    CHECK_EQ(rl_audit_writer_rotate(&log.writer, log.now), -EBADF);
    log_remove(&log);
}

/* The directory gets number 0, which is as good as any; and it is given back. */
static void a_process_without_standard_input_is_served_too(void)
{
    struct log log;
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 3);

    close(0);
    log_make(&log);
    CHECK_EQ(rmdir(log.dir), 0); /* it is made, and its parent looked at, with number 0, too */
    log_must_open(&log);
    CHECK_EQ(log.writer.dir_fd, 0);
    log_write(&log, 5, 5);
    log_close(&log);
    CHECK_EQ(fcntl(0, F_GETFD), -1);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 5);
    CHECK_EQ(fcntl(0, F_GETFD), -1);
    log_remove(&log);
    if (kept >= 0) {
        CHECK_EQ(dup2(kept, 0), 0);
        close(kept);
    }
}

int main(void)
{
    a_directory_that_was_missing_is_made_and_its_name_is_durable();
    what_a_configuration_leaves_out_is_sixty_four_megabytes_and_ten_milliseconds();
    the_smallest_segment_holds_one_record();
    sizes_that_no_file_can_have_are_refused();
    a_header_says_who_wrote_it();
    a_process_without_standard_input_is_served_too();
    return 0;
}
