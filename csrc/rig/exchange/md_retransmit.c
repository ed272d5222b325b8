#include "rig/exchange/md_retransmit.h"

#include <errno.h>

const char *const rl_md_retransmit_counter_names[] = {
#define NAME(name, what) #name,
    RL_MD_RETRANSMIT_COUNTERS(NAME)
#undef NAME
        NULL};

size_t rl_md_retransmit_bytes(const struct rl_md_retransmit_config *config)
{
    return config->n_messages * sizeof(struct rl_md_kept) + RL_CACHE_LINE;
}

int rl_md_retransmit_init(struct rl_md_retransmit *r, struct rl_arena *arena,
                          const struct rl_md_retransmit_config *config)
{
    if (config->n_messages == 0 || (config->n_messages & (config->n_messages - 1)) != 0 ||
        config->n_packet_bytes < RL_MD_PACKET_MIN || config->n_packet_bytes > RL_MD_PACKET_MAX ||
        !config->answer)
        return -EINVAL;
    memset(r, 0, sizeof *r);
    r->config = *config;
    r->mask = config->n_messages - 1;
    r->next = r->published = 1;
    r->kept = rl_arena_take(arena, config->n_messages * sizeof *r->kept, RL_CACHE_LINE);
    if (!r->kept)
        return -ENOMEM;
    rl_md_retransmit_turn(r);
    return 0;
}

void rl_md_retransmit_turn(struct rl_md_retransmit *r)
{
    r->n_left = r->config.n_packets_per_turn ? r->config.n_packets_per_turn : UINT32_MAX;
}

static void answer(struct rl_md_retransmit *r, uint64_t handle, uint64_t seq, uint64_t end)
{
    struct rl_mold_writer w;

    rl_mold_begin(&w, r->packet, r->config.n_packet_bytes, r->config.session, seq);
    for (; seq < end; seq++) {
        const struct rl_md_kept *k = &r->kept[seq & r->mask];

        if (!rl_mold_add(&w, k->bytes, rl_be16(k->n_bytes)))
            break;
    }
    r->n.answers++;
    r->n.messages += w.count;
    r->n_left--;
    r->config.answer(r->config.context, handle, r->packet, rl_mold_finish(&w));
}

void rl_md_retransmit_request(struct rl_md_retransmit *r, uint64_t handle, const uint8_t *bytes,
                              uint32_t n_bytes)
{
    const uint8_t *session;
    uint64_t seq;
    uint32_t n;

    r->n.requests++;
    if (!rl_mold_read_request(bytes, n_bytes, &session, &seq, &n))
        r->n.garbled++;
    else if (memcmp(session, r->config.session, RL_MOLD_SESSION) != 0)
        r->n.strangers++;
    else if (seq >= r->published)
        r->n.too_new++;
    else if (seq < rl_md_retransmit_first(r))
        r->n.too_old++;
    else if (r->n_left == 0)
        r->n.over_budget++;
    else
        answer(r, handle, seq, n < r->published - seq ? seq + n : r->published);
}
