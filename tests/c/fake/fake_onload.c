/*
 * Answers as libonload does, by the word in FAKE_ONLOAD: "all" sockets are accelerated, "none" is,
 * "handover": those that are not connected; "absent": linked against, and not running.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEEN __attribute__((visibility("default")))

struct onload_stat {
    int32_t stack_id;
    char *stack_name;
    int32_t endpoint_id;
    int32_t endpoint_state;
};

SEEN int onload_is_present(void);
SEEN int onload_fd_stat(int fd, struct onload_stat *stat);

static int is(const char *word)
{
    const char *said = getenv("FAKE_ONLOAD");

    return said != NULL && strcmp(said, word) == 0;
}

int onload_is_present(void)
{
    return is("absent") ? -1 : 1;
}

int onload_fd_stat(int fd, struct onload_stat *stat)
{
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;

    if (is("none") || (is("handover") && getpeername(fd, (struct sockaddr *)&peer, &n) == 0))
        return 0;
    *stat = (struct onload_stat){.stack_id = 1, .stack_name = strdup("fake"), .endpoint_id = fd};
    return 1;
}
