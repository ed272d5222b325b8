#include "trade/order/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mix.h"
#include "trade/order/ids.h"

/* "redline epoch 00000042 b01dface0ddba11d\n": of one length, so a part of one is none. */
#define LINE_BYTES 40
#define LINE_SEED 0x65706F6368ULL /* no other file of ours has a number with its hash */

static void render(char line[LINE_BYTES + 1], uint32_t epoch)
{
    snprintf(line, LINE_BYTES + 1, "redline epoch %08" PRIu32 " %016" PRIx64 "\n", epoch,
             rl_mix(epoch + LINE_SEED));
}

/* True when the file is exactly the line of an epoch. */
static bool parse(const char *line, ssize_t n_bytes, uint32_t *epoch)
{
    char again[LINE_BYTES + 1];
    uint32_t number = 0;

    if (n_bytes != LINE_BYTES)
        return false;
    for (int i = 14; i < 22; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(line[i] - '0');
    }
    render(again, number);
    *epoch = number;
    return number >= 1 && number <= RL_ID_EPOCH_MAX && memcmp(line, again, LINE_BYTES) == 0;
}

/* The last epoch taken, 0 when there is no file. */
static int read_epoch(int dir, const char *name, uint32_t *epoch, const char **why)
{
    char line[LINE_BYTES + 1]; /* one more than it should have */
    ssize_t n_bytes;
    int err = 0;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *epoch = 0;
    if (fd < 0) {
        *why = "the epoch file cannot be opened";
        return errno == ENOENT ? 0 : -errno;
    }
    do
        n_bytes = read(fd, line, sizeof(line));
    while (n_bytes < 0 && errno == EINTR);
    if (n_bytes < 0) {
        *why = "the epoch file cannot be read";
        err = -errno;
    } else if (!parse(line, n_bytes, epoch)) {
        *why = "the epoch file is damaged: restore it, with an epoch at least as high as the last";
        err = -EBADMSG;
    }
    close(fd);
    return err;
}

/* A whole new file beside the old one, on the disk before it takes its name. */
static int write_epoch(int dir, const char *name, const char *new_name, uint32_t epoch)
{
    char line[LINE_BYTES + 1];
    ssize_t n_bytes;
    int err = 0;
    int fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd < 0)
        return -errno;
    render(line, epoch);
    do
        n_bytes = write(fd, line, LINE_BYTES);
    while (n_bytes < 0 && errno == EINTR);
    if (n_bytes != LINE_BYTES)
        err = n_bytes < 0 ? -errno : -ENOSPC;
    else if (fsync(fd) < 0)
        err = -errno;
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err == 0 && renameat(dir, new_name, dir, name) < 0)
        err = -errno;
    if (err == 0 && fsync(dir) < 0)
        err = -errno;
    return err;
}

int rl_epoch_take(const char *path, uint32_t *epoch, const char **why)
{
    char folder[PATH_MAX], new_name[NAME_MAX + 1];
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    uint32_t last = 0;
    int err, dir;

    *why = "the epoch file's path is too long, or names no file";
    if (name[0] == '\0' || (size_t)(name - path) >= sizeof(folder) ||
        snprintf(new_name, sizeof(new_name), "%s.new", name) >= (int)sizeof(new_name))
        return -EINVAL;
    snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
    *why = "the folder of the epoch file cannot be opened";
    dir = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;

    /* The folder is locked and not the file: that one is another one after each take. */
    *why = "the folder of the epoch file cannot be locked";
    do
        err = flock(dir, LOCK_EX) < 0 ? -errno : 0;
    while (err == -EINTR);
    if (err == 0)
        err = read_epoch(dir, name, &last, why);
    if (err == 0 && last == RL_ID_EPOCH_MAX) {
        *why = "no epoch is left: all 2^24 - 1 are used up";
        err = -EOVERFLOW;
    }
    if (err == 0) {
        *why = "the next epoch cannot be written to the disk";
        err = write_epoch(dir, name, new_name, last + 1);
    }
    close(dir); /* unlocks */
    if (err == 0) {
        *why = NULL;
        *epoch = last + 1;
    }
    return err;
}
