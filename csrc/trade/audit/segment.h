/*
 * segment - the file of a segment: space reserved ahead, written at its end, synced.
 *
 * A segment is prepared under another name, with its space reserved and nothing in it, and gets its
 * own name when its header is durable: a file NNNNNNNN.audit always began whole.
 *
 * Threads:  one.
 */
#ifndef RL_TRADE_AUDIT_SEGMENT_H
#define RL_TRADE_AUDIT_SEGMENT_H

#include <sys/types.h>

#include "trade/audit/format.h"

/* The calls that reach the disk, so that tests can let each of them fail. As in unistd.h. */
struct rl_audit_io {
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t offset);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*fallocate)(int fd, int mode, off_t offset, off_t n);
};
extern const struct rl_audit_io rl_audit_io_kernel;

struct rl_audit_file {
    int fd;           /* -1: none */
    uint64_t n_bytes; /* written */
    uint64_t n_reserved;
};

/* An empty file `next.prepared` in dir_fd with n_bytes reserved; 0 or -errno, then file->fd is -1.
 */
int rl_audit_file_prepare(struct rl_audit_file *file, int dir_fd, uint64_t n_bytes,
                          const struct rl_audit_io *io);

/*
 * Writes the header, syncs, gives the prepared file its name and syncs the directory; 0 or -errno.
 * -EEXIST when there is such a segment, unless `replaces` it.
 */
int rl_audit_file_name(struct rl_audit_file *file, int dir_fd, const struct rl_audit_header *header,
                       bool replaces, const struct rl_audit_io *io);

/* Appends all n bytes or fails: -errno; -ENOSPC past what was reserved, -EFBIG past RLIMIT_FSIZE.
 */
int rl_audit_file_append(struct rl_audit_file *file, const void *bytes, size_t n,
                         const struct rl_audit_io *io);

/* Gives back what was reserved and not written, and closes; harmless without a file. */
void rl_audit_file_close(struct rl_audit_file *file);

/* The same for a prepared file that got no name: it goes. */
void rl_audit_file_drop(struct rl_audit_file *file, int dir_fd);

#endif
