/*
 * md_join - a subscriber's side of snapshots: reads an image and joins the stream to it.
 *
 * The feed's lines must be configured with has_snapshots (what nobody fills waits for one), a late
 * joiner's with starts_with_snapshot too. While rl_lines_request asks for a snapshot:
 *
 *     rl_md_join_ask(&j, request, session);        send these bytes to the request port
 *     rl_md_join_push(&j, bytes, n, now_ns)        what came from there:
 *         RL_MD_JOIN_MORE   ask for the next part
 *         RL_MD_JOIN_DONE   the books are right as of the image; what the feed kept meanwhile is
 *                           read as ever: rl_feed_poll(feed, now_ns, &c), rl_feed_next ...
 *         RL_MD_JOIN_OLD    the stream has gone on too far for this image: ask anew, a little later
 *
 * Answers that are lost are asked for again by asking again. The books are touched when the image
 * is complete and the lines can be joined to it, not before.
 *
 * Threads:  one, the feed's.
 * Memory:   36 bytes an order from the arena, at init: an image with more is refused.
 * Cost:     a copy an order, and a book update at the end.
 */
#ifndef RL_RIG_EXCHANGE_MD_JOIN_H
#define RL_RIG_EXCHANGE_MD_JOIN_H

#include "market/book/book.h"
#include "market/feed/feed.h"
#include "rig/exchange/md_snapshot.h"

enum rl_md_joined {
    RL_MD_JOIN_IGNORED, /* no part of the image, or one that was read already */
    RL_MD_JOIN_MORE,
    RL_MD_JOIN_DONE,
    RL_MD_JOIN_OLD,
    RL_MD_JOIN_FULL, /* more orders than there is room for: hopeless */
};

struct rl_md_join {
    struct rl_feed *feed;
    struct rl_books *books;
    uint8_t *adds;
    uint32_t n_adds, n_adds_max;
    bool is_reading; /* an image has begun */
    uint8_t session[RL_MOLD_SESSION];
    uint64_t next; /* of the image's messages */
    uint64_t n_images, n_joined, n_old, n_bad;
};

size_t rl_md_join_bytes(uint32_t n_orders);
/* -ENOMEM. */
int rl_md_join_init(struct rl_md_join *j, struct rl_arena *arena, struct rl_feed *feed,
                    struct rl_books *books, uint32_t n_orders);
/* Begins anew: the next request is for an image. */
void rl_md_join_restart(struct rl_md_join *j);
/* Writes RL_MOLD_HEADER bytes: what to ask for next. `session`: the stream's. */
void rl_md_join_ask(const struct rl_md_join *j, uint8_t *request, const uint8_t *session);
enum rl_md_joined rl_md_join_push(struct rl_md_join *j, const uint8_t *packet, uint32_t n_bytes,
                                  uint64_t now_ns);
/* The same for messages that come one by one (Soup). */
enum rl_md_joined rl_md_join_message(struct rl_md_join *j, const uint8_t *message, uint32_t n_bytes,
                                     uint64_t now_ns);

#endif
