/* Put before csrc/trade/oms/told.c, breaks it: reservations of orders are not moved. */
#include "trade/oms/inner.h"
#define rl_ledger_move(...) true
