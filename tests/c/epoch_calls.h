/*
 * epoch_calls - epoch.c with each of its calls counted, failed or killed on demand, and an account
 * of what a power cut would leave.
 */
#ifndef RL_TESTS_EPOCH_CALLS_H
#define RL_TESTS_EPOCH_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defs.h"
#include "check.h"

/* Open the folder, lock it, open and read the file, open, write and sync the new one, rename it,
 * sync the folder. */
#define N_CALLS 9

static unsigned n_calls, fail_at, kill_at; /* call number, from 1; 0: never */
static bool skips_fsync;                   /* what a build without the syncs would do */

/* What a power cut would leave. Of a file: nothing before its fsync. Of a folder: the old name of a
 * file before the folder's fsync. */
static struct {
    bool is_written, is_file_safe, is_renamed, is_folder_safe;
} disk;

static bool fails(void)
{
    n_calls++;
    if (n_calls == kill_at)
        raise(SIGKILL);
    if (n_calls == fail_at)
        errno = EIO;
    return n_calls == fail_at;
}

static int test_open(const char *path, int flags)
{
    return fails() ? -1 : open(path, flags);
}

static int test_openat(int dir, const char *name, int flags, mode_t mode)
{
    return fails() ? -1 : openat(dir, name, flags, mode);
}

static ssize_t test_read(int fd, void *to, size_t n_bytes)
{
    return fails() ? -1 : read(fd, to, n_bytes);
}

static ssize_t test_write(int fd, const void *from, size_t n_bytes)
{
    disk.is_written = true;
    return fails() ? -1 : write(fd, from, n_bytes);
}

static int test_fsync(int fd)
{
    struct stat st;

    if (fails())
        return -1;
    if (skips_fsync)
        return 0;
    CHECK_EQ(fstat(fd, &st), 0);
    if (S_ISDIR(st.st_mode))
        disk.is_folder_safe = disk.is_renamed;
    else
        disk.is_file_safe = disk.is_written && !disk.is_renamed;
    return fsync(fd);
}

static int test_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (fails())
        return -1;
    disk.is_renamed = true;
    return renameat(from_dir, from, to_dir, to);
}

static int test_flock(int fd, int what)
{
    return fails() ? -1 : flock(fd, what);
}

#define open test_open
#define openat(dir, name, flags, ...) test_openat(dir, name, flags, __VA_ARGS__ + 0)
#define read test_read
#define write test_write
#define fsync test_fsync
#define renameat test_renameat
#define flock test_flock
#include "../../csrc/trade/order/epoch.c"
#undef open
#undef openat
#undef read
#undef write
#undef fsync
#undef renameat
#undef flock

#endif
