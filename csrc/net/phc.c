/* The NIC's clock against the system's: the second half of stamp.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/stamp.h"

#define NS_PER_S 1000000000LL
#define N_LOOKS 25 /* what one request may ask for: PTP_MAX_SAMPLES */
#define NO_TIME INT64_MIN

bool rl_phc_best(const struct rl_phc_bracket *brackets, uint32_t n, struct rl_phc_offset *offset)
{
    int64_t narrowest = INT64_MAX;

    for (uint32_t i = 0; i < n; i++) {
        const struct rl_phc_bracket *b = &brackets[i];
        int64_t width, ahead;

        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): n are written */
        if (b->before == NO_TIME || b->nic == NO_TIME || b->after == NO_TIME ||
            __builtin_sub_overflow(b->after, b->before, &width) || width < 0 ||
            width >= narrowest || __builtin_sub_overflow(b->nic, b->before, &ahead) ||
            __builtin_sub_overflow(ahead, width / 2, &ahead))
            continue;
        narrowest = width;
        offset->offset_ns = ahead;
        offset->bound_ns = (uint64_t)(width - width / 2);
    }
    return narrowest != INT64_MAX;
}

static int64_t ns_of(const struct ptp_clock_time *t)
{
    if (t->sec < 0 || t->sec > INT64_MAX / NS_PER_S - 1 || t->nsec >= NS_PER_S)
        return NO_TIME;
    return t->sec * NS_PER_S + t->nsec;
}

/* The system's clock right around each look; Linux 5.0, and not every driver. */
static bool ask_extended(int fd, struct rl_phc_bracket brackets[N_LOOKS])
{
    struct ptp_sys_offset_extended looks = {.n_samples = N_LOOKS};

    if (ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &looks) < 0)
        return false;
    for (int i = 0; i < N_LOOKS; i++)
        brackets[i] = (struct rl_phc_bracket){ns_of(&looks.ts[i][0]), ns_of(&looks.ts[i][1]),
                                              ns_of(&looks.ts[i][2])};
    return true;
}

/* In turns: system, NIC, system, NIC, ... system. */
static bool ask_in_turns(int fd, struct rl_phc_bracket brackets[N_LOOKS])
{
    struct ptp_sys_offset looks = {.n_samples = N_LOOKS};

    if (ioctl(fd, PTP_SYS_OFFSET, &looks) < 0)
        return false;
    for (int i = 0; i < N_LOOKS; i++)
        brackets[i] = (struct rl_phc_bracket){ns_of(&looks.ts[2 * i]), ns_of(&looks.ts[2 * i + 1]),
                                              ns_of(&looks.ts[2 * i + 2])};
    return true;
}

int rl_stamp_phc(int phc, struct rl_phc_offset *offset)
{
    struct rl_phc_bracket brackets[N_LOOKS];
    char path[32];
    int fd, err = 0;

    *offset = (struct rl_phc_offset){0};
    if (phc < 0)
        return -ENODEV;
    snprintf(path, sizeof path, "/dev/ptp%d", phc);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ask_extended(fd, brackets))
        offset->source = "PTP_SYS_OFFSET_EXTENDED";
    else if (ask_in_turns(fd, brackets))
        offset->source = "PTP_SYS_OFFSET";
    else
        err = -errno;
    close(fd);
    if (err)
        return err;
    return rl_phc_best(brackets, N_LOOKS, offset) ? 0 : -EIO;
}
