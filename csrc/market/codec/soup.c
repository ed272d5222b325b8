#include "market/codec/soup.h"

const char *rl_soup_name(uint8_t type)
{
    switch (type) {
#define NAME(type, n_payload, name) \
    case type:                      \
        return #name;
        RL_SOUP_TYPES(NAME)
#undef NAME
    default:
        return "unknown";
    }
}

bool rl_soup_fits(uint8_t type, uint32_t n_payload)
{
    switch (type) {
#define FITS(type, wanted, name) \
    case type:                   \
        return (wanted) == RL_SOUP_ANY ? n_payload <= RL_SOUP_MAX_PAYLOAD : n_payload == (wanted);
        RL_SOUP_TYPES(FITS)
#undef FITS
    default:
        return false;
    }
}

uint32_t rl_soup_write(uint8_t *out, uint32_t n_max, uint8_t type, const void *payload,
                       uint32_t n_payload)
{
    if (!rl_soup_fits(type, n_payload) || n_max < RL_SOUP_HEADER + n_payload)
        return 0;
    rl_put_be16(out, (uint16_t)(1 + n_payload));
    out[2] = type;
    if (n_payload > 0)
        memcpy(out + RL_SOUP_HEADER, payload, n_payload);
    return RL_SOUP_HEADER + n_payload;
}

/* --- login ------------------------------------------------------------------------------------ */

static bool read_number(const uint8_t *p, uint64_t *value)
{
    uint32_t i = 0;

    while (i < RL_SOUP_NUMBER && p[i] == ' ')
        i++;
    if (i == RL_SOUP_NUMBER)
        return false;
    for (*value = 0; i < RL_SOUP_NUMBER; i++) {
        uint32_t digit = p[i] - (uint32_t)'0';

        if (digit > 9 || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, digit, value))
            return false;
    }
    return true;
}

static void write_number(uint8_t *p, uint64_t value)
{
    uint32_t i = RL_SOUP_NUMBER; /* as many digits as the largest u64 has */

    do {
        p[--i] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memset(p, ' ', i);
}

bool rl_soup_read_login(const struct rl_soup *p, struct rl_soup_login *v)
{
    const uint8_t *at = p->payload;

    if (p->type != 'L' || !rl_soup_fits(p->type, p->n_bytes))
        return false;
    memcpy(v->username, at, RL_SOUP_USERNAME);
    memcpy(v->password, at += RL_SOUP_USERNAME, RL_SOUP_PASSWORD);
    memcpy(v->session, at += RL_SOUP_PASSWORD, RL_SOUP_SESSION);
    return read_number(at + RL_SOUP_SESSION, &v->seq);
}

bool rl_soup_read_accepted(const struct rl_soup *p, struct rl_soup_accepted *v)
{
    if (p->type != 'A' || !rl_soup_fits(p->type, p->n_bytes))
        return false;
    memcpy(v->session, p->payload, RL_SOUP_SESSION);
    return read_number(p->payload + RL_SOUP_SESSION, &v->seq);
}

uint32_t rl_soup_write_login(uint8_t *out, uint32_t n_max, const struct rl_soup_login *v)
{
    uint8_t payload[RL_SOUP_USERNAME + RL_SOUP_PASSWORD + RL_SOUP_SESSION + RL_SOUP_NUMBER];
    uint8_t *at = payload;

    memcpy(at, v->username, RL_SOUP_USERNAME);
    memcpy(at += RL_SOUP_USERNAME, v->password, RL_SOUP_PASSWORD);
    memcpy(at += RL_SOUP_PASSWORD, v->session, RL_SOUP_SESSION);
    write_number(at + RL_SOUP_SESSION, v->seq);
    return rl_soup_write(out, n_max, 'L', payload, sizeof payload);
}

uint32_t rl_soup_write_accepted(uint8_t *out, uint32_t n_max, const struct rl_soup_accepted *v)
{
    uint8_t payload[RL_SOUP_SESSION + RL_SOUP_NUMBER];

    memcpy(payload, v->session, RL_SOUP_SESSION);
    write_number(payload + RL_SOUP_SESSION, v->seq);
    return rl_soup_write(out, n_max, 'A', payload, sizeof payload);
}

uint32_t rl_soup_write_rejected(uint8_t *out, uint32_t n_max, enum rl_soup_reject reason)
{
    uint8_t code = (uint8_t)reason;

    return rl_soup_write(out, n_max, 'J', &code, 1);
}
