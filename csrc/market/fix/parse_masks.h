/*
 * parse_masks - the fields of an ordinary message from bit masks, for CPUs without AVX-512.
 *
 * A path includes this after it has defined TARGET (the attribute of its instruction set), FIELDS
 * (the name of the function),
 * `struct sums` with sums_zero and sums_total, and
 *     block_masks(p, keep, &soh, &eq, &sums)
 * which gives the masks of the 64 bytes at p and adds them to the sums, as zeros where `keep`
 * (NULL: all are kept) has no bits. A path that can take eight fields at once says so by
 * FIELDS_AT_ONCE.
 *
 * Two loops instead of one: the first turns masks into positions, eight at a time, the second
 * turns pairs of positions into fields. Neither branches on where in a block a field ends, which is
 * what a CPU cannot predict on messages that differ.
 */
#include "market/fix/parse_inner.h"

#define WINDOW 16              /* blocks between the loops: most messages are shorter */
#define MOST (WINDOW * 64 / 4) /* fields of at least four bytes in them */

/* Positions of set bits from bit 0 up; writes in steps of 8, whatever is set. */
RL_FIX_INLINE TARGET void put_positions(uint32_t *out, uint64_t bits, uint32_t n, uint32_t at)
{
    for (uint32_t i = 0; i < n; i += 8)
        for (uint32_t k = i; k < i + 8; k++) {
#ifdef FIRST_BIT
            out[k] = at + FIRST_BIT(bits);
#else
            out[k] = at + (uint32_t)__builtin_ctzll(bits | 1ULL << 63);
#endif
            bits &= bits - 1;
        }
}

/* From byte n on: 64 bytes of which the last n are kept. */
static const uint8_t keep_last[128] = {
#define KEEP8 255, 255, 255, 255, 255, 255, 255, 255
    [64] = KEEP8, KEEP8, KEEP8, KEEP8, KEEP8, KEEP8, KEEP8, KEEP8};

/* The last block, of n < 64 bytes: 64 are loaded that end where it ends. */
RL_FIX_INLINE TARGET void last_masks(const uint8_t *bytes, uint32_t at, uint32_t n, uint64_t *soh,
                                     uint64_t *eq, struct sums *sums)
{
    uint8_t all[64] = {0};

    if (RL_UNLIKELY(at == 0)) { /* there are no 64 */
        memcpy(all, bytes, n);
        block_masks(all, NULL, soh, eq, sums);
        return;
    }
    block_masks(bytes + at + n - 64, keep_last + n, soh, eq, sums);
    *soh >>= 64 - n;
    *eq >>= 64 - n;
}

/* What was wrong with any field so far; looked at once. */
struct faults {
    uint64_t signs; /* the top bit: a length below its least or above its most */
    uint64_t bytes; /* the top bit of a byte: no digit */
    uint32_t rare;  /* a tag that states the length of raw data */
};

/*
 * Fields one by one; eqs[i] and sohs[i] are the separators of the i-th, sohs[-1] ends the one
 * before it. Not inline: the faults stay in registers, of which there are too few for both loops.
 */
__attribute__((noinline)) TARGET static void take_each(struct rl_fix_field *f, const uint8_t *bytes,
                                                       const uint32_t *eqs, const uint32_t *sohs,
                                                       uint32_t n, struct faults *faults)
{
    uint64_t signs = 0, wrong = 0;
    uint32_t rare = 0, start = sohs[-1] + 1;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t n_digits = (uint64_t)eqs[i] - start, n_value = (uint64_t)sohs[i] - eqs[i] - 1;
        uint64_t x = rl_fix_load8(bytes + start);
        uint64_t digits = x << ((64 - 8 * n_digits) & 63), tag = rl_fix_digits8(digits);
        uint64_t k = tag < RL_FIX_LENGTH_TAGS ? tag : 0;

        signs |= (n_digits - 1) | (8 - n_digits) | (n_value - 1);
        /* The second: a first digit of 0. */
        wrong |= ((digits + RL_FIX_ONES * 0x76) | digits) | ((x & 0xFF) - 1);
        rare |= rl_fix_is_length[k / 32] >> k % 32;
        f[i] = (struct rl_fix_field){
            .tag = (uint32_t)tag, .off = eqs[i] + 1, .len = (uint32_t)n_value};
        start = sohs[i] + 1;
    }
    faults->signs |= signs;
    faults->bytes |= wrong;
    faults->rare |= rare;
}

