#include "rig/component/component_fix.h"
#include "rig/component/component_loops.h"

#include <errno.h>

RL_LOOPS(parse_loops, rl_fix_parse_step);
RL_LOOPS(floor_loops, rl_fix_floor_step);
RL_LOOPS(checksum_loops, rl_fix_checksum_step);
RL_LOOPS(validate_loops, rl_fix_validate_step);

static const struct rl_loops *fix_loops(enum rl_component component)
{
    switch (component) {
    case RL_COMPONENT_FIX_FLOOR:
        return &floor_loops;
    case RL_COMPONENT_FIX_CHECKSUM:
        return &checksum_loops;
    case RL_COMPONENT_FIX_VALIDATE:
        return &validate_loops;
    default:
        return &parse_loops;
    }
}

static uint64_t fix_wanted(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;

    return s->in.messages[i & s->in.mask].answer;
}

static struct rl_job_bytes fix_input(void *state, uint64_t i)
{
    const struct rl_fix_job *s = state;

    return rl_job_message_bytes(&s->in, i);
}

static uint64_t plain_sum(const uint8_t *bytes, uint32_t n_bytes)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n_bytes; i++)
        sum += bytes[i];
    return sum % 256;
}

int rl_job_open_fix(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out)
{
    bool is_sum = config->component == RL_COMPONENT_FIX_CHECKSUM;
    struct rl_job_reader reader = {.feed = RL_FEED_FIX,
                                   .answer = is_sum ? plain_sum : rl_plain_fix};
    size_t n_bytes = rl_job_messages_bytes(config, &reader);
    struct rl_fix_job *s;
    int err;

    if (n_bytes == 0 || (config->component == RL_COMPONENT_FIX_VALIDATE && config->dict == NULL))
        return -EINVAL;
    if (config->component == RL_COMPONENT_FIX_FLOOR && !__builtin_cpu_supports("avx2"))
        return -ENOTSUP;
    err = rl_job_take_memory(job, sizeof(*s), n_bytes);
    if (err != 0)
        return err;
    s = job->state;
    s->dict = config->dict;
    rl_fix_init(&s->parsed, s->fields, RL_FIX_MAX_FIELDS);
    rl_job_take_messages(job, config, &reader, &s->in, out);
    job->loops = fix_loops(config->component);
    job->wanted = fix_wanted;
    job->input = fix_input;
    return 0;
}
