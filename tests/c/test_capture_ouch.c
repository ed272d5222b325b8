/* OUCH sample packets of a real session: each field is known, each is written again as it was. */
#include "capture.h"

#include "hex.h"
#include "market/codec/ouch.h"
#include "market/codec/soup.h"

/*
 * The SoupBinTCP packet of a capture file with one frame: Ethernet, perhaps a VLAN tag, IPv4, TCP.
 * What the IP header does not count (padding, a trailer of the capturing switch) is left out.
 */
static struct rl_soup sample(const char *kind, struct capture *c)
{
    const uint8_t *ip, *tcp;
    struct rl_soup p;
    uint32_t n_ip;
    char name[128];

    snprintf(name, sizeof name, "itch/Nasdaq.Nsm.Ouch.v5.0.%s.pcap", kind);
    *c = capture_read(name);
    CHECK(c->n_bytes > 24 + 16 + 18 + 40);
    ip = c->bytes + 24 + 16 + (rl_be16(c->bytes + 24 + 16 + 12) == 0x8100 ? 18 : 14);
    CHECK_EQ(ip[0], 0x45);
    CHECK_EQ(ip[9], 6);
    n_ip = rl_be16(ip + 2);
    CHECK(ip + n_ip <= c->bytes + c->n_bytes);
    tcp = ip + 20;
    tcp += 4 * (tcp[12] >> 4);
    CHECK_EQ(rl_soup_read(tcp, (size_t)(ip + n_ip - tcp), &p), RL_SOUP_OK);
    CHECK_EQ(RL_SOUP_HEADER + p.n_bytes, ip + n_ip - tcp);
    return p;
}

static void test_an_order_sold_short_is_read_and_written(void)
{
    struct capture c;
    struct rl_soup p = sample("EnterOrderMessage", &c);
    uint8_t again[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_option o;
    struct rl_ouch_in v;
    uint32_t at = 0;

    CHECK_EQ(p.type, 'U');
    CHECK(rl_ouch_read_in(p.payload, p.n_bytes, &v));
    CHECK_EQ(v.type, 'O');
    CHECK_EQ(v.ref, 0x71);
    CHECK_EQ(v.side, RL_OUCH_SELL_SHORT);
    CHECK_EQ(v.qty, 225);
    CHECK(rl_alpha_is(v.symbol, sizeof v.symbol, "CVLT"));
    CHECK_EQ(v.px_nano, 63 * RL_NANO_PER_UNIT + 20000000); /* 63.02 */
    CHECK_EQ(v.tif, RL_OUCH_DAY);
    CHECK_EQ(v.display, RL_OUCH_VISIBLE);
    CHECK_EQ(v.capacity, RL_OUCH_AGENCY);
    CHECK_EQ(v.sweep, 'N');
    CHECK_EQ(v.cross, RL_OUCH_CONTINUOUS);
    CHECK(rl_alpha_is(v.cl_ord_id, sizeof v.cl_ord_id, "H8FUB8IV"));
    CHECK(rl_ouch_next_option(&v.options, &at, &o));
    CHECK(o.tag == RL_OUCH_OPTION_firm && rl_alpha_is(o.value, o.n_bytes, "LIME"));
    CHECK(!rl_ouch_next_option(&v.options, &at, &o));
    hex_check(again, rl_ouch_write_in(again, sizeof again, &v), p.payload, p.n_bytes, "enter");
    free(c.bytes);
}

static void test_a_cancel_of_all_is_read_and_written(void)
{
    struct capture c;
    struct rl_soup p = sample("CancelOrderMessage", &c);
    uint8_t again[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_in v;

    CHECK_EQ(p.type, 'U');
    CHECK(rl_ouch_read_in(p.payload, p.n_bytes, &v));
    CHECK(v.type == 'X' && v.ref == 0x752E71 && v.qty == 0 && !v.options.is_present);
    hex_check(again, rl_ouch_write_in(again, sizeof again, &v), p.payload, p.n_bytes, "cancel");
    free(c.bytes);
}

static void test_an_accepted_order_is_read_and_written(void)
{
    struct capture c;
    struct rl_soup p = sample("OrderAcceptedMessage", &c);
    uint8_t again[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_option o;
    struct rl_ouch_out v;

    CHECK_EQ(p.type, 'S');
    CHECK(rl_ouch_read_out(p.payload, p.n_bytes, &v));
    CHECK_EQ(v.type, 'A');
    CHECK_EQ(v.ts_ns / 1000000000, 44647); /* 12:24:07, as the capture's own stamp */
    CHECK_EQ(v.ref, 0x753A8D);
    CHECK_EQ(v.side, RL_OUCH_BUY);
    CHECK_EQ(v.qty, 40);
    CHECK(rl_alpha_is(v.symbol, sizeof v.symbol, "ADBE"));
    CHECK_EQ(v.px_nano, 0x48E748LL * 100000);
    CHECK_EQ(v.tif, RL_OUCH_GTX);
    CHECK_EQ(v.display, RL_OUCH_VISIBLE);
    CHECK_EQ(v.order_ref, 0xF56B4F5);
    CHECK_EQ(v.capacity, RL_OUCH_AGENCY);
    CHECK(v.sweep == 'N' && v.cross == RL_OUCH_CONTINUOUS && v.state == 'L');
    CHECK(rl_alpha_is(v.cl_ord_id, sizeof v.cl_ord_id, "7682701"));
    CHECK(rl_ouch_find_option(&v.options, RL_OUCH_OPTION_firm, &o));
    CHECK(rl_alpha_is(o.value, o.n_bytes, "MLRO"));
    CHECK(rl_ouch_find_option(&v.options, RL_OUCH_OPTION_bbo_weight, &o) && o.value[0] == '0');
    hex_check(again, rl_ouch_write_out(again, sizeof again, &v), p.payload, p.n_bytes, "accepted");
    free(c.bytes);
}

static void test_a_canceled_order_is_read_and_written(void)
{
    struct capture c;
    struct rl_soup p = sample("CanceledMessage", &c);
    uint8_t again[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_out v;

    CHECK_EQ(p.type, 'S');
    CHECK(rl_ouch_read_out(p.payload, p.n_bytes, &v));
    CHECK(v.type == 'C' && v.ref == 0x753A8D && v.qty == 40);
    CHECK_EQ(v.reason, RL_OUCH_CANCEL_USER);
    hex_check(again, rl_ouch_write_out(again, sizeof again, &v), p.payload, p.n_bytes, "canceled");
    free(c.bytes);
}

static void test_heartbeats_of_both_sides_are_empty(void)
{
    struct capture c;
    struct rl_soup p = sample("ClientHeartbeatPacket", &c);

    CHECK(p.type == 'R' && p.n_bytes == 0);
    free(c.bytes);
    p = sample("ServerHeartbeatPacket", &c);
    CHECK(p.type == 'H' && p.n_bytes == 0);
    free(c.bytes);
}

int main(void)
{
    test_an_order_sold_short_is_read_and_written();
    test_a_cancel_of_all_is_read_and_written();
    test_an_accepted_order_is_read_and_written();
    test_a_canceled_order_is_read_and_written();
    test_heartbeats_of_both_sides_are_empty();
    return 0;
}
