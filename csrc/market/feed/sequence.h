/*
 * sequence - where a numbered stream stands, and what a packet is to it: new, old, ahead or absurd.
 *
 * The only place where numbers are compared; a feed of one line, the arbitration between lines and
 * the joining of a snapshot all ask here.
 *
 * Threads:  one thread owns a sequence.
 * Memory:   the caller's.
 * Cost:     two compares for the packet that comes in order.
 */
#ifndef RL_MARKET_SEQUENCE_H
#define RL_MARKET_SEQUENCE_H

#include "market/feed/protocol.h"

/*
 * A number that far ahead is damage, not a gap: following it would deafen the stream to all that is
 * real. When as many packets in a row as RL_SEQUENCE_FAR_RUN continue each other out there, the
 * stream has moved indeed.
 */
#define RL_SEQUENCE_MAX_JUMP (1ULL << 24)
#define RL_SEQUENCE_FAR_RUN 16

struct rl_sequence {
    uint64_t next; /* expected; 0: not known yet, whatever comes first is right */
    uint64_t session;
    uint32_t session_rest;
    bool has_session;
    uint32_t n_far; /* packets in a row that were too far ahead, each continuing the one before */
    uint64_t far_next;
    uint64_t far_from; /* where the stream stood meanwhile: a run counts while nothing moves here */
};

enum rl_turn {
    RL_TURN_NEW,    /* deliver it, without what lies before `next` */
    RL_TURN_OLD,    /* everything in it was delivered, or it has nothing and hides nothing */
    RL_TURN_AHEAD,  /* something before it is missing */
    RL_TURN_ABSURD, /* a number that cannot be */
};

static inline bool rl_sequence_is_session(const struct rl_sequence *s, const struct rl_packet *p)
{
    return s->has_session && ((s->session ^ p->session) | (s->session_rest ^ p->session_rest)) == 0;
}

static inline void rl_sequence_enter(struct rl_sequence *s, const struct rl_packet *p)
{
    s->session = p->session;
    s->session_rest = p->session_rest;
    s->has_session = true;
}

/* Extends numbers that wrap to the 64-bit ones nearest to what is expected. */
void rl_sequence_extend(const struct rl_sequence *s, struct rl_packet *p);
/* What the packet is that is not simply the next one. */
enum rl_turn rl_sequence_judge_odd(struct rl_sequence *s, struct rl_packet *p);

/* `p` gets its numbers extended; the sequence moves only when rl_sequence_take is called. */
static inline enum rl_turn rl_sequence_judge(struct rl_sequence *s, struct rl_packet *p)
{
    if (p->number_bits != 64)
        rl_sequence_extend(s, p);
    /* `next` 0 means unknown, and a number 0 is none: both are odd. */
    if (RL_LIKELY(p->previous + 1 == s->next && p->next > s->next && s->next != 0))
        return RL_TURN_NEW;
    return rl_sequence_judge_odd(s, p);
}

/* How many messages of a new packet were delivered before. */
static inline uint64_t rl_sequence_skip(const struct rl_sequence *s, const struct rl_packet *p)
{
    return p->is_counted ? s->next - (p->previous + 1) : 0;
}

static inline void rl_sequence_take(struct rl_sequence *s, const struct rl_packet *p)
{
    s->next = p->next;
}

/* Gives up what is missing before a packet that is ahead; returns how many numbers that were. */
static inline uint64_t rl_sequence_give_up(struct rl_sequence *s, const struct rl_packet *p)
{
    uint64_t n = p->previous + 1 - s->next;

    s->next = p->previous + 1;
    return n;
}

#endif
