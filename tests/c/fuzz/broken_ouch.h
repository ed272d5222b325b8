/*
 * Put before csrc/market/codec/ouch.c when fuzz_ouch_broken is built: its decoder reads 32-bit
 * numbers one byte too far. The fuzz target must notice; one that does not proves nothing.
 */
#ifndef RL_TESTS_BROKEN_OUCH_H
#define RL_TESTS_BROKEN_OUCH_H

#include "market/codec/mold.h"

#define rl_be32(p) rl_be32((p) + 1)

#endif
