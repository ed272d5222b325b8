/*
 * Any flow of OUCH messages: what members are told adds up to the venue's books, whatever the
 * members ask, and whatever order it comes in.
 */
#include "ouch_view.h"

enum { N_MEMBERS = 3, N_REFS = 2600, N_STEPS = 2400, LOOK_EVERY = 16 };

struct flow {
    struct ouch_world w;
    struct ouch_view view;
    uint64_t random;
    uint32_t next_ref[N_MEMBERS];
    uint32_t seen[256]; /* messages by type */
    bool drops;         /* the negative: one execution is not looked at */
};

static struct flow f;

static uint64_t draw(uint64_t n)
{
    return (check_random(&f.random) >> 32) % n;
}

static void hear(void *context, uint32_t member, const uint8_t *message, uint32_t n_bytes)
{
    struct flow *flow = context;
    struct rl_ouch_out m;

    CHECK(rl_ouch_read_out(message, n_bytes, &m));
    flow->seen[m.type]++;
    if (flow->drops && m.type == 'C' && flow->seen['C'] == 20)
        return;
    ouch_view_told(&flow->view, member, &m);
}

static const char *const symbols[] = {"AAPL", "MSFT", "X"};

/* Near enough to each other to meet often. */
static double price(uint8_t side)
{
    return 10.00 + (double)draw(12) / 100 - (side == RL_OUCH_BUY ? 0.08 : 0.03);
}

static void wish(struct rl_ouch_in *in, struct ouch_options *o)
{
    switch (draw(10)) {
    case 0:
        ouch_wish(in, o, RL_OUCH_OPTION_max_floor, 1 + draw(in->qty));
        break;
    case 1:
        ouch_wish(in, o, RL_OUCH_OPTION_post_only, 'P');
        break;
    case 2:
        ouch_wish(in, o, RL_OUCH_OPTION_aiq_strategy, (uint64_t)"NYDOW"[draw(5)]);
        break;
    case 3:
        ouch_wish(in, o, RL_OUCH_OPTION_min_qty, 1 + draw(in->qty));
        break;
    case 4:
        in->tif = RL_OUCH_GTT;
        ouch_wish(in, o, RL_OUCH_OPTION_expire_time, 80000 + draw(4));
        break;
    case 5:
        ouch_wish(in, o, RL_OUCH_OPTION_group_id, draw(3));
        break;
    default:
        break;
    }
}

static void enter(uint32_t member)
{
    uint8_t side = "BBSTE"[draw(5)];
    struct rl_ouch_in in =
        ouch_order(f.next_ref[member]++, side, (uint32_t)(1 + draw(500)), price(side));
    struct ouch_options o = {0};

    rl_put_alpha(in.symbol, symbols[draw(3)], RL_OUCH_SYMBOL);
    if (draw(5) == 0)
        in.tif = RL_OUCH_IOC;
    if (draw(30) == 0)
        in.px_nano = RL_PX_NONE;
    wish(&in, &o);
    ouch_in(&f.w, member, &in);
}

/* An old one now and then. */
static uint32_t some_ref(uint32_t member)
{
    uint32_t n = f.next_ref[member], back = (uint32_t)(draw(4) ? draw(12) : draw(200));

    return n > back + 1 ? n - 1 - back : 1;
}

static void replace(uint32_t member)
{
    uint32_t orig = some_ref(member);
    struct ouch_view_order *v = ouch_view_of(&f.view, member, orig);
    struct rl_ouch_in in = ouch_replacement(orig, f.next_ref[member]++, (uint32_t)(1 + draw(600)),
                                            price(v->side == RL_BUY ? RL_OUCH_BUY : RL_OUCH_SELL));
    struct ouch_options o = {0};

    if (draw(3) == 0 && v->open > 0) /* what keeps its place */
        in.px_nano = v->px_nano;
    if (draw(4) == 0)
        ouch_wish(&in, &o, RL_OUCH_OPTION_max_floor,
                  v->floor > 0 && v->floor <= in.qty && draw(2) ? v->floor : 1 + draw(in.qty));
    ouch_in(&f.w, member, &in);
}

static void mass_cancel(uint32_t member)
{
    struct rl_ouch_in in =
        ouch_group('C', f.next_ref[member]++, "FIRM", draw(2) ? symbols[draw(3)] : "");
    struct ouch_options o = {0};

    if (draw(2))
        ouch_wish(&in, &o, RL_OUCH_OPTION_side, (uint64_t)"BS"[draw(2)]);
    if (draw(2))
        ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, draw(3));
    ouch_in(&f.w, member, &in);
}

static void step(void)
{
    uint32_t member = (uint32_t)draw(N_MEMBERS);

    switch (draw(16)) {
    default:
        enter(member);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        replace(member);
        break;
    case 12:
        ouch_cancel(&f.w, member, some_ref(member), draw(2) ? 0 : (uint32_t)draw(300));
        break;
    case 13:
        ouch_in(&f.w, member,
                &(struct rl_ouch_in){.type = 'M',
                                     .ref = some_ref(member),
                                     .side = "BSTE"[draw(4)],
                                     .qty = (uint32_t)draw(300)});
        break;
    case 14:
        if (draw(12) == 0)
            mass_cancel(member);
        break;
    case 15: /* time: orders good till a second expire */
        f.w.now_ns += draw(40000000000);
        (void)rl_venue_turn(&f.w.venue, f.w.now_ns);
        break;
    }
}

/* False when the view is not the venue's books. */
static bool run(uint64_t seed, bool drops)
{
    bool agrees = true;

    f = (struct flow){.random = seed, .drops = drops};
    ouch_open(&f.w);
    f.w.hears = hear;
    f.w.context = &f;
    ouch_view_open(&f.view, &f.w.venue, N_MEMBERS, N_REFS);
    for (uint32_t i = 0; i < N_MEMBERS; i++) {
        CHECK_EQ(ouch_join(&f.w), i);
        f.next_ref[i] = 1;
    }
    for (uint32_t i = 0; i < N_STEPS && agrees; i++) {
        step();
        if (i % LOOK_EVERY == 0) {
            agrees = ouch_view_hash(&f.view) == rl_books_hash(rl_match_books(f.w.venue.match));
            ouch_check(&f.w);
        }
    }
    free(f.view.orders);
    ouch_close(&f.w);
    return agrees;
}

static void test_what_members_are_told_adds_up_to_the_books(void)
{
    uint32_t seen[256] = {0};

    for (uint64_t seed = 1; seed <= 40; seed++) {
        CHECK(run(seed, false));
        for (int i = 0; i < 256; i++)
            seen[i] += f.seen[i];
    }
    for (const char *type = "AUCDEJMRX"; *type != '\0'; type++)
        if (seen[(uint8_t)*type] == 0) {
            fprintf(stderr, "the flow has no '%c'\n", *type);
            CHECK(false);
        }
}

static void test_a_message_that_is_missed_is_seen_in_the_books(void)
{
    CHECK(!run(1, true));
}

int main(void)
{
    test_what_members_are_told_adds_up_to_the_books();
    test_a_message_that_is_missed_is_seen_in_the_books();
    return 0;
}
