#include "rig/component/component_plain.h"

#include "market/fix/fix.h"
#include "rig/component/component_job.h"

/* --- FIX --- */

const uint8_t *rl_job_values_of(uint32_t type)
{
    static const uint8_t order[RL_JOB_N_TAGS] = {
        [34] = RL_JOB_UINT, [11] = RL_JOB_TEXT, [55] = RL_JOB_TEXT, [54] = RL_JOB_CHAR,
        [38] = RL_JOB_UINT, [40] = RL_JOB_CHAR, [44] = RL_JOB_PX,   [59] = RL_JOB_CHAR,
    };
    static const uint8_t report[RL_JOB_N_TAGS] = {
        [34] = RL_JOB_UINT, [11] = RL_JOB_TEXT, [150] = RL_JOB_CHAR, [39] = RL_JOB_CHAR,
        [32] = RL_JOB_UINT, [31] = RL_JOB_PX,   [151] = RL_JOB_UINT, [14] = RL_JOB_UINT,
    };
    static const uint8_t market_data[RL_JOB_N_TAGS] = {
        [34] = RL_JOB_UINT,  [1181] = RL_JOB_UINT, [268] = RL_JOB_UINT, [279] = RL_JOB_CHAR,
        [269] = RL_JOB_CHAR, [270] = RL_JOB_PX,    [271] = RL_JOB_UINT,
    };
    static const uint8_t other[RL_JOB_N_TAGS] = {[34] = RL_JOB_UINT};

    switch (type) {
    case RL_FIX_TYPE1('D'):
        return order;
    case RL_FIX_TYPE1('8'):
        return report;
    case RL_FIX_TYPE1('X'):
    case RL_FIX_TYPE1('W'):
        return market_data;
    default:
        return other;
    }
}

bool rl_plain_uint(const uint8_t *s, uint32_t n, uint64_t *out)
{
    unsigned __int128 v = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
        if (v > UINT64_MAX)
            return false;
    }
    *out = (uint64_t)v;
    return n > 0;
}

bool rl_plain_px(const uint8_t *s, uint32_t n, int64_t *out)
{
    bool is_negative = n > 0 && s[0] == '-', has_point = false;
    uint32_t n_decimals = 0, n_digits = 0;
    __int128 v = 0;

    for (uint32_t i = is_negative; i < n; i++) {
        if (s[i] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            return false;
        n_digits++;
        n_decimals += has_point;
        if (n_decimals <= 9)
            v = v * 10 + (s[i] - '0');
        else if (n_decimals == 10 && s[i] >= '5')
            v++;
        if (v > (__int128)UINT64_MAX)
            return false;
    }
    for (; n_decimals < 9; n_decimals++)
        v *= 10;
    if (n_digits == 0 || v > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* The field at *at; false when there is none. Raw data may hold the separator: *n_raw bytes of it,
 * as the field before said. */
static bool next_field(const uint8_t *bytes, uint32_t n_bytes, uint32_t *at, uint32_t *n_raw,
                       uint64_t *tag, const uint8_t **value, uint32_t *n_value)
{
    uint32_t equals = *at, end;
    uint64_t n;

    while (equals < n_bytes && bytes[equals] != '=')
        equals++;
    end = equals + 1 + *n_raw;
    while (end < n_bytes && bytes[end] != RL_FIX_SOH)
        end++;
    if (end >= n_bytes || !rl_plain_uint(bytes + *at, equals - *at, tag))
        return false;
    *value = bytes + equals + 1;
    *n_value = end - equals - 1;
    *n_raw = rl_fix_data_tag((uint32_t)*tag) != 0 && rl_plain_uint(*value, *n_value, &n)
                 ? (uint32_t)n
                 : 0;
    *at = end + 1;
    return true;
}

bool rl_plain_fix_find(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag, const uint8_t **value,
                       uint32_t *n_value)
{
    uint32_t at = 0, n_raw = 0;
    uint64_t seen;

    while (at < n_bytes && next_field(bytes, n_bytes, &at, &n_raw, &seen, value, n_value)) {
        if (seen == tag)
            return true;
    }
    return false;
}

uint64_t rl_plain_fix(const uint8_t *bytes, uint32_t n_bytes)
{
    uint64_t answer = 0, tag, sum = 0, said, v;
    uint32_t at = 0, n_raw = 0, n, type = 0;
    const uint8_t *s;
    int64_t px;

    if (n_bytes < 8 || !rl_plain_uint(bytes + n_bytes - 4, 3, &said))
        return RL_JOB_NOT_PARSED;
    for (uint32_t i = 0; i < n_bytes - 7; i++)
        sum += bytes[i];
    if (sum % 256 != said || !rl_plain_fix_find(bytes, n_bytes, 35, &s, &n))
        return RL_JOB_NOT_PARSED;
    type = n == 1 ? s[0] : 0;
    while (at < n_bytes) {
        if (!next_field(bytes, n_bytes, &at, &n_raw, &tag, &s, &n))
            return RL_JOB_NOT_PARSED;
        switch (tag < RL_JOB_N_TAGS ? rl_job_values_of(type)[tag] : RL_JOB_SKIPPED) {
        case RL_JOB_UINT:
            if (rl_plain_uint(s, n, &v))
                answer = rl_job_fold(answer, (uint32_t)tag, v);
            break;
        case RL_JOB_PX:
            if (rl_plain_px(s, n, &px))
                answer = rl_job_fold(answer, (uint32_t)tag, (uint64_t)px);
            break;
        case RL_JOB_CHAR:
            answer = rl_job_fold(answer, (uint32_t)tag, n == 1 ? s[0] : 0);
            break;
        case RL_JOB_TEXT:
            answer = rl_job_fold(answer, (uint32_t)tag,
                                 n << 16 | (uint32_t)s[0] << 8 | s[n > 0 ? n - 1 : 0]);
            break;
        default:
            break;
        }
    }
    return answer;
}

/* --- ITCH --- */

static uint64_t big_endian(const uint8_t *s, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | s[i];
    return v;
}

/* Offsets from the specification: reference 11, side 19, shares 20, price 32; a replacement has the
 * new reference at 19, shares at 27, price at 31; executions and cancels have shares at 19. */
uint64_t rl_plain_itch(const uint8_t *m, uint32_t n_bytes)
{
    uint64_t answer = 0;
    int at_qty = 0, at_px = 0;

    if (n_bytes < 12)
        return RL_JOB_NOT_PARSED;
    switch (m[0]) {
    case 'A':
    case 'F':
    case 'P':
        at_qty = 20;
        at_px = 32;
        break;
    case 'E':
    case 'C':
    case 'X':
        at_qty = 19;
        break;
    case 'U':
        at_qty = 27;
        at_px = 31;
        break;
    case 'D':
        break;
    default:
        return rl_job_fold(0, 0, big_endian(m + 5, 6)); /* concerns no book: its time stamp */
    }
    answer = rl_job_fold(answer, 1, big_endian(m + 5, 6));
    answer = rl_job_fold(answer, 2, big_endian(m + 11, 8));
    if (m[0] == 'U')
        answer = rl_job_fold(answer, 3, big_endian(m + 19, 8));
    if (at_qty > 0)
        answer = rl_job_fold(answer, 4, big_endian(m + at_qty, 4));
    if (at_px > 0)
        answer = rl_job_fold(answer, 5, big_endian(m + at_px, 4) * 100000);
    if (m[0] == 'A' || m[0] == 'F' || m[0] == 'P')
        answer = rl_job_fold(answer, 6, m[19] == 'S');
    return answer;
}
