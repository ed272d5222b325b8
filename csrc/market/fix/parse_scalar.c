/* FIX fields without vectors: eight bytes at a time in a word. */
#define TARGET
#define FIELDS rl_fix_fields_scalar

#include "market/fix/parse_inner.h"

struct sums {
    uint32_t total;
};

RL_FIX_INLINE struct sums sums_zero(void)
{
    return (struct sums){0};
}

RL_FIX_INLINE uint32_t sums_total(struct sums s)
{
    return s.total;
}

/* The top bit of each byte that is zero, exactly (no borrow runs from byte to byte), as 8 bits. */
RL_FIX_INLINE uint64_t zero_mask(uint64_t x)
{
    const uint64_t low7 = RL_FIX_ONES * 0x7F;

    x = ~(((x & low7) + low7) | x | low7); /* 0x80 where zero */
    return (x >> 7) * 0x0102040810204080ULL >> 56;
}

RL_FIX_INLINE void block_masks(const uint8_t *p, const uint8_t *keep, uint64_t *soh, uint64_t *eq,
                               struct sums *sums)
{
    const uint64_t even = 0x00FF00FF00FF00FFULL;
    uint64_t lanes = 0;

    *soh = *eq = 0;
    for (uint32_t i = 0; i < 64; i += 8) {
        uint64_t v = rl_fix_word(p + i);

        if (keep)
            v &= rl_fix_word(keep + i);
        lanes += (v & even) + (v >> 8 & even); /* at most 8 * 510 a lane */
        *soh |= zero_mask(v ^ RL_FIX_ONES * RL_FIX_SOH) << i;
        *eq |= zero_mask(v ^ RL_FIX_ONES * '=') << i;
    }
    sums->total += (uint32_t)((lanes * 0x0001000100010001ULL) >> 48);
}

#include "market/fix/parse_masks.h"

enum rl_fix_result rl_fix_parse_scalar(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes)
{
    return rl_fix_parse_by(m, bytes, n_bytes, rl_fix_fields_scalar);
}
