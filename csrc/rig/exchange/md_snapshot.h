/*
 * md_snapshot - all that is shown at one moment, as messages, for who comes late or lost too much.
 *
 * As Nasdaq's GLIMPSE has it: for each instrument its stock directory (R) and trading action (H),
 * then an add (A) for each order, in the order of its queue, then the end (G): 'G' and the number
 * of the first message of the stream that the image does not contain, 20 digits of text. So:
 *
 *     listen to the stream and keep what comes; read the image into empty books; at G:
 *     rl_lines_adopt(lines, number - 1, now_ns)            (md_join.h does all that)
 *
 * The image is a session of its own ("S" and nine digits) whose messages count from 1. Everything
 * is pulled: a Mold request of the stream's session for number 0 asks for an image, and is answered
 * by a packet that begins it; requests that name the image's session are answered like those for a
 * retransmission. Nobody has a queue here, and a subscriber goes as fast as it likes. What it got
 * can also be carried over SoupBinTCP: rl_md_image_message gives message by message.
 *
 * There are two images. A new one is taken when the stream has gone on since the newer, into the
 * older, unless somebody has read that within hold_ns, or the newer is younger than pause_ns: then
 * the newer is handed out as it is. Who cannot join it to what it kept asks again a little later.
 *
 * Threads:  one, the publisher's; between requests of the matching engine.
 * Memory:   from the arena, at init: twice 38 bytes an order and 68 an instrument.
 * Cost:     taking an image is a walk over all shown orders, about 10 ns each.
 */
#ifndef RL_RIG_EXCHANGE_MD_SNAPSHOT_H
#define RL_RIG_EXCHANGE_MD_SNAPSHOT_H

#include "market/book/book.h"
#include "rig/exchange/md_retransmit.h"

#define RL_MD_IMAGES 2
#define RL_MD_IMAGE_REQUEST 0 /* the number that no message has: asks for an image */
#define RL_MD_IMAGE_END 'G'
#define RL_MD_IMAGE_END_BYTES 21

/* What an image is made from. */
struct rl_md_source {
    const struct rl_books *books;
    uint32_t n_instruments;
    void *context;
    /* Writes R or H of the instrument; the size. */
    uint32_t (*directory)(void *context, uint32_t instrument, uint8_t *out);
    uint32_t (*action)(void *context, uint32_t instrument, uint8_t *out);
    /* Writes A of an order (a few bytes more may be spoiled); 0: it is not to be told. */
    uint32_t (*order)(void *context, uint32_t instrument, enum rl_side side, int64_t px_nano,
                      const struct rl_book_order *o, uint8_t *out);
};

struct rl_md_image {
    char session[RL_MOLD_SESSION];
    uint64_t next; /* the first message of the stream that is not in it; 0: no image yet */
    uint64_t taken_ns, read_ns;
    uint64_t n_orders;
    uint32_t n_instruments;
    uint8_t *directory; /* blocks of R and H */
    uint8_t *orders;    /* blocks of A */
    uint8_t end[RL_MOLD_BLOCK + RL_MD_IMAGE_END_BYTES];
};

/* X(name, what it counts) */
#define RL_MD_SNAPSHOT_COUNTERS(X)                                             \
    X(requests, "requests for an image or a part of one")                      \
    X(images, "images taken")                                                  \
    X(shared, "requests for an image that were given the last one")            \
    X(answers, "packets sent in answer")                                       \
    X(stale, "requests that name an image which is gone, or no part: silence") \
    X(over_budget, "requests beyond the packets of a turn: silence")           \
    X(cut, "orders that an image had no room for")

struct rl_md_snapshot_counters {
#define RL_MD_MEMBER(name, what) uint64_t name;
    RL_MD_SNAPSHOT_COUNTERS(RL_MD_MEMBER)
#undef RL_MD_MEMBER
};
extern const char *const rl_md_snapshot_counter_names[]; /* NULL ends it */

struct rl_md_snapshot_config {
    uint32_t n_instruments;
    uint32_t n_orders;
    uint32_t n_levels_per_side;
    uint32_t n_packet_bytes;
    uint32_t n_packets_per_turn; /* 0: as many as are asked for */
    uint64_t hold_ns;            /* an image is not replaced so long after it was last read */
    uint64_t pause_ns;           /* ... and none taken so soon after another */
    rl_md_answer *answer;
    void *context;
};

struct rl_md_snapshot {
    struct rl_md_image images[RL_MD_IMAGES];
    uint32_t newer;  /* of the two */
    uint32_t n_left; /* packets that this turn may still send */
    uint64_t n_named;
    struct rl_book_depth *levels;
    struct rl_md_snapshot_config config;
    struct rl_md_snapshot_counters n;
    uint8_t packet[RL_MD_PACKET_MAX];
};

size_t rl_md_snapshot_bytes(const struct rl_md_snapshot_config *config);
/* -EINVAL, -ENOMEM. */
int rl_md_snapshot_init(struct rl_md_snapshot *s, struct rl_arena *arena,
                        const struct rl_md_snapshot_config *config);

/* The image of this moment, or the newer of those there are; never NULL. `next`: see rl_md_image.
 */
const struct rl_md_image *rl_md_snapshot_take(struct rl_md_snapshot *s,
                                              const struct rl_md_source *from, uint64_t next,
                                              uint64_t now_ns);
/* True when the session is that of an image, now or once. */
bool rl_md_snapshot_is_session(const uint8_t *session);
/* Messages [seq, seq + n) of the image that `session` names, as many as fit into a packet. */
void rl_md_snapshot_answer(struct rl_md_snapshot *s, uint64_t handle, const uint8_t *session,
                           uint64_t seq, uint32_t n, uint64_t now_ns);
void rl_md_snapshot_turn(struct rl_md_snapshot *s);

/* How many messages the image has; message `seq` of them, from 1 on; NULL beyond. */
uint64_t rl_md_image_n(const struct rl_md_image *image);
const uint8_t *rl_md_image_message(const struct rl_md_image *image, uint64_t seq,
                                   uint32_t *n_bytes);
/* The number that an end message names; false when it is none. */
bool rl_md_image_read_end(const uint8_t *message, uint32_t n_bytes, uint64_t *next);

#endif
