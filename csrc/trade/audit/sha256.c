#include "trade/audit/sha256.h"

#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes.
 */
static RL_ALIGNED const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotated(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t big_endian(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

void rl_sha256_blocks_plain(uint32_t state[8], const uint8_t *bytes, size_t n_blocks)
{
    for (; n_blocks > 0; n_blocks--, bytes += 64) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        uint32_t w[64];

        for (int i = 0; i < 16; i++)
            w[i] = big_endian(bytes + 4 * i);
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];

            w[i] = w[i - 16] + w[i - 7] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) +
                   (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
        }
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                          ((e & f) ^ (~e & g)) + K[i] + w[i];
            uint32_t t2 =
                (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#ifdef __x86_64__
/*
 * The instructions keep the eight words as ABEF and CDGH, and do two rounds at a time with the sums
 * of message and constant in the low half of a register; a message word group is used four rounds
 * after its two halves (msg1, msg2) were mixed.
 */
__attribute__((target("sha,sse4.1"))) static void blocks_ni(uint32_t state[8], const uint8_t *bytes,
                                                            size_t n_blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low = _mm_loadu_si128((const __m128i *)&state[0]);  /* D C B A */
    __m128i high = _mm_loadu_si128((const __m128i *)&state[4]); /* H G F E */
    __m128i abef, cdgh;

    low = _mm_shuffle_epi32(low, 0xB1);   /* C D A B */
    high = _mm_shuffle_epi32(high, 0x1B); /* E F G H */
    abef = _mm_alignr_epi8(low, high, 8);
    cdgh = _mm_blend_epi16(high, low, 0xF0);
    for (; n_blocks > 0; n_blocks--, bytes += 64) {
        __m128i abef_before = abef, cdgh_before = cdgh, w[4];

        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)bytes + i), swap);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i sum = _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)&K[4 * i]));

            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (i < 12) { /* words 4i + 16 ... 4i + 19 take the place of those just used */
                __m128i w7 = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
                __m128i mixed = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);

                w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(mixed, w7), w[(i + 3) & 3]);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    abef = _mm_shuffle_epi32(abef, 0x1B); /* F E B A */
    cdgh = _mm_shuffle_epi32(cdgh, 0xB1); /* D C H G */
    _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(abef, cdgh, 0xF0));
    _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(cdgh, abef, 8));
}

/* CPUID leaf 7, EBX bit 29; __builtin_cpu_supports of older compilers does not know it. */
static bool has_sha_ni(void)
{
    uint32_t eax, ebx, ecx, edx;

    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (ebx >> 29 & 1);
}

rl_sha256_blocks *rl_sha256_blocks_ni(void)
{
    return has_sha_ni() ? blocks_ni : NULL;
}
#else
rl_sha256_blocks *rl_sha256_blocks_ni(void)
{
    return NULL;
}
#endif

/* Chosen before main: no thread can see it change. */
static rl_sha256_blocks *blocks = rl_sha256_blocks_plain;

__attribute__((constructor)) static void choose(void)
{
    rl_sha256_blocks *ni = rl_sha256_blocks_ni();

    if (ni != NULL)
        blocks = ni;
}

void rl_sha256_init(struct rl_sha256 *s)
{
    /* FIPS 180-4, 5.3.3: the same of the square roots of the first eight primes. */
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(s->state, start, sizeof start);
    s->n_bytes = 0;
}

void rl_sha256_put(struct rl_sha256 *s, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    size_t n_held = s->n_bytes % sizeof s->block;

    if (n == 0)
        return; /* `bytes` may be NULL */
    s->n_bytes += n;
    if (n_held > 0) {
        size_t n_fill = sizeof s->block - n_held < n ? sizeof s->block - n_held : n;

        memcpy(s->block + n_held, from, n_fill);
        from += n_fill;
        n -= n_fill;
        if (n_held + n_fill < sizeof s->block)
            return;
        blocks(s->state, s->block, 1);
    }
    blocks(s->state, from, n / sizeof s->block);
    memcpy(s->block, from + n / sizeof s->block * sizeof s->block, n % sizeof s->block);
}

void rl_sha256_end(struct rl_sha256 *s, uint8_t out[RL_SHA256_BYTES])
{
    uint64_t n_bits = __builtin_bswap64(s->n_bytes * 8);
    size_t n_held = s->n_bytes % sizeof s->block;

    s->block[n_held++] = 0x80;
    if (n_held > sizeof s->block - sizeof n_bits) {
        memset(s->block + n_held, 0, sizeof s->block - n_held);
        blocks(s->state, s->block, 1);
        n_held = 0;
    }
    memset(s->block + n_held, 0, sizeof s->block - sizeof n_bits - n_held);
    memcpy(s->block + sizeof s->block - sizeof n_bits, &n_bits, sizeof n_bits);
    blocks(s->state, s->block, 1);
    for (int i = 0; i < 8; i++) {
        uint32_t x = __builtin_bswap32(s->state[i]);

        memcpy(out + 4 * i, &x, sizeof x);
    }
}

void rl_sha256(const void *bytes, size_t n, uint8_t out[RL_SHA256_BYTES])
{
    struct rl_sha256 s;

    rl_sha256_init(&s);
    rl_sha256_put(&s, bytes, n);
    rl_sha256_end(&s, out);
}
