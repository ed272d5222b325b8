#include "session/fix_frame.h"

/* Behind the CheckSum field that comes first at `from` or later; 0 when there is none. */
static size_t end_of_checksum(const uint8_t *bytes, size_t n_bytes, size_t from)
{
    while (from + 4 <= n_bytes) {
        const uint8_t *p = memchr(bytes + from, RL_FIX_SOH, n_bytes - from);
        size_t at = p ? (size_t)(p - bytes) : n_bytes;

        if (n_bytes - at < 5)
            return 0;
        if (memcmp(p + 1, "10=", 3) == 0) {
            p = memchr(p + 4, RL_FIX_SOH, n_bytes - at - 4);
            return p ? (size_t)(p - bytes) + 1 : 0;
        }
        from = at + 1;
    }
    return 0;
}

/* Where the body begins and how long it says it is; false when it says nothing of use. */
static bool body_of(const uint8_t *bytes, size_t n_bytes, size_t *at, uint64_t *n_body)
{
    const uint8_t *p = memchr(bytes, RL_FIX_SOH, n_bytes < 32 ? n_bytes : 32);
    uint32_t n_digits = 0;

    *n_body = 0;
    if (!p || (size_t)(bytes + n_bytes - p) < 5 || memcmp(p + 1, "9=", 2) != 0)
        return false;
    for (p += 3; p < bytes + n_bytes && *p >= '0' && *p <= '9' && n_digits < 8; p++, n_digits++)
        *n_body = *n_body * 10 + (*p - (uint64_t)'0');
    if (n_digits == 0 || p == bytes + n_bytes || *p != RL_FIX_SOH)
        return false;
    *at = (size_t)(p - bytes) + 1;
    return true;
}

enum rl_fix_result rl_fix_cut(const uint8_t *bytes, size_t n_bytes, uint32_t n_max,
                              uint32_t *n_message)
{
    enum rl_fix_result result = rl_fix_frame(bytes, n_bytes, n_message);
    uint64_t n_body;
    size_t at, end;

    if (RL_LIKELY(result == RL_FIX_OK && *n_message <= n_max))
        return result;
    if (result == RL_FIX_OK)
        return RL_FIX_GARBLED; /* all of it: too long */
    if (result == RL_FIX_PARTIAL) {
        if (n_bytes < n_max)
            return result;
        *n_message = n_max;
        return RL_FIX_GARBLED;
    }
    if (n_bytes < 2 || memcmp(bytes, "8=", 2) != 0 || !body_of(bytes, n_bytes, &at, &n_body) ||
        at + n_body > n_max)
        return result;
    end = at + n_body <= n_bytes ? end_of_checksum(bytes, n_bytes, at + (size_t)n_body - 1) : 0;
    if (end == 0 && n_bytes < n_max) {
        *n_message = 0;
        return RL_FIX_PARTIAL;
    }
    if (end > 0 && end <= n_max)
        *n_message = (uint32_t)end;
    return result;
}
