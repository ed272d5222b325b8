/*
 * capture - finds the public captures that some promises are checked on; they are not part of the
 * tree.
 *
 * Looked for in $REDLINE_DATA, then in ../shared/data beside the source tree. Not found, or the
 * tool that unpacks them is missing: the test says which and exits 77.
 */
#ifndef RL_TESTS_CAPTURE_H
#define RL_TESTS_CAPTURE_H

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#ifndef RL_SOURCE_DIR
#define RL_SOURCE_DIR "."
#endif

struct capture {
    uint8_t *bytes;
    uint64_t n_bytes;
};

static inline void capture_skip(const char *name, const char *why)
{
    fprintf(stderr, "skipped: %s: %s\n", name, why);
    exit(RL_SKIP);
}

static inline void capture_path(const char *name, char path[PATH_MAX])
{
    const char *data = getenv("REDLINE_DATA");

    if (data) {
        snprintf(path, PATH_MAX, "%s/%s", data, name);
        if (access(path, R_OK) == 0)
            return;
    }
    snprintf(path, PATH_MAX, "%s/../shared/data/%s", RL_SOURCE_DIR, name);
    if (access(path, R_OK) != 0)
        capture_skip(name, "not in $REDLINE_DATA nor in ../shared/data");
}

/* The whole file, unpacked when its name ends in .zst or .gz; the caller frees it. */
static inline struct capture capture_read(const char *name)
{
    struct capture c = {NULL, 0};
    char path[PATH_MAX], command[PATH_MAX + 64];
    size_t n_max = 0, n_name = strlen(name);
    const char *tool = "cat";
    FILE *f;

    capture_path(name, path);
    if (n_name > 4 && strcmp(name + n_name - 4, ".zst") == 0)
        tool = "zstd -dcq";
    else if (n_name > 3 && strcmp(name + n_name - 3, ".gz") == 0)
        tool = "gzip -dc";
    snprintf(command, sizeof command, "%s '%s'", tool, path);
    f = popen(command, "r");
    CHECK(f != NULL);
    for (;;) {
        size_t n;

        if (c.n_bytes == n_max) {
            n_max = n_max ? 2 * n_max : 1u << 20;
            c.bytes = realloc(c.bytes, n_max);
            CHECK(c.bytes != NULL);
        }
        n = fread(c.bytes + c.n_bytes, 1, n_max - c.n_bytes, f);
        if (n == 0)
            break;
        c.n_bytes += n;
    }
    if (pclose(f) != 0)
        capture_skip(name, "cannot be unpacked: zstd and gzip are needed");
    return c;
}

#endif
