#include "trade/audit/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TORN_TEMPORARY "tail.copying"

static int copy_bytes(int from, int to, uint64_t offset, uint64_t n, const struct rl_audit_io *io)
{
    uint8_t piece[16384];
    uint64_t n_done = 0;

    while (n_done < n) {
        size_t n_now = n - n_done < sizeof piece ? (size_t)(n - n_done) : sizeof piece;
        ssize_t n_read = pread(from, piece, n_now, (off_t)(offset + n_done));
        ssize_t n_written = n_read <= 0 ? 0 : io->pwrite(to, piece, (size_t)n_read, (off_t)n_done);

        if ((n_read < 0 || n_written < 0) && errno == EINTR)
            continue;
        if (n_read < 0 || n_written < 0)
            return -errno;
        if (n_written == 0)
            return -EIO; /* the file is shorter than a moment ago */
        n_done += (uint64_t)n_written;
    }
    return io->fsync(to) < 0 ? -errno : 0;
}

/* The tail of a segment as a file of its own, durable; a copy made before is made anew. */
static int keep_tail(int dir_fd, const struct rl_audit_segment_end *end,
                     const struct rl_audit_io *io)
{
    char name[RL_AUDIT_NAME_BYTES + 2], torn[RL_AUDIT_NAME_BYTES + 8];
    int err = 0, from, to;

    snprintf(name, sizeof name, RL_AUDIT_NAME, end->segment);
    snprintf(torn, sizeof torn, RL_AUDIT_NAME ".torn", end->segment);
    from = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return -errno;
    to =
        openat(dir_fd, TORN_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (to < 0)
        err = -errno;
    else
        err = copy_bytes(from, to, end->good_bytes, end->torn_bytes, io);
    if (!err && (renameat(dir_fd, TORN_TEMPORARY, dir_fd, torn) < 0 || io->fsync(dir_fd) < 0))
        err = -errno;
    if (to >= 0)
        close(to);
    close(from);
    return err;
}

/* What the dead writer had reserved behind its end; not one byte of the file changes. */
static void free_reserved(int dir_fd, uint32_t segment)
{
    char name[RL_AUDIT_NAME_BYTES + 2];
    struct stat st;
    int fd;

    snprintf(name, sizeof name, RL_AUDIT_NAME, segment);
    fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return; /* may be read-only by now: then it stays reserved */
    if (fstat(fd, &st) < 0 || ftruncate(fd, st.st_size) < 0)
        errno = 0;
    close(fd);
}

int rl_audit_recover(int dir_fd, const struct rl_audit_io *io, struct rl_audit_recovered *out)
{
    struct rl_audit_scan s = {0};
    const struct rl_audit_segment_end *last = &s.last; /* that the next segment continues */
    struct rl_audit_header *next = &out->next;
    uint32_t segment;
    int err = rl_audit_scan_at(&s, dir_fd, &segment);

    memset(out, 0, sizeof *out);
    next->segment = 1;
    next->first_number = 1;
    out->verdict = s.verdict;
    if (err)
        return err == -ENOENT ? 0 : err;
    if (s.verdict.fault > RL_AUDIT_TORN)
        return -EBADMSG;
    if (s.last.torn_bytes > 0)
        err = keep_tail(dir_fd, &s.last, io);
    if (!err && s.before.torn_bytes > 0)
        err = keep_tail(dir_fd, &s.before, io);
    if (err)
        return err;
    if (s.last.end == RL_AUDIT_END_NONE)
        free_reserved(dir_fd, s.last.segment);
    next->segment = s.last.segment + 1;
    next->first_number = s.chain.number + 1;
    next->previous_crc = s.chain.crc;
    memcpy(next->previous_hash, s.chain.hash, sizeof next->previous_hash);
    if (s.last.is_header_torn) {
        out->replaces = true;
        next->segment = s.last.segment;
        last = &s.before;
    }
    if (last->segment == 0)
        return 0;
    next->previous_bytes = last->good_bytes;
    next->previous_end = last->end ? last->end : RL_AUDIT_END_RECOVERED;
    if (last->end == RL_AUDIT_END_NONE) {
        next->torn_bytes = last->torn_bytes;
        memcpy(next->torn_hash, last->torn_hash, sizeof next->torn_hash);
    }
    return 0;
}
