/*
 * component_job - an operation with its inputs and state, ready to be measured.
 *
 * An operation is a step(state, i): it does operation number i and returns its answer. The index
 * may depend on the answer before (chain) or not; positions run 0, 1, 2 ... and each is done once.
 * The steps are forced inline, so that the timed loop holds the operation and no call of ours; they
 * lie in component_{fix,book,risk,order,record}.h, what builds their state in the .c files beside
 * them.
 *
 * Threads:  a job belongs to the thread that opened it.
 * Memory:   one mapping holds state and inputs, touched before anything is timed.
 */
#ifndef RL_RIG_COMPONENT_JOB_H
#define RL_RIG_COMPONENT_JOB_H

#include "rig/component/component.h"

#define RL_STEP static inline __attribute__((always_inline))

#define RL_JOB_HOT_INPUTS 64
/* Every step that fills a ring is settled before so many more are done. */
#define RL_JOB_MAX_UNSETTLED (1U << 12)

/*
 * The loops around one step, as RL_LOOPS (rig/component/component_loops.h) makes them: n operations
 * from position `from` on; the sum of their answers. chained: each waits for the answer before;
 * overlapping: they may run together; singly: each between fences, its ticks kept, until n_max are
 * done or max_ticks have passed.
 */
struct rl_loops {
    uint64_t (*chained)(void *state, uint64_t from, uint64_t n);
    uint64_t (*overlapping)(void *state, uint64_t from, uint64_t n);
    uint64_t (*singly)(void *state, uint64_t from, uint32_t n_max, uint64_t max_ticks,
                       uint32_t *ticks, uint32_t *n_done);
};

/* Bytes that somebody else holds. */
struct rl_job_bytes {
    const void *bytes;
    size_t n_bytes;
};

struct rl_job {
    const struct rl_loops *loops;
    void *state;           /* the step's; in the arena */
    struct rl_arena arena; /* inputs and state */
    uint64_t n_cycle;      /* positions before turn_over is due; UINT64_MAX: never */
    uint64_t n_first;      /* positions to check one by one before anything is timed; the run ends
                              after a multiple of it */
    uint64_t max_burst;    /* most steps before settle is due */
    bool is_periodic;      /* every n_first steps the answers repeat */
    /* Untimed; each may be NULL. */
    uint64_t (*wanted)(void *state, uint64_t i); /* the right answer of step i, asked after it */
    struct rl_job_bytes (*input)(void *state, uint64_t i); /* what step i reads that is its own */
    void (*settle)(void *state);
    void (*turn_over)(void *state);                     /* back to position 0 */
    uint64_t (*n_wrong)(void *state, uint64_t n_steps); /* at the end; 0: all is well */
    uint64_t (*hash)(void *state); /* after n_first steps; NULL: of the answers */
};

/*
 * Builds inputs and state; fills n_inputs, n_input_bytes, mix ... of *out. Errors as
 * rl_component_run; on error nothing is held.
 */
int rl_job_open(struct rl_job *job, const struct rl_component_config *config,
                struct rl_component_result *out);
void rl_job_close(struct rl_job *job);

/* Its parts. */
int rl_job_open_fix(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out);
int rl_job_open_encode(struct rl_job *job, const struct rl_component_config *config,
                       struct rl_component_result *out);
int rl_job_open_itch(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_book(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_risk(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_hist(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_ids(struct rl_job *job, const struct rl_component_config *config);
int rl_job_open_position(struct rl_job *job, const struct rl_component_config *config,
                         struct rl_component_result *out);
int rl_job_open_oms(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out);
int rl_job_open_audit(struct rl_job *job);
int rl_job_open_clock(struct rl_job *job, const struct rl_component_config *config);

/* --- what the parts share --- */

/* Room for a state of n_state bytes (job->state, zeroed) and for n_bytes of other pieces. */
int rl_job_take_memory(struct rl_job *job, size_t n_state, size_t n_bytes);

/* Seeded draws: splitmix64. */
uint64_t rl_job_draw(uint64_t *seed);
uint64_t rl_job_draw_below(uint64_t *seed, uint64_t n);
/* The numbers 0 .. n-1 in a random order. */
void rl_job_shuffled(uint32_t *out, uint64_t n, uint64_t *seed);

/* One message: where it lies in the job's memory, and the right answer to it. */
struct rl_job_message {
    const uint8_t *bytes;
    uint32_t n_bytes;
    uint64_t answer;
};

/* The messages of a stream in the order of a regime. Step i takes messages[i & mask]. */
struct rl_job_messages {
    struct rl_job_message *messages;
    uint64_t n, mask;
};

/* Which records of a stream a job reads, and what the right answer to one is. */
struct rl_job_reader {
    enum rl_feed_kind feed;
    bool (*is_wanted)(const uint8_t *bytes, uint32_t n_bytes); /* NULL: all */
    uint64_t (*answer)(const uint8_t *bytes, uint32_t n_bytes);
};

/*
 * What rl_job_take_messages will need; 0 for a stream that is missing, of another feed, of packets
 * with any number of messages, or with fewer than RL_JOB_HOT_INPUTS wanted records.
 */
size_t rl_job_messages_bytes(const struct rl_component_config *config,
                             const struct rl_job_reader *reader);

/*
 * Copies them into the job's memory, asks for the answer to each, and sets the job's cycle. HOT: 64
 * of them, spread over the stream. RANDOM: copies of all of them, more than a cache holds,
 * shuffled. RL_JOB_SLACK bytes after the last may be read.
 */
void rl_job_take_messages(struct rl_job *job, const struct rl_component_config *config,
                          const struct rl_job_reader *reader, struct rl_job_messages *taken,
                          struct rl_component_result *out);
#define RL_JOB_SLACK 64

/* The bytes of one of them, as rl_job.input has it. */
static inline struct rl_job_bytes rl_job_message_bytes(const struct rl_job_messages *in, uint64_t i)
{
    const struct rl_job_message *m = &in->messages[i & in->mask];

    return (struct rl_job_bytes){m->bytes, m->n_bytes};
}

/* Every answer's parts are combined the same way, by the steps and by the plain readers. */
static inline uint64_t rl_job_fold(uint64_t answer, uint32_t tag, uint64_t value)
{
    return (answer << 9 | answer >> 55) + value + ((uint64_t)tag << 40);
}

#define RL_JOB_NOT_PARSED 0xBADULL

#endif
