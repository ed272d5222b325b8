/*
 * Put before csrc/market/feed/lines.c when fuzz_lines_broken is built: the part of an overlapping
 * packet that was delivered before is delivered again. The fuzz target must notice.
 */
#ifndef RL_TESTS_BROKEN_LINES_H
#define RL_TESTS_BROKEN_LINES_H

#include "market/feed/sequence.h"

#define rl_sequence_skip(sequence, packet) ((void)(sequence), (void)(packet), (uint64_t)0)

#endif
