/* drill_inner - what the files of the drill share. */
#ifndef RL_RIG_DRILL_DRILL_INNER_H
#define RL_RIG_DRILL_DRILL_INNER_H

#include "rig/desk/desk.h"
#include "rig/drill/drill.h"
#include "rig/exchange/fix_gateway.h"
#include "rig/exchange/md_itch.h"
#include "session/fix_acceptor.h"

#define DRILL_LINK_BYTES (1u << 20)
#define DRILL_START_NS 1700000000000000000ULL /* any day */

/* One direction of a connection: what is written in a step is read in the next. */
struct drill_link {
    uint8_t *bytes;
    uint32_t n_ready, n;
};

/* An event that a desk has to be told of, by the ExecID that names it. */
struct drill_due {
    uint64_t exec; /* 0: nothing */
    uint64_t seq, ts_ns;
    bool was_told;
};

/* What a desk was told, as seen from outside of it, held against what happened. */
struct drill_watch {
    struct drill_due *dues; /* hash table */
    uint64_t last_seq;      /* of the events that it was told, but for late ones */
    uint64_t n[RL_DRILL_N_ROWS];
};

struct drill_seat {
    struct rl_drill *drill;
    uint32_t i;
    /* the desk's side */
    struct rl_desk desk;
    struct rl_kill kill;
    struct rl_memory_store desk_store;
    uint64_t *open; /* ids that it may work on */
    uint32_t n_open;
    uint64_t reconnect_ns; /* UINT64_MAX: connected */
    struct drill_watch watch;
    /* the wire */
    struct drill_link to_venue, to_desk;
    bool is_up;
    uint64_t silent_until_ns;
    bool was_cut; /* by mischief: the next end is counted as its doing */
    /* the venue's side */
    struct rl_fix_session session;
    struct rl_memory_store venue_store;
    uint32_t handle;
};

/* What the venue matched for a member and an instrument. */
struct drill_truth {
    int64_t net;
    rl_money cash;
    uint64_t done[2]; /* bought and sold, less what was taken back */
};

struct rl_drill {
    struct rl_drill_config config;
    struct rl_arena arena;
    struct rl_random random;
    uint64_t now_ns;
    uint32_t n_dues; /* of each desk's table; a power of two */
    bool is_over;    /* nobody trades any more, nothing goes wrong */
    struct rl_match_config match;
    struct rl_venue venue;
    struct rl_mischief mischief;
    struct rl_fix_gateway gateway;
    struct rl_md_itch md;
    struct drill_seat *seats;
    uint32_t house;
    int64_t *mids; /* of the house's quotes, ticks */
    uint64_t house_ns;
    struct drill_truth *truths; /* [member][instrument] */
    uint64_t n_md_lost;
    uint64_t n_busted;              /* executions of desks taken back */
    uint64_t n_halts;               /* in market data */
    uint64_t n_md_sent;             /* packets, of each line */
    uint64_t skew_ns, skew_seen_ns; /* of the last answer that a desk heard */
    bool is_skew_exact;             /* it was sent in the step before it was heard */
    void *limits;
    struct rl_drill_counters n;
};

#define DRILL_TICK (RL_NANO_PER_UNIT / 100)

/* What the venue's clock says. */
static inline uint64_t drill_venue_ns(const struct rl_drill *d)
{
    return rl_mischief_stamp(&d->mischief, d->now_ns);
}

/* Appends to a link; false: no room. */
bool drill_write(struct drill_link *l, const uint8_t *bytes, uint32_t n);
/* The connection ends for both sides; bytes under way are lost. */
void drill_cut(struct drill_seat *seat);

/* drill_venue.c */
int drill_open_venue(struct rl_drill *d, const char **why);
size_t drill_venue_bytes(const struct rl_drill *d);
void drill_turn_venue(struct rl_drill *d);
struct rl_fix_session_config drill_session_config(const struct drill_seat *seat, char names[2][16]);

/* drill_desk.c */
int drill_open_desks(struct rl_drill *d, const char **why);
size_t drill_desk_bytes(const struct rl_drill *d);
void drill_turn_desks(struct rl_drill *d);

/* drill_watch.c */
void drill_watch_event(struct rl_drill *d, const struct rl_match_event *e);
void drill_watch_message(struct drill_seat *seat, const struct rl_fix_msg *m);
void drill_judge(struct rl_drill *d, struct rl_drill_result *result);

#endif
