/*
 * What values must look like, byte by byte: the definition that the quick checks are held against.
 * Grammars are those of the FIX data types (FIX 5.0 SP2, volume 1, "FIX Data Types"); where
 * QuickFIX's converters say more (no '+', no blanks, numbers that fit) they are followed.
 */
#include "market/fix/dict_inner.h"

static bool is_digit(uint8_t c)
{
    return (unsigned)(c - '0') <= 9;
}

static bool are_digits(const uint8_t *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_digit(s[i]))
            return false;
    return n > 0;
}

static uint32_t two(const uint8_t *s)
{
    return (s[0] - (uint32_t)'0') * 10 + s[1] - '0';
}

static bool is_int(const uint8_t *s, uint32_t n)
{
    uint32_t sign = n > 0 && s[0] == '-';

    return n - sign <= 18 && are_digits(s + sign, n - sign);
}

static bool is_float(const uint8_t *s, uint32_t n)
{
    uint32_t n_digits = 0, n_points = 0;

    for (uint32_t i = n > 0 && s[0] == '-'; i < n; i++) {
        if (is_digit(s[i]))
            n_digits++;
        else if (s[i] == '.')
            n_points++;
        else
            return false;
    }
    return n_digits > 0 && n_points <= 1;
}

/* YYYYMMDD that the calendar has, of any year. */
static bool is_date(const uint8_t *s, uint32_t n)
{
    static const uint8_t days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year, month, day;
    bool is_leap;

    if (n != 8 || !are_digits(s, 8))
        return false;
    year = two(s) * 100 + two(s + 2);
    month = two(s + 4);
    day = two(s + 6);
    is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in[month - 1] + (uint32_t)(month == 2 && is_leap);
}

/* HH:MM:SS and perhaps '.' and 1 to 9 digits; a leap second is :60. */
static bool is_time(const uint8_t *s, uint32_t n)
{
    if (n < 8 || n == 9 || n > 18 || !are_digits(s, 2) || s[2] != ':' || !are_digits(s + 3, 2) ||
        s[5] != ':' || !are_digits(s + 6, 2))
        return false;
    if (n > 8 && (s[8] != '.' || !are_digits(s + 9, n - 9)))
        return false;
    return two(s) <= 23 && two(s + 3) <= 59 && two(s + 6) <= 60;
}

static bool is_timestamp(const uint8_t *s, uint32_t n)
{
    return n >= 17 && s[8] == '-' && is_date(s, 8) && is_time(s + 9, n - 9);
}

static bool is_month(const uint8_t *s, uint32_t n)
{
    if (n == 8 && s[6] == 'w')
        return are_digits(s, 6) && two(s + 4) >= 1 && two(s + 4) <= 12 && s[7] >= '1' &&
               s[7] <= '5';
    if (n == 6)
        return are_digits(s, 6) && two(s + 4) >= 1 && two(s + 4) <= 12;
    return is_date(s, n);
}

static bool is_day(const uint8_t *s, uint32_t n)
{
    uint32_t day;

    if (n > 2 || !are_digits(s, n))
        return false;
    day = n == 1 ? s[0] - (uint32_t)'0' : two(s);
    return day >= 1 && day <= 31;
}

/* HH:MM or HH:MM:SS or that with decimals, then Z, +hh, -hh, +hh:mm or -hh:mm. */
static bool is_tz_time(const uint8_t *s, uint32_t n)
{
    uint32_t n_time = 0, n_zone;
    const uint8_t *zone;

    while (n_time < n && s[n_time] != 'Z' && s[n_time] != '+' && s[n_time] != '-')
        n_time++;
    zone = s + n_time;
    n_zone = n - n_time;
    if (n_zone == 0)
        return false;
    if (zone[0] == 'Z') {
        if (n_zone != 1)
            return false;
    } else {
        if (n_zone != 3 && n_zone != 6)
            return false;
        if (!are_digits(zone + 1, 2) || two(zone + 1) > 14)
            return false;
        if (n_zone == 6 && (zone[3] != ':' || !are_digits(zone + 4, 2) || two(zone + 4) > 59))
            return false;
    }
    if (n_time == 5)
        return are_digits(s, 2) && s[2] == ':' && are_digits(s + 3, 2) && two(s) <= 23 &&
               two(s + 3) <= 59;
    return is_time(s, n_time);
}

static bool is_tz_timestamp(const uint8_t *s, uint32_t n)
{
    return n > 9 && s[8] == '-' && is_date(s, 8) && is_tz_time(s + 9, n - 9);
}

bool rl_fix_type_holds(enum rl_fix_type type, const uint8_t *s, uint32_t n)
{
    switch (type) {
    case RL_FIX_T_CHAR:
        return n == 1;
    case RL_FIX_T_BOOLEAN:
        return n == 1 && (s[0] == 'Y' || s[0] == 'N');
    case RL_FIX_T_INT:
        return is_int(s, n);
    case RL_FIX_T_UINT:
        return n <= 19 && are_digits(s, n);
    case RL_FIX_T_FLOAT:
        return is_float(s, n);
    case RL_FIX_T_TIMESTAMP:
        return is_timestamp(s, n);
    case RL_FIX_T_TIME:
    case RL_FIX_T_LOCAL_TIME:
        return is_time(s, n);
    case RL_FIX_T_DATE:
    case RL_FIX_T_LOCAL_DATE:
        return is_date(s, n);
    case RL_FIX_T_MONTH:
        return is_month(s, n);
    case RL_FIX_T_DAY:
        return is_day(s, n);
    case RL_FIX_T_TZ_TIME:
        return is_tz_time(s, n);
    case RL_FIX_T_TZ_TIMESTAMP:
        return is_tz_timestamp(s, n);
    case RL_FIX_T_ANY:
    case RL_FIX_N_TYPES:
        break;
    }
    return true;
}

static bool is_in_set(const struct rl_fix_set *set, const uint8_t *s, uint32_t n)
{
    uint8_t padded[8] = {0};
    uint64_t key;

    if (n > 8) {
        for (uint32_t i = 0; i < set->n_long; i++)
            if (strlen(set->long_values[i]) == n && memcmp(set->long_values[i], s, n) == 0)
                return true;
        return false;
    }
    if (n == 0)
        return false;
    memcpy(padded, s, n);
    key = rl_fix_key(padded, n);
    for (uint32_t i = rl_fix_set_hash(key);; i++) {
        const struct rl_fix_set_slot *slot = &set->slots[i & set->mask];

        if (slot->n == 0)
            return false;
        if (slot->key == key && slot->n == n)
            return true;
    }
}

static bool is_one(const struct rl_fix_dict *d, const struct rl_fix_member *e, const uint8_t *s,
                   uint32_t n)
{
    if (rl_fix_listed_of(e) & RL_FIX_IN_SET)
        return is_in_set(&d->sets[e->values], s, n);
    return n == 1 && s[0] < 128 && rl_fix_bit(d->masks[e->values].bits, s[0]);
}

bool rl_fix_is_listed(const struct rl_fix_dict *d, const struct rl_fix_member *e, const uint8_t *s,
                      uint32_t n)
{
    uint32_t from = 0;

    if (rl_fix_listed_of(e) == RL_FIX_NOT_LISTED)
        return true;
    if (!(rl_fix_listed_of(e) & RL_FIX_LIST))
        return is_one(d, e, s, n);
    for (uint32_t i = 0; i <= n; i++) { /* two spaces have an empty value between: not listed */
        if (i < n && s[i] != ' ')
            continue;
        if (!is_one(d, e, s + from, i - from))
            return false;
        from = i + 1;
    }
    return true;
}
