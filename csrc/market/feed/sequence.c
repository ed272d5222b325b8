#include "market/feed/sequence.h"

void rl_sequence_extend(const struct rl_sequence *s, struct rl_packet *p)
{
    uint64_t n = p->next - p->previous - 1; /* numbers in the packet; both ends may have wrapped */
    uint32_t wire = (uint32_t)(p->previous + 1);
    uint64_t first = wire;

    p->number_bits = 64;
    if (s->next != 0) {
        int32_t ahead = (int32_t)(wire - (uint32_t)s->next);

        if (ahead < 0 && (uint64_t)-(int64_t)ahead >= s->next) {
            p->previous = 0; /* from before the first number there is */
            p->next = 1;
            return;
        }
        first = s->next + (uint64_t)(int64_t)ahead;
    } else if (wire == 0) {
        first = 1ULL << 32; /* numbers begin at 1: a 0 is the first after a wrap */
    }
    p->previous = first - 1;
    p->next = first + n;
}

/* Whether packets that are too far ahead have continued each other for long enough. */
static bool has_moved(struct rl_sequence *s, const struct rl_packet *p)
{
    bool continues = s->n_far > 0 && p->previous + 1 == s->far_next && s->far_from == s->next;

    s->n_far = continues ? s->n_far + 1 : 1;
    s->far_next = p->next;
    s->far_from = s->next;
    return s->n_far >= RL_SEQUENCE_FAR_RUN;
}

enum rl_turn rl_sequence_judge_odd(struct rl_sequence *s, struct rl_packet *p)
{
    uint64_t first = p->previous + 1;

    if (first == 0 || p->next < first) /* 64-bit numbers begin at 1 and end before they wrap */
        return RL_TURN_ABSURD;
    if (s->next == 0)
        s->next = first;
    if (first <= s->next)
        return p->next > s->next ? RL_TURN_NEW : RL_TURN_OLD;
    if (first - s->next > RL_SEQUENCE_MAX_JUMP && !has_moved(s, p))
        return RL_TURN_ABSURD;
    return RL_TURN_AHEAD;
}
