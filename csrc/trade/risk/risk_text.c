#include "trade/risk/risk.h"

#define RISK_ID(name, bit, id, text) [bit] = (id),
const char *const rl_risk_ids[RL_RISK_N] = {RL_RISK_REASONS(RISK_ID)};
#define RISK_NAME(name, bit, id, text) [bit] = #name,
const char *const rl_risk_names[RL_RISK_N] = {RL_RISK_REASONS(RISK_NAME)};
#define RISK_TEXT(name, bit, id, text) [bit] = (text),
const char *const rl_risk_texts[RL_RISK_N] = {RL_RISK_REASONS(RISK_TEXT)};

const char *const rl_risk_short_sale_note =
    "short sales: a hook, not a model; located lots are read from the limits, no locate is asked "
    "for, "
    "none expires, and nothing is reported to a lender or a venue";
