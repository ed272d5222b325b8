/* FIX values: decimals without floats, times, and which tags hold raw data. */
#include "market/fix/fix.h"

static const uint64_t powers_of_ten[19] = {
    1ULL,
    10ULL,
    100ULL,
    1000ULL,
    10000ULL,
    100000ULL,
    1000000ULL,
    10000000ULL,
    100000000ULL,
    1000000000ULL,
    10000000000ULL,
    100000000000ULL,
    1000000000000ULL,
    10000000000000ULL,
    100000000000000ULL,
    1000000000000000ULL,
    10000000000000000ULL,
    100000000000000000ULL,
    1000000000000000000ULL,
};

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
    if (n_digits == 0 || __builtin_mul_overflow(v, powers_of_ten[n_decimals - n_kept], &v) ||
        v > (uint64_t)INT64_MAX - round_up)
        return false;
    v += round_up;
    if (inexact)
        *inexact = is_cut;
    *out = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* Exactly `n` digits. */
static bool read_digits(const uint8_t *s, uint32_t n, uint32_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < n; i++) {
        unsigned digit = s[i] - (unsigned)'0';

        if (digit > 9)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

bool rl_fix_read_time(const uint8_t *s, uint32_t n, uint64_t *ns)
{
    static const uint8_t days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year, month, day, hour, minute, second, fraction = 0, n_decimals;
    uint64_t days;
    bool is_leap;

    if (n < 17 || n == 18 || n > 27 || s[8] != '-' || s[11] != ':' || s[14] != ':')
        return false;
    if (!read_digits(s, 4, &year) || !read_digits(s + 4, 2, &month) ||
        !read_digits(s + 6, 2, &day) || !read_digits(s + 9, 2, &hour) ||
        !read_digits(s + 12, 2, &minute) || !read_digits(s + 15, 2, &second))
        return false;
    n_decimals = n > 17 ? n - 18 : 0;
    if (n > 17 && (s[17] != '.' || !read_digits(s + 18, n_decimals, &fraction)))
        return false;
    if (year < 1970 || year > 2500 || month < 1 || month > 12 || hour > 23 || minute > 59 ||
        second > 60) /* 60: a leap second, taken as the next minute's first */
        return false;
    is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > days_in[month - 1] + (uint32_t)(month == 2 && is_leap))
        return false;
    days = 365ULL * (year - 1970) + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 -
           (1969 / 4 - 1969 / 100 + 1969 / 400);
    for (uint32_t i = 0; i + 1 < month; i++)
        days += days_in[i] + (uint64_t)(i == 1 && is_leap);
    days += day - 1;
    *ns = ((days * 24 + hour) * 60 + minute) * 60 + second;
    *ns = *ns * 1000000000ULL + fraction * powers_of_ten[9 - n_decimals];
    return true;
}

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
