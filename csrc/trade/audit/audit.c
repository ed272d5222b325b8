#include "trade/audit/audit.h"

#include <string.h>

int rl_audit_init(struct rl_audit *a, void *slots, uint64_t n_slots)
{
    memset(&a->words, 0, sizeof a->words);
    return rl_ring_init(&a->ring, slots, n_slots);
}

const char *rl_audit_kind_text(uint32_t kind)
{
    switch (kind) {
#define RL_AUDIT_CASE(name, number, text) \
    case number:                          \
        return text;
        RL_AUDIT_KINDS(RL_AUDIT_CASE)
#undef RL_AUDIT_CASE
    default:
        return "unknown kind";
    }
}

const char *rl_audit_kind_name(uint32_t kind)
{
    switch (kind) {
#define RL_AUDIT_CASE(name, number, text) \
    case number:                          \
        return #name;
        RL_AUDIT_KINDS(RL_AUDIT_CASE)
#undef RL_AUDIT_CASE
    default:
        return NULL;
    }
}
