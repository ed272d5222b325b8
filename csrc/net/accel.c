#include "net/accel.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The start of struct onload_stat; what follows differs from version to version. */
struct onload_stat_head {
    int32_t stack_id;
    char *stack_name; /* allocated, ours to free */
    char room[240];
};

static bool has_symbol(const char *name)
{
    return dlsym(RTLD_DEFAULT, name) != NULL;
}

static bool onload_is_there(void)
{
    int (*is_present)(void);

    *(void **)&is_present = dlsym(RTLD_DEFAULT, "onload_is_present");
    return is_present != NULL && is_present() == 1;
}

static bool onload_has(int fd)
{
    int (*fd_stat)(int, struct onload_stat_head *);
    struct onload_stat_head stat = {0};
    bool has;

    *(void **)&fd_stat = dlsym(RTLD_DEFAULT, "onload_fd_stat");
    has = fd_stat != NULL && fd_stat(fd, &stat) == 1;
    free(stat.stack_name);
    return has;
}

enum rl_accel rl_accel_present(void)
{
    if (onload_is_there())
        return RL_ACCEL_ONLOAD;
    if (has_symbol("vma_get_api") || has_symbol("xlio_get_api"))
        return RL_ACCEL_VMA;
    return RL_ACCEL_NONE;
}

const char *rl_accel_name(enum rl_accel accel)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        RL_ACCELS(NAME)
#undef NAME
    };

    return (unsigned)accel < RL_N_ACCELS ? names[accel] : "?";
}

int rl_accel_check(int fd, enum rl_accel wanted, char *why, size_t n_why)
{
    if (wanted == RL_ACCEL_NONE)
        return 0;
    if (rl_accel_present() != wanted) {
        snprintf(why, n_why, "%s: not preloaded into this process; start it under %s",
                 rl_accel_name(wanted),
                 wanted == RL_ACCEL_ONLOAD ? "onload" : "LD_PRELOAD=libvma.so");
        return -ENOTSUP;
    }
    if (wanted == RL_ACCEL_ONLOAD && !onload_has(fd)) {
        snprintf(why, n_why, "onload: is there, and has not taken over this socket");
        return -ENOTCONN;
    }
    return 0;
}
