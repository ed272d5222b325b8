/*
 * Put before csrc/trade/audit/read.c when fuzz_audit_broken is built: its reader believes every
 * checksum. The fuzz target must notice; one that does not proves nothing.
 */
#ifndef RL_TESTS_BROKEN_AUDIT_H
#define RL_TESTS_BROKEN_AUDIT_H

#include "trade/audit/format.h"

#define rl_audit_crc(before, unit) ((void)(before), (unit)->crc)

#endif
