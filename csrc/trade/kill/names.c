#include "trade/kill/kill.h"

const char *rl_kill_cause_text(uint32_t cause)
{
    switch (cause) {
    case RL_KILL_NONE:
        return "nothing is tripped";
#define CASE(name, number, text) \
    case number:                 \
        return text;
        RL_KILL_CAUSES(CASE)
#undef CASE
    default:
        return "unknown cause";
    }
}

const char *rl_kill_cause_name(uint32_t cause)
{
    switch (cause) {
    case RL_KILL_NONE:
        return "NONE";
#define CASE(name, number, text) \
    case number:                 \
        return #name;
        RL_KILL_CAUSES(CASE)
#undef CASE
    default:
        return "UNKNOWN";
    }
}

const char *rl_kill_state_text(uint32_t state)
{
    switch (state) {
#define CASE(name, number, text) \
    case number:                 \
        return text;
        RL_KILL_STATES(CASE)
#undef CASE
    default:
        return "unknown state";
    }
}

const char *rl_beat_name(uint32_t beat)
{
    switch (beat) {
#define CASE(name, number, text) \
    case number:                 \
        return text;
        RL_BEATS(CASE)
#undef CASE
    default:
        return NULL;
    }
}

const char *rl_vital_name(uint32_t vital)
{
    switch (vital) {
#define CASE(name, slot, text) \
    case slot:                 \
        return text;
        RL_VITALS(CASE)
#undef CASE
    default:
        return NULL;
    }
}
