/*
 * engine - a small trading engine that has nothing of Redline in it: plain sockets, one thread.
 *
 *     cc -O2 -o engine engine.c
 *     engine MARKET_DATA ORDERS IMBALANCE_PERMILLE EVERY LOT MAX_SPREAD_NANO [BUG]
 *
 * It hears ITCH 5.0 in MoldUDP64 on MARKET_DATA (HOST:PORT, its own), keeps a book per symbol, and
 * sends an order of FIX 4.4 to ORDERS (HOST:PORT, the venue's) whenever the queues at the best
 * prices lean to one side; docs/guides/your-own-engine.md has the rule and the contract. SIGUSR2
 * stops it for good: it goes on reading and sends nothing.
 *
 * BUG breaks it on purpose, for showing that a bench notices: drop:N leaves out each N-th order,
 * price:N is a cent wrong in each N-th, twice:N sends each N-th again, deaf ignores the stop, silent
 * never orders, garbage sends what is no FIX, die:N aborts at order N, alone never connects, repeats
 * believes what comes twice.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_SYMBOLS 65536      /* stock locates */
#define N_ORDERS (1u << 21)  /* slots of the table, at most half of them used */
#define N_LEVELS (1u << 14)  /* of one side of one symbol */
#define NANO_PER_TICK 100000 /* ITCH prices have four decimals */
#define CENT 100             /* in these */

enum { BUY, SELL };

struct level {
    uint32_t price;
    uint64_t quantity;
};

/* A side: levels sorted, the best one last, so that changes near it move little. */
struct side {
    struct level *levels;
    uint32_t n, n_max;
};

struct symbol {
    char name[9];
    struct side sides[2];
    int direction;
    uint32_t n_signals;
};

struct order {
    uint64_t id; /* 0: free */
    uint32_t price, quantity;
    uint16_t symbol;
    uint8_t side;
};

static struct symbol symbols[N_SYMBOLS];
static struct order *orders;
static volatile sig_atomic_t is_stopped;

static uint64_t threshold_permille, every, lot, max_spread_nano;
static int venue = -1;
static uint64_t n_sent, n_wanted;
static uint64_t next_seq = 1; /* of market data; smaller ones are repeats */
static const char *bug = "";
static uint64_t bug_every;

