/* FIX fields with SSE2, which every x86-64 has: 16 bytes at a time. */
#include <emmintrin.h>

#define TARGET
#define FIELDS rl_fix_fields_sse2

#include "market/fix/parse_inner.h"

struct sums {
    __m128i lanes;
};

RL_FIX_INLINE struct sums sums_zero(void)
{
    return (struct sums){_mm_setzero_si128()};
}

RL_FIX_INLINE uint32_t sums_total(struct sums s)
{
    return (uint32_t)(_mm_cvtsi128_si32(s.lanes) +
                      _mm_cvtsi128_si32(_mm_unpackhi_epi64(s.lanes, s.lanes)));
}

RL_FIX_INLINE __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

RL_FIX_INLINE void block_masks(const uint8_t *p, const uint8_t *keep, uint64_t *soh, uint64_t *eq,
                               struct sums *sums)
{
    *soh = *eq = 0;
    for (uint32_t i = 0; i < 4; i++) {
        __m128i v = load(p + 16 * i);

        if (keep)
            v = _mm_and_si128(v, load(keep + 16 * i));
        sums->lanes = _mm_add_epi64(sums->lanes, _mm_sad_epu8(v, _mm_setzero_si128()));
        *soh |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(RL_FIX_SOH)))
                << (16 * i);
        *eq |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('=')))
               << (16 * i);
    }
}

#include "market/fix/parse_masks.h"

enum rl_fix_result rl_fix_parse_sse2(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes)
{
    return rl_fix_parse_by(m, bytes, n_bytes, rl_fix_fields_sse2);
}
