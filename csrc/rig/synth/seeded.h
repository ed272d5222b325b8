/*
 * seeded - the violations by which the proofs of "no allocation", "no page fault" and "no order
 * after a trip" are proved.
 *
 * Only builds that define RL_SEED_ALLOC, RL_SEED_FAULT or RL_SEED_KILL (test_seed_*.c) contain
 * them: each 256th frame allocates and frees a block, or touches a page that was never touched; or
 * an order that the kill word has blocked leaves all the same.
 *
 * Threads:  the engine thread.
 * Memory:   the fault seed maps one region when it first runs, and keeps it.
 */
#ifndef RL_RIG_SEEDED_H
#define RL_RIG_SEEDED_H

#include <stdlib.h>
#include <sys/mman.h>

#include "base/defs.h"

#define RL_SEED_EVERY 256
#define RL_SEED_PAGE 4096
#define RL_SEED_N_PAGES 4096

#ifdef RL_SEED_ALLOC
static inline void rl_seed_alloc(void)
{
    static uint32_t n;
    void *volatile block; /* volatile: the compiler may not pair malloc and free away */

    if (n++ % RL_SEED_EVERY == 0) {
        block = malloc(100);
        free(block);
    }
}
#endif

#ifdef RL_SEED_KILL
#include "rig/pipeline/pipeline_inner.h"

static inline void rl_seed_kill(struct rl_pipeline *p, uint32_t n_bytes)
{
    rl_port_tx_commit(p->session, n_bytes);
    rl_count(&p->n.requests_sent, 1);
    p->msg_seq++;
}
#endif

#ifdef RL_SEED_FAULT
static inline void rl_seed_fault(void)
{
    static uint32_t n, page;
    static volatile uint8_t *pages;

    if (pages == NULL) {
        void *map = mmap(NULL, (size_t)RL_SEED_N_PAGES * RL_SEED_PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (map == MAP_FAILED)
            abort();
        /* One page each: a huge page would take them all in one fault. */
        (void)madvise(map, (size_t)RL_SEED_N_PAGES * RL_SEED_PAGE, MADV_NOHUGEPAGE);
        pages = map;
    }
    if (n++ % RL_SEED_EVERY == 0 && page < RL_SEED_N_PAGES)
        pages[(size_t)page++ * RL_SEED_PAGE] = 1;
}
#endif

#endif
