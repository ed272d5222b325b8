/*
 * ouch_port - messages in numbered frames over a port that may lose, repeat and reorder frames:
 * what SoupBinTCP and TCP do for OUCH, where neither runs (shm, raw UDP frames).
 *
 * Both directions are alike. A frame is a header and counted messages, as in MoldUDP64; integers
 * are big endian:
 *
 *      0  u32  session   chosen by the client when it opens, above all before; both sides name it
 *      4  u16  flags     OPEN 1: the client's first words, until it is answered
 *                        CLOSE 2: this session is over
 *                        AGAIN 4: please send again from `ack` on
 *      6  u16  count     messages in this frame; 0: a heartbeat, or an acknowledgement alone
 *      8  u64  seq       number of the first one, or of the next one; the first ever is 1
 *     16  u64  ack       the number that the sender of this frame wants next: all below has come
 *     24  count times {length u16, bytes}
 *
 * A message is kept until it is acknowledged. The receiver takes messages in order only: one that
 * came before is ignored; one that comes too early is dropped and AGAIN asked for, once a gap and
 * then once a `retry`. What is not acknowledged for a `retry` makes the sender send one frame
 * again, and back off; the answer says from where to go on. So every message is delivered exactly
 * once, in order, or the link goes down.
 *
 * A sender whose peer does not acknowledge fills its window: then rl_ouch_port_send refuses. The
 * exchange's end takes no orders while its own window has little room: who does not read answers
 * cannot order. A link with a full window that is needed all the same is dropped by its owner.
 *
 * Threads:  one.
 * Memory:   the window, from the caller's arena at init.
 * Cost:     a message: a copy into the window, one into the frame. A frame of acknowledgement a
 *           turn at most. No allocation, lock or system call but the port's.
 */
#ifndef RL_RIG_EXCHANGE_OUCH_PORT_H
#define RL_RIG_EXCHANGE_OUCH_PORT_H

#include "base/mem.h"
#include "market/codec/ouch.h"
#include "net/port/port.h"

#define RL_OUCH_PORT_HEADER 24
#define RL_OUCH_PORT_BLOCK 2
#define RL_OUCH_PORT_OPEN 1u
#define RL_OUCH_PORT_CLOSE 2u
#define RL_OUCH_PORT_AGAIN 4u
#define RL_OUCH_PORT_BURST 16

/* Zero is the usual value of everything but is_client. */
struct rl_ouch_port_config {
    bool is_client;
    uint32_t n_window;     /* messages not acknowledged, a power of two; 0: 4096 */
    uint32_t n_frame_max;  /* bytes of a frame; 0: 1400, or what the port can take */
    uint64_t retry_ns;     /* 0: 1 ms */
    uint64_t heartbeat_ns; /* 0: 100 ms */
    uint64_t silence_ns;   /* then the link is down; 0: 2 s */
};

enum rl_ouch_port_state { RL_OUCH_PORT_DOWN, RL_OUCH_PORT_OPENING, RL_OUCH_PORT_UP };

enum rl_ouch_port_news {
    RL_OUCH_PORT_IS_UP,
    RL_OUCH_PORT_IS_DOWN, /* numbers begin anew with the next opening: reconcile */
};

struct rl_ouch_port_handlers {
    /* The bytes hold until it returns. It may send. */
    void (*message)(void *context, const uint8_t *message, uint32_t n_bytes);
    /* Comes from a turn; a client opens again by rl_ouch_port_open. It may not call back. */
    void (*news)(void *context, enum rl_ouch_port_news news);
    void *context;
};

