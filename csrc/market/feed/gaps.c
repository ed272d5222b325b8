/* What is missing: since when, who is asked, how it ends. */
#include "market/feed/lines_inner.h"

#define MAX_BACK_OFF 10 /* a request waits at most 2^10 times the first wait */

const struct rl_parked *rl_lines_front(struct rl_lines *l)
{
    const struct rl_parked *e;

    while ((e = rl_window_front(&l->window)) != NULL && e->head.next <= l->seq.next)
        rl_window_pop(&l->window);
    return e;
}

/* --- a gap opens and closes ------------------------------------------------------------------- */

static void gap_open(struct rl_lines *l, const struct rl_parked *shown_by)
{
    l->n.gaps++;
    l->has_gap = true;
    l->state = RL_LINES_GAP;
    l->gap_line = shown_by->line;
    l->due_ns = shown_by->at_ns + rl_lines_gap_wait_ns(l);
    l->attempt = 0;
    l->wants_request = false;
}

/* Is something missing before what is parked? */
static void find_gap(struct rl_lines *l)
{
    const struct rl_parked *front = rl_lines_front(l);

    if (front && !rl_lines_may_deliver(l, &front->head))
        gap_open(l, front);
}

void rl_lines_gap_close(struct rl_lines *l, uint64_t *how)
{
    if (l->has_gap)
        ++*how;
    l->has_gap = false;
    l->state = RL_LINES_IN_ORDER;
    l->due_ns = UINT64_MAX;
    l->wants_request = false;
}

uint64_t *rl_lines_closed_by(struct rl_lines *l, uint32_t line)
{
    if (line == RL_LINE_RECOVERY)
        return &l->n.recovered_request;
    return line == l->gap_line ? &l->n.recovered_late : &l->n.recovered_other;
}

void rl_lines_settle(struct rl_lines *l, uint64_t *how)
{
    const struct rl_parked *front;

    if (l->seq.next == 0)
        return; /* waits for its first snapshot */
    front = rl_lines_front(l);
    if (l->state != RL_LINES_IN_ORDER && (!front || rl_lines_may_deliver(l, &front->head)))
        rl_lines_gap_close(l, how);
    if (l->state == RL_LINES_IN_ORDER)
        find_gap(l);
    rl_lines_expire(l);
}

/* --- a gap is given up ------------------------------------------------------------------------ */

static void lose(struct rl_lines *l, uint64_t first, uint64_t n)
{
    l->n.lost += n;
    l->n_lost_before += n;
    if (l->n_losses < l->config.n_losses)
        l->losses[l->n_losses++] = (struct rl_loss){first, n};
    else
        l->n.losses_unlisted++;
}

void rl_lines_give_up(struct rl_lines *l, const struct rl_packet *p)
{
    uint64_t first = l->seq.next;

    lose(l, first, rl_sequence_give_up(&l->seq, p));
    rl_lines_gap_close(l, &l->n.gaps_lost);
}

void rl_lines_drop_parked(struct rl_lines *l)
{
    const struct rl_window *w = &l->window;
    uint64_t end = l->seq.next;

    if (l->seq.next != 0)
        for (uint32_t i = w->first; i < w->first + w->n; i++)
            end = w->entries[i].head.next > end ? w->entries[i].head.next : end;
    if (end > l->seq.next)
        lose(l, l->seq.next, end - l->seq.next);
    rl_lines_gap_close(l, &l->n.gaps_lost);
}

/* --- a gap is asked for ----------------------------------------------------------------------- */

static void ask(struct rl_lines *l)
{
    uint32_t shift = l->attempt < MAX_BACK_OFF ? l->attempt : MAX_BACK_OFF;

    l->attempt++;
    l->wants_request = true;
    l->due_ns =
        l->config.request_wait_ns ? l->now_ns + (l->config.request_wait_ns << shift) : UINT64_MAX;
}

void rl_lines_ask_anew(struct rl_lines *l)
{
    l->attempt = 0;
    ask(l);
}

static void recover(struct rl_lines *l)
{
    l->n.recoveries++;
    l->state = RL_LINES_RECOVERING;
    rl_lines_ask_anew(l);
}

void rl_lines_expire(struct rl_lines *l)
{
    /* Each round moves the state on, or the deadline beyond now. */
    while (l->state != RL_LINES_IN_ORDER && l->now_ns >= l->due_ns) {
        const struct rl_parked *front = rl_lines_front(l);

        if (l->state == RL_LINES_RECOVERING) {
            ask(l);
        } else if (!front) {
            rl_lines_gap_close(l, &l->n.recovered_late);
        } else if (l->attempt < l->config.n_requests) {
            l->state = RL_LINES_ASKING;
            ask(l);
        } else if (l->config.has_snapshots) {
            recover(l);
        } else {
            rl_lines_give_up(l, &front->head);
            find_gap(l); /* behind a heartbeat nothing need follow at once */
        }
    }
}

bool rl_lines_request(struct rl_lines *l, uint64_t now_ns, struct rl_lines_request *request)
{
    const struct rl_parked *front = rl_window_front(&l->window);
    uint64_t n;

    l->now_ns = now_ns > l->now_ns ? now_ns : l->now_ns;
    if (!l->wants_request || l->state == RL_LINES_IN_ORDER)
        return false;
    l->wants_request = false;
    l->n.requests++;
    *request = (struct rl_lines_request){.is_snapshot = l->state == RL_LINES_RECOVERING,
                                         .first = l->seq.next,
                                         .attempt = l->attempt,
                                         .session = l->seq.session,
                                         .session_rest = l->seq.session_rest};
    if (!request->is_snapshot && front) {
        n = front->head.previous + 1 - l->seq.next;
        request->n = n < l->config.n_request_max ? n : l->config.n_request_max;
    }
    return true;
}

uint64_t rl_lines_due_ns(const struct rl_lines *l)
{
    return l->state == RL_LINES_IN_ORDER ? UINT64_MAX : l->due_ns;
}
