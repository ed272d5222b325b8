/*
 * epoch - the number of this start of the engine, that no start ever has again.
 *
 * It makes order ids unique over restarts, crashes and power cuts: the next epoch is on the disk
 * (file and directory synced) before it is returned, so whoever dies afterwards has used it up. The
 * file is one line that holds the epoch twice, as a number and as a hash of it; anything else, be
 * it a byte less, is refused and never guessed, because a guess may repeat ids. A missing file is a
 * first start: epoch 1. Who deletes the file takes the risk.
 *
 * Threads:  any; several processes at once each get their own (a lock on the directory).
 * Cost:     two syncs: milliseconds. Set-up only.
 */
#ifndef RL_TRADE_ORDER_EPOCH_H
#define RL_TRADE_ORDER_EPOCH_H

#include "base/defs.h"

/*
 * Takes the next epoch of the file `path` (made when missing). 0, or with a sentence in *why:
 * -EBADMSG a damaged file, -EOVERFLOW no epoch is left, or the -errno of a call that failed. After
 * any error *epoch is untouched; an epoch may have been used up, none is ever given twice.
 */
int rl_epoch_take(const char *path, uint32_t *epoch, const char **why);

#endif
