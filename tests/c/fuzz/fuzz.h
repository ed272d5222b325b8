/*
 * fuzz - what a fuzz target offers: one input at a time, and seeds to start from.
 *
 * Linked with mutate_main.c a target is an ordinary test: a fixed number of seeded mutations of its
 * seeds, the same on every machine. Linked with libFuzzer (clang -fsanitize=fuzzer) it is a fuzzer.
 */
#ifndef RL_TESTS_FUZZ_H
#define RL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Writes seed number `i` (at most FUZZ_MAX bytes) and returns its length; 0 when there are no more.
 */
size_t fuzz_seed(unsigned i, uint8_t *out);

#endif