static void on_stop(int signo)
{
    (void)signo;
    is_stopped = 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "engine: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t number(const uint8_t *bytes, int n)
{
    uint64_t value = 0;

    for (int i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* --- the book ---------------------------------------------------------------------------------- */

static uint32_t slot_of(uint64_t id)
{
    return (uint32_t)(id * 0x9E3779B97F4A7C15ULL >> 43) & (N_ORDERS - 1);
}

static struct order *find(uint64_t id)
{
    uint32_t i = slot_of(id);

    while (orders[i].id != id && orders[i].id != 0)
        i = (i + 1) & (N_ORDERS - 1);
    return &orders[i];
}

/* Closes the gap, so that no search ends too early. */
static void forget(struct order *gone)
{
    uint32_t hole = (uint32_t)(gone - orders), i = hole;

    for (;;) {
        i = (i + 1) & (N_ORDERS - 1);
        if (orders[i].id == 0)
            break;
        if (((i - slot_of(orders[i].id)) & (N_ORDERS - 1)) >= ((i - hole) & (N_ORDERS - 1))) {
            orders[hole] = orders[i];
            hole = i;
        }
    }
    orders[hole].id = 0;
}

static void change_level(struct side *side, int is_buy, uint32_t price, int64_t by)
{
    uint32_t i = side->n;

    while (i > 0 && (is_buy ? side->levels[i - 1].price > price
                            : side->levels[i - 1].price < price))
        i--;
    if (i > 0 && side->levels[i - 1].price == price) {
        side->levels[i - 1].quantity += (uint64_t)by;
        if (side->levels[i - 1].quantity == 0) {
            memmove(&side->levels[i - 1], &side->levels[i], (side->n - i) * sizeof *side->levels);
            side->n--;
        }
        return;
    }
    if (side->n == side->n_max) {
        side->n_max = side->n_max ? 2 * side->n_max : 64;
        side->levels = realloc(side->levels, side->n_max * sizeof *side->levels);
        if (side->levels == NULL || side->n_max > N_LEVELS)
            fail("levels");
    }
    memmove(&side->levels[i + 1], &side->levels[i], (side->n - i) * sizeof *side->levels);
    side->levels[i] = (struct level){price, (uint64_t)by};
    side->n++;
}

static void add(uint64_t id, uint16_t symbol, uint8_t side, uint32_t quantity, uint32_t price)
{
    struct order *o = find(id);

    *o = (struct order){id, price, quantity, symbol, side};
    change_level(&symbols[symbol].sides[side], side == BUY, price, quantity);
}

/* Takes so much from an order; all of it when there is no more. */
static void take(uint64_t id, uint32_t quantity)
{
    struct order *o = find(id);

    if (o->id == 0)
        return;
    if (quantity > o->quantity)
        quantity = o->quantity;
    change_level(&symbols[o->symbol].sides[o->side], o->side == BUY, o->price, -(int64_t)quantity);
    o->quantity -= quantity;
    if (o->quantity == 0)
        forget(o);
}

static void replace(uint64_t id, uint64_t new_id, uint32_t quantity, uint32_t price)
{
    struct order old = *find(id);

    if (old.id == 0)
        return;
    take(id, old.quantity);
    add(new_id, old.symbol, old.side, quantity, price);
}

/* --- orders ------------------------------------------------------------------------------------ */

static void send_all(const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = send(venue, bytes, n, MSG_NOSIGNAL);

        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (errno != EAGAIN && errno != EINTR) {
            exit(0); /* the venue has closed: the trial is over */
        }
    }
}

static int is_hit(const char *name)
{
    return strcmp(bug, name) == 0 && bug_every != 0 && n_wanted % bug_every == 0;
}

/* A limit order, to be filled at once or not at all, which names its message in 526. */
static void send_order(const struct symbol *s, int side, uint32_t price, uint64_t trigger)
{
    char body[512], message[600], stamp[32];
    struct timespec now;
    struct tm utc;
    unsigned sum = 0;
    int n_body, n;

    if (is_stopped && strcmp(bug, "deaf") != 0) /* asked last, just before the bytes leave */
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    n = (int)strftime(stamp, sizeof stamp, "%Y%m%d-%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof stamp - (size_t)n, ".%03ld", now.tv_nsec / 1000000);
    n_sent++;
    n_body = snprintf(body, sizeof body,
                      "35=D\00149=REDLINE\00156=VENUE\00134=%llu\00152=%s\00111=00001%08llu\001"
                      "526=%llu\00155=%s\00154=%d\00160=%s\00138=%llu\00140=2\00144=%u.%04u\001"
                      "59=3\001",
                      (unsigned long long)n_sent, stamp, (unsigned long long)n_sent,
                      (unsigned long long)trigger, s->name, side == BUY ? 1 : 2, stamp,
                      (unsigned long long)lot, price / 10000, price % 10000);
    n = snprintf(message, sizeof message, "8=FIX.4.4\0019=%d\001%s", n_body, body);
    for (int i = 0; i < n; i++)
        sum += (unsigned char)message[i];
    n += snprintf(message + n, sizeof message - (size_t)n, "10=%03u\001", sum % 256);
    if (strcmp(bug, "garbage") == 0)
        memset(message, '?', (size_t)n);
    send_all(message, (size_t)n);
}

/* An order is wanted; the bugs are here. */
static void want_order(const struct symbol *s, int side, uint32_t price, uint64_t trigger)
{
    n_wanted++;
    if (strcmp(bug, "silent") == 0 || is_hit("drop"))
        return;
    if (is_hit("die"))
        abort();
    if (is_hit("price"))
        price += CENT;
    send_order(s, side, price, trigger);
    if (is_hit("twice"))
        send_order(s, side, price, trigger);
}

/* Queue imbalance at the best prices; an order when it turns to a side. */
static void look(struct symbol *s, uint64_t trigger)
{
    const struct side *bids = &s->sides[BUY], *offers = &s->sides[SELL];
    int direction = 0;

    if (bids->n > 0 && offers->n > 0) {
        const struct level *bid = &bids->levels[bids->n - 1];
        const struct level *offer = &offers->levels[offers->n - 1];

        if (bid->price < offer->price &&
            (uint64_t)(offer->price - bid->price) * NANO_PER_TICK <= max_spread_nano) {
            __int128 lean = ((__int128)bid->quantity - (__int128)offer->quantity) * 1000;
            __int128 enough = ((__int128)bid->quantity + offer->quantity) * threshold_permille;

            direction = (lean >= enough) - (-lean >= enough);
        }
        if (direction != s->direction && direction != 0 && ++s->n_signals >= every) {
            s->n_signals = 0;
            want_order(s, direction > 0 ? BUY : SELL, direction > 0 ? offer->price : bid->price,
                       trigger);
        }
    }
    s->direction = direction;
}

/* --- market data ------------------------------------------------------------------------------- */

static void on_message(const uint8_t *m, uint64_t seq)
{
    struct symbol *s = &symbols[number(m + 1, 2)];

    switch (m[0]) {
    case 'R':
        memcpy(s->name, m + 11, 8);
        for (int i = 7; i >= 0 && s->name[i] == ' '; i--)
            s->name[i] = '\0';
        return;
    case 'A':
    case 'F':
        add(number(m + 11, 8), (uint16_t)number(m + 1, 2), m[19] == 'B' ? BUY : SELL,
            (uint32_t)number(m + 20, 4), (uint32_t)number(m + 32, 4));
        break;
    case 'E':
    case 'C':
    case 'X':
        take(number(m + 11, 8), (uint32_t)number(m + 19, 4));
        break;
    case 'D':
        take(number(m + 11, 8), UINT32_MAX);
        break;
    case 'U':
        replace(number(m + 11, 8), number(m + 19, 8), (uint32_t)number(m + 27, 4),
                (uint32_t)number(m + 31, 4));
        break;
    default:
        return;
    }
    look(s, seq);
}

/* MoldUDP64: session 10, sequence 8, count 2, then length 2 and message, again and again. */
static void on_packet(const uint8_t *p, size_t n)
{
    uint64_t seq = n >= 20 ? number(p + 10, 8) : 0;
    size_t at = 20, count = n >= 20 ? number(p + 18, 2) : 0;

    for (; count > 0 && count != 0xFFFF && at + 2 <= n; count--, seq++) {
        size_t n_message = number(p + at, 2);

        if (n_message < 12 || at + 2 + n_message > n)
            return;
        if (seq >= next_seq || strcmp(bug, "repeats") == 0) {
            next_seq = seq + 1; /* what is between was lost, and nobody here sends it again */
            on_message(p + at + 2, seq);
        }
        at += 2 + n_message;
    }
}

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(text, ':');

    snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - text) : 0, text);
    errno = EINVAL;
    if (!colon || inet_pton(AF_INET, host, &a.sin_addr) != 1)
        fail(text);
    a.sin_port = htons((uint16_t)atoi(colon + 1));
    return a;
}

