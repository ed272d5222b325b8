/*
 * fix_reference - the FIX rules once more, a byte at a time and nothing clever: what all ways of
 * parsing have to agree with. Shares no code with them but the list of raw data tags.
 */
#ifndef RL_TESTS_FIX_REFERENCE_H
#define RL_TESTS_FIX_REFERENCE_H

#include <string.h>

#include "market/fix/parse.h"

enum { REFERENCE_FIELDS = 512 };

struct reference {
    enum rl_fix_result result;
    uint32_t reason, ref_tag, ref_off, type;
    uint32_t n_fields;
    struct rl_fix_field fields[REFERENCE_FIELDS];
};

/* Up to the byte `c`: its index, `n` when there is none. */
static inline uint32_t reference_index(const uint8_t *b, uint32_t from, uint32_t n, uint8_t c)
{
    while (from < n && b[from] != c)
        from++;
    return from;
}

/* A number of at most `n_max` digits that fills [from, to). */
static inline bool reference_number(const uint8_t *b, uint32_t from, uint32_t to, uint32_t n_max,
                                    uint64_t *out)
{
    *out = 0;
    if (from >= to || to - from > n_max)
        return false;
    for (; from < to; from++) {
        if (b[from] < '0' || b[from] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(b[from] - '0');
    }
    return true;
}

/* Where the body begins and ends; false: no frame that fills the bytes. */
static inline bool reference_frame(const uint8_t *b, uint32_t n, uint32_t *body, uint32_t *trailer)
{
    uint32_t first = reference_index(b, 0, n, RL_FIX_SOH), second;
    uint64_t length;

    if (n < 5 || memcmp(b, "8=FIX", 5) != 0 || first == n || first - 2 > 16)
        return false;
    second = reference_index(b, first + 1, n, RL_FIX_SOH);
    if (second == n || n - first < 3 || b[first + 1] != '9' || b[first + 2] != '=')
        return false;
    if (!reference_number(b, first + 3, second, 7, &length) || length < 5 || length > 1048576)
        return false;
    *body = second + 1;
    if (*body + length + 7 != n)
        return false;
    *trailer = *body + (uint32_t)length;
    return b[*trailer - 1] == RL_FIX_SOH && memcmp(b + *trailer, "10=", 3) == 0 &&
           b[n - 1] == RL_FIX_SOH;
}

static inline void reference_reject(struct reference *r, uint32_t reason, uint32_t tag,
                                    uint32_t off)
{
    r->result = RL_FIX_REJECT;
    r->reason = reason;
    r->ref_tag = tag;
    r->ref_off = off;
}

static inline void reference_fields(struct reference *r, const uint8_t *b, uint32_t trailer,
                                    uint32_t n_max)
{
    uint32_t at = 0, data_tag = 0;
    uint64_t n_data = 0;

    while (at < trailer) {
        uint32_t eq = reference_index(b, at, trailer, '='), end;
        uint64_t tag;

        if (!reference_number(b, at, eq, 10, &tag) || eq == trailer || b[at] == '0' ||
            tag > 2147483647) {
            reference_reject(r, 0, 0, at);
            return;
        }
        if (data_tag != 0 && tag == data_tag) {
            if (eq + 1 + n_data >= trailer) {
                reference_reject(r, 6, (uint32_t)tag, eq + 1);
                return;
            }
            end = eq + 1 + (uint32_t)n_data;
            if (b[end] != RL_FIX_SOH) {
                reference_reject(r, 6, (uint32_t)tag, end);
                return;
            }
        } else {
            end = reference_index(b, eq + 1, trailer, RL_FIX_SOH);
        }
        if (end == eq + 1) {
            reference_reject(r, 4, (uint32_t)tag, at);
            return;
        }
        if (r->n_fields + 2 > n_max) {
            reference_reject(r, 99, (uint32_t)tag, at);
            return;
        }
        r->fields[r->n_fields++] = (struct rl_fix_field){(uint32_t)tag, eq + 1, end - eq - 1};
        data_tag = rl_fix_data_tag((uint32_t)tag);
        if (data_tag != 0) {
            /* Leading zeros do not make a number long; what is beyond any message is too much. */
            uint32_t i = eq + 1;

            while (i + 1 < end && b[i] == '0')
                i++;
            if (end - i > 20) {
                n_data = UINT64_MAX;
                for (uint32_t k = i; k < end; k++)
                    data_tag = b[k] < '0' || b[k] > '9' ? 0 : data_tag;
                reference_reject(r, 6, (uint32_t)tag, eq + 1);
                return;
            }
            n_data = 0;
            for (; i < end; i++) {
                unsigned __int128 wide = (unsigned __int128)n_data * 10 + (unsigned)(b[i] - '0');

                if (b[i] < '0' || b[i] > '9' || wide > UINT64_MAX) {
                    reference_reject(r, 6, (uint32_t)tag, eq + 1);
                    return;
                }
                n_data = (uint64_t)wide;
            }
            n_data = n_data > trailer ? trailer : n_data;
        }
        at = end + 1;
    }
}

/* `n_max` is the size of the table that the tested parser is given. */
static inline void reference_parse(struct reference *r, const uint8_t *b, uint32_t n,
                                   uint32_t n_max)
{
    uint32_t body, trailer, sum = 0, soh;
    uint64_t check;

    r->result = RL_FIX_GARBLED;
    r->reason = r->ref_tag = r->ref_off = r->type = r->n_fields = 0;
    if (!reference_frame(b, n, &body, &trailer) || memcmp(b + body, "35=", 3) != 0 ||
        !reference_number(b, trailer + 3, trailer + 6, 3, &check))
        return;
    for (uint32_t i = 0; i < trailer; i++)
        sum += b[i];
    if (sum % 256 != check)
        return;
    r->result = RL_FIX_OK;
    soh = reference_index(b, body, n, RL_FIX_SOH);
    if (soh - body == 4)
        r->type = b[body + 3];
    if (soh - body == 5)
        r->type = b[body + 3] * 256u + b[body + 4];
    reference_fields(r, b, trailer, n_max);
    if (r->result == RL_FIX_OK)
        r->fields[r->n_fields++] = (struct rl_fix_field){10, trailer + 3, 3};
}

#endif