TARGET bool FIELDS(struct rl_fix_msg *m, uint32_t trailer, uint32_t *sum)
{
    /* sohs[0] ends the field before the first one of the window. */
    uint32_t sohs[1 + MOST + 64 + 8], eqs[1 + MOST + 64 + 8];
    struct sums sums = sums_zero();
    struct faults bad = {0};
    uint32_t n_eq = 0, n_fields = 0;
    uint64_t is_open = 1; /* a field began before the block, its '=' did not */
#ifdef FIELDS_AT_ONCE
    __m256i digit_max = _mm256_setzero_si256(), bad_eight = _mm256_setzero_si256();
#endif

    sohs[0] = UINT32_MAX;
    for (uint32_t at = 0; at < trailer;) {
        uint32_t n_soh = 0, k = 0;

        for (uint32_t i = 0; i < WINDOW && at < trailer; i++, at += 64) {
            uint32_t left = trailer - at;
            uint64_t soh, eq, first;

            if (RL_UNLIKELY(n_soh > MOST || n_eq > MOST + 1)) /* shorter fields than there are */
                return false;
            if (RL_LIKELY(left >= 64))
                block_masks(m->bytes + at, NULL, &soh, &eq, &sums);
            else
                last_masks(m->bytes, at, left, &soh, &eq, &sums);
            /* Of each field's '=' only the first, where a bit at its start is carried to. */
            is_open = __builtin_add_overflow(~eq, soh << 1 | is_open, &first) | soh >> 63;
            eq &= first;
            left = (uint32_t)__builtin_popcountll(soh);
            put_positions(sohs + 1 + n_soh, soh, left, at);
            n_soh += left;
            left = (uint32_t)__builtin_popcountll(eq);
            put_positions(eqs + n_eq, eq, left, at);
            n_eq += left;
        }
        /* One '=' a field, and one more where the window ends in a value: or they are not pairs. */
        if (RL_UNLIKELY(n_eq - n_soh > 1 || n_fields + n_soh >= m->n_fields_max))
            return false;
#ifdef FIELDS_AT_ONCE
        for (uint32_t next = 8; n_soh >= 8 && k < n_soh; next += 8) {
            k = next <= n_soh ? next - 8 : n_soh - 8; /* the last ones: some for the second time */
            if (!FIELDS_AT_ONCE(&m->fields[n_fields + k], m->bytes, eqs + k, sohs + 1 + k,
                                &digit_max, &bad_eight))
                take_each(&m->fields[n_fields + k], m->bytes, eqs + k, sohs + 1 + k, 8, &bad);
            k += 8;
        }
#endif
        if (k < n_soh)
            take_each(&m->fields[n_fields + k], m->bytes, eqs + k, sohs + 1 + k, n_soh - k, &bad);
        n_fields += n_soh;
        sohs[0] = sohs[n_soh];
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): not read when the last */
        eqs[0] = eqs[n_soh];
        n_eq -= n_soh;
    }
    m->n_fields = n_fields;
    *sum = sums_total(sums);
#ifdef FIELDS_AT_ONCE
    digit_max = _mm256_subs_epu8(digit_max, _mm256_set1_epi8(9));
    bad_eight = _mm256_or_si256(bad_eight, digit_max);
    bad.rare |= (uint32_t)!_mm256_testz_si256(bad_eight, bad_eight);
#endif
    return ((bad.signs >> 63) | (bad.bytes & RL_FIX_ONES * 0x80) | (bad.rare & 1)) == 0;
}