int main(int argc, char **argv)
{
    struct sockaddr_in from, to;
    int feed = socket(AF_INET, SOCK_DGRAM, 0), one = 1, room = 8 << 20;
    uint8_t packet[2048];
    char *colon;

    if (argc < 7) {
        fprintf(stderr, "usage: engine MARKET_DATA ORDERS IMBALANCE_PERMILLE EVERY LOT "
                        "MAX_SPREAD_NANO [BUG]\n");
        return 2;
    }
    from = address(argv[1]);
    to = address(argv[2]);
    threshold_permille = strtoull(argv[3], NULL, 10);
    every = strtoull(argv[4], NULL, 10);
    lot = strtoull(argv[5], NULL, 10);
    max_spread_nano = strtoull(argv[6], NULL, 10);
    if (argc > 7) {
        bug = argv[7];
        colon = strchr(argv[7], ':');
        if (colon) {
            *colon = '\0';
            bug_every = strtoull(colon + 1, NULL, 10);
        }
    }
    orders = calloc(N_ORDERS, sizeof *orders);
    signal(SIGUSR2, on_stop);
    /* Beyond net.core.rmem_max for those who may: what finds no room is lost for good. */
    if (setsockopt(feed, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
        (void)setsockopt(feed, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (!orders || feed < 0 || bind(feed, (struct sockaddr *)&from, sizeof from) != 0)
        fail(argv[1]);
    fcntl(feed, F_SETFL, O_NONBLOCK);
    while (strcmp(bug, "alone") == 0)
        pause();
    /* Connected means: ready for market data. */
    venue = socket(AF_INET, SOCK_STREAM, 0);
    if (venue < 0 || connect(venue, (struct sockaddr *)&to, sizeof to) != 0)
        fail(argv[2]);
    setsockopt(venue, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(venue, F_SETFL, O_NONBLOCK);
    for (unsigned turn = 0;; turn++) {
        ssize_t n = recv(feed, packet, sizeof packet, 0);

        if (n > 0)
            on_packet(packet, (size_t)n);
        else if (turn % 64 == 0 && recv(venue, packet, sizeof packet, 0) == 0)
            return 0; /* the venue has closed; its answers are read and not looked at */
    }
}
