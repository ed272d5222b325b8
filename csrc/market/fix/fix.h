/*
 * fix - FIX tag=value messages of any version: all of it but groups, indexes and dictionaries.
 *
 * One idea a header: parse.h cuts bytes into messages and fields, value.h reads the fields,
 * encode.h writes any message, template.h a message that is sent again and again, order.h and
 * cancel.h those of an order session. group.h walks repeating groups, index.h finds tags.
 */
#ifndef RL_MARKET_FIX_H
#define RL_MARKET_FIX_H

#include "market/fix/cancel.h"
#include "market/fix/encode.h"
#include "market/fix/order.h"
#include "market/fix/parse.h"
#include "market/fix/tags.h"
#include "market/fix/template.h"
#include "market/fix/value.h"

#endif
