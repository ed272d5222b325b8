/*
 * sha256 - SHA-256 (FIPS 180-4) of bytes in memory.
 *
 * The instructions of the CPU are used where it has them (SHA-NI, found out once before
 * main), plain C elsewhere; both give the same bytes and both are tested against known answers.
 *
 * Threads:  a state belongs to one thread; rl_sha256 is free of shared state.
 * Memory:   a state is 112 bytes, the caller's; nothing is allocated.
 * Cost:     about 1.7 GB/s with SHA-NI, 0.3 GB/s without. Never on the order thread.
 */
#ifndef RL_TRADE_AUDIT_SHA256_H
#define RL_TRADE_AUDIT_SHA256_H

#include "base/defs.h"

#define RL_SHA256_BYTES 32

struct rl_sha256 {
    uint32_t state[8];
    uint64_t n_bytes; /* put in so far */
    uint8_t block[64];
};

void rl_sha256_init(struct rl_sha256 *s);
void rl_sha256_put(struct rl_sha256 *s, const void *bytes, size_t n);

/* The digest of all that was put in; `s` must be initialised again before it is used again. */
void rl_sha256_end(struct rl_sha256 *s, uint8_t out[RL_SHA256_BYTES]);

/* All at once. */
void rl_sha256(const void *bytes, size_t n, uint8_t out[RL_SHA256_BYTES]);

/* One way of computing it: n_blocks of 64 bytes into the state. For the test that they agree. */
typedef void rl_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t n_blocks);

rl_sha256_blocks rl_sha256_blocks_plain;

/* NULL when this CPU has no SHA-NI. */
rl_sha256_blocks *rl_sha256_blocks_ni(void);

#endif
