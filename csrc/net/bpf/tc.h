/*
 * tc - what programs at tc begin with.
 */
#ifndef RL_NET_BPF_TC_H
#define RL_NET_BPF_TC_H

#include "net/bpf/parse.h"

#define RL_SKB(member) ((int16_t)offsetof(struct __sk_buff, member))

/*
 * Frame and end, after the context was put into RL_R_CONTEXT; headers that lie in a fragment of the
 * buffer are brought to its linear part.
 */
void rl_bpf_begin_tc(struct rl_bpf_code *c);

#endif
