/* Messages of ITCH 5.0 that only an exchange writes. */
#include "rig/exchange/md_itch_inner.h"

/* Type, locate, tracking number, stamp; the rest zero. */
static uint32_t begin(uint8_t *out, const struct rl_itch_head *h, uint8_t type)
{
    memset(out, 0, rl_itch_sizes[type]);
    rl_put_be64(out + 3, h->ts_ns); /* its two high bytes make room for the tracking number */
    out[0] = type;
    rl_put_be16(out + 1, h->locate);
    rl_put_be16(out + 3, h->tracking);
    return rl_itch_sizes[type];
}

uint32_t rl_md_put_action(uint8_t *out, const struct rl_itch_head *h, const uint8_t *name,
                          uint8_t phase)
{
    static const struct {
        char state;
        const char *reason;
    } says[RL_MATCH_N_PHASES] = {[RL_MATCH_OPEN] = {'T', "    "},
                                 [RL_MATCH_HALTED] = {'H', "T1  "},
                                 [RL_MATCH_AUCTION] = {'Q', "    "},
                                 [RL_MATCH_CLOSED] = {'H', "D   "}};
    uint32_t n = begin(out, h, 'H'), p = phase < RL_MATCH_N_PHASES ? phase : RL_MATCH_HALTED;

    memcpy(out + 11, name, RL_ITCH_SYMBOL);
    out[19] = (uint8_t)says[p].state;
    out[20] = ' ';
    memcpy(out + 21, says[p].reason, 4);
    return n;
}

uint32_t rl_md_put_cross(uint8_t *out, const struct rl_itch_head *h, const uint8_t *name,
                         const struct rl_md_cross *cross)
{
    uint32_t n = begin(out, h, 'Q');

    rl_put_be64(out + 11, cross->qty);
    memcpy(out + 19, name, RL_ITCH_SYMBOL);
    rl_put_be32(out + 27, (uint32_t)(cross->px_nano / RL_ITCH_NANO_PER_TICK));
    rl_put_be64(out + 31, cross->match);
    out[39] = 'O';
    return n;
}

uint32_t rl_md_put_broken(uint8_t *out, const struct rl_itch_head *h, uint64_t match)
{
    uint32_t n = begin(out, h, 'B');

    rl_put_be64(out + 11, match);
    return n;
}
