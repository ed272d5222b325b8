/*
 * audit_log - small logs for tests: a directory that goes away, a writer with virtual time, records
 * whose members follow from their number.
 */
#ifndef RL_TESTS_AUDIT_LOG_H
#define RL_TESTS_AUDIT_LOG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "trade/audit/read.h"
#include "trade/audit/writer.h"

#define LOG_SLOTS 64
#define LOG_HZ 1000000000u /* a tick is a nanosecond */

struct log {
    char dir[64];
    struct rl_audit audit;
    struct rl_audit_writer writer;
    struct rl_audit_writer_config config;
    uint64_t now;
    uint64_t n_put;
    int trouble; /* errno that on_trouble said last */
    int n_trouble, n_fatal;
    RL_ALIGNED uint8_t slots[LOG_SLOTS * RL_RING_SLOT_BYTES];
};

static inline void log_clock(void *user, uint64_t *tsc, uint64_t *wall_ns)
{
    struct log *log = user;

    *tsc = log->now;
    *wall_ns = 1700000000000000000u + log->now;
}

static inline void log_trouble(void *user, int error, bool is_fatal)
{
    struct log *log = user;

    log->trouble = error;
    log->n_trouble++;
    log->n_fatal += is_fatal;
}

/* A new directory and a configuration for small segments; the writer is not open yet. */
static inline void log_make(struct log *log)
{
    memset(log, 0, sizeof *log);
    strcpy(log->dir,
           access("/dev/shm", W_OK) == 0 ? "/dev/shm/rl_audit_XXXXXX" : "/tmp/rl_audit_XXXXXX");
    CHECK(mkdtemp(log->dir) != NULL);
    log->now = 1000;
    log->config = (struct rl_audit_writer_config){.dir = log->dir,
                                                  .segment_bytes = RL_AUDIT_HEADER + 12 * 64,
                                                  .emergency_bytes = 4096,
                                                  .commit_ns = 100,
                                                  .stall_ns = 1000000,
                                                  .tsc_hz = LOG_HZ,
                                                  .id_epoch = 7,
                                                  .build_id = "build",
                                                  .on_trouble = log_trouble,
                                                  .user = log,
                                                  .clock = log_clock};
    CHECK_EQ(rl_audit_init(&log->audit, log->slots, LOG_SLOTS), 0);
}

static inline void log_must_open(struct log *log)
{
    const char *why = NULL;
    int err = rl_audit_writer_open(&log->writer, &log->audit, &log->config, log->now, &why);

    if (err == -EOPNOTSUPP) {
        fprintf(stderr, "skipped: no fallocate in %s\n", log->dir);
        exit(RL_SKIP);
    }
    if (err)
        fprintf(stderr, "open: %s: %s\n", strerror(-err), why ? why : "");
    CHECK_EQ(err, 0);
}

static inline void log_fill(struct rl_audit_record *r, uint64_t i, uint64_t now)
{
    r->tsc = now;
    r->id = i;
    r->ref = i + 1;
    r->px_nano = -(int64_t)i;
    r->qty = 9 * i;
    r->detail = (uint32_t)i ^ 0x55;
    r->instrument = 2;
    r->kind = (uint8_t)(1 + i % 20);
    r->event = 3;
    r->flags = RL_AUDIT_FLAGS(1, 0, 2);
    r->venue = 1;
    r->account = 2;
    r->strategy = 3;
}

/* False: the ring is full. Time moves by one. */
static inline bool log_put(struct log *log)
{
    struct rl_audit_record *r = rl_audit_claim(&log->audit, 0);

    if (r == NULL)
        return false;
    log_fill(r, ++log->n_put, ++log->now);
    rl_audit_commit(&log->audit);
    return true;
}

/* n records, each block of `block` committed. */
static inline void log_write(struct log *log, unsigned n, unsigned block)
{
    for (unsigned i = 1; i <= n; i++) {
        CHECK(log_put(log));
        if (i % block == 0 || i == n) {
            log->now += 200; /* a commit is due */
            CHECK(rl_audit_writer_step(&log->writer, log->now) >= 0);
        }
    }
}

static inline void log_close(struct log *log)
{
    CHECK_EQ(rl_audit_writer_close(&log->writer, log->now), 0);
}

static inline struct rl_audit_verdict log_verdict(const struct log *log)
{
    struct rl_audit_scan s = {0};
    uint32_t segment;

    CHECK_EQ(rl_audit_scan_dir(&s, log->dir, &segment), 0);
    return s.verdict;
}

/* The last record of a kind, and how many there are. */
struct last_record {
    uint32_t kind;
    uint64_t n;
    struct rl_audit_record record;
};

static inline bool log_keep_last(void *user, const struct rl_audit_record *record)
{
    struct last_record *last = user;

    if (record->kind == last->kind) {
        last->record = *record;
        last->n++;
    }
    return true;
}

static inline struct last_record log_last_of(const struct log *log, uint32_t kind)
{
    static struct rl_audit_scan s;
    struct last_record last = {.kind = kind};
    uint32_t segment;

    s = (struct rl_audit_scan){.on_record = log_keep_last, .user = &last};
    CHECK_EQ(rl_audit_scan_dir(&s, log->dir, &segment), 0);
    return last;
}

static inline void log_path(const struct log *log, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", log->dir, name);
}

/* The file's bytes in `out`; their number. */
static inline size_t log_read(const struct log *log, const char *name, uint8_t *out, size_t n_max)
{
    char path[128];
    ssize_t n;
    int fd;

    log_path(log, name, path);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    n = read(fd, out, n_max);
    CHECK(n >= 0 && (size_t)n < n_max);
    close(fd);
    return (size_t)n;
}

/* Replaces or makes a file. */
static inline void log_replace(const struct log *log, const char *name, const void *bytes, size_t n)
{
    char path[128];
    int fd;

    log_path(log, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, n), n);
    close(fd);
}

static inline bool log_has(const struct log *log, const char *name)
{
    char path[128];

    log_path(log, name, path);
    return access(path, F_OK) == 0;
}

/* The directory goes with all that is in it. */
static inline void log_remove(struct log *log)
{
    DIR *dir = opendir(log->dir);
    struct dirent *entry;

    rl_audit_writer_abandon(&log->writer);
    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    CHECK_EQ(rmdir(log->dir), 0);
}

#endif
