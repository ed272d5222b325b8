/*
 * ledger_small - a ledger of two accounts, one with average cost and one FIFO.
 */
#ifndef RL_TESTS_LEDGER_SMALL_H
#define RL_TESTS_LEDGER_SMALL_H

#include "check.h"
#include "trade/position/ledger.h"

enum { MAIN = 0, HEDGE = 1, N_ACCOUNTS = 2, N_SYMBOLS = 5, N_LOTS = 8 };

static struct rl_arena arena;
static struct rl_ledger l;

static inline void ledger_open(uint32_t n_accounts, uint32_t n_instruments)
{
    struct rl_ledger_config config = {.n_accounts = n_accounts,
                                      .n_instruments = n_instruments,
                                      .n_fifo_lots = N_LOTS,
                                      .method = {[HEDGE] = RL_METHOD_FIFO}};

    CHECK_EQ(rl_arena_open(&arena, rl_ledger_bytes(&config), 0), 0);
    CHECK_EQ(rl_ledger_init(&l, &arena, &config), 0);
}

static inline void ledger_close(void)
{
    const char *what;

    if (rl_ledger_check(&l, &what) != 0)
        fprintf(stderr, "%s\n", what);
    CHECK(what == NULL);
    rl_arena_close(&arena);
}

#endif
