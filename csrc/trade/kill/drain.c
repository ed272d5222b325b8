#include "trade/kill/drain.h"

/* The first round, and one more. */
#define ROUNDS 2

enum phase { IDLE, BLOCKED, PERSISTING, SENDING, ANSWERS, DISCONNECTING };

static void enter(struct rl_drain *d, enum phase phase, uint64_t now_tsc)
{
    d->phase = (uint8_t)phase;
    d->since_tsc = now_tsc;
}

static bool has_passed(const struct rl_drain *d, uint64_t ticks, uint64_t now_tsc)
{
    return now_tsc - d->since_tsc >= ticks;
}

static void enter_round(struct rl_drain *d, uint64_t now_tsc)
{
    enter(d, SENDING, now_tsc);
    d->n_rounds++;
    d->is_round_new = true;
}

void rl_drain_start(struct rl_drain *d, const struct rl_drain_config *config, uint64_t now_tsc)
{
    *d = (struct rl_drain){.config = *config, .by_order = !config->has_mass_cancel};
    enter(d, BLOCKED, now_tsc);
}

bool rl_drain_is_busy(const struct rl_drain *d)
{
    return d->phase != IDLE;
}

static struct rl_drain_step say(enum rl_drain_action action)
{
    return (struct rl_drain_step){.action = action};
}

static struct rl_drain_step publish(struct rl_drain *d, const struct rl_drain_input *in,
                                    uint64_t now_tsc)
{
    enter(d, IDLE, now_tsc);
    return (struct rl_drain_step){.action = RL_DRAIN_PUBLISH, .n = in->n_open};
}

static struct rl_drain_step disconnect(struct rl_drain *d, const struct rl_drain_input *in,
                                       uint64_t now_tsc)
{
    if (!d->config.may_disconnect)
        return publish(d, in, now_tsc);
    enter(d, DISCONNECTING, now_tsc);
    d->did_disconnect = true;
    return say(RL_DRAIN_DISCONNECT);
}

static struct rl_drain_step send(struct rl_drain *d, const struct rl_drain_input *in,
                                 uint64_t now_tsc)
{
    struct rl_drain_step step = {.is_new_round = d->is_round_new};
    /* At the start of a round nobody has been asked in it yet, whatever was asked in the last. */
    uint32_t n_unasked = d->is_round_new ? in->n_open : in->n_unasked;

    d->is_round_new = false;
    if (!d->by_order) {
        enter(d, ANSWERS, now_tsc);
        step.action = RL_DRAIN_MASS_CANCEL;
        return step;
    }
    if (n_unasked == 0 || has_passed(d, d->config.send_ticks, now_tsc)) {
        enter(d, ANSWERS, now_tsc);
        return say(RL_DRAIN_WAIT);
    }
    step.n = n_unasked < in->budget ? n_unasked : in->budget;
    step.action = step.n ? RL_DRAIN_CANCEL : RL_DRAIN_WAIT;
    return step;
}

static struct rl_drain_step await(struct rl_drain *d, const struct rl_drain_input *in,
                                  uint64_t now_tsc)
{
    if (!d->by_order && in->is_mass_refused) {
        d->by_order = true; /* the same round, by other means */
        enter(d, SENDING, now_tsc);
        d->is_round_new = true;
        return send(d, in, now_tsc);
    }
    if (!has_passed(d, d->config.answer_ticks, now_tsc))
        return say(RL_DRAIN_WAIT);
    if (d->n_rounds == ROUNDS)
        return disconnect(d, in, now_tsc);
    enter_round(d, now_tsc);
    return send(d, in, now_tsc);
}

struct rl_drain_step rl_drain_step(struct rl_drain *d, const struct rl_drain_input *in,
                                   uint64_t now_tsc)
{
    switch (d->phase) {
    case BLOCKED:
        enter(d, PERSISTING, now_tsc);
        return say(RL_DRAIN_PERSIST);
    case PERSISTING:
        if (!in->is_persisted && !has_passed(d, d->config.persist_ticks, now_tsc))
            return say(RL_DRAIN_WAIT);
        d->is_persist_late = !in->is_persisted;
        enter_round(d, now_tsc);
        break;
    case DISCONNECTING:
        if (in->is_connected && !has_passed(d, d->config.disconnect_ticks, now_tsc))
            return say(RL_DRAIN_WAIT);
        return publish(d, in, now_tsc);
    case SENDING:
    case ANSWERS:
        break;
    default:
        return say(RL_DRAIN_NONE);
    }
    /* Nothing is left, or nobody is there who could be asked. */
    if (in->n_open == 0 || !in->is_connected)
        return publish(d, in, now_tsc);
    return d->phase == SENDING ? send(d, in, now_tsc) : await(d, in, now_tsc);
}