/* X(name, what it counts) */
#define RL_OUCH_PORT_COUNTERS(X)                                          \
    X(frames_in, "frames received")                                       \
    X(frames_bad, "of these, damaged or of another session")              \
    X(frames_early, "of these, behind a gap: dropped and asked again")    \
    X(messages_in, "messages delivered")                                  \
    X(duplicates, "messages that had been delivered before: ignored")     \
    X(untaken, "messages left for later: no room for answers")            \
    X(frames_out, "frames sent")                                          \
    X(frames_unsent, "frames that found no room at the port: sent later") \
    X(messages_out, "messages sent for the first time")                   \
    X(resent, "messages sent again")                                      \
    X(asked, "frames that asked to send again")                           \
    X(timeouts, "frames sent again for want of an acknowledgement")       \
    X(refused, "messages refused: window full, too long, link down")      \
    X(opens, "openings")                                                  \
    X(downs, "links lost or closed")

struct rl_ouch_port_counters {
#define RL_OUCH_PORT_MEMBER(name, what) uint64_t name;
    RL_OUCH_PORT_COUNTERS(RL_OUCH_PORT_MEMBER)
#undef RL_OUCH_PORT_MEMBER
};
extern const char *const rl_ouch_port_counter_names[]; /* NULL ends it */

/* A message in the window, as in a frame: its length, then its bytes. */
struct rl_ouch_port_slot {
    uint16_t n_bytes;
    uint8_t bytes[RL_OUCH_MAX_MESSAGE - 2];
};

struct rl_ouch_port {
    struct rl_port *port;
    struct rl_ouch_port_config config;
    struct rl_ouch_port_handlers on;
    struct rl_ouch_port_slot *window; /* by number & mask */
    uint64_t mask;
    uint32_t session;
    enum rl_ouch_port_state state;
    uint64_t acked;  /* the number that they want next: all below has come */
    uint64_t sent;   /* ... that is sent next */
    uint64_t next;   /* ... that the next message gets */
    uint64_t high;   /* all below was sent before */
    uint64_t wanted; /* ... that we want next */
    bool asks_again, owes_ack;
    bool is_choked; /* the window has no room for answers: messages are not taken */
    bool is_backed_off;
    uint64_t asked_for, asked_ns; /* the gap that AGAIN was last asked for, and when */
    uint64_t again_ns;            /* they asked, and we went back */
    uint64_t again_for;
    uint64_t heard_ns, spoke_ns;
    uint64_t progress_ns; /* of the last acknowledgement of anything, or the last try */
    uint64_t retry_ns;    /* as it is now, backed off */
    uint64_t now_ns;
    struct rl_ouch_port_counters n;
};

size_t rl_ouch_port_bytes(const struct rl_ouch_port_config *config);
/* -EINVAL for a window that is no power of two or frames too small for a message; -ENOMEM. */
int rl_ouch_port_init(struct rl_ouch_port *p, struct rl_arena *arena,
                      const struct rl_ouch_port_config *config, struct rl_port *port,
                      const struct rl_ouch_port_handlers *on);

/*
 * Client: a new session, whose number is above those of before (the time in seconds, say): a frame
 * of an old one that was held up must not be taken for it. It is up when it is answered.
 */
void rl_ouch_port_open(struct rl_ouch_port *p, uint32_t session, uint64_t now_ns);
/* Says so, once, and is down: told as news. */
void rl_ouch_port_close(struct rl_ouch_port *p, uint64_t now_ns);

/* Kept, and sent with the next flush or turn. False: refused, see above. */
bool rl_ouch_port_send(struct rl_ouch_port *p, const uint8_t *message, uint32_t n_bytes);
/* What was kept leaves now. */
void rl_ouch_port_flush(struct rl_ouch_port *p);

/*
 * Receives a burst, delivers, flushes, acknowledges, sends again what is due. Time is monotonic.
 * True when there was anything to do.
 */
bool rl_ouch_port_turn(struct rl_ouch_port *p, uint64_t now_ns);

static inline bool rl_ouch_port_is_up(const struct rl_ouch_port *p)
{
    return p->state == RL_OUCH_PORT_UP;
}

/* How many messages the window still takes. */
static inline uint64_t rl_ouch_port_room(const struct rl_ouch_port *p)
{
    return p->mask + 1 - (p->next - p->acked);
}

#endif
