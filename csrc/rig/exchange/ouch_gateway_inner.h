/*
 * ouch_gateway_inner - what the files of the OUCH gateway share: slots, and messages on their way
 * out.
 */
#ifndef RL_RIG_EXCHANGE_OUCH_GATEWAY_INNER_H
#define RL_RIG_EXCHANGE_OUCH_GATEWAY_INNER_H

#include "base/mix.h"
#include "rig/exchange/ouch_gateway.h"

#define RL_OUCH_NO_SLOT UINT32_MAX
#define RL_OUCH_DAY_NS (86400ULL * 1000000000ULL)

/* --- slots ------------------------------------------------------------------------------------ */

/* The word for the venue: events say of which UserRefNum they are even when its slot is gone. */
static inline uint64_t rl_ouch_user(const struct rl_ouch_gateway *g, const struct rl_ouch_order *o)
{
    return (uint64_t)o->ref << 32 | (uint64_t)(o - g->orders);
}

/* The slot of an event, live or ended; NULL when it has another order by now. */
static inline struct rl_ouch_order *rl_ouch_of_user(struct rl_ouch_gateway *g, uint32_t member,
                                                    uint64_t user)
{
    uint32_t slot = (uint32_t)user;
    struct rl_ouch_order *o = &g->orders[slot < g->n_slots ? slot : 0];

    return slot < g->n_slots && o->ref == user >> 32 && o->member == member ? o : NULL;
}

/*
 * Neighbouring UserRefNums lie beside each other, eight to a block: most members count by one, and
 * a line of the table serves sixteen orders.
 */
static inline uint32_t rl_ouch_home(const struct rl_ouch_gateway *g, uint32_t member, uint32_t ref)
{
    uint64_t block = rl_mix((uint64_t)member << 32 | ref >> 3);

    return ((uint32_t)block << 3 | (ref & 7)) & g->table_mask;
}

/* The order of that number that has not ended; NULL. */
static inline struct rl_ouch_order *rl_ouch_find(struct rl_ouch_gateway *g, uint32_t member,
                                                 uint32_t ref)
{
    for (uint32_t at = rl_ouch_home(g, member, ref); g->table[at] != 0;
         at = (at + 1) & g->table_mask) {
        struct rl_ouch_order *o = &g->orders[g->table[at] - 1];

        if (o->ref == ref && o->member == member)
            return o;
    }
    return NULL;
}

/* A slot for this number, to be filled; NULL: none is left. */
struct rl_ouch_order *rl_ouch_take(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref);
/* It has ended. */
void rl_ouch_release(struct rl_ouch_gateway *g, struct rl_ouch_order *o);

/* --- judging ---------------------------------------------------------------------------------- */

#define RL_OUCH_ACCEPTABLE 0 /* no reject has this code */

/* What options say, checked one by one. */
struct rl_ouch_wishes {
    uint32_t min_qty;
    uint32_t max_floor;
    uint32_t expire_s;
    uint16_t group;
    uint8_t firm;
    uint8_t aiq;
    uint8_t side; /* mass cancel; 0: both */
    bool has_expiry, has_group, is_post_only;
};

static inline bool rl_ouch_is_one_of(uint8_t c, const char *letters)
{
    return c != '\0' && strchr(letters, c) != NULL;
}

/* The number of a firm of the member; spaces are the default one; -1: somebody else. */
int rl_ouch_firm_of(const struct rl_ouch_member *m, const uint8_t *firm);
/* What options say; each returns RL_OUCH_ACCEPTABLE or an enum rl_ouch_reject. */
uint16_t rl_ouch_read_wishes(const struct rl_ouch_member *m, const struct rl_ouch_in *in,
                             struct rl_ouch_wishes *w);
uint16_t rl_ouch_judge_enter(const struct rl_ouch_member *m, const struct rl_ouch_in *in,
                             const struct rl_ouch_wishes *w);
uint16_t rl_ouch_judge_replace(const struct rl_ouch_member *m, const struct rl_ouch_order *old,
                               const struct rl_ouch_in *in, const struct rl_ouch_wishes *w);
/* enum rl_match_stp of an AIQ strategy, and the letter that is told; `usual` for '*'. */
uint8_t rl_ouch_stp_of(uint8_t aiq, uint8_t usual);
uint8_t rl_ouch_aiq_of(uint8_t aiq, uint8_t usual);

/* --- messages out ----------------------------------------------------------------------------- */

/* Sets the time; the caller the rest. */
void rl_ouch_tell(struct rl_ouch_gateway *g, uint32_t member, struct rl_ouch_out *m);
void rl_ouch_reject(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref, uint16_t code,
                    const uint8_t *cl_ord_id);
void rl_ouch_tell_modified(struct rl_ouch_gateway *g, const struct rl_ouch_order *o);

/* The sink of every member: what the matching engine says, as messages. */
void rl_ouch_hear(void *gateway, const struct rl_match_event *e);

#endif
