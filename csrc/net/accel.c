#include "net/accel.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SO_VMA_GET_API 2800 /* vma_extra.h; XLIO kept the number and asks another descriptor */
#define VMA_DESCRIPTOR (-1)
#define XLIO_DESCRIPTOR (-2)
#define ONLOAD_MODULE "/sys/module/onload"

/* The start of struct onload_stat; what follows differs from version to version. */
struct onload_stat_head {
    int32_t stack_id;
    char *stack_name; /* allocated, ours to free */
    char room[240];
};

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

/* No kernel has such a descriptor: whoever knows it is not the kernel. */
static bool answers(int descriptor)
{
    void *api = NULL;
    socklen_t n = sizeof api;

    return getsockopt(descriptor, SOL_SOCKET, SO_VMA_GET_API, &api, &n) == 0 && api != NULL;
}

static bool is_there(enum rl_accel accel)
{
    if (accel == RL_ACCEL_ONLOAD)
        return onload_is_there();
    return accel == RL_ACCEL_VMA && (answers(VMA_DESCRIPTOR) || answers(XLIO_DESCRIPTOR));
}

enum rl_accel rl_accel_present(void)
{
    for (enum rl_accel accel = RL_ACCEL_NONE + 1; accel < RL_N_ACCELS; accel++)
        if (is_there(accel))
            return accel;
    return RL_ACCEL_NONE;
}

struct rl_accel_signs rl_accel_signs_of(enum rl_accel accel)
{
    const char *preload = getenv("LD_PRELOAD");
    struct rl_accel_signs signs = {0};
    size_t n = 0;
    FILE *f;

    if (preload != NULL && accel == RL_ACCEL_ONLOAD)
        signs.is_named = strstr(preload, "libonload") != NULL;
    if (preload != NULL && accel == RL_ACCEL_VMA)
        signs.is_named = strstr(preload, "libvma") != NULL || strstr(preload, "libxlio") != NULL;
    if (accel != RL_ACCEL_ONLOAD || access(ONLOAD_MODULE, F_OK) != 0)
        return signs;
    signs.has_module = true;
    f = fopen(ONLOAD_MODULE "/version", "re");
    if (f != NULL) {
        n = fread(signs.version, 1, sizeof signs.version - 1, f);
        fclose(f);
    }
    signs.version[n] = '\0';
    signs.version[strcspn(signs.version, "\n")] = '\0';
    return signs;
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

static int absent(enum rl_accel wanted, char *why, size_t n_why)
{
    struct rl_accel_signs signs = rl_accel_signs_of(wanted);
    const char *sign = signs.is_named     ? ", though LD_PRELOAD names it"
                       : signs.has_module ? ", though its kernel module is loaded"
                                          : "";

    snprintf(why, n_why, "%s: not preloaded into this process%s; start it under %s",
             rl_accel_name(wanted), sign,
             wanted == RL_ACCEL_ONLOAD ? "onload" : "LD_PRELOAD=libvma.so or libxlio.so");
    return -ENOTSUP;
}

int rl_accel_check(int fd, enum rl_accel wanted, char *why, size_t n_why)
{
    if (wanted == RL_ACCEL_NONE)
        return 0;
    if (!is_there(wanted))
        return absent(wanted, why, n_why);
    if (wanted == RL_ACCEL_ONLOAD && !onload_has(fd)) {
        snprintf(why, n_why, "onload: is there, and has not taken over this socket");
        return -ENOTCONN;
    }
    return 0;
}
