#include "rig/exchange/mischief.h"

#include <errno.h>
#include <string.h>

enum what { REQUEST, ANSWER, LATE_FILL, SECOND_FILL, SWAPPED_FILL, BUST };

/* A fill that shall change places waits so long for an answer to change with. */
#define SWAP_PATIENCE_NS 10000000ULL

/* Made-up events have numbers that no event of the matching engine reaches. */
#define MADE_UP (1ULL << 63)

const char *const rl_mischief_counter_names[] = {
#define NAME(name, what) #name,
    RL_MISCHIEF_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- chance ----------------------------------------------------------------------------------- */

/* A kind that is off draws nothing: switching one on moves the others, but only from there on. */
static bool happens(struct rl_mischief *m, uint32_t chance)
{
    return chance > 0 && rl_random_below(&m->random, RL_MISCHIEF_MILLION) < chance;
}

static uint64_t draw_ns(struct rl_mischief *m, const struct rl_latency *l)
{
    return l->n ? l->values_ns[rl_random_below(&m->random, l->n)] : l->fixed_ns;
}

/* --- what waits: a binary heap, the earliest in front ----------------------------------------- */

static bool is_before(const struct rl_mischief_wait *a, const struct rl_mischief_wait *b)
{
    return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

static void push(struct rl_mischief *m, const struct rl_mischief_wait *w)
{
    uint32_t at = m->n_heap++;

    for (; at > 0 && is_before(w, &m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = *w;
    m->heap[at].order = m->n_made++;
}

static void pop(struct rl_mischief *m, struct rl_mischief_wait *first)
{
    const struct rl_mischief_wait *last = &m->heap[--m->n_heap];
    uint32_t at = 0;

    *first = m->heap[0];
    for (uint32_t next = 1; next < m->n_heap; next = 2 * at + 1) {
        next += next + 1 < m->n_heap && is_before(&m->heap[next + 1], &m->heap[next]);
        if (!is_before(&m->heap[next], last))
            break;
        m->heap[at] = m->heap[next];
        at = next;
    }
    m->heap[at] = *last;
}

/* False: no room, and counted. */
static bool hold_event(struct rl_mischief *m, const struct rl_match_event *e, uint64_t due_ns,
                       enum what what)
{
    struct rl_mischief_wait w = {.due_ns = due_ns, .order = m->n_made, .what = (uint8_t)what};

    if (m->n_heap == m->config.n_waiting) {
        m->n.no_room++;
        return false;
    }
    w.event = *e;
    push(m, &w);
    return true;
}

static bool hold_request(struct rl_mischief *m, const struct rl_match_request *r, uint64_t due_ns,
                         enum what what)
{
    struct rl_mischief_wait w = {.due_ns = due_ns, .order = m->n_made, .what = (uint8_t)what};

    if (m->n_heap == m->config.n_waiting) {
        m->n.no_room++;
        return false;
    }
    w.request = *r;
    push(m, &w);
    return true;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool is_refused(struct rl_mischief *m, const struct rl_match_request *r)
{
    if (r->op != RL_MATCH_NEW)
        return false;
    if (m->n_rejecting == 0 && happens(m, m->config.reject_burst_chance))
        m->n_rejecting = m->config.reject_burst;
    if (m->n_rejecting == 0)
        return false;
    m->n_rejecting--;
    m->n.rejects++;
    return true;
}

static void tell(struct rl_mischief *m, const struct rl_match_event *e, uint64_t now_ns);

static void refuse(struct rl_mischief *m, const struct rl_match_request *r, uint64_t now_ns)
{
    struct rl_match_event e = {.seq = MADE_UP | m->n.rejects,
                               .ts_ns = now_ns,
                               .id = r->id,
                               .user = r->user,
                               .px_nano = r->px_nano,
                               .qty = r->qty,
                               .instrument = r->instrument,
                               .owner = r->owner,
                               .kind = RL_MATCH_EVENT_REJECTED,
                               .side = r->side,
                               .type = r->type,
                               .op = r->op,
                               .reason = RL_MATCH_REASON_VENUE};

    tell(m, &e, now_ns);
}

static bool on_request(void *context, const struct rl_match_request *r, uint64_t now_ns)
{
    struct rl_mischief *m = context;
    struct rl_mischief_member *member;
    uint64_t due_ns;

    if (r->owner >= m->n_members)
        return false;
    if (is_refused(m, r)) {
        refuse(m, r, now_ns);
        return true;
    }
    member = &m->members[r->owner];
    due_ns = now_ns + draw_ns(m, &m->config.request);
    due_ns = due_ns > member->request_ns ? due_ns : member->request_ns;
    if ((due_ns <= now_ns && member->n_requests == 0) || !hold_request(m, r, due_ns, REQUEST))
        return false;
    member->n_requests++;
    member->request_ns = due_ns;
    return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void maybe_bust(struct rl_mischief *m, const struct rl_match_event *e, uint64_t now_ns)
{
    struct rl_match_request r = {
        .op = RL_MATCH_BUST, .match = e->match, .instrument = e->instrument};

    if (e->flags & RL_MATCH_AGGRESSOR && happens(m, m->config.bust_chance))
        (void)hold_request(m, &r, now_ns + m->config.bust_after_ns, BUST);
}

static void pass(struct rl_mischief *m, const struct rl_match_event *e, uint64_t now_ns)
{
    m->n.slow_fills += e->kind == RL_MATCH_EVENT_FILL && m->config.slow_ns > 0 &&
                       now_ns - e->ts_ns >= m->config.slow_ns;
    rl_venue_pass_event(m->venue, e);
}

/* Now or later. The order of a member's answers stays, whatever they wait for. */
static void tell(struct rl_mischief *m, const struct rl_match_event *e, uint64_t now_ns)
{
    struct rl_mischief_member *member = &m->members[e->owner];
    uint64_t slow_ns = happens(m, m->config.slow_chance) ? m->config.slow_ns : 0;
    uint64_t due_ns = now_ns + draw_ns(m, &m->config.answer) + slow_ns;

    due_ns = due_ns > member->answer_ns ? due_ns : member->answer_ns;
    if ((due_ns > now_ns || member->n_answers > 0) && hold_event(m, e, due_ns, ANSWER)) {
        member->answer_ns = due_ns;
        member->n_answers++;
    } else {
        pass(m, e, now_ns);
    }
}

/* A fill that changes places is told behind the next answer of its member: that counts. */
static void tell_swapped(struct rl_mischief *m, uint32_t owner, bool is_behind_another,
                         uint64_t now_ns)
{
    struct rl_mischief_member *member = &m->members[owner];

    if (!member->has_swapped)
        return;
    member->has_swapped = false;
    m->n.swapped += is_behind_another;
    tell(m, &member->swapped, now_ns);
}

/* What a member hears of in any protocol: to come behind something else would go unnoticed. */
static bool is_said_by_all(unsigned kind)
{
    return kind == RL_MATCH_EVENT_ACCEPTED || kind == RL_MATCH_EVENT_FILL ||
           kind == RL_MATCH_EVENT_CANCELLED || kind == RL_MATCH_EVENT_REPLACED ||
           kind == RL_MATCH_EVENT_EXPIRED;
}

static bool on_event(void *context, const struct rl_match_event *e, uint64_t now_ns)
{
    struct rl_mischief *m = context;
    struct rl_mischief_member *member;
    bool is_fill = e->kind == RL_MATCH_EVENT_FILL;

    if (is_fill)
        maybe_bust(m, e, now_ns);
    if (e->owner >= m->n_members || !m->venue->members[e->owner].config.told)
        return true; /* there is nobody to tell */
    member = &m->members[e->owner];
    if (is_fill && !member->has_swapped && happens(m, m->config.swap_chance) &&
        hold_event(m, e, now_ns + SWAP_PATIENCE_NS, SWAPPED_FILL)) {
        member->swapped = *e;
        member->has_swapped = true;
        return true;
    }
    if (is_fill && happens(m, m->config.late_fill_chance) &&
        hold_event(m, e, now_ns + m->config.late_fill_ns, LATE_FILL))
        return true;
    tell(m, e, now_ns);
    if (is_said_by_all(e->kind))
        tell_swapped(m, e->owner, true, now_ns);
    if (is_fill && happens(m, m->config.duplicate_fill_chance))
        (void)hold_event(m, e, member->answer_ns > now_ns ? member->answer_ns : now_ns,
                         SECOND_FILL);
    return true;
}

/* --- time ------------------------------------------------------------------------------------- */

static void let_go(struct rl_mischief *m, const struct rl_mischief_wait *w, uint64_t now_ns)
{
    switch ((enum what)w->what) {
    case REQUEST:
        m->n.requests_held++;
        m->members[w->request.owner].n_requests--;
        rl_venue_pass_request(m->venue, &w->request, now_ns);
        return;
    case BUST:
        m->n.busts++;
        rl_venue_decide(m->venue, &w->request, now_ns);
        return;
    case SWAPPED_FILL: /* unless it was told meanwhile */
        if (m->members[w->event.owner].swapped.seq == w->event.seq)
            tell_swapped(m, w->event.owner, false, now_ns);
        return;
    case LATE_FILL:
        m->n.late_fills++;
        break;
    case SECOND_FILL:
        m->n.duplicate_fills++;
        break;
    case ANSWER:
        m->n.answers_held++;
        m->members[w->event.owner].n_answers--;
        break;
    }
    pass(m, &w->event, now_ns);
}

static void set_phase(struct rl_mischief *m, enum rl_match_phase phase, uint64_t now_ns)
{
    rl_venue_decide(m->venue,
                    &(struct rl_match_request){.op = RL_MATCH_PHASE,
                                               .instrument = RL_INSTRUMENT_ALL,
                                               .phase = (uint8_t)phase},
                    now_ns);
}

/* When the next halt begins or ends. */
static uint64_t halt_ns(const struct rl_mischief *m)
{
    if (m->is_halted)
        return m->resume_ns;
    return m->next_halt < m->config.n_halts ? m->start_ns + m->config.halts[m->next_halt].at_ns
                                            : UINT64_MAX;
}

static void turn_halts(struct rl_mischief *m, uint64_t now_ns)
{
    while (halt_ns(m) <= now_ns) {
        if (m->is_halted) {
            m->is_halted = false;
            set_phase(m, RL_MATCH_OPEN, m->resume_ns);
            continue;
        }
        m->resume_ns = halt_ns(m) + m->config.halts[m->next_halt].for_ns;
        m->is_halted = true;
        m->n.halts++;
        set_phase(m, RL_MATCH_HALTED, halt_ns(m) - m->config.halts[m->next_halt].for_ns);
        m->next_halt++;
    }
}

static uint64_t on_turn(void *context, uint64_t now_ns)
{
    struct rl_mischief *m = context;
    struct rl_mischief_wait w;
    uint64_t heap_ns;

    while (m->n_heap > 0 && m->heap[0].due_ns <= now_ns) {
        turn_halts(m, m->heap[0].due_ns);
        pop(m, &w);
        let_go(m, &w, now_ns);
    }
    turn_halts(m, now_ns);
    heap_ns = m->n_heap > 0 ? m->heap[0].due_ns : UINT64_MAX;
    return heap_ns < halt_ns(m) ? heap_ns : halt_ns(m);
}

/* --- beside the sockets ----------------------------------------------------------------------- */

enum rl_mischief_act rl_mischief_wire(struct rl_mischief *m)
{
    if (happens(m, m->config.reset_chance)) {
        m->n.resets++;
        return RL_MISCHIEF_RESET;
    }
    if (happens(m, m->config.silence_chance)) {
        m->n.silences++;
        return RL_MISCHIEF_SILENCE;
    }
    if (happens(m, m->config.garbage_chance)) {
        m->n.garbage++;
        return RL_MISCHIEF_GARBAGE;
    }
    return RL_MISCHIEF_SEND;
}

uint32_t rl_mischief_garbage(struct rl_mischief *m, uint8_t *bytes, uint32_t n_max)
{
    uint32_t n_wanted = m->config.garbage_bytes ? m->config.garbage_bytes : 1;
    uint32_t n = 1 + rl_random_below(&m->random, n_wanted < n_max ? n_wanted : n_max);

    for (uint32_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)rl_random_next(&m->random);
        bytes[i] = bytes[i] == '8' ? '*' : bytes[i]; /* what looks like a message would be one */
    }
    return n;
}

uint64_t rl_mischief_stamp(const struct rl_mischief *m, uint64_t now_ns)
{
    int64_t gone_ns = (int64_t)(now_ns - m->start_ns);
    int64_t step_ns = (uint64_t)gone_ns < m->config.skew_at_ns ? 0 : m->config.skew_ns;

    return now_ns + (uint64_t)(step_ns + gone_ns / RL_MISCHIEF_MILLION * m->config.drift_per_mega);
}

/* --- set-up ----------------------------------------------------------------------------------- */

size_t rl_mischief_bytes(const struct rl_mischief_config *config, uint32_t n_members)
{
    return config->n_waiting * sizeof(struct rl_mischief_wait) +
           n_members * sizeof(struct rl_mischief_member) + 2 * RL_CACHE_LINE;
}

static bool are_chances(const struct rl_mischief_config *c)
{
    const uint32_t chances[] = {c->slow_chance,    c->late_fill_chance, c->duplicate_fill_chance,
                                c->swap_chance,    c->bust_chance,      c->reject_burst_chance,
                                c->garbage_chance, c->reset_chance,     c->silence_chance};

    for (size_t i = 0; i < RL_COUNT(chances); i++)
        if (chances[i] > RL_MISCHIEF_MILLION)
            return false;
    return c->n_halts <= RL_MISCHIEF_HALTS && c->n_waiting > 0;
}

int rl_mischief_init(struct rl_mischief *m, struct rl_arena *arena, struct rl_venue *venue,
                     const struct rl_mischief_config *config, uint64_t now_ns)
{
    if (!are_chances(config))
        return -EINVAL;
    *m = (struct rl_mischief){
        .venue = venue, .config = *config, .start_ns = now_ns, .n_members = venue->n_members_max};
    m->heap = rl_arena_take(arena, config->n_waiting * sizeof *m->heap, RL_CACHE_LINE);
    m->members = rl_arena_take(arena, m->n_members * sizeof *m->members, RL_CACHE_LINE);
    if (!m->heap || !m->members)
        return -ENOMEM;
    memset(m->members, 0, m->n_members * sizeof *m->members);
    rl_random_seed(&m->random, config->seed);
    rl_venue_hook(venue, &(struct rl_venue_hook){on_request, on_event, on_turn, m});
    return 0;
}
