/* Opening and closing a writer; what it does in between is in writer.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "trade/audit/recover.h"
#include "trade/audit/writer_parts.h"

#define SEGMENT_BYTES (64ull << 20)
#define EMERGENCY_BYTES (4ull << 20)
#define COMMIT_NS 10000000ull
#define COMMIT_RECORDS 4096
#define STALL_NS 100000000ull
/* A header, a record, its seal and a footer. */
#define LEAST_BYTES (RL_AUDIT_HEADER + 3 * RL_AUDIT_UNIT)

static void real_clock(void *user, uint64_t *tsc, uint64_t *wall_ns)
{
    (void)user;
    rl_clock_pair(CLOCK_REALTIME, tsc, wall_ns);
}

static uint64_t ticks_of(uint64_t ns, uint64_t hz)
{
    return (uint64_t)((unsigned __int128)ns * hz / 1000000000u);
}

static int configure(struct rl_audit_writer *w, const struct rl_audit_writer_config *config)
{
    struct rl_audit_writer_config *c = &w->config;
    uint64_t n_units;

    *c = *config;
    c->segment_bytes = c->segment_bytes ? c->segment_bytes : SEGMENT_BYTES;
    c->emergency_bytes = c->emergency_bytes ? c->emergency_bytes : EMERGENCY_BYTES;
    c->commit_ns = c->commit_ns ? c->commit_ns : COMMIT_NS;
    c->commit_records = c->commit_records ? c->commit_records : COMMIT_RECORDS;
    c->stall_ns = c->stall_ns ? c->stall_ns : STALL_NS;
    c->clock = c->clock ? c->clock : real_clock;
    c->io = c->io ? c->io : &rl_audit_io_kernel;
    if (c->tsc_hz == 0 || c->dir == NULL || c->segment_bytes < LEAST_BYTES ||
        c->segment_bytes > INT64_MAX / 4 || c->emergency_bytes > INT64_MAX / 4)
        return -EINVAL;
    w->ticks_commit = ticks_of(c->commit_ns, c->tsc_hz);
    w->ticks_rotate = ticks_of(c->rotate_ns, c->tsc_hz);
    w->ticks_stall = ticks_of(c->stall_ns, c->tsc_hz);
    n_units = (c->segment_bytes - RL_AUDIT_HEADER) / RL_AUDIT_UNIT - 2; /* seal and footer */
    w->max_block = n_units < RL_AUDIT_BLOCK_MAX ? (uint32_t)n_units : RL_AUDIT_BLOCK_MAX;
    return 0;
}

/* Makes the directory when it is missing, its name durable; then opens and locks it. */
static int open_dir(struct rl_audit_writer *w, const char **why)
{
    const char *dir = w->config.dir;
    int parent, err = 0;

    if (mkdir(dir, 0750) == 0) {
        char path[4096];
        size_t n = strlen(dir);

        while (n > 1 && dir[n - 1] == '/')
            n--;
        while (n > 0 && dir[n - 1] != '/')
            n--;
        if (n >= sizeof path)
            return -ENAMETOOLONG;
        memcpy(path, n ? dir : ".", n ? n : 1);
        path[n ? n : 1] = '\0';
        parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0 || w->config.io->fsync(parent) < 0)
            err = -errno;
        if (parent >= 0)
            close(parent);
        if (err)
            return err;
    } else if (errno != EEXIST) {
        *why = "the directory cannot be made";
        return -errno;
    }
    w->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir_fd < 0) {
        *why = "the directory cannot be opened";
        return -errno;
    }
    if (flock(w->dir_fd, LOCK_EX | LOCK_NB) < 0) {
        *why = "another writer has this log";
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    return 0;
}

static int begin(struct rl_audit_writer *w, uint64_t now_tsc, const char **why)
{
    const struct rl_audit_writer_config *c = &w->config;
    struct rl_audit_recovered found;
    struct rl_audit_header *h = &w->header;
    int err = open_dir(w, why);

    if (err)
        return err;
    *why = "what is there cannot be read";
    err = rl_audit_recover(w->dir_fd, c->io, &found);
    if (err == -EBADMSG)
        *why = found.verdict.text;
    if (err)
        return err;
    *why = "its space cannot be reserved";
    err = rl_audit_file_prepare(&w->next, w->dir_fd, c->segment_bytes + c->emergency_bytes, c->io);
    if (err)
        return err;
    *why = "its first segment cannot be written";
    *h = found.next;
    if (getrandom(h->session, sizeof h->session, 0) != sizeof h->session)
        return -EIO;
    h->id_epoch = c->id_epoch;
    memcpy(h->config_hash, c->config_hash, sizeof h->config_hash);
    memcpy(h->limits_hash, c->limits_hash, sizeof h->limits_hash);
    if (c->build_id)
        memcpy(h->build_id, c->build_id, strnlen(c->build_id, sizeof h->build_id));
    if (c->host_id)
        memcpy(h->host_id, c->host_id, strnlen(c->host_id, sizeof h->host_id));
    w->sealed.number = h->first_number - 1;
    w->sealed.crc = h->previous_crc;
    w->chain = w->sealed;
    err = rl_audit_begin_segment(w, found.replaces, now_tsc);
    if (err)
        return err;
    w->last_step = now_tsc;
    *why = NULL;
    return 0;
}

/* All that a writer holds; it may be given back twice. */
static void release(struct rl_audit_writer *w)
{
    rl_audit_file_drop(&w->next, w->dir_fd);
    if (w->file.fd >= 0)
        close(w->file.fd);
    if (w->dir_fd >= 0)
        close(w->dir_fd);
    free(w->block);
    w->block = NULL;
    w->file.fd = w->dir_fd = -1;
    w->is_open = false;
}

int rl_audit_writer_open(struct rl_audit_writer *w, struct rl_audit *a,
                         const struct rl_audit_writer_config *config, uint64_t now_tsc,
                         const char **why)
{
    const char *unused;
    int err;

    why = why ? why : &unused;
    *why = "the configuration of the log makes no sense";
    *w = (struct rl_audit_writer){.audit = a, .dir_fd = -1, .file.fd = -1, .next.fd = -1};
    err = configure(w, config);
    if (err)
        return err;
    *why = NULL;
    w->block = aligned_alloc(RL_CACHE_LINE, (w->max_block + 1u) * sizeof *w->block);
    err = w->block ? begin(w, now_tsc, why) : -ENOMEM;
    w->is_open = true;
    if (err)
        release(w);
    return err;
}

int rl_audit_writer_close(struct rl_audit_writer *w, uint64_t now_tsc)
{
    int err = w->error;

    if (!w->is_open)
        return 0;
    for (int64_t n = 1; !err && n > 0;) {
        n = rl_audit_take(w, now_tsc);
        err = n < 0 ? (int)n : 0;
    }
    if (!err)
        err = rl_audit_commit_taken(w, now_tsc);
    if (!err)
        err = rl_audit_end_segment(w, &w->file, &w->sealed, RL_AUDIT_END_CLOSED);
    release(w);
    return err;
}

void rl_audit_writer_abandon(struct rl_audit_writer *w)
{
    if (w->is_open)
        release(w);
}
