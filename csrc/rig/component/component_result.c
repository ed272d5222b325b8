#include "rig/component/component.h"
#include "trade/risk/risk.h"

#include <errno.h>
#include <string.h>

size_t rl_component_hist_bytes(void)
{
    return RL_N_COMPONENT_HISTS * rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
}

int rl_component_result_init(struct rl_component_result *out, uint64_t *counts, size_t n_bytes)
{
    size_t n_each = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);

    if (n_bytes < rl_component_hist_bytes())
        return -ENOSPC;
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < RL_N_COMPONENT_HISTS; i++) {
        int err = rl_hist_init(&out->hist[i], RL_HIST_HIGHEST, RL_HIST_DIGITS,
                               counts + i * RL_HIST_N_COUNTS, n_each);

        if (err != 0)
            return err;
    }
    return 0;
}

uint64_t rl_component_fastest(const uint32_t *ticks, uint64_t n_chunks, uint32_t n_replays)
{
    uint64_t sum = 0;

    for (uint64_t chunk = 0; chunk < n_chunks; chunk++) {
        uint32_t fastest = UINT32_MAX;

        for (uint32_t r = 0; r < n_replays; r++) {
            uint32_t seen = ticks[r * n_chunks + chunk];

            fastest = seen < fastest ? seen : fastest;
        }
        sum += fastest;
    }
    return sum;
}

#define COMPONENT_NAME(id, name, text) name,
#define COMPONENT_TEXT(id, name, text) text,
#define REGIME_NAME(id, name) name,
#define HIST_NAME(id, name, unit) name,
#define HIST_UNIT(id, name, unit) unit,

static const char *name_of(const char *const *names, unsigned n, unsigned i)
{
    return i < n ? names[i] : "?";
}

const char *rl_component_name(unsigned component)
{
    static const char *const names[] = {RL_COMPONENTS(COMPONENT_NAME)};

    return name_of(names, RL_COUNT(names), component);
}

const char *rl_component_text(unsigned component)
{
    static const char *const texts[] = {RL_COMPONENTS(COMPONENT_TEXT)};

    return name_of(texts, RL_COUNT(texts), component);
}

const char *rl_regime_name(unsigned regime)
{
    static const char *const names[] = {RL_REGIMES(REGIME_NAME)};

    return name_of(names, RL_COUNT(names), regime);
}

const char *rl_component_hist_name(unsigned hist)
{
    static const char *const names[] = {RL_COMPONENT_HISTS(HIST_NAME)};

    return name_of(names, RL_COUNT(names), hist);
}

const char *rl_component_hist_unit(unsigned hist)
{
    static const char *const units[] = {RL_COMPONENT_HISTS(HIST_UNIT)};

    return name_of(units, RL_COUNT(units), hist);
}

const char *rl_component_mix_name(unsigned component, unsigned i)
{
    if (component == RL_COMPONENT_BOOK_UPDATE)
        return i < RL_N_OPS ? rl_op_name(i) : NULL;
    if (component == RL_COMPONENT_RISK_CHECK || component == RL_COMPONENT_RISK_ACCEPT ||
        component == RL_COMPONENT_RISK_REFUSE)
        return i < RL_RISK_N ? rl_risk_names[i] : i == RL_RISK_N ? "accepted" : NULL;
    return NULL;
}
