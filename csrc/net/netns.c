#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int rl_netns_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int rl_netns_enter(int fd, int *back)
{
    int own;

    *back = -1;
    if (fd < 0)
        return 0;
    own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return -errno;
    if (setns(fd, CLONE_NEWNET) != 0) {
        int err = -errno;

        close(own);
        return err;
    }
    *back = own;
    return 0;
}

void rl_netns_leave(int back)
{
    if (back < 0)
        return;
    if (setns(back, CLONE_NEWNET) != 0)
        abort();
    close(back);
}
