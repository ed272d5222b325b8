/*
 * hex - messages of known answers as text: hex digits, 'characters', and blanks between them.
 */
#ifndef RL_TESTS_HEX_H
#define RL_TESTS_HEX_H

#include <ctype.h>
#include <string.h>

#include "check.h"

/* Returns the number of bytes; hex_bytes("4F 'AB' 0a", out) fills 4. */
static inline uint32_t hex_bytes(const char *text, uint8_t *out)
{
    uint32_t n = 0;

    while (*text != '\0') {
        if (*text == '\'') {
            for (text++; *text != '\''; text++) {
                CHECK(*text != '\0');
                out[n++] = (uint8_t)*text;
            }
            text++;
        } else if (*text == ' ') {
            text++;
        } else {
            char digits[3] = {text[0], text[1], '\0'};

            CHECK(isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]));
            out[n++] = (uint8_t)strtoul(digits, NULL, 16);
            text += 2;
        }
    }
    return n;
}

/* Says where two byte strings differ, and fails. */
static inline void hex_check(const uint8_t *seen, uint32_t n_seen, const uint8_t *wanted,
                             uint32_t n_wanted, const char *what)
{
    uint32_t at = 0;

    while (at < n_seen && at < n_wanted && seen[at] == wanted[at])
        at++;
    if (at == n_seen && at == n_wanted)
        return;
    fprintf(stderr, "%s: %u bytes for %u, the first other one at %u\n", what, n_seen, n_wanted, at);
    exit(1);
}

/* In memory of exactly that size: a sanitizer sees one byte too many. The caller frees it. */
static inline uint8_t *hex_exactly(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, n);
    return copy;
}

#endif
