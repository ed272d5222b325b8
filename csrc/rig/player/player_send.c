/* Playing: waits until a record is due and hands it on. */
#include "rig/player/player_inner.h"

#include <sched.h>
#include <string.h>

/* Sleeping ends this much before a record is due: waking takes a timer slack of 50 us and a bit. */
#define SPIN_NS 200000
/* At most: somebody may want to stop. */
#define SLEEP_NS 50000000
/* Turns on a full cable before the CPU is offered to others: the reader may share it. */
#define FULL_TURNS 64

static uint64_t now_ns(const struct rl_player *p)
{
    return p->clock.now_ns(p->clock.arg);
}

/* Waits for the record's time and records how late it is; false when stopped first. */
static bool wait_for(struct rl_player *p, const struct rl_stream_rec *rec)
{
    uint64_t due, now;

    if (p->config.pace.mode == RL_PACE_MAX)
        return !rl_player_is_stopped(p);
    due = rl_pace_next(&p->pace, rec);
    due = due > UINT64_MAX - p->start_ns ? UINT64_MAX : p->start_ns + due;
    for (;;) {
        now = now_ns(p);
        if (rl_player_is_stopped(p))
            return false;
        if (now >= due)
            break;
        if (due - now > SPIN_NS)
            p->clock.sleep_ns(p->clock.arg,
                              due - now - SPIN_NS < SLEEP_NS ? due - now - SPIN_NS : SLEEP_NS);
        else
            rl_pause();
    }
    rl_hist_record(&p->lateness, now - due);
    return true;
}

static void count_record(struct rl_player *p, const struct rl_stream_rec *rec)
{
    rl_count(&p->sent.records, 1);
    rl_count(&p->sent.messages, rec->n_messages);
    rl_count(&p->sent.bytes, rec->n_bytes);
}

/* Loops until stopped or done; `record` deals with one, `between` with the end of a loop. */
static void play(struct rl_player *p,
                 void (*record)(struct rl_player *p, const struct rl_stream_rec *rec),
                 void (*between)(struct rl_player *p, bool is_whole, bool is_last))
{
    const struct rl_player_config *c = &p->config;
    bool is_last = false;

    rl_pace_init(&p->pace, &c->pace);
    p->start_ns = now_ns(p);
    for (uint64_t loop = 1; !is_last; loop++) {
        uint64_t i = 0;

        while (i < c->n_recs && wait_for(p, &c->recs[i])) {
            count_record(p, &c->recs[i]);
            record(p, &c->recs[i]);
            i++;
        }
        is_last = loop == c->n_loops || rl_player_is_stopped(p);
        if (i == c->n_recs)
            rl_count(&p->sent.loops_sent, 1);
        between(p, i == c->n_recs, is_last);
        rl_pace_loop(&p->pace, c->n_recs);
    }
    p->end_ns = now_ns(p);
}

/* --- into the book ---------------------------------------------------------------------------- */

static void book_record(struct rl_player *p, const struct rl_stream_rec *rec)
{
    /* A record without a time came with the one before. */
    p->stamp_ns = rec->ts_ns > p->stamp_ns ? rec->ts_ns : p->stamp_ns;
    rl_player_take(p, rec->line, p->config.bytes + rec->offset, rec->n_bytes, p->stamp_ns);
}

static void book_between(struct rl_player *p, bool is_whole, bool is_last)
{
    (void)is_last;
    rl_player_end_loop(p, is_whole);
    p->stamp_ns = 0;
}

void rl_player_run_book(void *player)
{
    play(player, book_record, book_between);
}

/* --- into a port ------------------------------------------------------------------------------ */

/* Room for a frame on the line's cable; at full speed, when somebody reads, there always will be.
 */
static uint8_t *reserve(struct rl_player *p, uint32_t line, uint32_t n_bytes, bool is_patient)
{
    struct rl_port *port = p->cables[line].end[0];
    uint8_t *frame = rl_port_tx_reserve(port, n_bytes);

    for (uint32_t n = 1; frame == NULL && is_patient; n++) {
        rl_pause();
        if (n % FULL_TURNS == 0)
            (void)sched_yield();
        frame = rl_port_tx_reserve(port, n_bytes);
    }
    return frame;
}

static void port_record(struct rl_player *p, const struct rl_stream_rec *rec)
{
    uint8_t *frame = reserve(p, rec->line, rec->n_bytes, p->config.pace.mode == RL_PACE_MAX);

    if (frame == NULL) {
        rl_count(&p->sent.records_unsent, 1);
        rl_count(&p->sent.messages_unsent, rec->n_messages);
        return;
    }
    memcpy(frame, p->config.bytes + rec->offset, rec->n_bytes);
    rl_port_tx_commit(p->cables[rec->line].end[0], rec->n_bytes);
}

/* An empty frame ends the loop on each line; the last one ends with the sender. */
static void port_between(struct rl_player *p, bool is_whole, bool is_last)
{
    (void)is_whole;
    for (uint32_t line = 0; !is_last && line < p->config.n_lines; line++) {
        (void)reserve(p, line, 0, true);
        rl_port_tx_commit(p->cables[line].end[0], 0);
    }
}

void rl_player_run_sender(void *player)
{
    struct rl_player *p = player;

    play(p, port_record, port_between);
    rl_phase_enter(&p->shared, RL_PHASE_DRAIN);
}
