/*
 * fix_frame - where the messages of a session's byte stream end.
 *
 * As rl_fix_frame, but for what a session takes for garbled: a message whose BodyLength is wrong
 * goes on to the next CheckSum field behind that length, as QuickFIX has it. So one that states too
 * much swallows the beginning of the next, which is then missed and asked for again.
 *
 * Threads:  a function of its arguments.
 * Cost:     that of rl_fix_frame, unless garbled.
 */
#ifndef RL_SESSION_FIX_FRAME_H
#define RL_SESSION_FIX_FRAME_H

#include "market/fix/parse.h"

/*
 * OK: the first *n_message bytes are one frame. GARBLED: they are rubbish; a session wants to see
 * both. PARTIAL: more bytes are needed, and *n_message is 0. A message longer than `n_max` is
 * garbled, so a buffer of n_max bytes is never full of a PARTIAL one.
 */
enum rl_fix_result rl_fix_cut(const uint8_t *bytes, size_t n_bytes, uint32_t n_max,
                              uint32_t *n_message);

#endif
