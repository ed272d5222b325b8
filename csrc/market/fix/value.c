/* FIX values: decimals without floats, times, and which tags hold raw data. */
#include "market/fix/value.h"

bool rl_fix_read_uint(const uint8_t *s, uint32_t n, uint64_t *out)
{
    uint64_t v = 0;
    uint32_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t digits = rl_fix_load8(s + i);

        if (!rl_fix_is_digits8(digits) || __builtin_mul_overflow(v, 100000000, &v) ||
            __builtin_add_overflow(v, rl_fix_digits8(digits), &v))
            return false;
    }
    for (; i < n; i++) {
        unsigned digit = s[i] - (unsigned)'0';

        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    if (n == 0)
        return false;
    *out = v;
    return true;
}

bool rl_fix_read_int(const uint8_t *s, uint32_t n, int64_t *out)
{
    bool is_negative = n > 0 && s[0] == '-';
    uint64_t v;

    if (!rl_fix_read_uint(s + is_negative, n - is_negative, &v) || v > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

bool rl_fix_read_decimal(const uint8_t *s, uint32_t n, unsigned n_decimals, int64_t *out,
                         bool *inexact)
{
    const uint64_t room = (UINT64_MAX - 9) / 10; /* v * 10 + 9 fits */
    bool is_negative = n > 0 && s[0] == '-';
    bool round_up = false, is_cut = false;
    uint32_t i = is_negative, end_kept, n_kept = 0, n_digits = n - is_negative;
    uint64_t v = 0;

    if (n_decimals > 18)
        return false;
    for (; i < n && s[i] != '.'; i++) {
        unsigned digit = s[i] - (unsigned)'0';

        if (digit > 9 || v > room)
            return false;
        v = v * 10 + digit;
    }
    if (i < n) { /* a point */
        i++;
        n_digits--;
        end_kept = n - i < n_decimals ? n : i + n_decimals;
        for (; i < end_kept; i++, n_kept++) {
            unsigned digit = s[i] - (unsigned)'0';

            if (digit > 9 || v > room)
                return false;
            v = v * 10 + digit;
        }
        round_up = i < n && s[i] >= '5';
        for (; i < n; i++) {
            if (s[i] < '0' || s[i] > '9')
                return false;
            is_cut |= s[i] != '0';
        }
    }
    if (n_digits == 0 || __builtin_mul_overflow(v, rl_pow10[n_decimals - n_kept], &v) ||
        v > (uint64_t)INT64_MAX - round_up)
        return false;
    v += round_up;
    if (inexact)
        *inexact = is_cut;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

bool rl_fix_px_careful(const struct rl_fix_msg *m, const struct rl_fix_field *f, int64_t *px_nano)
{
    return rl_fix_read_px(m->bytes + f->off, f->len, px_nano);
}

/* --- times: the characters of one part in a word, '0' taken off ------------------------------- */

/* "HH:MM:SS" -> seconds; a leap second (60) counts as the next minute's first. */
static bool read_clock(const uint8_t *s, uint32_t *seconds)
{
    const uint64_t colons = 0x00000A00000A0000ULL; /* ':' less '0', at 2 and 5 */
    uint64_t v = rl_fix_load8(s) ^ colons;
    uint32_t hour, minute, second;

    if (!rl_fix_is_digits8(v) || (v & 0x0000FF0000FF0000ULL) != 0)
        return false;
    v = v * 10 + (v >> 8);
    hour = v & 0xFF;
    minute = v >> 24 & 0xFF;
    second = v >> 48 & 0xFF;
    *seconds = (hour * 60 + minute) * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* A point and 1 to 9 digits that end at `end`, with at least 8 bytes before it; or nothing. */
static bool read_fraction(const uint8_t *end, uint32_t n, uint32_t *ns)
{
    uint32_t n_digits = n - 1, last = 0;
    uint64_t v;

    *ns = 0;
    if (n == 0)
        return true;
    if (n_digits - 1 > 8 || end[-(int32_t)n] != '.')
        return false;
    if (n_digits == 9) {
        last = end[-1] - (unsigned)'0';
        v = rl_fix_load8(end - 9);
    } else {
        v = rl_fix_load8(end - 8) >> (64 - 8 * n_digits); /* missing digits are zeros */
    }
    *ns = (uint32_t)rl_fix_digits8(v) * 10 + last;
    return rl_fix_is_digits8(v) && last <= 9;
}

bool rl_fix_read_date(const uint8_t *s, uint32_t n, uint32_t *days)
{
    static const uint16_t before[13] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const uint8_t days_in[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year, month, day, number, leap;
    uint64_t v;

    if (n != 8)
        return false;
    v = rl_fix_load8(s);
    if (!rl_fix_is_digits8(v))
        return false;
    number = (uint32_t)rl_fix_digits8(v);
    year = number / 10000;
    month = number / 100 % 100;
    day = number % 100;
    if (year < 1970 || year > 2500 || month < 1 || month > 12)
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > days_in[month] + (month == 2 ? leap : 0))
        return false;
    *days = 365 * (year - 1970) + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 -
            (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month] + (month > 2 ? leap : 0) + day - 1;
    return true;
}

bool rl_fix_read_time(const uint8_t *s, uint32_t n, uint64_t *ns)
{
    uint32_t days, seconds, fraction;

    if (n < 17 || s[8] != '-' || !rl_fix_read_date(s, 8, &days) || !read_clock(s + 9, &seconds) ||
        !read_fraction(s + n, n - 17, &fraction))
        return false;
    *ns = (days * 86400ULL + seconds) * 1000000000ULL + fraction;
    return true;
}

bool rl_fix_read_time_only(const uint8_t *s, uint32_t n, uint64_t *ns)
{
    uint32_t seconds, fraction;

    if (n < 8 || !read_clock(s, &seconds) || !read_fraction(s + n, n - 8, &fraction))
        return false;
    *ns = seconds * 1000000000ULL + fraction;
    return true;
}

bool rl_fix_read_month(const uint8_t *s, uint32_t n, struct rl_fix_month *out)
{
    uint8_t date[8] = {'0', '0', '0', '0', '0', '0', '0', '1'};
    bool has_day = n == 8 && s[6] != 'w';
    uint32_t days;

    if (n != 6 && n != 8)
        return false;
    memcpy(date, s, has_day ? 8 : 6);
    if (!rl_fix_read_date(date, 8, &days) || (n == 8 && !has_day && (s[7] < '1' || s[7] > '5')))
        return false;
    *out = (struct rl_fix_month){
        .year = (uint16_t)((date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 +
                           (date[3] - '0')),
        .month = (uint8_t)((date[4] - '0') * 10 + (date[5] - '0')),
        .day = has_day ? (uint8_t)((date[6] - '0') * 10 + (date[7] - '0')) : 0,
        .week = n == 8 && !has_day ? (uint8_t)(s[7] - '0') : 0,
    };
    return true;
}

/* --- raw data --------------------------------------------------------------------------------- */

/* Every length of FIX 4.0 to 5.0SP2. Most name the tag after them, some an older one. */
uint32_t rl_fix_data_tag(uint32_t length_tag)
{
    /* clang-format off */
    switch (length_tag) {
    case 90: case 95: case 212: case 348: case 350: case 352: case 354: case 356: case 358:
    case 360: case 362: case 364: case 445: case 618: case 621: case 1184: case 1277: case 1280:
    case 1282: case 1397: case 1401: case 1403: case 1468: case 1578: case 1620: case 1664:
    case 1733: case 1871: case 1874: case 2072: case 2074: case 2111: case 2179: case 2287:
    case 2351: case 2481: case 2637: case 2651: case 2665: case 2715: case 2718: case 2721:
    case 2797: case 40004: case 40008: case 40978: case 40980: case 40982: case 40984:
    case 40986: case 40988: case 41083: case 41101: case 41107: case 41256: case 41320:
    case 41324: case 41458: case 41476: case 41482: case 41653: case 41710: case 41806:
    case 41811: case 41873: case 41969: case 42025: case 42171: case 42451: case 42652:
    case 42947:
        return length_tag + 1;
    case 93: return 89;
    case 1525: return 1527;
    case 1678: return 1697;
    case 2372: return 2371;
    case 2494: return 2493;
    case 2522: return 2521;
    case 2802: return 2801;
    case 2809: return 2808;
    case 2815: return 2814;
    case 43109: return 42684;
    case 43110: return 42486;
    case 43111: return 42982;
    default: return 0;
    }
    /* clang-format on */
}
