#include "trade/audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define PREPARED "next.prepared"

const struct rl_audit_io rl_audit_io_kernel = {
    .pwrite = pwrite, .fdatasync = fdatasync, .fsync = fsync, .fallocate = fallocate};

/* A write that crosses the limit raises SIGXFSZ, which ends a process that does not expect it. */
static bool is_within_limit(uint64_t end)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur);
}

int rl_audit_file_prepare(struct rl_audit_file *file, int dir_fd, uint64_t n_bytes,
                          const struct rl_audit_io *io)
{
    int err = 0;

    *file = (struct rl_audit_file){.fd = -1};
    if (!is_within_limit(n_bytes))
        return -EFBIG;
    unlinkat(dir_fd, PREPARED, 0); /* of a writer that did not come to use it: it is empty */
    file->fd = openat(dir_fd, PREPARED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file->fd < 0)
        return -errno;
    /* KEEP_SIZE: the file's size stays what was written, so a log never has a sparse middle. */
    while (io->fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n_bytes) < 0) {
        if (errno == EINTR)
            continue;
        err = -errno;
        rl_audit_file_drop(file, dir_fd);
        return err;
    }
    file->n_reserved = n_bytes;
    return 0;
}

int rl_audit_file_name(struct rl_audit_file *file, int dir_fd, const struct rl_audit_header *header,
                       bool replaces, const struct rl_audit_io *io)
{
    char name[RL_AUDIT_NAME_BYTES];
    int err = rl_audit_file_append(file, header, sizeof *header, io);

    if (err)
        return err;
    snprintf(name, sizeof name, RL_AUDIT_NAME, header->segment);
    if (!replaces && faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST; /* the lock of the directory keeps others from making it now */
    if (io->fsync(file->fd) < 0 || renameat(dir_fd, PREPARED, dir_fd, name) < 0 ||
        io->fsync(dir_fd) < 0)
        return -errno;
    return 0;
}

int rl_audit_file_append(struct rl_audit_file *file, const void *bytes, size_t n,
                         const struct rl_audit_io *io)
{
    const uint8_t *from = bytes;

    if (n > file->n_reserved - file->n_bytes)
        return -ENOSPC;
    if (!is_within_limit(file->n_bytes + n))
        return -EFBIG;
    while (n > 0) {
        ssize_t n_now = io->pwrite(file->fd, from, n, (off_t)file->n_bytes);

        if (n_now < 0 && errno == EINTR)
            continue;
        if (n_now <= 0)
            return n_now < 0 ? -errno : -EIO;
        from += n_now;
        n -= (size_t)n_now;
        file->n_bytes += (uint64_t)n_now;
    }
    return 0;
}

void rl_audit_file_close(struct rl_audit_file *file)
{
    if (file->fd < 0)
        return;
    /* Frees what lies behind the end; refused on an append-only file, where it stays reserved. */
    if (ftruncate(file->fd, (off_t)file->n_bytes) < 0)
        errno = 0;
    close(file->fd);
    file->fd = -1;
}

void rl_audit_file_drop(struct rl_audit_file *file, int dir_fd)
{
    if (file->fd < 0)
        return;
    unlinkat(dir_fd, PREPARED, 0);
    close(file->fd);
    file->fd = -1;
}
