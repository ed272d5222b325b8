/*
 * Answers as libvma ("vma") and libxlio ("xlio") do, by the word in FAKE_VMA: with a pointer, when
 * a descriptor that cannot be is asked for option 2800. "empty": says yes and gives none.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEEN __attribute__((visibility("default")))

static int is(const char *word)
{
    const char *said = getenv("FAKE_VMA");

    return said != NULL && strcmp(said, word) == 0;
}

SEEN int getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
    static int api;
    int (*real)(int, int, int, void *, socklen_t *);
    void *answer = is("empty") ? NULL : &api;

    if (level == SOL_SOCKET && option == 2800 && *n >= sizeof answer &&
        fd == (is("xlio") ? -2 : -1)) {
        memcpy(value, &answer, sizeof answer);
        return 0;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getsockopt");
    return real(fd, level, option, value, n);
}
