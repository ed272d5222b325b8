/*
 * audit_disk - a disk that loses power: after a given number of calls nothing works any more, and
 * what was not synced by then is, sector by sector, there or gone.
 */
#ifndef RL_TESTS_AUDIT_DISK_H
#define RL_TESTS_AUDIT_DISK_H

#include "audit_log.h"

#define DISK_RANGES 256

static struct {
    unsigned n_calls, dies_at; /* the call that is the first not to work; 0: none */
    bool forgets_sync;         /* fdatasync and fsync say yes and do nothing */
    unsigned n_ranges;
    struct {
        ino_t file;
        int fd; /* our own, since the writer closes its own */
        off_t begin, end;
    } ranges[DISK_RANGES]; /* written and not synced */
} disk;

static inline bool disk_is_dead(void)
{
    errno = EIO;
    return disk.dies_at != 0 && ++disk.n_calls >= disk.dies_at;
}

static inline ino_t disk_file(int fd)
{
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    return st.st_ino;
}

static inline ssize_t disk_pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    bool is_dying = disk_is_dead();

    if (is_dying && disk.n_calls > disk.dies_at)
        return -1;
    if (is_dying && n > 1)
        n /= 2; /* the power went while it was written */
    CHECK(disk.n_ranges < DISK_RANGES);
    disk.ranges[disk.n_ranges].file = disk_file(fd);
    disk.ranges[disk.n_ranges].fd = dup(fd);
    disk.ranges[disk.n_ranges].begin = offset;
    disk.ranges[disk.n_ranges++].end = offset + (off_t)n;
    return pwrite(fd, bytes, n, offset);
}

static inline int disk_sync(int fd)
{
    ino_t file = disk_file(fd);
    unsigned n_left = 0;

    if (disk_is_dead())
        return -1;
    if (disk.forgets_sync)
        return 0;
    for (unsigned i = 0; i < disk.n_ranges; i++) {
        if (disk.ranges[i].file == file)
            close(disk.ranges[i].fd);
        else
            disk.ranges[n_left++] = disk.ranges[i];
    }
    disk.n_ranges = n_left;
    return 0;
}

static inline int disk_fallocate(int fd, int mode, off_t offset, off_t n)
{
    return disk_is_dead() ? -1 : fallocate(fd, mode, offset, n);
}

static const struct rl_audit_io disk_io = {
    .pwrite = disk_pwrite, .fdatasync = disk_sync, .fsync = disk_sync, .fallocate = disk_fallocate};

/* One sector of a range: zero from where it was written; files that end in it may end earlier. */
static inline void disk_lose(int fd, off_t begin, off_t end, uint64_t *random)
{
    static const uint8_t zeros[RL_AUDIT_SECTOR];
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    end = end < st.st_size ? end : st.st_size;
    if (end <= begin)
        return;
    if (end == st.st_size && check_random(random) % 2)
        CHECK_EQ(ftruncate(fd, begin), 0);
    else
        CHECK_EQ(pwrite(fd, zeros, (size_t)(end - begin), begin), end - begin);
}

/* The power comes back: each sector that was not synced has a chance of one half. */
static inline void disk_power_on(uint64_t *random)
{
    for (unsigned i = disk.n_ranges; i-- > 0;) { /* files end with what was written last */
        off_t begin = disk.ranges[i].begin, end = disk.ranges[i].end;

        while (end > begin) {
            off_t sector = (end - 1) / RL_AUDIT_SECTOR * RL_AUDIT_SECTOR;

            sector = sector > begin ? sector : begin;
            if (check_random(random) % 2)
                disk_lose(disk.ranges[i].fd, sector, end, random);
            end = sector;
        }
        close(disk.ranges[i].fd);
    }
    memset(&disk, 0, sizeof disk);
}

#endif
