/*
 * tool - what the small programs share: lines of output without a heap, and options.
 *
 * A program that stops an engine must work when there is no memory left, so it formats on the stack
 * and writes with one call.
 */
#ifndef RL_TOOLS_TOOL_H
#define RL_TOOLS_TOOL_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/defs.h"

/* The codes these programs leave with; docs/reference/exit-codes.md. */
#define RL_EXIT_DONE 0
#define RL_EXIT_NOT_SEEN 1    /* tripped; the engine has not acknowledged it in time */
#define RL_EXIT_USAGE 2       /* nothing was done */
#define RL_EXIT_NO_BOARD 3    /* nothing was done: the board cannot be had */
#define RL_EXIT_NOT_LATCHED 4 /* tripped in memory; the disk does not know */

/* One line to a descriptor; cut off at 511 characters. */
__attribute__((format(printf, 2, 3))) static inline void tool_say(int fd, const char *format, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    if (n > (int)sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    line[n++] = '\n';
    while (write(fd, line, (size_t)n) < 0) {
        if (errno != EINTR)
            break; /* nobody listens: that must not keep us from working */
    }
}

/* The value of option argv[*i], "--name value" or "--name=value"; NULL: another option, or none. */
static inline const char *tool_option(int argc, char **argv, int *i, const char *name)
{
    size_t n = strlen(name);
    const char *word = argv[*i];

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): it is below argc */
    if (strncmp(word, name, n) != 0)
        return NULL;
    if (word[n] == '=')
        return word + n + 1;
    if (word[n] != '\0' || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

#endif
