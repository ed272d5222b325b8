#include "trade/strategy.h"

#include <errno.h>
#include <string.h>

int rl_strategy_init(struct rl_strategy *s, const struct rl_strategy_config *config,
                     struct rl_strategy_state *states, uint32_t n_instruments)
{
    if (config->threshold_permille < 1 || config->threshold_permille > 1000 || config->every < 1 ||
        config->order_qty < 1 || config->max_spread_nano < 1 || n_instruments == 0)
        return -EINVAL;
    memset(states, 0, n_instruments * sizeof(*states));
    *s = (struct rl_strategy){.config = *config, .states = states, .n_instruments = n_instruments};
    return 0;
}
