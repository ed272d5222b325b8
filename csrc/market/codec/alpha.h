/*
 * alpha - the text of Nasdaq's binary protocols: fixed width, left aligned, padded with spaces.
 *
 * Threads:  functions of their arguments.
 * Memory:   reads and fills the caller's bytes; nothing is terminated.
 * Cost:     a copy of at most the width.
 */
#ifndef RL_MARKET_ALPHA_H
#define RL_MARKET_ALPHA_H

#include <string.h>

#include "base/defs.h"

/* What does not fit is cut off. */
static inline void rl_put_alpha(void *out, const char *text, size_t width)
{
    size_t n = 0;

    /* cppcheck-suppress arrayIndexOutOfBoundsCond; a text ends before */
    while (n < width && text[n] != '\0')
        n++;
    memset(out, ' ', width);
    memcpy(out, text, n);
}

/* The characters before the padding. */
static inline size_t rl_alpha_len(const void *field, size_t width)
{
    const uint8_t *bytes = field;

    while (width > 0 && bytes[width - 1] == ' ')
        width--;
    return width;
}

static inline bool rl_alpha_is(const void *field, size_t width, const char *text)
{
    size_t n = rl_alpha_len(field, width);

    return strlen(text) == n && memcmp(field, text, n) == 0;
}

#endif
