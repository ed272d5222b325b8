/*
 * parse - the instructions that find the UDP header of a frame; every program of ours begins so.
 *
 * Ethernet, up to two VLAN tags (802.1Q, 802.1ad), IPv4 with options, UDP. A fragment has no port
 * that all its siblings share, so it is none of ours.
 */
#ifndef RL_NET_BPF_PARSE_H
#define RL_NET_BPF_PARSE_H

#include "net/bpf/asm.h"

#define RL_BPF_MAX_INSNS 512 /* of our programs */

/* Registers that keep their meaning through a program; r0 .. r5 are for the moment. */
enum {
    RL_R_CONTEXT = BPF_REG_6,
    RL_R_FRAME = BPF_REG_7, /* its first byte */
    RL_R_END = BPF_REG_8,   /* behind its last */
    RL_R_UDP = BPF_REG_9,   /* the UDP header */
};
/* What parsing leaves beside RL_R_UDP. */
enum {
    RL_R_PORT = BPF_REG_2, /* the destination port, as on the wire */
    RL_R_IP = BPF_REG_4,   /* the IP header, of 20 bytes or more */
    RL_R_AT = BPF_REG_5,   /* the offset of the UDP header, for helpers that want a number */
};

#define RL_BYTES_OF_HEADERS (14 + 2 * 4 + 60 + 8) /* the most that parsing reads */

/* A port or an EtherType as a program loads it from the wire. */
static inline int32_t rl_on_wire(uint16_t host)
{
    return (int32_t)__builtin_bswap16(host);
}

/* Begins an XDP program: context, frame and end. */
void rl_bpf_begin_xdp(struct rl_bpf_code *c);
/*
 * To RL_R_UDP, eight bytes of header there, or to the label `other`. Changes r0 .. r5 and, before
 * it jumps, perhaps RL_R_UDP.
 */
void rl_bpf_parse(struct rl_bpf_code *c, const char *other);
/* *(u64 *)(value of the one-value array + at) += 1; changes r1 and r2. */
void rl_bpf_count(struct rl_bpf_code *c, int map_fd, uint32_t at);

/* Finishes and loads: a descriptor or -errno with a sentence. */
int rl_bpf_load_code(struct rl_bpf_code *c, enum bpf_prog_type type, const char *name, char *why);

#endif
