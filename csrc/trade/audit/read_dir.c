/* The segments of a directory, one at a time in memory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trade/audit/read.h"

/* The number of a segment's name, 0 when it is none: eight digits and nothing else is one. */
static uint32_t number_of(const char *name)
{
    char again[RL_AUDIT_NAME_BYTES + 2]; /* an unsigned may have ten digits */
    uint32_t number = (uint32_t)strtoul(name, NULL, 10);

    snprintf(again, sizeof again, RL_AUDIT_NAME, number);
    return strcmp(name, again) == 0 ? number : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int list(int dir_fd, uint32_t **numbers, size_t *n)
{
    size_t n_max = 0;
    int err = 0, fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    *numbers = NULL;
    *n = 0;
    if (dir == NULL) {
        err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        uint32_t number = number_of(entry->d_name);

        if (number == 0)
            continue;
        if (*n == n_max) {
            uint32_t *more;

            n_max = n_max ? 2 * n_max : 64;
            more = realloc(*numbers, n_max * sizeof *more);
            if (more == NULL) {
                err = -ENOMEM;
                break;
            }
            *numbers = more;
        }
        (*numbers)[(*n)++] = number;
    }
    if (!err && errno)
        err = -errno;
    closedir(dir);
    if (!err && *n > 0)
        qsort(*numbers, *n, sizeof **numbers, by_number);
    return err;
}

/* The whole file in memory of its size, to be freed by the caller. */
static int load(int dir_fd, uint32_t number, uint8_t **bytes, size_t *n)
{
    char name[RL_AUDIT_NAME_BYTES + 2];
    struct stat st;
    int fd, err = 0;

    *bytes = NULL;
    *n = 0;
    snprintf(name, sizeof name, RL_AUDIT_NAME, number);
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = -EBADMSG; /* somebody put something else here */
    else if ((*bytes = malloc((size_t)st.st_size + 1)) == NULL)
        err = -ENOMEM;
    while (!err && *n < (size_t)st.st_size) {
        ssize_t n_now = read(fd, *bytes + *n, (size_t)st.st_size - *n);

        if (n_now < 0 && errno == EINTR)
            continue;
        if (n_now < 0)
            err = -errno;
        if (n_now <= 0)
            break; /* shorter than it was a moment ago: read as it is */
        *n += (size_t)n_now;
    }
    close(fd);
    return err;
}

int rl_audit_scan_at(struct rl_audit_scan *s, int dir_fd, uint32_t *segment)
{
    uint32_t *numbers;
    size_t n;
    int err = list(dir_fd, &numbers, &n);

    *segment = 0;
    rl_audit_scan_init(s);
    if (!err && n == 0)
        err = -ENOENT;
    for (size_t i = 0; !err && i < n; i++) {
        uint8_t *bytes;
        size_t n_bytes;
        bool goes_on = false;

        if (numbers[i] < s->first_segment)
            continue;
        err = load(dir_fd, numbers[i], &bytes, &n_bytes);
        if (err)
            *segment = numbers[i];
        else
            goes_on = rl_audit_scan_segment(s, numbers[i], bytes, n_bytes, i + 1 == n);
        free(bytes);
        if (!goes_on)
            break;
    }
    if (!err && s->last.segment == 0 && !s->is_stopped)
        err = -ENOENT; /* all of them are older than the first that was asked for */
    if (!err)
        rl_audit_scan_end(s);
    free(numbers);
    return err;
}

int rl_audit_scan_dir(struct rl_audit_scan *s, const char *dir, uint32_t *segment)
{
    int err, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *segment = 0;
    if (fd < 0)
        return -errno;
    err = rl_audit_scan_at(s, fd, segment);
    close(fd);
    return err;
}
